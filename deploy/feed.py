"""The feed for other hospital systems: a virtual host, one stream per organisation, one broker user per system.

    make subscriber ARGS="NAME ORGANISATION"      makes the user, or gives it a new password, and prints its address

A subscriber can read its organisation's stream, make queues below `ext.NAME.` and bind them to its organisation's
events. It cannot publish, and cannot bind another organisation's key or `#`. Its queues have limits of length, age and idle
time; after a longer absence it reads the stream.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from pathlib import Path

from deploy import topology
from deploy.broker import Broker
from deploy.topology import FEED_EXCHANGE, FEED_VHOST, VHOST, stream_of

_NAME = re.compile(r"[a-z][a-z0-9-]{1,40}")
_DAY_MS = 24 * 3600 * 1000


def connect(
    broker: Broker, organisations: list[str], vhost: str = VHOST, feed_vhost: str = FEED_VHOST
) -> None:
    """Make RabbitMQ carry all events from the services' virtual host to the feed's and to these organisations' streams."""
    broker.definitions(topology.shovels(organisations, vhost, feed_vhost))
    limits = {"max-length": 100_000, "message-ttl": 7 * _DAY_MS, "expires": 14 * _DAY_MS}
    policy = {
        "vhost": feed_vhost,
        "name": "subscribers",
        "pattern": r"^ext\.",
        "apply-to": "queues",
        "priority": 1,
    }
    broker.definitions({"policies": [{**policy, "definition": limits}]})


def add_subscriber(broker: Broker, name: str, organisation: str, feed_vhost: str = FEED_VHOST) -> str:
    """Make the broker user of an outside system. Returns its AMQP address with a new password, which is not stored."""
    if not _NAME.fullmatch(name) or not _NAME.fullmatch(organisation):
        raise ValueError("names have lower-case letters, digits and dashes, at most 41")
    user, password = f"ext.{name}", secrets.token_urlsafe(32)
    own = rf"^ext\.{name}\..*"
    key = rf"^[^.#]+\.[^.#]+\.{organisation}$"
    broker.add_user(
        user,
        password,
        feed_vhost,
        configure=own,
        write=own,
        read=rf"^(ext\.{name}\..*|{FEED_EXCHANGE}|{re.escape(stream_of(organisation))})$",
        topic_permissions={FEED_EXCHANGE: ("^$", key)},
    )
    return broker.uri_for(user, password, feed_vhost)


def main(arguments: list[str]) -> int:
    """Add a subscriber at the local stack's broker."""
    if len(arguments) != 2:
        sys.exit(__doc__)
    var = Path(__file__).resolve().parents[1] / "var"
    base = int(os.environ.get("PORTICO_PORT_BASE", "8400"))
    broker = Broker(var / "broker", base + 20, secrets_folder=var / "secrets")
    print(add_subscriber(broker, *arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
