"""The exchanges, queues and bindings of a system of services, derived from what each serves and listens to.

One step of the deployment declares them, so that an event published before a consumer's first start waits for it.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

from services.chassis import wire
from services.chassis.events import RETRY_AFTER_S, Listens, queue_of, retry_exchange
from services.chassis.operations import Serves

FEED_QUEUE = "portico.feed"
# For messages that must survive the loss of a node. Calls need not: they end with their deadline or their caller. But in a cluster
# their queue must: one that lies on a single node is gone with it, for everybody, until that node is back.
QUORUM = {"x-queue-type": "quorum"}


@dataclass
class Topology:
    """The exchanges, queues and bindings to declare. `bindings` are (exchange, queue, routing key)."""

    exchanges: dict[str, str] = field(default_factory=dict)
    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    bindings: list[tuple[str, str, str]] = field(default_factory=list)

    def declare(self, connection: Any) -> None:
        """Declare all of it over an AMQP connection. Safe to repeat."""
        channel = connection.channel()
        for name, kind in self.exchanges.items():
            channel.exchange_declare(name, kind, durable=True, auto_delete=False)
        for name, arguments in self.queues.items():
            channel.queue_declare(name, durable=True, auto_delete=False, arguments=arguments)
        for exchange, queue, key in self.bindings:
            channel.queue_bind(queue, exchange, key)
        channel.close()


def entrypoints(service_class: type, kind: type) -> dict[str, Any]:
    """The entrypoints of one kind of a service class, by method name."""
    found = {}
    for name, method in inspect.getmembers(service_class, inspect.isfunction):
        for entrypoint in getattr(method, "nameko_entrypoints", ()):
            if isinstance(entrypoint, kind):
                found[name] = entrypoint
    return found


def topology(service_classes: list[type], *, in_cluster: bool = False) -> Topology:
    """The topology of these services. `in_cluster`: calls' queues outlive a node, too, and a call costs a write to disk more."""
    plan = Topology()
    plan.exchanges[wire.RPC_EXCHANGE] = "topic"
    plan.queues[wire.PARKING_QUEUE] = QUORUM
    plan.queues[FEED_QUEUE] = QUORUM
    for seconds in RETRY_AFTER_S:
        name = retry_exchange(seconds)
        plan.exchanges[name] = "fanout"
        # Without a dead-letter routing key the message keeps its own: the name of the queue it came from.
        plan.queues[name] = {
            **QUORUM,
            "x-message-ttl": seconds * 1000,
            "x-dead-letter-exchange": "",
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        }
        plan.bindings.append((name, name, ""))
    for service_class in service_classes:
        _add_service(plan, service_class, QUORUM if in_cluster else {})
    return plan


def _add_service(plan: Topology, service_class: type, of_calls: dict[str, Any]) -> None:
    service: str = service_class.name  # type: ignore[attr-defined]  # nameko demands a name
    plan.exchanges[f"{service}.events"] = "topic"
    plan.bindings.append((f"{service}.events", FEED_QUEUE, "#"))
    if entrypoints(service_class, Serves):
        plan.queues[wire.rpc_queue(service)] = of_calls
        plan.bindings.append((wire.RPC_EXCHANGE, wire.rpc_queue(service), f"{service}.*"))
    for handler, entrypoint in entrypoints(service_class, Listens).items():
        queue = queue_of(service, handler)
        plan.exchanges[entrypoint.event.exchange] = "topic"
        # The broker counts redeliveries of a quorum queue, so a message that kills its consumers is parked in the end.
        plan.queues[queue] = {
            **QUORUM,
            "x-delivery-limit": 20,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": wire.PARKING_QUEUE,
        }
        plan.bindings.append((entrypoint.event.exchange, queue, entrypoint.event.binding_key))
