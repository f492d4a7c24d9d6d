"""The declarative base of this service's tables, which are in `<subject>/models.py`."""

from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase

from services.chassis.models import ServiceTables, tables_of_service


class Base(ServiceTables, DeclarativeBase):
    """The base of signing's tables."""

    metadata = tables_of_service()
