"""The words of FHIR R4 that both reading and writing a Questionnaire use."""

from __future__ import annotations

from services.contracts.portals import questionnaire_form as shape

_HL7 = "http://hl7.org/fhir/StructureDefinition"
_SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition"
LEAST, MOST = f"{_HL7}/minValue", f"{_HL7}/maxValue"
CONTROL = f"{_HL7}/questionnaire-itemControl"
UNIT, UNIT_OPTION = f"{_HL7}/questionnaire-unit", f"{_HL7}/questionnaire-unitOption"
SCORE, EXCLUSIVE = f"{_HL7}/ordinalValue", f"{_HL7}/questionnaire-optionExclusive"
ENTRY_FORMAT = f"{_HL7}/entryFormat"
CONTROLS = "http://hl7.org/fhir/questionnaire-item-control"
# Extensions that the members of an item say as well.
MODELLED = (LEAST, MOST, UNIT)
# How a form looks. We show it in our own way, and nothing is lost.
LOOKS = (
    CONTROL,
    ENTRY_FORMAT,
    UNIT_OPTION,
    f"{_HL7}/questionnaire-displayCategory",
    f"{_HL7}/questionnaire-sliderStepValue",
    f"{_HL7}/questionnaire-choiceOrientation",
    f"{_HL7}/rendering-style",
    f"{_HL7}/rendering-xhtml",
    f"{_SDC}/sdc-questionnaire-shortText",
)
# Extensions that have no effect here, in words.
WITHOUT_EFFECT = {
    f"{_HL7}/regex": "The pattern of the answer is not checked.",
    f"{_HL7}/variable": "Variables are not computed.",
    f"{_HL7}/minLength": "The least length of the answer is not checked.",
    f"{_HL7}/questionnaire-minOccurs": "How often it is answered at least is not checked.",
    f"{_HL7}/questionnaire-maxOccurs": "How often it is answered at most is not checked.",
    f"{_HL7}/questionnaire-hidden": "A hidden item is not hidden here. Take it out if people should not see it.",
    f"{_SDC}/sdc-questionnaire-calculatedExpression": "Its value is not computed.",
    f"{_SDC}/sdc-questionnaire-enableWhenExpression": "It is asked always: conditions written as expressions do not hold.",
    f"{_SDC}/sdc-questionnaire-initialExpression": "It begins without an answer.",
    f"{_SDC}/sdc-questionnaire-answerExpression": "The answers are not computed.",
}
KIND_OF_TYPE = {
    "string": shape.TEXT,
    "text": shape.TEXT,
    "url": shape.TEXT,
    "time": shape.TEXT,
    "reference": shape.TEXT,
    "integer": shape.NUMBER,
    "decimal": shape.NUMBER,
    "quantity": shape.NUMBER,
    "date": shape.DATE,
    "dateTime": shape.DATE,
    "boolean": shape.YES_NO,
    "choice": shape.CHOICE,
    "open-choice": shape.CHOICE,
    "attachment": shape.FILE,
    "display": shape.NOTE,
    "group": shape.SECTION,
}
# Types that come out as another kind, in words.
TAKEN_AS = {
    "time": "A time of day is asked as a text.",
    "dateTime": "A day is asked, without the time of day.",
    "reference": "What it refers to is asked as a text.",
    "url": "The address is asked as a text.",
}
# Answer lists of others that questionnaires name by their address.
KNOWN_SETS = {
    # LOINC LL358-3, the answers of PHQ and GAD.
    "http://loinc.org/vs/LL358-3": (
        ("LA6568-5", "Not at all", 0.0),
        ("LA6569-3", "Several days", 1.0),
        ("LA6570-1", "More than half the days", 2.0),
        ("LA6571-9", "Nearly every day", 3.0),
    ),
}
LOINC = "http://loinc.org"
