"""The start page of a portal for one person: how it looks, what waits, and what comes next, in one answer."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import SIGNED_IN, Reply
from services.contracts.fields import Count, one_of
from services.contracts.portals import contract
from services.contracts.portals.configuration import LANGUAGES, PortalHome
from services.contracts.portals.definitions import Suffix

SIGN_CONSENTS, READ_MESSAGES, BOOK_APPOINTMENTS = "sign_consents", "read_messages", "book_appointments"
ANSWER_QUESTIONNAIRES, FINISH_QUESTIONNAIRES = "answer_questionnaires", "finish_questionnaires"
REVIEW_ANSWERS = "review_answers"
# In the order in which one goes before the other.
STEPS = (
    SIGN_CONSENTS,
    READ_MESSAGES,
    ANSWER_QUESTIONNAIRES,
    FINISH_QUESTIONNAIRES,
    REVIEW_ANSWERS,
    BOOK_APPOINTMENTS,
)


class TermShown(Reply):
    """What the organisation calls somebody or something, as the reader reads it."""

    singular = fields.String(required=True)
    plural = fields.String(required=True)


class Waiting(Reply):
    """How much waits for the caller behind the modules that this portal shows."""

    unread_messages = Count(required=True)
    asked_questionnaires = Count(required=True, metadata={"description": "ordered of a supervisor (S2-96)"})
    begun_questionnaires = Count(required=True)
    open_reviews = Count(required=True)
    due_appointments = Count(required=True)


class Team(Reply):
    """How many employees the caller supervises, and how they stand. Null: the portal does not show it."""

    employees = Count(required=True)
    full_duty = Count(required=True, allow_none=True)
    restricted_duty = Count(required=True, allow_none=True)
    off_work = Count(required=True, allow_none=True)
    surveillance_due = Count(required=True, allow_none=True)


class PortalStart(PortalHome):
    """The whole start page. While consents are due, it has no modules, panels, contacts and messages, and nothing waits."""

    terms = fields.Dict(keys=fields.String(), values=fields.Nested(TermShown), required=True)
    consents_due = Count(required=True)
    waiting = fields.Nested(Waiting, required=True)
    team = fields.Nested(Team, required=True, allow_none=True)
    next_step = one_of(STEPS, required=True, allow_none=True)


get_portal_start = contract.query(
    "get_portal_start",
    "All that the start page of a portal shows to the caller: `get_portal_home` with the organisation's terms, the consents that are "
    "due, how much waits behind each module, a supervisor's team (audited), and the next step.",
    request={"portal": Suffix(required=True), **LANGUAGES},
    reply=PortalStart,
    access=SIGNED_IN,
    errors=("not_found",),
    before_consent=True,
)
