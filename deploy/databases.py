"""Where the services of the local stack keep their data: `DATABASE` and `SCALE` of `make run`.

`make run DATABASE=postgresql SCALE="identity=2 referrals=2"` starts one private PostgreSQL cluster in which each service has a
database and a role of its own. No role is a superuser, and none may connect to another's database. The same on a server of
one's own: `deploy/postgresql/roles.sql`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy import secret_files
from deploy.postgres import Postgres

KINDS = ("sqlite", "postgresql")
MOST_REPLICAS = 10
CLUSTER = "postgres"  # the folder of the cluster within that of the stack


class WrongChoice(RuntimeError):
    """A setting of `make run` cannot be carried out. The message names it and says what to do."""


def kind_of(folder: Path, wanted: str | None) -> str:
    """The kind of databases of the stack in `folder`: `sqlite` or `postgresql`. Without `wanted` that of the data, or SQLite.

    Raises WrongChoice where the data is of the other kind: a service on an empty database takes the files for unused.
    """
    if wanted and wanted not in KINDS:
        raise WrongChoice(f"DATABASE: {' or '.join(KINDS)} is expected")
    found = _found(folder)
    if wanted and found and wanted != found:
        raise WrongChoice(
            f"DATABASE={wanted}: the data in {folder} is in {found}. Leave DATABASE out to go on with it, or delete it with "
            "`make clean-data`"
        )
    return wanted or found or "sqlite"


def _found(folder: Path) -> str | None:
    if (folder / CLUSTER / "data" / "PG_VERSION").exists():
        return "postgresql"
    return "sqlite" if any((folder / "data").glob("*.db")) else None


def replicas_of(text: str | None, services: Sequence[str]) -> dict[str, int]:
    """The numbers of processes in a text such as `identity=2 referrals=2`. Raises WrongChoice."""
    counts = {}
    for part in (text or "").replace(",", " ").split():
        match = re.fullmatch(r"([a-z]+)=([0-9]{1,2})", part)
        if match is None or match[1] not in services or not 1 <= int(match[2]) <= MOST_REPLICAS:
            raise WrongChoice(
                f'SCALE: {part}: services and numbers from 1 to {MOST_REPLICAS} are expected, as in SCALE="identity=2 '
                f'referrals=2"; services are {", ".join(services)}'
            )
        counts[match[1]] = int(match[2])
    return counts


class ServiceDatabases:
    """The database and the role of each service in a cluster, both named `portico_<service>`.

    The roles' passwords are made once and kept under `secrets_folder`.
    """

    def __init__(self, cluster: Postgres, secrets_folder: Path) -> None:
        self.cluster = cluster
        self._secrets = secrets_folder

    def url(self, service: str) -> str:
        """The SQLAlchemy URL with which the service, and nobody else, opens its database."""
        name = f"portico_{service}"
        return self.cluster.url(name, name, self._password(service))

    def make(self, services: Sequence[str]) -> None:
        """Make what is missing, and give each role its password: one that was changed in its file holds from now on."""
        for service in services:
            name = f"portico_{service}"
            self.cluster.create_role(name, self._password(service))
            self.cluster.create_database(name, owner=name)

    def _password(self, service: str) -> str:
        return secret_files.kept_secret(self._secrets / f"database-{service}")


def own_cluster(folder: Path, port: int) -> Postgres:
    """The private cluster of the stack in `folder`."""
    return Postgres(folder / CLUSTER, port)


def is_sqlite(url: str) -> bool:
    """Whether a database is an SQLite file, which only one process may open."""
    return url.startswith("sqlite")


def too_many(counts: Mapping[str, int], urls: Mapping[str, str]) -> list[str]:
    """The problems of services that shall have several processes on an SQLite file."""
    return [
        f"SCALE: {service}={count} needs DATABASE=postgresql, or {service.upper()}_DATABASE_URL of a PostgreSQL server: an SQLite "
        "file has one process"
        for service, count in counts.items()
        if count > 1 and is_sqlite(urls[service])
    ]
