"""Queries of the drafts of portals."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.portals import drafts as contract
from services.portals.configuration import content as contents
from services.portals.configuration import documents, versions
from services.portals.configuration import queries as configuration
from services.portals.configuration import rules as configuration_rules
from services.portals.configuration.models import PortalVersion
from services.portals.definitions import queries as definitions
from services.portals.drafts import rules
from services.portals.questionnaires import queries as questionnaires


def get_portal_draft(session: Session, caller: Caller, *, portal: str) -> dict[str, Any]:
    """The draft of a portal. Raises Refused `not_found`."""
    return view(session, caller, definitions.named(session, caller.organisation_id, portal))


def get_portal_sample(
    session: Session, caller: Caller, *, portal: str, languages: list[str]
) -> dict[str, Any]:
    """The start page with the draft, by the code of the published one. Raises Refused `not_found`."""
    definition = definitions.named(session, caller.organisation_id, portal)
    _, document = _drafted(session, caller, definition)
    whole = contents.whole(document, definition.kind)
    return configuration.home_view(session, caller, definition, whole, languages)


def list_portal_versions(
    session: Session, caller: Caller, *, portal: str, after: int | None, limit: int
) -> dict[str, Any]:
    """What was published, newest first. Raises Refused `not_found`."""
    definition = definitions.named(session, caller.organisation_id, portal)
    statement = select(PortalVersion).where(
        PortalVersion.portal == portal, PortalVersion.number > configuration_rules.DRAFT
    )
    if after is not None:
        statement = statement.where(PortalVersion.number < after)
    rows = session.scalars(statement.order_by(PortalVersion.number.desc()).limit(limit + 1)).all()
    shown = versions.shown(session, caller.organisation_id, definition).number
    following = rows[limit - 1].number if len(rows) > limit else None
    return {"items": [version_view(row, shown) for row in rows[:limit]], "next": following}


def export_portal(session: Session, caller: Caller, *, portal: str) -> dict[str, Any]:
    """All that was configured of a portal. Raises Refused `not_found`."""
    definition = definitions.named(session, caller.organisation_id, portal)
    _, document = _drafted(session, caller, definition)
    return {
        "format": contract.FORMAT,
        "kind": definition.kind,
        "settings": documents.written(document),
    }


def further_problems(call: Call) -> list[tuple[str, str]]:
    """What is wrong with these changes of a draft. Raises Refused `not_found`."""
    if "portal" not in call.request:
        return []
    with call.reading(call.organisation_id) as session:
        caller: Caller = call.caller  # type: ignore[assignment]  # the operation is for staff
        definition = definitions.named(session, caller.organisation_id, call.request["portal"])
        _, document = _drafted(session, caller, definition)
        changed = {**document, **documents.changes_of(call.request)}
        return documents.problems(session, caller.organisation_id, definition.kind, changed)


def view(session: Session, caller: Caller, definition: Any) -> dict[str, Any]:
    """A draft as the contract's Draft."""
    head, document = _drafted(session, caller, definition)
    published = versions.latest(session, caller.organisation_id, definition)
    whole = contents.whole(document, definition.kind)
    waiting = versions.scheduled(session, caller.organisation_id, definition.portal)
    is_drafted = head is not None and head.document is not None
    may_publish = rules.may_publish(
        needs_approval=definition.needs_approval, publisher=caller.id, editors=head.editors if head else []
    )
    told = list(rules.differences(published.whole, whole))[: rules.MOST_DIFFERENCES]
    return {
        "portal": definition.portal,
        "kind": definition.kind,
        **configuration.possible_view(session, definition.kind),
        **documents.written(whole),
        "version": head.version if head else configuration_rules.DEFAULT_VERSION,
        "is_drafted": is_drafted,
        "published_number": published.number,
        "needs_approval": definition.needs_approval,
        "may_publish": is_drafted and waiting is None and may_publish,
        "scheduled": waiting and version_view(waiting, 0),
        "differences": [{"path": path, "before": old, "after": new} for path, old, new in told],
        "warnings": [
            {"path": path, "text": text}
            for path, text in (
                *rules.warnings(whole),
                *rules.lost_questionnaires(whole, _offered(session, definition)),
                *documents.unmet_needs(session, definition, whole),
            )
        ],
    }


def version_view(row: PortalVersion, shown: int) -> dict[str, Any]:
    """A published version as the contract's Version; `shown` is the number of the one that people see."""
    return {
        "number": row.number,
        "published_at": row.published_at,
        "published_by": row.changed_by,
        "is_shown": row.number == shown,
        "is_scheduled": row.published_at is not None and row.published_at > utc_now(),
    }


def _offered(session: Session, definition: Any) -> set[str]:
    """The questionnaires of the portal's picklist."""
    return {each["questionnaire_id"] for each in questionnaires.offered_of(session, [definition.portal])}


def _drafted(
    session: Session, caller: Caller, definition: Any
) -> tuple[PortalVersion | None, dict[str, Any]]:
    """The draft's row, and what is drafted or else published."""
    statement = select(PortalVersion).where(
        PortalVersion.portal == definition.portal, PortalVersion.number == configuration_rules.DRAFT
    )
    head = session.scalars(statement).one_or_none()
    if head is not None and head.document is not None:
        return head, dict(head.document)
    return head, versions.latest(session, caller.organisation_id, definition).document
