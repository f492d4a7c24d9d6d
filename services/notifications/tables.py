"""The declarative base of this service's tables, apart from them so that every subject can import it."""

from __future__ import annotations

from typing import Any

from services.chassis.models import new_base

Base: Any = new_base()
