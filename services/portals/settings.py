"""Settings of portals."""

from __future__ import annotations

from marshmallow import fields

from services.chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of portals."""

    PORTALS_DATABASE_URL = fields.String(required=True, metadata={"help": "SQLite or PostgreSQL"})
