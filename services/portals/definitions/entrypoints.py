"""Entrypoints of the portals of an organisation."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import definitions
from services.portals.definitions import handlers, queries


class DefinitionsEntrypoints:
    """Entrypoints of the portals of an organisation."""

    @serves(definitions.list_portals)
    def list_portals(self, call: Call) -> Any:
        """All portals of the organisation."""
        return call.read(queries.list_portals)

    @serves(definitions.describe_portal)
    def describe_portal(self, call: Call) -> Any:
        """One portal."""
        return call.read(queries.describe_portal)

    @serves(definitions.create_portal)
    def create_portal(self, call: Call) -> Any:
        """Add a portal."""
        return call.commit(handlers.create_portal)

    @serves(definitions.change_portal)
    def change_portal(self, call: Call) -> Any:
        """Enable or disable a portal, or change whom it admits."""
        return call.commit(handlers.change_portal)

    @serves(definitions.get_portal_hosts)
    def get_portal_hosts(self, call: Call) -> Any:
        """The hosts to whose pages portals may lead."""
        return call.read(queries.get_portal_hosts)

    @serves(definitions.set_portal_hosts)
    def set_portal_hosts(self, call: Call) -> Any:
        """Set the hosts to whose pages portals may lead."""
        return call.commit(handlers.set_portal_hosts)
