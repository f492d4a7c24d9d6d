"""Commands and events of portals, each one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.chassis import wire
from services.chassis.database import held_or_made
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.portals import configuration as contract
from services.portals.configuration import queries, rules
from services.portals.configuration.models import OrganisationKey, PortalConfiguration


def configure_portal(
    unit: UnitOfWork, *, portal: str, name: str, colour: str, ticker: list[Mapping[str, Any]]
) -> dict[str, Any]:
    """Replace a portal's name, colour and ticker. Raises Refused `version_required` or `version_conflict`."""
    row = _locked(unit, portal)
    unit.require_version(row)
    row.name = name
    row.colour = colour.lower()
    row.ticker = [message["text"] for message in ticker]
    row.version += 1
    row.configured_at = unit.now
    unit.audit(
        "portal.configured",
        "portal",
        row.id,
        portal=row.portal,
        version=row.version,
        messages=len(row.ticker),
    )
    unit.publish(contract.portal_configured, row.id, {"portal": row.portal, "version": row.version})
    return queries.view(row)


def organisation_created(unit: UnitOfWork, data: Mapping[str, Any]) -> None:
    """Copy the key of a new organisation, by which its log-in page asks for the configuration."""
    unit.session.merge(OrganisationKey(organisation_id=data["organisation_id"], key=unit.organisation_key))
    unit.audit("organisation_key.noted", "organisation", data["organisation_id"])


def _locked(unit: UnitOfWork, portal: str) -> PortalConfiguration:
    """The configuration's row, locked. It is created from the default if there is none."""
    default = rules.default_configuration(portal)
    fresh = {
        "id": wire.new_id(),
        "version": default.version,
        "name": default.name,
        "colour": default.colour,
        "ticker": default.ticker,
        "configured_at": unit.now,
    }
    key = {"organisation_id": unit.organisation_id, "portal": portal}
    return held_or_made(unit.session, PortalConfiguration, key, fresh)
