"""The declarative base of this service's tables, which are in `<subject>/models.py`."""

from __future__ import annotations

from typing import Any

from services.chassis.models import new_base

Base: Any = new_base()
