"""Answers to questionnaires: drafts that stay until they are sent, what is stored of them, and who is told."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate

from services.contracts.declare import PORTAL_REALMS, Reply, Request, page_of, signed_in
from services.contracts.fields import LARGEST, Code, Count, Flag, Id, Moment, Text, one_of
from services.contracts.identity.paging import PAGE
from services.contracts.identity.permissions import READ_ANSWERS, READ_OBSERVATIONS
from services.contracts.portals import contract
from services.contracts.portals.definitions import Suffix
from services.contracts.portals.questionnaire_form import (
    LONGEST_ANSWER,
    LONGEST_ITEM_NAME,
    MOST_ITEMS,
    MOST_OPTIONS,
    ItemShown,
    VariantShown,
)
from services.contracts.portals.questionnaires import MODULES

DRAFT, SUBMITTED = "draft", "submitted"
# What comes after an answer was saved: a section (`sections/2`), a file (`files/7`), the check of all answers, or a pause.
REVIEW, SAVED = "review", "saved"
MOST_SECTIONS = MOST_ITEMS


def _plain(value: Any) -> None:
    if isinstance(value, str) and len(value) > LONGEST_ANSWER:
        raise ValidationError(f"At most {LONGEST_ANSWER} characters. Shorten it.")
    if not isinstance(value, str | bool | int | float | None) or (
        isinstance(value, int | float) and abs(value) > LARGEST
    ):
        raise ValidationError("A text, a number, or true or false is expected.")


class Answer(Request):
    """The answer to an item; `answers` to one of which several may be chosen. Own words come beside a choice, or in its place."""

    item = Text(required=True, most=LONGEST_ITEM_NAME)
    answer = fields.Raw(load_default=None, allow_none=True, validate=_plain)
    answers = fields.List(
        fields.String(validate=validate.Length(max=LONGEST_ANSWER)),
        validate=validate.Length(max=MOST_OPTIONS),
    )
    own_words = Text(load_default=None, allow_none=True, most=2000)


class OfferedToMe(Reply):
    """A questionnaire that is offered to the caller, about themselves or about somebody else. `order_id`: it was ordered."""

    questionnaire_id = Id(required=True)
    person_id = Id(required=True)
    portal = fields.String(required=True, allow_none=True)
    module = one_of(MODULES, required=True)
    title = fields.String(required=True)
    instructions = fields.String(required=True, allow_none=True)
    variants = fields.List(fields.Nested(VariantShown), required=True)
    supervisor_sees_answers = Flag(required=True)
    order_id = Id(required=True, allow_none=True)
    draft_id = Id(required=True, allow_none=True)
    submitted_at = Moment(required=True, allow_none=True)


class AskedItem(ItemShown):
    """An item as it is asked, with its answer: a text, number or flag, or a list of texts."""

    answer = fields.Raw(required=True, allow_none=True)


class Step(Reply):
    """A section of a questionnaire with what is asked in it. Each item has its `answer`."""

    number = Count(required=True)
    title = fields.String(required=True, allow_none=True)
    help = fields.String(required=True, allow_none=True)
    items = fields.List(fields.Nested(AskedItem), required=True)


class StepState(Reply):
    """How far a section is."""

    number = Count(required=True)
    title = fields.String(required=True, allow_none=True)
    answered = Count(required=True)
    asked = Count(required=True)
    problems = Count(required=True)


class AnswerProblem(Reply):
    """What is wrong with an answer, and in which section it is asked."""

    item = fields.String(required=True)
    section = Count(required=True)
    question = fields.String(required=True)
    rule = fields.String(required=True)


class ResponseRow(Reply):
    """The answers of one person to one version of a questionnaire."""

    id = Id(required=True)
    version = Count(required=True)
    questionnaire_id = Id(required=True)
    questionnaire_version = Count(required=True)
    title = fields.String(required=True)
    person_id = Id(required=True)
    jurisdiction = fields.String(required=True, allow_none=True)
    state = one_of((DRAFT, SUBMITTED), required=True)
    saved_at = Moment(required=True)
    submitted_at = Moment(required=True, allow_none=True)
    needs_review = Flag(required=True)
    reviewed_at = Moment(required=True, allow_none=True)


class FileAnswer(Reply):
    """A file as an answer. `question` is the number of its question among all items of the questionnaire, from 1."""

    question = Count(required=True)
    media_type = fields.String(required=True)
    size = Count(required=True)


class AnswerShown(Reply):
    """A question and its answer in words. A section has no answer. Of a file the words are its kind and size."""

    item = fields.String(required=True)
    section = fields.String(required=True, allow_none=True)
    question = fields.String(required=True)
    kind = fields.String(required=True)
    answer = fields.Raw(required=True, allow_none=True)
    file = fields.Nested(FileAnswer, required=True, allow_none=True)


class MyResponse(ResponseRow):
    """Answers as their author works on them."""

    instructions = fields.String(required=True, allow_none=True)
    supervisor_sees_answers = Flag(required=True)
    steps = fields.List(fields.Nested(StepState), required=True)
    step = fields.Nested(Step, required=True, allow_none=True)
    problems = fields.List(fields.Nested(AnswerProblem), required=True)
    shown = fields.List(fields.Nested(AnswerShown), required=True)
    goes_on_to = fields.String(required=True)


class ResponseWithAnswers(ResponseRow):
    """Answers as staff and supervisors read them."""

    shown = fields.List(fields.Nested(AnswerShown), required=True)


class StaffResponse(ResponseWithAnswers):
    """Answers with where they are filed (S2-106)."""

    portal = fields.String(required=True, allow_none=True)
    order_item = fields.String(required=True, allow_none=True)
    document_type = fields.String(required=True, allow_none=True)
    chart_tab = fields.String(required=True, allow_none=True)


class ObservationOfAnswer(Reply):
    """What an answer is stored as: a code with its value. `value_code` is the chosen option's."""

    response_id = Id(required=True)
    item = fields.String(required=True)
    system = fields.String(required=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    value = fields.Raw(required=True)
    value_code = fields.String(required=True, allow_none=True)
    score = fields.Float(required=True, allow_none=True)
    unit = fields.String(required=True, allow_none=True)
    observed_at = Moment(required=True)


class AnswerNotice(Reply):
    """An answer that a department is told of (S2-136)."""

    id = Id(required=True)
    department = Code(required=True)
    response_id = Id(required=True)
    questionnaire_id = Id(required=True)
    person_id = Id(required=True)
    title = fields.String(required=True)
    question = fields.String(required=True)
    noted_at = Moment(required=True)
    closed_at = Moment(required=True, allow_none=True)


_ROWS = page_of(ResponseRow)
_OWN = signed_in(*PORTAL_REALMS)
_SECTION = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(1, MOST_SECTIONS))
_SUPERVISORS = signed_in("employee")
_ONE: dict[str, Any] = {"response_id": Id(required=True)}

