"""One service as real processes with a real broker: the toy (`python -m tests.support.toy_process`) or one of Portico's."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kombu
import requests

from deploy import children
from deploy.keys import ISSUERS, make_keys
from deploy.ports import free_block
from services.chassis import wire
from services.chassis.passports import Issuer
from services.chassis.rpc_client import RpcClient
from services.chassis.topology import topology
from services.contracts.declare import Operation
from tests.support import stalls, toy
from tests.support.eventually import eventually

HARBOR = {"org": "a" * 32, "org_key": "harbor"}


@dataclass
class ServiceSystem:
    """A broker's virtual host with a service's topology, its keys and migrated database, and processes of it."""

    uri: str
    folder: Path
    database_url: str
    service: str = "toy"
    service_class: type | None = toy.Service
    """Whose exchanges and queues are declared; None where that is done elsewhere."""
    program: tuple[str, ...] = ()
    """Module and arguments that Python runs in place of the service's own process."""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        make_keys(self.folder / "keys", tuple(dict.fromkeys((*ISSUERS, self.service, "stranger"))))
        if self.service_class is not None:
            with contextlib.closing(self.connection()) as connection:
                topology([self.service_class]).declare(connection)

    def connection(self) -> Any:
        """A plain AMQP connection."""
        return kombu.Connection(self.uri).transport.establish_connection()

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        """Start one process and wait until it is ready."""
        port = free_block(1)
        keys = self.folder / "keys"
        settings = {
            "AMQP_URI": self.uri,
            "BLOB_DIR": str(self.folder / "blobs"),
            "PASSPORT_KEYS_FILE": str(keys / "public.json"),
            "PASSPORT_PRIVATE_KEY_FILE": str(keys / f"{self.service}.pem"),
            f"{self.service.upper()}_DATABASE_URL": self.database_url,
            "HEALTH_PORT": str(port),
            "PUBLIC_URL": "https://portal.example.org",
            "HEARTBEAT_S": "5",
        }
        own = (
            ("tests.support.toy_process",)
            if self.service == "toy"
            else ("services.chassis.run", self.service)
        )
        command = [sys.executable, "-W", "ignore", "-m", *(self.program or own)]
        with self.log.open("ab") as log:
            # The process ends with this one, even if this one is killed.
            process = children.spawn(command, env={**os.environ, **settings, **environment}, output=log)
        stalls.watch(self.log)
        self.processes.append(process)
        self.ports.append(port)
        eventually(lambda: self._assert_ready(process, port), timeout_s=60)
        return process

    def _assert_ready(self, process: subprocess.Popen[bytes], port: int) -> None:
        if process.poll() is not None:
            raise RuntimeError(
                f"{self.service} ended with {process.returncode}: {self.log.read_text()[-2000:]}"
            )
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            assert requests.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
            return
        raise AssertionError("not listening yet")

    @property
    def log(self) -> Path:
        """The output of the processes."""
        return self.folder / f"{self.service}.log"

    def passport(
        self, *permissions: str, issuer: str = "identity", audience: str | None = None, **claims: Any
    ) -> str:
        """A passport of an account of Harbor."""
        account = {"sub": "c" * 32, "realm": "staff", "perms": list(permissions), **HARBOR, **claims}
        return Issuer.from_file(issuer, str(self.folder / "keys" / f"{issuer}.pem")).for_account(
            audience or self.service, account
        )

    def client(self, timeout_s: float = 5.0) -> RpcClient:
        """A started client."""
        client = RpcClient(self.uri, "test", timeout_s=timeout_s)
        client.start()
        return client

    def stop(self) -> None:
        """End all processes."""
        for process in self.processes:
            process.kill()
            process.wait(10)


@contextlib.contextmanager
def toy_system(
    uri: str, folder: Path, database_url: str | None = None, replicas: int = 1
) -> Iterator[ServiceSystem]:
    """A running toy service."""
    from sqlalchemy import create_engine

    url = database_url or f"sqlite:///{folder}/toy.db"
    toy.Base.metadata.create_all(create_engine(url))
    with running(ServiceSystem(uri, folder, url), replicas) as system:
        yield system


@contextlib.contextmanager
def running(system: ServiceSystem, replicas: int = 1) -> Iterator[ServiceSystem]:
    """With so many processes of it."""
    try:
        for _ in range(replicas):
            system.start()
        yield system
    finally:
        system.stop()


def call(
    client: RpcClient,
    operation: Operation,
    passport: str | None = None,
    *,
    key: str | None = None,
    **arguments: Any,
) -> Any:
    """Call an operation with a new context."""
    return client.call(operation, arguments, wire.CallContext(key or wire.new_id(), passport=passport))


def metric(port: int, name: str, **labels: str) -> float:
    """The sum of a metric's samples with these labels, as the process reports them."""
    total = 0.0
    for line in requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text.splitlines():
        if line.startswith(name) and all(f'{key}="{value}"' in line for key, value in labels.items()):
            total += float(line.rpartition(" ")[2])
    return total


def message_count(connection: Any, queue: str, arguments: Mapping[str, Any] | None = None) -> int:
    """Messages that wait in a queue."""
    channel = connection.channel()
    try:
        return int(channel.queue_declare(queue, passive=True, arguments=arguments).message_count)
    finally:
        channel.close()


def become_a_service() -> None:
    """Let this process find the toy among the services."""
    package = types.ModuleType("services.toy")
    package.__path__ = ["no folder: the toy is one module"]
    sys.modules["services.toy"] = package
    for module in ("service", "settings", "models"):
        sys.modules[f"services.toy.{module}"] = toy


if __name__ == "__main__":
    become_a_service()
    from services.chassis import run  # patches the standard library for eventlet

    sys.exit(run.main("toy"))
