"""All tables of this service. Importing them here fills `Base.metadata`."""

from __future__ import annotations

from services.notifications.deliveries.models import Delivery
from services.notifications.tables import Base
from services.notifications.templates.models import MessageTemplate

__all__ = ["Base", "Delivery", "MessageTemplate"]