list_my_questionnaires = contract.query(
    "list_my_questionnaires",
    "The questionnaires that the caller's portals offer, of one module or all, and those ordered for a supervisor (S2-96).",
    request={
        "portal": Suffix(load_default=None, allow_none=True),
        "person_id": Id(load_default=None, allow_none=True),
        "module": one_of(MODULES, load_default=None, allow_none=True),
    },
    reply={"items": fields.List(fields.Nested(OfferedToMe), required=True), "person_id": Id(required=True)},
    access=_OWN,
    errors=("not_found",),
)
start_response = contract.command(
    "start_response",
    "Begin to answer a questionnaire. Where it has variants, say for which jurisdiction. A draft that is there is gone on with.",
    request={
        "questionnaire_id": Id(required=True),
        "person_id": Id(load_default=None, allow_none=True),
        "order_id": Id(load_default=None, allow_none=True),
        "jurisdiction": Code(load_default=None, allow_none=True),
    },
    reply=MyResponse,
    access=_OWN,
    errors=("not_found",),
    status=201,
)
get_my_response = contract.query(
    "get_my_response",
    "Answers of the caller: one section with its questions, how far each section is, and everything that is still wrong.",
    request={**_ONE, "section": _SECTION},
    reply=MyResponse,
    access=_OWN,
    errors=("not_found",),
)
save_answers = contract.command(
    "save_answers",
    "Save answers of a draft; other answers stay. With `is_checked` wrong ones are refused, each beside its field. "
    "`file_for` is the item whose file comes next: `goes_on_to` leads there.",
    request={
        **_ONE,
        "section": _SECTION,
        "answers": fields.List(
            fields.Nested(Answer), load_default=list, validate=validate.Length(max=MOST_ITEMS)
        ),
        "is_checked": Flag(load_default=False),
        "is_leaving": Flag(load_default=False),
        "file_for": Text(load_default=None, allow_none=True, most=LONGEST_ITEM_NAME),
    },
    reply=MyResponse,
    access=_OWN,
    errors=("not_found", "response_submitted"),
    expects_version=True,
)
submit_response = contract.command(
    "submit_response",
    "Send the answers. All are checked, and every problem is told at once. They can be read from then on, and not changed.",
    request=_ONE,
    reply=MyResponse,
    access=_OWN,
    errors=("not_found", "response_submitted"),
    expects_version=True,
)
discard_response = contract.command(
    "discard_response",
    "Throw a draft away with everything that was answered.",
    request=_ONE,
    reply={"response_id": Id(required=True)},
    access=_OWN,
    errors=("not_found", "response_submitted"),
    expects_version=True,
)
list_my_responses = contract.query(
    "list_my_responses",
    "What the caller has begun and sent, newest first.",
    request={**PAGE},
    reply=_ROWS,
    access=_OWN,
)
list_responses = contract.query(
    "list_responses",
    "What was answered about a person and sent, newest first. Each look is audited.",
    request={"person_id": Id(required=True), **PAGE},
    reply=_ROWS,
    access=READ_ANSWERS,
)
get_response = contract.query(
    "get_response",
    "Answers that were sent, in words. Reading them is audited.",
    request=_ONE,
    reply=StaffResponse,
    access=READ_ANSWERS,
    errors=("not_found",),
)
export_response = contract.query(
    "export_response",
    "Answers that were sent as FHIR R4 QuestionnaireResponse. Reading them is audited.",
    request=_ONE,
    reply={"resource": fields.Dict(required=True)},
    access=READ_ANSWERS,
    errors=("not_found",),
)
get_observations = contract.query(
    "get_observations",
    "What the answers of a response are stored as. A subscriber of `questionnaire_completed` reads it (S2-13). It is audited.",
    request=_ONE,
    reply={
        "items": fields.List(fields.Nested(ObservationOfAnswer), required=True),
        "person_id": Id(required=True),
    },
    access=READ_OBSERVATIONS,
    errors=("not_found",),
)
list_reviews = contract.query(
    "list_reviews",
    "Designated questionnaires that employees of the caller have sent, newest first (S2-95).",
    request={"is_open": Flag(load_default=None, allow_none=True), **PAGE},
    reply=_ROWS,
    access=_SUPERVISORS,
)
get_review = contract.query(
    "get_review",
    "Answers of an employee whom the caller supervises, to a designated questionnaire. Reading them is audited.",
    request=_ONE,
    reply=ResponseWithAnswers,
    access=_SUPERVISORS,
    errors=("not_found",),
)
mark_reviewed = contract.command(
    "mark_reviewed",
    "Note that a supervisor has reviewed answers. Again changes nothing.",
    request=_ONE,
    reply=ResponseWithAnswers,
    access=_SUPERVISORS,
    errors=("not_found",),
    expects_version=True,
)
list_answer_notices = contract.query(
    "list_answer_notices",
    "Answers that departments are told of, newest first. Each look is audited.",
    request={"department": Code(load_default=None, allow_none=True), **PAGE},
    reply=page_of(AnswerNotice),
    access=READ_ANSWERS,
)
close_answer_notice = contract.command(
    "close_answer_notice",
    "Note that a department has dealt with a notice. Again changes nothing.",
    request={"answer_notice_id": Id(required=True)},
    reply=AnswerNotice,
    access=READ_ANSWERS,
    errors=("not_found",),
)

