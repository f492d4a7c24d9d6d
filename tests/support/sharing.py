"""What the workers of one run share: one broker, one PostgreSQL cluster, databases that were migrated once.

The first worker that needs a server starts it, and ends it when all the others have left it. Without workers
(`pytest -n 0`) nothing is shared. The locks and the servers of a killed worker end with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, TypeVar

import psutil
import pytest

from deploy.broker import Broker
from deploy.postgres import Postgres
from tests.support import servers

Server = TypeVar("Server", Broker, Postgres)

_folder: Path | None = None


def folder() -> Path | None:
    """The folder that all workers of this run know, or None if there is only one process."""
    return _folder


@contextlib.contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """A lock between the workers."""
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


class OthersBroker(Broker):
    """A node that another worker has started."""

    @property
    def pid(self) -> int | None:
        """The Erlang VM's process id, or None while it is down."""
        return _running(self.folder / "pids")


class OthersPostgres(Postgres):
    """A cluster that another worker has started."""

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, or None while it is down."""
        return _running(self._data / "postmaster.pid")


def _running(noted: Path) -> int | None:
    """The process whose id is the first word of this file. None without the file or the process."""
    words = noted.read_text().split() if noted.exists() else []
    return int(words[0]) if words and psutil.pid_exists(int(words[0])) else None


class SharedServers:
    """pytest plugin: the servers of this run."""

    def __init__(self, config: pytest.Config) -> None:
        """`config` is that of a worker, or of the process that runs all tests itself."""
        global _folder  # noqa: PLW0603 - the databases are asked for outside of fixtures, too
        workerinput = getattr(config, "workerinput", None)
        self._folder = _folder = Path(workerinput["shared"]) if workerinput else None
        self._servers: dict[str, Any] = {}
        self._leaving = contextlib.ExitStack()

    @property
    def broker(self) -> Broker:
        """The node for all tests."""
        return self._server("broker", servers.private_broker, OthersBroker)

    @property
    def postgres(self) -> Postgres:
        """The cluster for all tests. It does not wait for the disk."""
        return self._server("postgres", lambda: servers.private_postgres(durable=False), OthersPostgres)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Leave the servers after the last fixture has ended, before this worker reports that it has finished."""
        self._leaving.close()

    def _server(
        self,
        name: str,
        start: Callable[[], AbstractContextManager[Server]],
        at: Callable[[Path, int], Server],
    ) -> Server:
        if name not in self._servers:
            self._servers[name] = self._leaving.enter_context(
                start() if self._folder is None else _shared(self._folder / name, start, at)
            )
        server: Server = self._servers[name]
        return server


@contextlib.contextmanager
def _shared(
    place: Path,
    start: Callable[[], AbstractContextManager[Server]],
    at: Callable[[Path, int], Server],
) -> Iterator[Server]:
    address = place.with_suffix(".json")
    with place.with_suffix(".users").open("w") as users, contextlib.ExitStack() as own:
        with one_at_a_time(place.with_suffix(".door")):
            # The worker that ends the server waits here for its users, and they wait until it has ended.
            fcntl.flock(users, fcntl.LOCK_SH)
            server = _found(address, at)
            if server is None:
                server = own.enter_context(start())
                own.enter_context(_told(server, address, users))
        yield server


@contextlib.contextmanager
def _told(server: Broker | Postgres, address: Path, users: IO[str]) -> Iterator[None]:
    """Tell the other workers where the server is, and wait at the end until they have left it."""
    address.write_text(json.dumps([str(server.folder), server.port]))
    try:
        yield
    finally:
        fcntl.flock(users, fcntl.LOCK_EX)
        address.unlink(missing_ok=True)


def _found(address: Path, at: Callable[[Path, int], Server]) -> Server | None:
    if not address.exists():
        return None
    where, port = json.loads(address.read_text())
    server = at(Path(where), port)
    return None if server.pid is None else server
