"""The feed for other hospital systems: a virtual host, one stream per organisation, one broker user per system.

    make subscriber ARGS="NAME ORGANISATION"      makes the user, or gives it a new password, and prints its address
    make subscriber ARGS="--revoke NAME"          withdraws its access and deletes its queue
    make subscriber ARGS="--list"                 lists the subscribers and their organisations

A subscriber can read its queue `ext.NAME.events`, which is bound to all events of its organisation, and its organisation's
stream. It can do nothing else: it declares, binds and publishes nothing, so it cannot fill the broker. The queue has limits of
length, bytes and age, and the user limits of connections and channels; `make run` closes the connections of a subscriber with
more than 50 consumers. After a longer absence it reads the stream.

A name belongs to one organisation until it is revoked. Whoever is connected when a password changes or access ends is cut off.
The organisation's audit trail has a row for each of these steps.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import sys
from pathlib import Path

from deploy import topology
from deploy.broker import Broker
from deploy.topology import FEED_VHOST, VHOST, queue_of_subscriber, stream_of
from services.chassis.database import Database
from services.contracts.errors import Refused
from services.identity.organisations.operator import note_subscriber

USER_LIMITS = {"max-connections": 5, "max-channels": 20}
# RabbitMQ 3.10 limits no consumers: a channel may have any number, and each costs the broker memory, of a stream also files.
MOST_CONSUMERS = 50
_PATIENCE_S = 5
_NAME = re.compile(r"[a-z][a-z0-9-]{1,40}")
_STREAM = re.compile(r"feed\.([a-z0-9_-]+)\)")


class SubscriberRefused(ValueError):
    """A subscriber cannot be made or revoked; the text says why."""


def connect(
    broker: Broker, organisations: list[str], vhost: str = VHOST, feed_vhost: str = FEED_VHOST
) -> None:
    """Make RabbitMQ carry all events from the services' virtual host to the feed's and to these organisations' streams."""
    broker.definitions(topology.definitions(organisations, vhost, feed_vhost))


def add_subscriber(
    broker: Broker, database: Database, name: str, organisation: str, feed_vhost: str = FEED_VHOST
) -> str:
    """Make the broker user of an outside system, or give it a new password and close its connections.

    Returns its AMQP address with the new password, which is not stored. Raises SubscriberRefused if the name belongs to
    another organisation, Refused(not_found) if there is no such organisation.
    """
    if not _NAME.fullmatch(name):
        raise SubscriberRefused("a name has lower-case letters, digits and dashes, at most 41")
    owner = organisation_of(broker, name, feed_vhost)
    if owner not in (None, organisation):
        raise SubscriberRefused(f"{name} belongs to {owner}: revoke it first, or choose another name")
    action = "subscriber.added" if owner is None else "subscriber.password_changed"
    note_subscriber(database, organisation_key=organisation, name=name, action=action)
    user, password = _user(name), secrets.token_urlsafe(32)
    if owner is None:
        broker.delete_named(
            feed_vhost, f"{user}."
        )  # left from before subscribers were revoked with their queues
    topology.declare(broker.uri(feed_vhost), topology.subscriber(name, organisation))
    readable = "|".join(map(re.escape, (queue_of_subscriber(name), stream_of(organisation))))
    broker.add_user(
        user, password, feed_vhost, configure="^$", write="^$", read=f"^({readable})$", limits=USER_LIMITS
    )
    broker.close_connections(user)
    return broker.uri_for(user, password, feed_vhost)


def revoke_subscriber(broker: Broker, database: Database, name: str, feed_vhost: str = FEED_VHOST) -> str:
    """Withdraw the access of an outside system at once, with its queues and bindings. Returns its organisation.

    Raises SubscriberRefused if there is no such subscriber.
    """
    owner = organisation_of(broker, name, feed_vhost)
    if owner is None:
        raise SubscriberRefused(f"there is no subscriber {name!r}")
    user = _user(name)
    note_subscriber(database, organisation_key=owner, name=name, action="subscriber.revoked")
    broker.delete_user(user)
    broker.close_connections(user)
    broker.delete_named(feed_vhost, f"{user}.")
    return owner


def organisation_of(broker: Broker, name: str, feed_vhost: str = FEED_VHOST) -> str | None:
    """The organisation whose stream this subscriber may read; None if there is no such subscriber."""
    for permission in broker.read_permissions(_user(name), feed_vhost):
        found = _STREAM.search(permission.replace("\\", ""))
        if found is not None:
            return found[1]
    return None


def close_crowded(broker: Broker, most: int = MOST_CONSUMERS) -> dict[str, int]:
    """Close the connections of subscribers with more consumers than `most`. Returns their names and numbers of consumers.

    Raises BrokerError and subprocess.TimeoutExpired while the broker does not answer.
    """
    counted = broker.consumers(_user(""), _PATIENCE_S)
    crowded = {user: count for user, count in counted.items() if count > most}
    for user in crowded:
        broker.close_connections(user)
    return {user.removeprefix(_user("")): count for user, count in crowded.items()}


def subscribers(broker: Broker, feed_vhost: str = FEED_VHOST) -> dict[str, str]:
    """The subscribers and their organisations."""
    names = sorted(user.removeprefix("ext.") for user in broker.users() if user.startswith("ext."))
    owners = {name: organisation_of(broker, name, feed_vhost) for name in names}
    return {name: owner for name, owner in owners.items() if owner is not None}


def _user(name: str) -> str:
    return f"ext.{name}"


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make subscriber", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("organisation", nargs="?", metavar="ORGANISATION")
    parser.add_argument("--revoke", metavar="NAME")
    parser.add_argument("--list", action="store_true")
    found = parser.parse_args(arguments)
    asked = [bool(found.name and found.organisation), found.revoke is not None, found.list]
    if sum(asked) != 1 or bool(found.name) != bool(found.organisation):
        parser.error("one of: NAME ORGANISATION, --revoke NAME, --list")
    return found


def main(arguments: list[str]) -> int:
    """Add, revoke or list subscribers at the local stack's broker."""
    asked = _arguments(arguments)
    var = Path(__file__).resolve().parents[1] / "var"
    base = int(os.environ.get("PORTICO_PORT_BASE", "8400"))
    broker = Broker(var / "broker", base + 20, secrets_folder=var / "secrets")
    database = Database(os.environ["IDENTITY_DATABASE_URL"])
    try:
        if asked.list:
            for name, owner in subscribers(broker).items():
                print(f"{name:<42} {owner}")
        elif asked.revoke is not None:
            print(
                f"{asked.revoke} of {revoke_subscriber(broker, database, asked.revoke)} has no access any more"
            )
        else:
            print(add_subscriber(broker, database, asked.name, asked.organisation))
    except (SubscriberRefused, Refused) as error:
        sys.exit(f"make subscriber: {error.detail if isinstance(error, Refused) else error}")
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
