"""`python -m deploy.topology`: declare exchanges, queues and bindings, once, before the services start.

From AMQP_URI. With FEED_AMQP_URI also the exchange of the feed in its own virtual host, and with `--organisation KEY`
that organisation's stream: what an outside system reads, and reads again.
"""

from __future__ import annotations

import argparse
import importlib
import os
from typing import Any

import kombu

from services.chassis.topology import Topology, topology

SERVICES = ("identity", "referrals", "portals", "notifications", "signing")
FEED_EXCHANGE = "feed"
FEED_MAX_BYTES = 2_000_000_000
FEED_MAX_AGE = "90D"


def internal() -> Topology:
    """What the services need."""
    return topology([importlib.import_module(f"services.{service}.service").Service for service in SERVICES])


def feed(organisations: list[str]) -> Topology:
    """What outside systems read: one stream for each organisation, filled from our events by RabbitMQ's shovel."""
    plan = Topology(exchanges={FEED_EXCHANGE: "topic"})
    for key in organisations:
        stream = f"feed.{key}"
        plan.queues[stream] = {
            "x-queue-type": "stream",
            "x-max-length-bytes": FEED_MAX_BYTES,
            "x-max-age": FEED_MAX_AGE,
        }
        plan.bindings.append((FEED_EXCHANGE, stream, f"*.*.{key}"))
    return plan


def declare(uri: str, plan: Topology) -> None:
    """Declare a topology at a broker."""
    connection: Any = kombu.Connection(uri, connect_timeout=5).transport.establish_connection()
    try:
        plan.declare(connection)
    finally:
        connection.close()


def main() -> None:
    """Declare what the arguments and the environment say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--organisation", action="append", default=[], help="key of an organisation that gets a feed"
    )
    arguments = parser.parse_args()
    plan = internal()
    declare(os.environ["AMQP_URI"], plan)
    print(
        f"{len(plan.exchanges)} exchanges, {len(plan.queues)} queues, {len(plan.bindings)} bindings declared"
    )
    if "FEED_AMQP_URI" in os.environ:
        declare(os.environ["FEED_AMQP_URI"], feed(arguments.organisation))
        print(f"feed declared for {', '.join(arguments.organisation) or 'no organisation yet'}")


if __name__ == "__main__":
    main()
