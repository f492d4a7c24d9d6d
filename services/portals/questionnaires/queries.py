"""Queries of questionnaires."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals import questionnaires as contract
from services.portals.configuration import queries as configuration
from services.portals.questionnaires import fhir_writing
from services.portals.questionnaires import form as forms
from services.portals.questionnaires.models import PortalQuestionnaires, Questionnaire, QuestionnaireVersion

_ORDER = "questionnaires"
FIRST_PICKLIST = 1


def list_questionnaires(
    session: Session, _caller: Caller, *, state: str | None, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of questionnaires, newest first."""
    statement = select(Questionnaire)
    if state is not None:
        statement = statement.where(*_in_state(state))
    if after is not None:
        place = read_cursor(after, _ORDER, datetime.datetime, str)
        statement = statement.where(tuple_(Questionnaire.created_at, Questionnaire.id) < tuple_(*place))
    ordered = statement.order_by(Questionnaire.created_at.desc(), Questionnaire.id.desc()).limit(limit + 1)
    rows = list(session.scalars(ordered))
    page = rows[:limit]
    is_last = len(rows) <= limit
    return {
        "items": [row_view(each) for each in page],
        "next": None if is_last else cursor_of(_ORDER, page[-1].created_at, page[-1].id),
    }


def _in_state(state: str) -> tuple[Any, ...]:
    if state == contract.RETIRED:
        return (Questionnaire.retired_at.is_not(None),)
    is_published = Questionnaire.published_version.is_not(None)
    return (
        Questionnaire.retired_at.is_(None),
        is_published if state == contract.PUBLISHED else ~is_published,
    )


def find_questionnaire(session: Session, questionnaire_id: str, *, for_change: bool = False) -> Questionnaire:
    """The questionnaire with this id. Raises Refused `not_found`."""
    statement = select(Questionnaire).where(Questionnaire.id == questionnaire_id)
    row = session.scalars(statement.with_for_update() if for_change else statement).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no such questionnaire.", "questionnaire_id")
    return row


def get_questionnaire(session: Session, _caller: Caller, *, questionnaire_id: str) -> dict[str, Any]:
    """A questionnaire as it is edited. Raises Refused `not_found`."""
    return view(find_questionnaire(session, questionnaire_id))


def get_questionnaire_version(
    session: Session, _caller: Caller, *, questionnaire_id: str, number: int
) -> dict[str, Any]:
    """A published version. Raises Refused `not_found`."""
    row = find_version(session, questionnaire_id, number)
    return {
        "questionnaire_id": row.questionnaire_id,
        "number": row.number,
        "title": row.title,
        "instructions": row.form["instructions"],
        "variants": row.form["variants"],
        "items": row.form["items"],
        "published_at": row.published_at,
    }


def find_version(session: Session, questionnaire_id: str, number: int | None) -> QuestionnaireVersion:
    """A published version. Raises Refused `not_found`."""
    row = None if number is None else session.get(QuestionnaireVersion, (questionnaire_id, number))
    if row is None:
        raise Refused("not_found", "There is no such version of the questionnaire.", "questionnaire_id")
    return row


def export_questionnaire(
    session: Session, _caller: Caller, *, questionnaire_id: str, number: int | None
) -> dict[str, Any]:
    """The draft or a published version as FHIR R4 Questionnaire. Raises Refused `not_found`."""
    row = find_questionnaire(session, questionnaire_id)
    source = row if number is None else find_version(session, questionnaire_id, number)
    state = contract.DRAFT if number is None else state_of(row)
    return {"resource": fhir_writing.questionnaire_of(row.id, source.title, state, number, source.form)}


def get_offered_questionnaires(session: Session, caller: Caller, *, portal: str) -> dict[str, Any]:
    """The picklist of a portal. Raises Refused `not_found`."""
    return picklist_view(session, caller.organisation_id, portal)


def picklist_view(session: Session, organisation_id: str | None, portal: str) -> dict[str, Any]:
    """The picklist of a portal as the contract has it, with the titles that are published. Raises Refused `not_found`."""
    items = offered_of(session, [portal])
    wanted = [(each["module"], each["questionnaire_id"]) for each in items]
    missing = configuration.missing_modules(session, organisation_id, portal, wanted)
    row = session.scalars(select(PortalQuestionnaires).filter_by(portal=portal)).one_or_none()
    return {
        "portal": portal,
        "version": row.version if row else FIRST_PICKLIST,
        "items": items,
        "missing_modules": missing,
    }


def offered_of(session: Session, portals: Iterable[str]) -> list[dict[str, Any]]:
    """The entries of these portals' picklists, each with `portal`, `title`, `number` and `form`. What is retired is left out."""
    rows = session.scalars(select(PortalQuestionnaires).where(PortalQuestionnaires.portal.in_(list(portals))))
    entries = [{**each, "portal": row.portal} for row in rows for each in row.items]
    usable = published(session, {each["questionnaire_id"] for each in entries})
    return [
        each | {"title": found.title, "number": found.number, "form": found.form}
        for each in entries
        if (found := usable.get(each["questionnaire_id"]))
    ]


def published(session: Session, ids: Iterable[str]) -> Mapping[str, QuestionnaireVersion]:
    """The current version of each of these questionnaires that is published and not retired."""
    statement = (
        select(QuestionnaireVersion)
        .join(Questionnaire, Questionnaire.id == QuestionnaireVersion.questionnaire_id)
        .where(
            Questionnaire.id.in_(list(ids)),
            Questionnaire.retired_at.is_(None),
            Questionnaire.published_version == QuestionnaireVersion.number,
        )
    )
    return {row.questionnaire_id: row for row in session.scalars(statement)}


def require_published(session: Session, questionnaire_id: str | None) -> None:
    """That a questionnaire, if any is named, can be asked. Raises Refused `questionnaire_not_found`, `questionnaire_not_published`."""
    if questionnaire_id is None:
        return
    if not known(session, [questionnaire_id]):
        raise Refused(
            "questionnaire_not_found", "There is no such questionnaire. Choose another.", "questionnaire_id"
        )
    if not published(session, [questionnaire_id]):
        raise Refused(
            "questionnaire_not_published",
            "This questionnaire is not published, or it is retired. Publish it, or choose another.",
            "questionnaire_id",
        )


def known(session: Session, ids: Iterable[str]) -> set[str]:
    """Those of these ids that are questionnaires, whatever their state."""
    return set(session.scalars(select(Questionnaire.id).where(Questionnaire.id.in_(list(ids)))))


def state_of(row: Questionnaire) -> str:
    """The state of a questionnaire."""
    if row.retired_at is not None:
        return contract.RETIRED
    return contract.DRAFT if row.published_version is None else contract.PUBLISHED


def row_view(row: Questionnaire) -> dict[str, Any]:
    """A questionnaire as the contract's QuestionnaireRow."""
    return {
        "id": row.id,
        "version": row.version,
        "title": row.title,
        "state": state_of(row),
        "published_version": row.published_version,
        "has_changes": row.has_changes,
        "changed_at": row.changed_at,
    }


def view(row: Questionnaire) -> dict[str, Any]:
    """A questionnaire as the contract's Questionnaire."""
    form = row.form
    told = forms.problems(row.title, form)
    shown = ("instructions", "variants", "needs_supervisor_review", "supervisor_orders", "notices", "items")
    return row_view(row) | {
        **{name: form[name] for name in shown},
        "flat": forms.flat(form["items"]),
        "problems": [{"path": path, "rule": rule} for path, rule in told[:50]],
    }
