"""`python -m deploy.topology`: declare exchanges, queues and bindings, once, before the services start.

From AMQP_URI. With FEED_AMQP_URI also the exchange of the feed in its own virtual host, and with `--organisation KEY`
that organisation's stream: what an outside system reads, and reads again. `--shovels` prints the definitions of what
carries events there, for `rabbitmqctl import_definitions`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
from typing import Any

import amqp
import kombu
from kombu.utils.functional import retry_over_time

from services.chassis.topology import FEED_QUEUE, QUORUM, Topology, topology

SERVICES = ("identity", "referrals", "portals", "notifications", "signing")
VHOST = "portico"
FEED_VHOST = "portico-feeds"
FEED_EXCHANGE = "feed"
STREAM = {"x-queue-type": "stream", "x-max-length-bytes": 2_000_000_000, "x-max-age": "90D"}


def internal(organisations: list[str]) -> Topology:
    """What the services need, and for each organisation the queue from which its stream is filled."""
    plan = topology([importlib.import_module(f"services.{service}.service").Service for service in SERVICES])
    for key in organisations:
        plan.queues[_way_to_stream(key)] = QUORUM
        plan.bindings += [(f"{service}.events", _way_to_stream(key), f"*.*.{key}") for service in SERVICES]
    return plan


def stream_of(organisation: str) -> str:
    """The name of an organisation's stream."""
    return f"feed.{organisation}"


def _way_to_stream(organisation: str) -> str:
    """The queue beside the services from which an organisation's stream is filled."""
    return f"{FEED_QUEUE}.{organisation}"


def feed(organisations: list[str]) -> Topology:
    """What outside systems read: an exchange to bind queues of their own to, and one stream for each organisation."""
    return Topology(
        exchanges={FEED_EXCHANGE: "topic"}, queues={stream_of(key): STREAM for key in organisations}
    )


def shovels(organisations: list[str], vhost: str = VHOST, feed_vhost: str = FEED_VHOST) -> dict[str, Any]:
    """RabbitMQ definitions of what carries events out of the services' virtual host, confirmed at each end.

    A stream has a shovel of its own that publishes to it by name. RabbitMQ 3.10 knows a stream only some time after it has
    started; what is published to an exchange meanwhile is confirmed and reaches the other queues only. A shovel to a *queue*
    asks for it first, and tries again until it is there.
    """
    ends = {
        "src-protocol": "amqp091",
        "src-uri": f"amqp:///{vhost}",
        "dest-protocol": "amqp091",
        "dest-uri": f"amqp:///{feed_vhost}",
        "ack-mode": "on-confirm",
        "reconnect-delay": 1,
    }
    # No key of its own: an event keeps its routing key, which names its organisation.
    values = {"portico-feed": {**ends, "src-queue": FEED_QUEUE, "dest-exchange": FEED_EXCHANGE}}
    for key in organisations:
        source, stream = _way_to_stream(key), stream_of(key)
        values[source] = {**ends, "src-queue": source, "dest-queue": stream}
    return {
        "parameters": [
            {"component": "shovel", "vhost": vhost, "name": name, "value": value}
            for name, value in values.items()
        ]
    }


def declare(uri: str, plan: Topology) -> None:
    """Declare a topology at a broker. Safe to repeat."""
    connection: Any = kombu.Connection(uri, connect_timeout=5).transport.establish_connection()
    try:
        # A broker that has just started may not know its streams yet, and says that their node is down.
        retry_over_time(
            plan.declare, amqp.NotFound, (connection,), interval_start=0.2, interval_step=0.2, timeout=30
        )
    finally:
        connection.close()


def main() -> None:
    """Declare what the arguments and the environment say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--organisation", action="append", default=[], help="key of an organisation that gets a feed"
    )
    parser.add_argument("--shovels", action="store_true", help="only print the definitions of the shovels")
    arguments = parser.parse_args()
    if arguments.shovels:
        print(json.dumps(shovels(arguments.organisation), indent=2))
        return
    plan = internal(arguments.organisation)
    declare(os.environ["AMQP_URI"], plan)
    print(
        f"{len(plan.exchanges)} exchanges, {len(plan.queues)} queues, {len(plan.bindings)} bindings declared"
    )
    if "FEED_AMQP_URI" in os.environ:
        declare(os.environ["FEED_AMQP_URI"], feed(arguments.organisation))
        print(f"feed declared for {', '.join(arguments.organisation) or 'no organisation yet'}")


if __name__ == "__main__":
    main()
