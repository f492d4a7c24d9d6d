"""The portals service: its entrypoints."""

from __future__ import annotations

from services.chassis.audit_search import ids_asked, serves_audit
from services.contracts.identity.merging import describe_person
from services.contracts.portals.audit import trail
from services.portals.configuration.entrypoints import ConfigurationEntrypoints


@serves_audit(trail, ids_asked(describe_person))
class Service(
    ConfigurationEntrypoints,
):
    """Entrypoints of portals."""

    name = "portals"
