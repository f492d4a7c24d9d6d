"""Schema migrations of a service's database.

python -m services.chassis.migrate upgrade referrals            (address from REFERRALS_DATABASE_URL)
python -m services.chassis.migrate draft referrals "add site"   (writes the next numbered revision to be read and kept)
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from services.chassis.models import base_of

SERVICES = Path(__file__).resolve().parents[1]


def _configuration(service: str, connection: Any) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(SERVICES / "chassis" / "migrations"))
    configuration.set_main_option("version_locations", str(SERVICES / service / "migrations"))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    configuration.attributes["metadata"] = _metadata(service)
    return configuration


def _metadata(service: str) -> Any:
    return base_of(service).metadata


def upgrade(service: str, url: str, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`."""
    engine = create_engine(url, hide_parameters=True)
    with engine.begin() as connection:
        command.upgrade(_configuration(service, connection), revision)
    engine.dispose()


def downgrade(service: str, url: str, revision: str = "base") -> None:
    """Take the database back to `revision`."""
    engine = create_engine(url, hide_parameters=True)
    with engine.begin() as connection:
        command.downgrade(_configuration(service, connection), revision)
    engine.dispose()


def differences(service: str, url: str) -> list[Any]:
    """What the tables in code and the migrated database do not agree on."""
    engine = create_engine(url, hide_parameters=True)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found: list[Any] = compare_metadata(context, _metadata(service))
    engine.dispose()
    return found


def draft(service: str, message: str, url: str) -> None:
    """Write the next revision from the difference between the tables in code and the database at `url`."""
    folder = SERVICES / service / "migrations"
    folder.mkdir(exist_ok=True)
    number = f"{len(list(folder.glob('[0-9]*.py'))) + 1:04d}"
    engine = create_engine(url, hide_parameters=True)
    with engine.begin() as connection:
        configuration = _configuration(service, connection)
        configuration.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        command.revision(configuration, message=message, autogenerate=True, rev_id=number)
    engine.dispose()


if __name__ == "__main__":
    action, name, *rest = sys.argv[1:]
    address = os.environ[f"{name.upper()}_DATABASE_URL"]
    if action == "upgrade":
        upgrade(name, address)
    elif action == "draft":
        draft(name, rest[0], address)
    else:
        sys.exit(__doc__)
