"""What a questionnaire asks: its items as data, in a tree."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import Reply, Request
from services.contracts.fields import LARGEST, Code, Flag, Id, Text, number_of, one_of

TEXT, NUMBER, DATE, CHOICE, MANY_CHOICE = "text", "number", "date", "choice", "many_choice"
YES_NO, SCALE, FILE, SECTION, NOTE = "yes_no", "scale", "file", "section", "note"
ITEM_KINDS = (TEXT, NUMBER, DATE, CHOICE, MANY_CHOICE, YES_NO, SCALE, FILE, SECTION, NOTE)
EQUAL, UNEQUAL, GREATER, LESS = "=", "!=", ">", "<"
AT_LEAST, AT_MOST, ANSWERED = ">=", "<=", "exists"
OPERATORS = (EQUAL, UNEQUAL, GREATER, LESS, AT_LEAST, AT_MOST, ANSWERED)
ALL, ANY = "all", "any"
# The jurisdiction of everybody whose own is not among the variants.
OTHER = "other"
MOST_ITEMS, DEEPEST, MOST_OPTIONS, MOST_FILES = 500, 6, 300, 20
# In a whole questionnaire: each is looked at whenever somebody answers.
MOST_CONDITIONS, MOST_OPTIONS_IN_ALL = 1000, 2000
LONGEST_ANSWER, LONGEST_ITEM_NAME = 20_000, 255


def _limit(**options: Any) -> fields.Float:
    """A number that answers must not be below or above."""
    options = {"load_default": None, "allow_none": True, **options}
    return fields.Float(allow_nan=False, validate=validate.Range(-LARGEST, LARGEST), **options)


def _text(most: int) -> fields.String:
    return Text(load_default=None, allow_none=True, most=most)


class Option(Request):
    """An answer to choose. `stored_as` is the text that is stored in the observation instead of the option's own.

    Without a value of its own it gets one from its text.
    """

    value = Text(load_default=None, allow_none=True, most=100)
    text = Text(required=True, most=500)
    score = _limit()
    is_exclusive = Flag(load_default=False)
    stored_as = _text(500)
    system = _text(500)


class Condition(Request):
    """When an item is asked: by the answer to another. `exists` takes true or false."""

    item = Text(required=True, most=LONGEST_ITEM_NAME)
    operator = one_of(OPERATORS, required=True)
    value = Text(required=True, most=500)


class Observation(Request):
    """Where an answer is stored: a code of a system, such as LOINC."""

    system = Text(load_default="http://loinc.org", most=500)
    code = Text(required=True, most=100)
    name = _text(500)


ITEM_MEMBERS: dict[str, Any] = {
    "kind": one_of(ITEM_KINDS, required=True),
    "text": Text(load_default="", most=4000, least=0),
    "prefix": _text(50),
    "help": _text(1000),
    "is_required": Flag(load_default=False),
    "is_read_only": Flag(load_default=False),
    "is_long": Flag(load_default=False),
    "is_whole": Flag(load_default=False),
    "is_open": Flag(load_default=False),
    "max_length": number_of(LONGEST_ANSWER, load_default=None, allow_none=True),
    "least": _limit(),
    "most": _limit(),
    "unit": _text(40),
    "options": fields.List(
        fields.Nested(Option), load_default=list, validate=validate.Length(max=MOST_OPTIONS)
    ),
    "conditions": fields.List(fields.Nested(Condition), load_default=list, validate=validate.Length(max=20)),
    "needs": one_of((ALL, ANY), load_default=ALL),
    "observation": fields.Nested(Observation, load_default=None, allow_none=True),
    # Asked only in these; of no jurisdiction: everywhere.
    "jurisdictions": fields.List(Code(), load_default=list, validate=validate.Length(max=60)),
}


class Item(Request.from_dict(dict(ITEM_MEMBERS), name="ItemValues")):  # type: ignore[misc]
    """An item. `items` are those within it. `kept` is what a FHIR Questionnaire said beside this, `raw` how it said it."""

    id = Text(required=True, most=LONGEST_ITEM_NAME)
    kept = fields.Dict(load_default=dict)
    raw = fields.Dict(load_default=dict)
    items = fields.List(fields.Dict(), load_default=list, validate=validate.Length(max=MOST_ITEMS))


class Variant(Request):
    """A jurisdiction with questions of its own (S2-25), such as a state."""

    code = Code(required=True)
    name = Text(required=True, most=100)


class OptionShown(Reply):
    """An answer to choose."""

    value = fields.String(required=True)
    text = fields.String(required=True)
    score = fields.Float(required=True, allow_none=True)
    is_exclusive = Flag(required=True)
    stored_as = fields.String(required=True, allow_none=True)


class ConditionShown(Reply):
    """When an item is asked."""

    item = fields.String(required=True)
    operator = one_of(OPERATORS, required=True)
    value = fields.String(required=True)


class ObservationShown(Reply):
    """Where an answer is stored."""

    system = fields.String(required=True)
    code = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)


class ItemShown(Reply):
    """An item without those within it. `depth` is how many sections it stands in."""

    id = fields.String(required=True)
    kind = one_of(ITEM_KINDS, required=True)
    text = fields.String(required=True)
    prefix = fields.String(required=True, allow_none=True)
    help = fields.String(required=True, allow_none=True)
    is_required = Flag(required=True)
    is_long = Flag(required=True)
    is_whole = Flag(required=True)
    is_open = Flag(required=True)
    max_length = fields.Integer(required=True, allow_none=True)
    least = fields.Float(required=True, allow_none=True)
    most = fields.Float(required=True, allow_none=True)
    unit = fields.String(required=True, allow_none=True)
    options = fields.List(fields.Nested(OptionShown), required=True)
    depth = fields.Integer(required=True)


class VariantShown(Reply):
    """A jurisdiction with questions of its own."""

    code = fields.String(required=True)
    name = fields.String(required=True)


class NoticeShown(Reply):
    """When a department is told."""

    item = fields.String(required=True)
    operator = one_of(OPERATORS, required=True)
    value = fields.String(required=True)
    department = fields.String(required=True)


class Notice(Request):
    """A department is told when an answer has a value (S2-136)."""

    item = Text(required=True, most=LONGEST_ITEM_NAME)
    operator = one_of(OPERATORS, required=True)
    value = Text(required=True, most=500)
    department = Code(required=True)


# What holds for the whole questionnaire.
SETTINGS: dict[str, Any] = {
    "instructions": Text(allow_none=True, most=4000),
    "variants": fields.List(fields.Nested(Variant), validate=validate.Length(max=60)),
    # Supervisors see the answers of their employees and review them (S2-95).
    "needs_supervisor_review": Flag(),
    # What the supervisor is asked once an employee has completed this (S2-96).
    "supervisor_orders": fields.List(Id(), validate=validate.Length(max=20)),
    "notices": fields.List(fields.Nested(Notice), validate=validate.Length(max=50)),
}
