"""The query of start pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.declare import PORTAL_REALMS
from services.contracts.errors import Refused
from services.contracts.portals import start_page as contract
from services.portals.appointment_invitations.queries import open_invitations
from services.portals.configuration import homes
from services.portals.consents.queries import list_my_consents
from services.portals.inbox.queries import unread_messages
from services.portals.my_appointments.access import person_seen
from services.portals.responses import queries as responses
from services.portals.supervision.queries import team_of

_QUESTIONNAIRES = {"questionnaire", "report_injury"}
# What nobody sees before the consents that are due are signed (S2-40).
_BEFORE_CONSENT: Mapping[str, Any] = {
    "modules": [],
    "goes_on_to": None,
    "ticker": [],
    "resources": [],
    "support": [],
}
_STEP_OF = {
    "unread_messages": contract.READ_MESSAGES,
    "asked_questionnaires": contract.ANSWER_QUESTIONNAIRES,
    "begun_questionnaires": contract.FINISH_QUESTIONNAIRES,
    "open_reviews": contract.REVIEW_ANSWERS,
    "due_appointments": contract.BOOK_APPOINTMENTS,
}
_NOTHING_WAITS: Mapping[str, int] = dict.fromkeys(_STEP_OF, 0)


def get_portal_start(
    session: Session, caller: Caller, *, portal: str, languages: list[str]
) -> dict[str, Any]:
    """The whole start page of a portal that admits the caller. Raises Refused `not_found`."""
    page, terms = homes.page_and_terms(session, caller, portal, languages)
    due = 0
    if caller.realm in PORTAL_REALMS:
        due = sum(each["is_due"] for each in list_my_consents(session, caller, languages=languages)["items"])
    if due or caller.consents_due:
        shown = {**page, **_BEFORE_CONSENT}
        waiting, team = _NOTHING_WAITS, None
    else:
        shown = page
        codes = {each["code"] for each in page["modules"]}
        waiting = _waiting(session, caller, page["kind"], codes)
        team = team_of(session, caller, codes) if page["kind"] == "supervisor" else None
    return {
        **shown,
        "terms": terms,
        "consents_due": due,
        "waiting": waiting,
        "team": team,
        "next_step": next_step(due, waiting),
    }


def _waiting(session: Session, caller: Caller, kind: str, codes: set[str]) -> Mapping[str, int]:
    """What waits behind the modules of these codes. For who only configures portals, nothing does."""
    found = dict(_NOTHING_WAITS)
    if caller.realm not in PORTAL_REALMS:
        return found
    if "send_message" in codes:
        found["unread_messages"] = unread_messages(session, caller)
    if kind == "supervisor":
        found["asked_questionnaires"] = responses.number_asked(session, caller)
        found["open_reviews"] = responses.number_to_review(session, caller)
    elif codes & _QUESTIONNAIRES:
        found["begun_questionnaires"] = responses.number_begun(session, caller)
    if "my_appointments" in codes:
        found["due_appointments"] = _due(session, caller)
    return found


def _due(session: Session, caller: Caller) -> int:
    """For how many appointments the caller is due: for nobody else, and for none whose schedule is closed to the caller."""
    try:
        person_id = person_seen(caller, None)
    except Refused:
        return 0
    return len(open_invitations(session, person_id))


def next_step(consents_due: int, waiting: Mapping[str, int]) -> str | None:
    """What comes first of all that waits; None: nothing does."""
    steps = {_STEP_OF[name] for name, number in waiting.items() if number}
    if consents_due:
        steps.add(contract.SIGN_CONSENTS)
    return next((each for each in contract.STEPS if each in steps), None)
