"""All tables of this service. Importing them here fills `Base.metadata`."""

from __future__ import annotations

from services.portals.configuration.models import PortalConfiguration
from services.portals.tables import Base

__all__ = ["Base", "PortalConfiguration"]
