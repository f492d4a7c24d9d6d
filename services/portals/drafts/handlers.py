"""Commands on the drafts of portals, each one transaction."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Unpack

from sqlalchemy import select

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.portals.configuration import documents, versions
from services.portals.configuration import rules as configuration_rules
from services.portals.configuration.handlers import ContentChanges
from services.portals.configuration.models import PortalVersion
from services.portals.definitions import queries as definitions
from services.portals.drafts import queries, rules


class DraftChanges(ContentChanges, total=False):
    """What changes of a draft, each member as a whole."""

    name: Any
    colour: str
    ticker: list[Mapping[str, Any]]


def change_portal_draft(unit: UnitOfWork, *, portal: str, **changes: Unpack[DraftChanges]) -> dict[str, Any]:
    """Change what is given of the draft.

    Raises Refused `not_found`, `version_required`, `version_conflict`, `invalid_request` with every problem of the whole.
    """
    definition, head = _held(unit, portal)
    now = versions.latest(unit.session, unit.organisation_id, definition)
    before = now.document if head.document is None else head.document
    return _drafted(unit, definition, head, {**before, **documents.plain(changes)})


def import_portal(unit: UnitOfWork, settings: Mapping[str, Any], *, portal: str) -> dict[str, Any]:
    """Take the settings of an export as the draft. Raises as `change_portal_draft`."""
    definition, head = _held(unit, portal)
    return _drafted(unit, definition, head, documents.plain(settings))


def restore_portal_version(unit: UnitOfWork, *, portal: str, number: int) -> dict[str, Any]:
    """Take an earlier version as the draft. Raises as `change_portal_draft`."""
    definition, head = _held(unit, portal)
    statement = select(PortalVersion).where(PortalVersion.portal == portal, PortalVersion.number == number)
    earlier = unit.session.scalars(statement).one_or_none()
    if earlier is None and number != configuration_rules.DEFAULT_VERSION:
        raise Refused("not_found", "There is no such version.", field="number")
    return _drafted(unit, definition, head, dict(earlier.document) if earlier else {})


def discard_portal_draft(unit: UnitOfWork, *, portal: str) -> dict[str, Any]:
    """Throw the draft away. Raises Refused `not_found`, `version_required`, `version_conflict`."""
    definition, head = _held(unit, portal)
    _empty(head, unit)
    unit.audit("portal_draft.discarded", "portal", head.id, portal=portal)
    unit.session.flush()
    return queries.view(unit.session, _caller(unit), definition)


def publish_portal_draft(
    unit: UnitOfWork, *, portal: str, publish_at: datetime.datetime | None
) -> dict[str, Any]:
    """Publish the draft, now or later.

    Raises Refused `not_found`, `version_required`, `version_conflict`, `nothing_to_publish`, `approval_required`,
    `publication_scheduled`, `invalid_request`.
    """
    definition, head = _held(unit, portal)
    if head.document is None:
        raise Refused("nothing_to_publish", "Nothing is drafted. Change something first.")
    caller = _caller(unit)
    if not rules.may_publish(
        needs_approval=definition.needs_approval, publisher=caller.id, editors=head.editors
    ):
        detail = "What you have changed is published by somebody else. Ask a colleague to look at it and publish it."
        raise Refused("approval_required", detail)
    if publish_at is not None and publish_at <= unit.now:
        raise Refused("invalid_request", "publish_at: A time to come is expected.", "publish_at")
    documents.require_sound(unit.session, unit.organisation_id, definition.kind, head.document)
    documents.require_needs_met(unit.session, definition, head.document)
    published = versions.publish(unit, definition, head.document, publish_at, head.editors)
    _empty(head, unit)
    unit.session.flush()
    row = versions.row_of(unit.session, portal, published.number)
    return queries.version_view(row, published.number if publish_at is None else 0)


def cancel_publication(unit: UnitOfWork, *, portal: str) -> dict[str, Any]:
    """Take back what waits for its time; it is the draft again, unless somebody has drafted more meanwhile.

    Raises Refused `not_found`, `version_required`, `version_conflict`.
    """
    definition, head = _held(unit, portal)
    waiting = versions.scheduled(unit.session, unit.organisation_id, portal)
    if waiting is None:
        raise Refused("not_found", "No version of this portal waits for its time.", field="portal")
    if head.document is None:
        _write(unit, head, dict(waiting.document))
        head.editors = sorted({*head.editors, *waiting.editors})
    unit.session.delete(waiting)
    unit.audit("portal_publication.cancelled", "portal", head.id, portal=portal, version=waiting.number)
    unit.session.flush()
    return queries.view(unit.session, _caller(unit), definition)


def _held(unit: UnitOfWork, portal: str) -> tuple[Any, PortalVersion]:
    definition = definitions.named(unit.session, unit.organisation_id, portal)
    head = versions.head(unit, portal)
    unit.require_version(head)
    return definition, head


def _drafted(
    unit: UnitOfWork, definition: Any, head: PortalVersion, document: Mapping[str, Any]
) -> dict[str, Any]:
    documents.require_sound(unit.session, unit.organisation_id, definition.kind, document)
    published = versions.latest(unit.session, unit.organisation_id, definition).document
    versions.require_may_write_news(unit, published if head.document is None else head.document, document)
    _write(unit, head, document)
    unit.audit("portal_draft.changed", "portal", head.id, portal=definition.portal, version=head.version)
    unit.session.flush()
    return queries.view(unit.session, _caller(unit), definition)


def _write(unit: UnitOfWork, head: PortalVersion, document: Mapping[str, Any]) -> None:
    editor = _caller(unit).id
    head.document = dict(document)
    head.version += 1
    head.editors = sorted({*head.editors, editor})
    head.changed_by = unit.actor_id
    head.changed_at = unit.now


def _empty(head: PortalVersion, unit: UnitOfWork) -> None:
    head.document = None
    head.version += 1
    head.editors = []
    head.changed_by = unit.actor_id
    head.changed_at = unit.now


def _caller(unit: UnitOfWork) -> Caller:
    if unit.caller is None:
        raise Refused("unauthenticated", "Sign in first.")
    return unit.caller
