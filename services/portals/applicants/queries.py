"""Queries of applications. Nobody is signed in, so each statement names the organisation or runs within the application's."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.portals import applicants as contract
from services.portals.applicants import rules
from services.portals.applicants.models import Application
from services.portals.configuration import rendering, versions
from services.portals.definitions import queries as definitions
from services.portals.questionnaires import queries as questionnaires
from services.portals.responses import queries as responses
from services.portals.responses.models import Response

_KIND = "applicant"
_ENDED = "The session has ended, and what was not sent is wiped. Begin again with your name."
_CLOSED = "The portal is switched off, or open only in the company's network. Ask the employer."


def organisation_of(session: Session, organisation: str, portal: str) -> str:
    """The organisation of an applicant portal that is on. Raises Refused `not_found`."""
    found = definitions.organisation_of(session, organisation)
    if not _is_open(session, definitions.named(session, found, portal)):
        raise Refused("not_found", "There is no such portal.", "portal")
    return found


def _is_open(session: Session, definition: Any) -> bool:
    return definition.is_enabled and definition.kind == _KIND and definitions.is_reached(session, definition)


def get_applicant_portal(
    session: Session, _caller: None, *, organisation: str, portal: str, languages: list[str]
) -> dict[str, Any]:
    """What an applicant sees first. Raises Refused `not_found`."""
    organisation_id = organisation_of(session, organisation, portal)
    session.info["organisation_id"] = organisation_id
    definition = definitions.named(session, organisation_id, portal)
    whole = versions.shown(session, organisation_id, definition).whole
    seen = rendering.home(definition, whole, languages, utc_now())
    return {
        "name": seen["name"],
        "colour": seen["colour"],
        "instructions": seen["welcome"] and seen["welcome"]["plain"],
        "questionnaires": [each["title"] for each in questionnaires.offered_of(session, [portal])],
        "address": f"/at/{organisation}/{portal}",
        "confirmation": seen["notices"]["confirmation"],
    }


def find_application(
    session: Session, token: str, now: datetime.datetime, *, for_change: bool = False
) -> Application:
    """The application of a token that has not ended, for whom its portal is open. Raises Refused `application_ended`."""
    statement = select(Application).where(Application.token_hash == rules.token_hash(token))
    row = session.scalars(statement.with_for_update() if for_change else statement).one_or_none()
    if row is None or row.sent_at is not None or now >= rules.ends_at(row.seen_at, contract.IDLE_MINUTES):
        raise Refused("application_ended", _ENDED)
    if not _is_open(session, definitions.named(session, row.organisation_id, row.portal)):
        raise Refused("application_ended", _CLOSED)
    return row


def offered(session: Session, application: Application) -> list[dict[str, Any]]:
    """The picklist of the application's portal."""
    return questionnaires.offered_of(session, [application.portal])


def view(session: Session, application: Application) -> dict[str, Any]:
    """An application as the contract has it."""
    drafts = {each.questionnaire_id: each for each in drafts_of(session, application.id)}
    tasks = [
        _task(session, each, drafts.get(each["questionnaire_id"])) for each in offered(session, application)
    ]
    return {
        "portal": application.portal,
        "first_name": application.first_name,
        "last_name": application.last_name,
        "ends_at": rules.ends_at(application.seen_at, contract.IDLE_MINUTES),
        "tasks": tasks,
        "can_be_sent": bool(tasks) and all(each["is_complete"] for each in tasks),
    }


def _task(session: Session, entry: dict[str, Any], draft: Response | None) -> dict[str, Any]:
    is_complete = draft is not None and not responses.work_view(session, draft)["problems"]
    return {
        "questionnaire_id": entry["questionnaire_id"],
        "title": entry["title"],
        "instructions": entry["form"]["instructions"],
        "variants": entry["form"]["variants"],
        "response_id": draft.id if draft else None,
        "is_complete": is_complete,
    }


def drafts_of(session: Session, application_id: str) -> list[Response]:
    """What was begun in an application."""
    statement = select(Response).where(
        Response.first_person_id == application_id,
        Response.account_id.is_(None),
        Response.submitted_at.is_(None),
    )
    return list(session.scalars(statement))


def find_draft(session: Session, application: Application, response_id: str) -> Response:
    """A draft of an application. Raises Refused `not_found`."""
    found = next((each for each in drafts_of(session, application.id) if each.id == response_id), None)
    if found is None:
        raise Refused("not_found", "There are no such answers in this application.", "response_id")
    return found
