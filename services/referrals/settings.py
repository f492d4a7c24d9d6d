"""Settings of referrals."""

from __future__ import annotations

from marshmallow import fields

from services.chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of referrals."""

    REFERRALS_DATABASE_URL = fields.String(
        required=True, metadata={"help": "address of this service's own database (SQLite or PostgreSQL)"}
    )
