"""`python -m deploy.topology`: declare exchanges, queues and bindings, once, before the services start.

It declares them at the broker of AMQP_URI. With FEED_AMQP_URI it also declares the feed's exchange in the feed's virtual
host and, for each `--organisation KEY`, the organisation's stream, which outside systems can read repeatedly. `--definitions`
prints the shovels that carry events there, and the limits of queues, for `rabbitmqctl import_definitions`; with `--users FOLDER`
instead the virtual hosts and the users of all processes (see `deploy.broker_users`), which a new broker needs before this.

`--cluster` is for a broker of several nodes: a service's queue of calls then lies on all of them, so that the service goes on when one
is lost. A queue's kind cannot be changed: before the first `--cluster` on a broker that was used without, stop the services and
delete the queues `rpc-…`; what waits there are calls that nobody waits for any more.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import amqp
from kombu.utils.functional import retry_over_time

from deploy import broker_users
from deploy.migrate import SERVICES
from gateway.live.settings import PRESENCE_EXCHANGE
from services.chassis import wire
from services.chassis.link import connect
from services.chassis.topology import FEED_QUEUE, QUORUM, Topology, topology
from services.contracts.feed import (
    EXCHANGE,
    MOST_STREAM_BYTES,
    MOST_WAITING,
    MOST_WAITING_BYTES,
    QUEUE_DAYS,
    STREAM_DAYS,
    VIRTUAL_HOST,
    stream_of,
)

VHOST = "portico"
# A full parking queue refuses more, so that what is parked stays. A full queue of a partner forgets its oldest events.
PARKING_LIMITS = {
    "max-length": wire.MOST_PARKED,
    "max-length-bytes": wire.MOST_PARKED_BYTES,
    "overflow": "reject-publish",
}
# An event that the broker parks itself, after too many deliveries, stays in its queue until the parking queue has room.
KEPT_UNTIL_PARKED = {"dead-letter-strategy": "at-least-once", "overflow": "reject-publish"}
PARTNER_LIMITS = {
    "max-length": MOST_WAITING,
    "max-length-bytes": MOST_WAITING_BYTES,
    "message-ttl": QUEUE_DAYS * 24 * 3600 * 1000,
}
STREAM = {
    "x-queue-type": "stream",
    "x-max-length-bytes": MOST_STREAM_BYTES,
    "x-max-age": f"{STREAM_DAYS}D",
}


def internal(organisations: list[str], *, in_cluster: bool = False) -> Topology:
    """The topology of the services and live processes, with a queue for each organisation that fills its stream."""
    plan = topology(
        [importlib.import_module(f"services.{service}.service").Service for service in SERVICES],
        in_cluster=in_cluster,
    )
    plan.exchanges[PRESENCE_EXCHANGE] = "fanout"
    ways = ways_to_streams(organisations)
    plan.queues |= ways.queues
    plan.bindings += ways.bindings
    return plan


def ways_to_streams(organisations: list[str]) -> Topology:
    """The queues, in the services' virtual host, that fill the streams of these organisations."""
    plan = Topology(queues={_way_to_stream(key): QUORUM for key in organisations})
    plan.bindings += [
        (f"{service}.events", _way_to_stream(key), f"*.*.{key}")
        for key in organisations
        for service in SERVICES
    ]
    return plan


def _way_to_stream(organisation: str) -> str:
    """The name of the queue, in the services' virtual host, that fills an organisation's stream."""
    return f"{FEED_QUEUE}.{organisation}"


def feed(organisations: list[str]) -> Topology:
    """The topology for outside systems: an exchange for the queues of partners, and a stream for each organisation."""
    return Topology(exchanges={EXCHANGE: "topic"}, queues={stream_of(key): STREAM for key in organisations})


def definitions(
    organisations: list[str], vhost: str = VHOST, feed_vhost: str = VIRTUAL_HOST
) -> dict[str, Any]:
    """RabbitMQ definitions of what AMQP cannot declare: shovels, and limits of queues that exist."""
    return {
        "parameters": _shovels(organisations, vhost, feed_vhost),
        "policies": [
            _limits(vhost, "parking", f"^{re.escape(wire.PARKING_QUEUE)}$", PARKING_LIMITS),
            _limits(vhost, "events", r"^[a-z_]+\.on_", KEPT_UNTIL_PARKED),
            _limits(feed_vhost, "partners", r"^ext\.", PARTNER_LIMITS),
        ],
    }


