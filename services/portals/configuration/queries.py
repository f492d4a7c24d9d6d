"""Queries of portals. Nothing is cached, so the next read shows a change (S2-28)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.portals.configuration import rules, ticker
from services.portals.configuration.models import OrganisationKey, PortalConfiguration


def get_portal(session: Session, caller: Caller, *, portal: str) -> dict[str, Any]:
    """The configuration of a portal of the caller's organisation, with the ticker's source and HTML."""
    return view(_configuration(session, caller.organisation_id, portal))


def get_public_portal(session: Session, _caller: None, *, organisation: str, portal: str) -> dict[str, Any]:
    """Name and colour for a log-in page. Raises Refused `not_found` for an unknown organisation key."""
    key = organisation
    organisation_id = session.scalar(
        select(OrganisationKey.organisation_id).where(OrganisationKey.key == key)
    )
    if organisation_id is None:
        raise Refused("not_found", "There is no such organisation.", field="organisation")
    configuration = _configuration(session, organisation_id, portal)
    return {"portal": configuration.portal, "name": configuration.name, "colour": configuration.colour}


def view(configuration: Any) -> dict[str, Any]:
    """A stored or default configuration as the contract's PortalConfiguration."""
    return {
        "portal": configuration.portal,
        "version": configuration.version,
        "name": configuration.name,
        "colour": configuration.colour,
        "ticker": [{"text": text, "html": ticker.to_html(text)} for text in configuration.ticker],
    }


def _configuration(session: Session, organisation_id: str | None, portal: str) -> Any:
    # The session of a public operation is not limited to one organisation, so the statement names it.
    statement = select(PortalConfiguration).where(
        PortalConfiguration.organisation_id == organisation_id, PortalConfiguration.portal == portal
    )
    return session.scalars(statement).one_or_none() or rules.default_configuration(portal)
