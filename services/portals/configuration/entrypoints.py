"""Entrypoints of the configuration of portals."""

from __future__ import annotations

from typing import Any

from services.chassis.events import IncomingEvent, listens
from services.chassis.operations import Call, serves
from services.contracts.identity import organisations
from services.contracts.portals import configuration
from services.portals.configuration import handlers, homes, queries


class ConfigurationEntrypoints:
    """Entrypoints of the configuration of portals."""

    @serves(configuration.get_portal)
    def get_portal(self, call: Call) -> Any:
        """How a portal of the caller's organisation presents itself."""
        return call.read(queries.get_portal)

    @serves(configuration.describe_portal_names)
    def describe_portal_names(self, call: Call) -> Any:
        """What messages call a portal and the product."""
        return call.read(queries.describe_portal_names)

    @serves(configuration.list_my_portals)
    def list_my_portals(self, call: Call) -> Any:
        """The portals that the caller may choose from."""
        return call.read(queries.list_my_portals)

    @serves(configuration.get_public_portal)
    def get_public_portal(self, call: Call) -> Any:
        """Name and colour of a portal, for its log-in page."""
        return call.read(queries.get_public_portal)

    @serves(configuration.get_portal_content)
    def get_portal_content(self, call: Call) -> Any:
        """What a portal says and offers, as staff wrote it."""
        return call.read(queries.get_portal_content)

    @serves(configuration.get_portal_home)
    def get_portal_home(self, call: Call) -> Any:
        """All that the start page of a portal shows to the caller."""
        return homes.read(call)

    @serves(configuration.change_portal_content, queries.further_problems)
    def change_portal_content(self, call: Call) -> Any:
        """Change what a portal says and offers."""
        return call.commit(handlers.change_portal_content)

    @serves(configuration.configure_portal, queries.further_problems)
    def configure_portal(self, call: Call) -> Any:
        """Set a portal's name, colour and ticker."""
        return call.commit(handlers.configure_portal)

    @listens(organisations.organisation_created)
    def on_organisation_created(self, incoming: IncomingEvent) -> None:
        """Copy the organisation's key."""
        incoming.apply(handlers.organisation_created)

    @listens(organisations.organisation_time_zone_set)
    def on_organisation_time_zone_set(self, incoming: IncomingEvent) -> None:
        """Copy the organisation's time zone."""
        incoming.apply(handlers.organisation_time_zone_set)
