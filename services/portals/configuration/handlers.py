"""Commands and events of the configuration of portals, each one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from services.chassis.database import insert_unless_there
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.portals.configuration import documents, queries, versions
from services.portals.configuration.models import DocumentType, PortalVersion
from services.portals.definitions import queries as definitions
from services.portals.definitions.models import OrganisationKey


class ContentChanges(TypedDict, total=False):
    """What changes of a portal's content, each member as a whole."""

    product_name: Any
    description: Any
    terms: Mapping[str, Any]
    columns: int
    modules: list[Mapping[str, Any]]
    has_message_center: bool
    is_single_function: bool
    resources: list[Mapping[str, Any]]
    support: list[Mapping[str, Any]]
    labels: Mapping[str, Any]
    notices: Mapping[str, Any]
    sign_in: Mapping[str, Any]
    help: Mapping[str, Any]
    document_types: list[str] | None
    editable_sections: list[str]
    logout_address: str | None
    logo: Mapping[str, Any] | None
    welcome_image: Mapping[str, Any] | None


def configure_portal(
    unit: UnitOfWork, *, portal: str, name: Any, colour: str, ticker: list[Mapping[str, Any]]
) -> dict[str, Any]:
    """Replace a portal's name, colour and ticker, and publish that at once. Raises as `change_portal_content`."""
    definition = definitions.named(unit.session, unit.organisation_id, portal)
    changes = {"name": name, "colour": colour, "ticker": ticker}
    return queries.look_view(definition, _published_with(unit, definition, changes))


def change_portal_content(
    unit: UnitOfWork, *, portal: str, **changes: Unpack[ContentChanges]
) -> dict[str, Any]:
    """Change what a portal says and offers, and publish that at once. A draft that somebody works on is changed as well.

    Raises Refused `not_found`, `version_required`, `version_conflict`, `approval_required`, `publication_scheduled`,
    `invalid_request` with every problem of the whole.
    """
    definition = definitions.named(unit.session, unit.organisation_id, portal)
    return queries.content_view(unit.session, definition, _published_with(unit, definition, changes))


def organisation_created(unit: UnitOfWork, data: Mapping[str, Any]) -> None:
    """Copy the key of a new organisation, by which its log-in page asks for the configuration."""
    unit.session.merge(OrganisationKey(organisation_id=data["organisation_id"], key=unit.organisation_key))
    unit.audit("organisation_key.noted", "organisation", data["organisation_id"])


def organisation_time_zone_set(unit: UnitOfWork, data: Mapping[str, Any]) -> None:
    """Copy the organisation's time zone."""
    unit.session.merge(
        OrganisationKey(
            organisation_id=data["organisation_id"], key=unit.organisation_key, time_zone=data["time_zone"]
        )
    )
    unit.audit("organisation_time_zone.noted", "organisation", data["organisation_id"])


def note_document_type(unit: UnitOfWork, code: str) -> None:
    """Note that a document of this type is published."""
    key = {"organisation_id": unit.organisation_id, "document_type": code}
    if unit.session.get(DocumentType, key) is None:
        insert_unless_there(unit.session, DocumentType.__table__, key)


def _published_with(unit: UnitOfWork, definition: Any, changes: Mapping[str, Any]) -> versions.Shown:
    head = versions.head(unit, definition.portal)
    now = versions.latest(unit.session, unit.organisation_id, definition)
    unit.require_version(PortalVersion(version=now.number))
    if definition.needs_approval:
        raise Refused(
            "approval_required", "Changes of this portal need a second person. Change its draft instead."
        )
    plain = documents.plain(changes)
    document = {**now.document, **plain}
    versions.require_may_write_news(unit, now.document, document)
    documents.require_sound(unit.session, unit.organisation_id, definition.kind, document)
    documents.require_needs_met(unit.session, definition, document)
    if head.document is not None:
        head.document = {**head.document, **plain}
        head.editors = sorted({*head.editors, unit.actor_id})
        head.changed_by, head.changed_at = unit.actor_id, unit.now
        head.version += 1
    return versions.publish(unit, definition, document)
