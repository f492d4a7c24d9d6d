"""The portals service: its entrypoints."""

from __future__ import annotations

from services.chassis.audit_search import audit_entrypoints, ids_asked
from services.contracts.identity.merging import describe_person
from services.contracts.portals.audit import trail
from services.portals.configuration.entrypoints import ConfigurationEntrypoints


class Service(
    ConfigurationEntrypoints,
    audit_entrypoints(trail, ids_asked(describe_person)),
):  # type: ignore[misc]
    """Entrypoints of portals."""

    name = "portals"
