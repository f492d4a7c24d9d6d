"""The clients, stores and keys of a running service, made once from its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from services.chassis import logs, metrics, retention, wire
from services.chassis.audit_sealing import MEASURE_EVERY_S, SEAL_EVERY_S, Sealer
from services.chassis.blobs import has_room, open_store
from services.chassis.database import Database, assert_no_transaction
from services.chassis.keyed_lock import KeyedLock
from services.chassis.link import connect
from services.chassis.loop import Loop, Loops
from services.chassis.outbox import Relay
from services.chassis.passports import Issuer, Verifier
from services.chassis.publisher import Publisher
from services.chassis.reading_audit import ReadingAudit
from services.chassis.rpc_client import RpcClient
from services.contracts.declare import Operation

Part = TypeVar("Part")


class Parts:
    """What only one service has: one object of a type for the process."""

    def __init__(self) -> None:
        self._kept: dict[type, Any] = {}

    def keep(self, kind: type[Part], part: Part) -> Part:
        """Keep the object of this type. Returns it."""
        self._kept[kind] = part
        return part

    def get(self, kind: type[Part], make: Callable[[], Part] | None = None) -> Part:
        """The object of this type. `make` makes it at the first call if nobody has kept one."""
        if make is not None and kind not in self._kept:
            self._kept[kind] = make()
        part: Part = self._kept[kind]
        return part


class Runtime:
    """Database, clients, relay and keys of one service process."""

    def __init__(self, service: str, settings: Any, base: Any) -> None:
        self.service = service
        self.settings = settings
        self.tables = base.chassis
        self.database = Database(
            getattr(settings, f"{service}_database_url"),
            pool_size=16,
        )
        self.verifier = Verifier.from_file(service, settings.passport_keys_file)
        self.issuer = Issuer.from_file(service, settings.passport_private_key_file)
        self.blobs = open_store(settings)
        self.publisher = Publisher(settings.amqp_uri, service, settings.heartbeat_s)
        self.rpc = RpcClient(
            settings.amqp_uri,
            service,
            settings.heartbeat_s,
            settings.rpc_timeout_s,
            workers=settings.rpc_workers,
        )
        self.relay = Relay(service, self.database, self.tables, self.publisher, settings.public_url)
        self.sealer = Sealer(service, self.database, self.tables, self.issuer)
        self.reading_audit = ReadingAudit(self.database, self.tables)
        self.retention = retention.Retention(
            service, self.database, *retention.standard(self.tables, settings)
        )
        self.keyed_lock = KeyedLock()
        self.inbound: Any = None
        self.parts = Parts()
        self.loops = Loops(
            [
                Loop("retention", self.retention.forget, every_s=retention.EVERY_S),
                Loop("queue-depth", self._measure_queues, every_s=10),
                Loop("missing-queues", self._take_up_missing, every_s=2),
                Loop("audit-sealer", self.sealer.seal, every_s=SEAL_EVERY_S),
                # In a loop of its own, because the metrics must show a sealer that stands still.
                Loop("audit-backlog", self.sealer.measure, every_s=MEASURE_EVERY_S),
            ]
        )

    def start(self) -> None:
        """Connect, and start the background work."""
        self.publisher.start()
        self.rpc.start()
        self.relay.start()
        for loop in self.loops:
            loop.start()

    def stop(self) -> None:
        """Stop the background work, publish the events in the outbox, disconnect."""
        for loop in self.loops:
            loop.stop()
        self.relay.wake()
        self.relay.stop()
        self.publisher.close()
        self.rpc.close()
        self.database.close()

    def ask(
        self,
        operation: Operation,
        request: Mapping[str, Any],
        *,
        organisation: tuple[str | None, str | None],
        context: wire.CallContext,
    ) -> Any:
        """Call another service, as this service, within one organisation. Never inside a transaction.

        Returns plain JSON values. Raises Refused with a code of the operation, `service_unavailable` or `timeout`.
        """
        assert_no_transaction()
        passport = self.issuer.for_service(operation.service, *organisation)
        inner = wire.CallContext(
            request_id=f"{context.request_id}:{operation.name}"[:128],
            correlation_id=context.correlation_id,
            passport=passport,
            deadline=context.deadline,
            traceparent=context.traceparent,
            reference=context.reference,
            client_kind=context.client_kind,
        )
        return self.rpc.call(operation, operation.request.dump(request), inner)

    def checks(self) -> dict[str, bool]:
        """The checks that readiness depends on."""
        return {
            "database": self.database.is_ready(),
            "consuming": self.inbound is not None and self.inbound.is_consuming,
            "publishing": self.publisher.is_connected,
            "calling": self.rpc.is_connected,
            "disk": all(map(has_room, self._folders())),
            "log": logs.is_writable(),
        }

    def _folders(self) -> list[Path]:
        """Where this service stores files."""
        database = self.database.engine.url.database
        own = [Path(database).parent] if self.database.is_sqlite and database else []
        return [Path(self.settings.blob_dir), *own]

    def _take_up_missing(self) -> bool:
        return self.inbound is None or bool(self.inbound.take_up_missing())

    def _measure_queues(self) -> bool:
        if self.inbound is None or not self.rpc.is_connected:
            return True
        connection = connect(self.settings.amqp_uri, 2)
        try:
            channel = connection.channel()
            for queue in self.inbound.queues:
                depth = channel.queue_declare(queue, passive=True).message_count
                metrics.QUEUE_DEPTH.labels(queue).set(depth)
                if queue == wire.PARKING_QUEUE:
                    metrics.PARKING_FILL.set(depth / wire.MOST_PARKED)
        finally:
            connection.close()
        return True
