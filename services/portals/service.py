"""The nameko class of portals and its settings."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from services.chassis.audit_search import audit_entrypoints, ids_asked
from services.chassis.events import Delivery, listens
from services.chassis.operations import Call, serves
from services.chassis.settings import ServiceSettings
from services.contracts import identity
from services.contracts import portals as contract
from services.contracts.identity_merged import describe_person
from services.portals import handlers, queries
from services.portals.models import Base

__all__ = ["Base", "Service", "Settings"]


class Settings(ServiceSettings):
    """Settings of portals."""

    PORTALS_DATABASE_URL = fields.String(required=True, metadata={"help": "SQLite or PostgreSQL"})


class Service(audit_entrypoints(contract.audit, ids_asked(describe_person))):  # type: ignore[misc]
    """Entrypoints of portals."""

    name = "portals"

    @serves(contract.get_portal)
    def get_portal(self, call: Call) -> Any:
        """How a portal of the caller's organisation presents itself."""
        return call.read(queries.get_portal)

    @serves(contract.get_public_portal)
    def get_public_portal(self, call: Call) -> Any:
        """Name and colour of a portal, for its log-in page."""
        return call.read(queries.get_public_portal)

    @serves(contract.configure_portal)
    def configure_portal(self, call: Call) -> Any:
        """Set a portal's name, colour and ticker."""
        return call.commit(handlers.configure_portal)

    @listens(identity.organisation_created)
    def on_organisation_created(self, delivery: Delivery) -> None:
        """Keep our copy of the organisation's key."""
        delivery.apply(handlers.organisation_created)
