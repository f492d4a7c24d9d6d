"""Private servers for tests: started on free ports in a new folder, removed afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import make_url

from deploy.broker import Broker
from deploy.ports import free_block
from deploy.postgres import Postgres


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder directly under the system's folder for temporary files, deleted afterwards.

    Other accounts cannot enter pytest's folders, and PostgreSQL runs as another account when root starts it.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def private_broker() -> Iterator[Broker]:
    """A running RabbitMQ node that nobody else uses (about 6 s to start)."""
    with temporary_folder("portico-broker-") as folder:
        broker = Broker(folder, free_block(3))
        try:
            broker.start()
            yield broker
        finally:
            broker.stop(timeout_s=10)


@contextmanager
def private_postgres(*, durable: bool = True) -> Iterator[Postgres]:
    """A running PostgreSQL cluster that nobody else uses (about 1 s to start)."""
    with temporary_folder("portico-postgres-") as folder:
        postgres = Postgres(folder, free_block(1), durable=durable)
        try:
            postgres.start()
            yield postgres
        finally:
            postgres.stop(timeout_s=10)


@contextmanager
def fresh_vhost(broker: Broker) -> Iterator[str]:
    """The AMQP URI of an empty virtual host, deleted afterwards with all connections to it."""
    name = f"test-{uuid4().hex[:12]}"
    broker.add_vhost(name)
    try:
        yield broker.uri(name)
    finally:
        if broker.pid is not None:
            broker.delete_vhost(name)


@contextmanager
def fresh_database(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards with all sessions in it."""
    with new_database_url(postgres) as url:
        postgres.create_database(str(make_url(url).database))
        yield url


@contextmanager
def new_database_url(postgres: Postgres) -> Iterator[str]:
    """The URL of a database that does not exist yet. It is dropped afterwards with all sessions in it."""
    name = f"test_{uuid4().hex[:12]}"
    try:
        yield postgres.url(name)
    finally:
        if postgres.pid is not None:
            postgres.drop_database(name)
