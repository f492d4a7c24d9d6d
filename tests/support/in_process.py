"""A service's operations and event handlers in this process, on a real database, without a broker.

This is quick enough to test every rule. Tests with whole processes cover the broker, the passports and the wire.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.blobs import BlobStore
from services.chassis.database import assert_no_transaction
from services.chassis.events import EventContext, IncomingEvent
from services.chassis.keyed_lock import KeyedLock
from services.chassis.loop import Loops
from services.chassis.models import base_of
from services.chassis.operations import admit, call_of
from services.chassis.passports import Caller
from services.chassis.reading_audit import ReadingAudit
from services.chassis.runtime import Parts
from services.contracts.declare import Event, Operation
from services.contracts.errors import Refused
from tests.support import refusals
from tests.support.databases import migrated, opened

HARBOR = ("a" * 32, "harbor")
BAYSIDE = ("b" * 32, "bayside")


def a_caller(
    *permissions: str, organisation: tuple[str, str] = HARBOR, realm: str = "staff", **more: Any
) -> Caller:
    """A verified account of an organisation with these permissions."""
    return Caller(
        "account",
        more.pop("id", "c" * 32),
        *organisation,
        realm,
        frozenset(permissions),
        more.pop("scope", {}),
        **more,
    )


def a_service(name: str, organisation: tuple[str, str] = HARBOR) -> Caller:
    """A verified service that acts within an organisation."""
    return Caller("service", name, *organisation)


class FakeRelay:
    """A relay that counts how often it was woken."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


class FakeVerifier:
    """Accepts the caller that the test sets."""

    def __init__(self) -> None:
        self.caller: Caller | None = None

    def verify(self, _passport: str | None) -> Caller:
        assert self.caller is not None
        return self.caller


class InProcess:
    """One service over a migrated database. `answers` maps operation addresses of other services to functions of the request.

    What they answer goes over the wire as JSON, as it does between the processes.
    """

    def __init__(self, service: str, url: str, folder: Path, **settings: Any) -> None:
        migrated(service, url)
        self.module = importlib.import_module(f"services.{service}.service")
        base = base_of(service)
        self.database = opened(url)
        self.answers: dict[str, Callable[[Mapping[str, Any]], Any]] = {}
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.runtime: Any = SimpleNamespace(
            service=service,
            settings=SimpleNamespace(**{"unused_files_kept_hours": 24} | settings),
            database=self.database,
            tables=base.chassis,
            relay=FakeRelay(),
            reading_audit=ReadingAudit(self.database, base.chassis),
            keyed_lock=KeyedLock(),
            blobs=BlobStore(folder / "blobs"),
            ask=self._ask,
            loops=Loops(),
            parts=Parts(),
            verifier=FakeVerifier(),
        )
        self.service = self.module.Service()

    def call(
        self,
        operation: Operation,
        caller: Caller | None = None,
        *,
        version: int | None = None,
        key: str | None = None,
        client_address: str | None = None,
        client_reference: str | None = None,
        **request: Any,
    ) -> Any:
        """Carry out an operation as `caller`, with all steps of the entrypoint except the wire. Raises Refused."""
        try:
            return self._carry_out(operation, caller, version, key, client_address, client_reference, request)
        except Refused as refusal:
            refusals.note(operation, refusal.code)
            raise

    def _carry_out(
        self,
        operation: Operation,
        caller: Caller | None,
        version: int | None,
        key: str | None,
        client_address: str | None,
        client_reference: str | None,
        request: Mapping[str, Any],
    ) -> Any:
        self.runtime.verifier.caller = caller
        admitted = admit(operation, self.runtime.verifier, "passport", request)
        context = wire.CallContext(
            key or wire.new_id(),
            correlation_id="test",
            expected_version=version,
            client_address=client_address,
            reference=client_reference,
        )
        method = getattr(self.module.Service, operation.name).method
        answer = method(self.service, call_of(method, self.runtime, operation, request, admitted, context))
        problems = operation.reply.validate(answer)
        assert not problems, f"{operation.address} answers what its declaration does not allow: {problems}"
        is_same = (
            version is not None and answer.get("id") in request.values()
        )  # and not one that was made of it
        if is_same and isinstance(answer.get("version"), int):
            assert answer["version"] >= version, f"{operation.address} steps back from version {version}"
        return answer

    def upload(self, content: bytes | Iterable[bytes], organisation_id: str = HARBOR[0]) -> dict[str, Any]:
        """Store an upload as the gateway does; what its call carries."""
        pieces = [content] if isinstance(content, bytes) else content
        upload = self.runtime.blobs.put_upload(organisation_id, pieces, 10**9, 10**12)
        return {"sha256": upload.sha256, "size": upload.size}

    def files(self) -> list[Path]:
        """All files in the store, without the counts."""
        paths = self.runtime.blobs.folder.rglob("*")
        return [path for path in paths if path.is_file() and path.name != ".bytes"]

    def age_files(self, hours: float) -> None:
        """Make all files in the store older."""
        for path in {path.stat().st_ino: path for path in self.files()}.values():  # a file may have two names
            status = path.stat()
            os.utime(path, (status.st_atime, status.st_mtime - hours * 3600))

    def deliver(
        self,
        event: Event,
        data: Mapping[str, Any],
        *,
        organisation: tuple[str, str] = HARBOR,
        event_id: str | None = None,
        client: tuple[str | None, str | None] = (None, None),
    ) -> None:
        """Deliver an event to its handler. `client` is the reference and the API client's kind of the request that caused it."""
        context = EventContext(event_id or wire.new_id(), "subject", *organisation, "test", None, *client)
        handler = f"on_{event.name}"
        incoming = IncomingEvent(self.runtime, handler, event, event.schema.load(dict(data)), context)
        getattr(self.module.Service, handler).method(self.service, incoming)

    def events(self, event: Event | None = None) -> list[dict[str, Any]]:
        """CloudEvents in the outbox, oldest first."""
        with self.database.reading(None) as session:
            rows = session.scalars(
                select(self.runtime.tables.Outbox).order_by(self.runtime.tables.Outbox.seq)
            ).all()
        envelopes = [wire.decode(row.body, {"content_type": wire.CLOUDEVENTS_JSON}) for row in rows]
        return [envelope for envelope in envelopes if event is None or envelope["type"] == event.type]

    def audit(self, action: str | None = None) -> list[Any]:
        """Audit rows, oldest first."""
        with self.database.reading(None) as session:
            rows = session.scalars(
                select(self.runtime.tables.Audit).order_by(self.runtime.tables.Audit.at)
            ).all()
        return [row for row in rows if action is None or row.action == action]

    def _ask(self, operation: Operation, request: Mapping[str, Any], **_: Any) -> Any:
        assert_no_transaction()
        self.asked.append((operation.address, request))
        if operation.address not in self.answers:
            raise Refused("service_unavailable", f"Nobody stands in for {operation.address}.")
        answer = wire.encode(self.answers[operation.address](request))
        return wire.decode(answer, {"content_type": wire.JSON}, wire.MAX_ANSWER_BYTES)

    def close(self) -> None:
        """Close the database."""
        self.database.close()
