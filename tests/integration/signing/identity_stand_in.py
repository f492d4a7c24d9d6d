"""A process that answers signing's calls as identity does. Run it with identity's environment."""

# ruff: noqa: I001 - the chassis patches the standard library before anything else is imported
from __future__ import annotations

from sqlalchemy.orm import DeclarativeBase

from services.chassis import run

import sys
import types
from typing import Any

from marshmallow import fields
from sqlalchemy import create_engine

from services.chassis.models import ServiceTables, tables_of_service
from services.chassis.operations import Call, serves
from services.chassis.runtime import Runtime
from services.chassis.settings import ServiceSettings
from services.contracts.identity import accounts as contract


class Base(ServiceTables, DeclarativeBase):
    metadata = tables_of_service()


class Settings(ServiceSettings):
    IDENTITY_DATABASE_URL = fields.String(required=True)


def start_runtime(settings: Any) -> Runtime:
    Base.metadata.create_all(create_engine(settings.identity_database_url))
    return Runtime("identity", settings, Base)


class Service:
    name = "identity"

    @serves(contract.describe_account)
    def describe_account(self, call: Call) -> Any:
        return {
            "account_id": call.request["account_id"],
            "first_name": "Ana",
            "last_name": "Ruiz",
            "email": "ana@clinic.example",
            "email_is_verified": True,
            "realm": "provider",
            "person_id": None,
            "state": "active",
            "can_sign": True,
            "organisation_name": "Harbor House",
            "features": ["electronic_signature"],
        }


if __name__ == "__main__":
    package: Any = types.ModuleType("services.identity")
    package.__path__ = []
    sys.modules["services.identity"] = package
    for module in ("service", "settings"):
        sys.modules[f"services.identity.{module}"] = sys.modules["__main__"]
    sys.exit(run.main("identity"))