_COMPLETED = {
    "response_id": Id(required=True),
    "questionnaire_id": Id(required=True),
    "questionnaire_version": Count(required=True),
    "person_id": Id(required=True),
}
questionnaire_completed = contract.event(
    "questionnaire_completed",
    "Answers were sent. What they say is read with `get_observations`.",
    data=_COMPLETED,
)
review_requested = contract.event(
    "review_requested",
    "An employee has sent a questionnaire that supervisors review.",
    data=_COMPLETED,
)
response_reviewed = contract.event(
    "response_reviewed",
    "A supervisor (`account_id`) has reviewed answers of a person.",
    data={"response_id": Id(required=True), "account_id": Id(required=True), "person_id": Id()},
)
questionnaire_ordered = contract.event(
    "questionnaire_ordered",
    "The completion of one questionnaire has ordered another of the employee's supervisors.",
    data={
        "order_id": Id(required=True),
        "questionnaire_id": Id(required=True),
        "person_id": Id(required=True),
        "response_id": Id(required=True),
    },
)
department_told = contract.event(
    "department_told",
    "An answer has a value that a department is told of.",
    data={
        "answer_notice_id": Id(required=True),
        "department": Code(required=True),
        "response_id": Id(required=True),
        "person_id": Id(required=True),
    },
)