def _limits(vhost: str, name: str, pattern: str, definition: dict[str, Any]) -> dict[str, Any]:
    policy = {"vhost": vhost, "name": name, "pattern": pattern, "apply-to": "queues", "priority": 1}
    return {**policy, "definition": definition}


def _shovels(organisations: list[str], vhost: str, feed_vhost: str) -> list[dict[str, Any]]:
    """The shovels that carry events out of the services' virtual host, confirmed at each end.

    Each stream has a shovel that publishes to it by name. After a start, RabbitMQ 3.10 does not know its streams for some
    time. It then confirms messages to an exchange although they do not reach the streams. A shovel to a *queue* first checks
    that the queue exists, and tries again until it does.
    """
    ends = {
        "src-protocol": "amqp091",
        "src-uri": f"amqp:///{vhost}",
        "dest-protocol": "amqp091",
        "dest-uri": f"amqp:///{feed_vhost}",
        "ack-mode": "on-confirm",
        "reconnect-delay": 1,
    }
    # Without `dest-exchange-key` an event keeps its routing key, which names its organisation.
    values = {"portico-feed": {**ends, "src-queue": FEED_QUEUE, "dest-exchange": EXCHANGE}}
    for key in organisations:
        source, stream = _way_to_stream(key), stream_of(key)
        values[source] = {**ends, "src-queue": source, "dest-queue": stream}
    return [
        {"component": "shovel", "vhost": vhost, "name": name, "value": value}
        for name, value in values.items()
    ]


def declare(uri: str, plan: Topology) -> None:
    """Declare a topology at a broker. Safe to repeat."""
    connection = connect(uri)
    try:
        # A broker that has just started may not know its streams yet and reports their node as down.
        retry_over_time(
            plan.declare, amqp.NotFound, (connection,), interval_start=0.2, interval_step=0.2, timeout=30
        )
    finally:
        connection.close()


def main() -> None:
    """Declare the topology that the arguments and the environment ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--organisation", action="append", default=[], help="key of an organisation that gets a feed"
    )
    parser.add_argument(
        "--cluster",
        action="store_true",
        help="let the queues of calls outlive a node of the broker's cluster",
    )
    parser.add_argument("--definitions", action="store_true", help="only print what AMQP cannot declare")
    parser.add_argument("--queues", action="store_true", help="only print the names of the services' queues")
    parser.add_argument(
        "--users", type=Path, metavar="FOLDER", help="keep the passwords of the processes' broker users there"
    )
    arguments = parser.parse_args()
    if arguments.queues:
        print("\n".join(sorted(internal([]).queues)))
        return
    if arguments.definitions:
        printed = (
            broker_users.definitions(arguments.users, VHOST, VIRTUAL_HOST)
            if arguments.users
            else definitions(arguments.organisation)
        )
        print(json.dumps(printed, indent=2))
        return
    if arguments.users:
        broker_users.write(arguments.users, VHOST, VIRTUAL_HOST)
    plan = internal(arguments.organisation, in_cluster=arguments.cluster)
    _declare_at("AMQP_URI", plan)
    print(
        f"{len(plan.exchanges)} exchanges, {len(plan.queues)} queues, {len(plan.bindings)} bindings declared"
    )
    if "FEED_AMQP_URI" in os.environ:
        _declare_at("FEED_AMQP_URI", feed(arguments.organisation))
        print(f"feed declared for {', '.join(arguments.organisation) or 'no organisation yet'}")


def _declare_at(setting: str, plan: Topology) -> None:
    """Declare at the broker that a setting names. A broker that cannot be used ends the program with one line."""
    try:
        declare(os.environ[setting], plan)
    except amqp.AccessRefused:
        sys.exit(f"{setting}: the broker refuses this user, password or virtual host")
    except (OSError, amqp.AMQPError) as error:
        sys.exit(f"{setting}: the broker cannot be used: {type(error).__name__} {error}")


if __name__ == "__main__":
    main()
