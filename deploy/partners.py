"""Partners: systems of others that read an organisation's events, in the feed's virtual host.

    make partner NAME=mercy ORGANISATION=harbor [TYPES="portico.referrals.referral_assigned.v1 …"]
                                                creates a partner, and prints what to give to it
    make partner                                lists the partners, and what waits for each
    make partner ARGS="rotate mercy harbor"     gives it a new password; the one before ends
    make partner ARGS="revoke mercy harbor"     ends its access, with its queue
    make partner ARGS="sandbox"                  sends one made-up event of each type to the partners of the organisation `sandbox`
    make partner ARGS="carry-out"               makes the broker do what identity has written down, as `deploy.watch` does
    make partner ARGS="definitions"             prints the users for a broker of your own, for `rabbitmqctl import_definitions`

Identity keeps who is a partner, whether an administrator says so on a page or an operator here; this module makes the broker
follow. So no process that people can reach may administer the broker, and a broker that was lost gets its partners back.

A partner reads its queue, which is bound to its organisation's events (all, or chosen types), and, if it gets all types, the
organisation's stream. It can do nothing else: it declares, binds and publishes nothing, so it cannot fill the broker. The queue
has limits of length, bytes and age, the user of connections and channels; who has too many consumers is cut off.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import amqp

from deploy import topology
from deploy.broker import Broker
from deploy.topology import VHOST
from services.chassis import wire
from services.chassis.database import Database
from services.chassis.link import connect as connect_to
from services.chassis.topology import QUORUM
from services.chassis.unit_of_work import utc_now
from services.contracts import feed
from services.contracts.errors import Refused
from services.identity.partners import following
from services.identity.partners.following import Entitled

SANDBOX = "sandbox"
USER_LIMITS = {"max-connections": feed.MOST_CONNECTIONS, "max-channels": feed.MOST_CHANNELS}
_PATIENCE_S = 5


def connect(
    broker: Broker, organisations: list[str], vhost: str = VHOST, feed_vhost: str = feed.VIRTUAL_HOST
) -> None:
    """Make RabbitMQ carry all events from the services' virtual host to the feed's and to these organisations' streams."""
    broker.definitions(topology.definitions(organisations, vhost, feed_vhost))


def provide_streams(broker: Broker, organisations: list[str]) -> None:
    """Make the streams of these organisations, and let events flow there from now on. Safe to repeat."""
    topology.declare(broker.uri(VHOST), topology.ways_to_streams(organisations))
    topology.declare(broker.uri(feed.VIRTUAL_HOST), topology.feed(organisations))
    connect(broker, organisations)


def carry_out(
    broker: Broker,
    database: Database,
    *,
    everything: bool = False,
    feed_vhost: str = feed.VIRTUAL_HOST,
) -> list[str]:
    """Make the broker do what identity has written down about partners. Returns the users that changed.

    `everything` also restores what the broker has lost, and withdraws users that identity does not know (their queues stay).
    Raises BrokerError, subprocess.TimeoutExpired and AMQP's errors while the broker cannot be used; then call it again.
    """
    known = following.partners(database, undone_only=not everything)
    changed = []
    # Who was revoked comes first: a partner of the same name may have been created since.
    for partner in sorted(known, key=lambda each: not each.is_revoked):
        user = feed.user_of(partner.organisation, partner.name)
        if partner.is_revoked:
            _withdraw(broker, user)
            broker.delete_named(feed_vhost, f"{user}.")
        else:
            _admit(broker, partner, feed_vhost)
        if not partner.is_done:
            broker.close_connections(user)
            following.note_done(database, partner)
            changed.append(user)
    if everything:
        wanted = {feed.user_of(each.organisation, each.name) for each in known if not each.is_revoked}
        for user in broker.users_of(feed_vhost):
            if user.startswith(feed.USERS) and user not in wanted:
                _withdraw(broker, user)
                changed.append(user)
    return changed


def _admit(broker: Broker, partner: Entitled, feed_vhost: str) -> None:
    """The partner's user, and its queue with the bindings of now."""
    queue = feed.queue_of(feed.user_of(partner.organisation, partner.name))
    keys = feed.routing_keys(partner.organisation, partner.event_types)
    broker.definitions(definitions([partner], feed_vhost))
    old = sorted(set(broker.binding_keys(feed_vhost, feed.EXCHANGE, queue)) - set(keys))
    if old:
        with contextlib.closing(connect_to(broker.uri(feed_vhost))) as connection:
            channel = connection.channel()
            for key in old:
                channel.queue_unbind(queue, feed.EXCHANGE, key)


def _withdraw(broker: Broker, user: str) -> None:
    broker.delete_user(user)
    broker.close_connections(user)


def close_crowded(broker: Broker, most: int = feed.MOST_CONSUMERS) -> dict[str, int]:
    """Close the connections of partners with more consumers than `most`. Returns their users and numbers of consumers.

    RabbitMQ 3.10 limits no consumers: a channel may have any number, and each costs the broker memory, of a stream also files.
    Raises BrokerError and subprocess.TimeoutExpired while the broker does not answer.
    """
    counted = broker.consumers(feed.USERS, _PATIENCE_S)
    crowded = {user: count for user, count in counted.items() if count > most}
    for user in crowded:
        broker.close_connections(user)
    return crowded


def waiting(feed_uri: str, users: list[str]) -> dict[str, tuple[int, int]]:
    """For each of these partners that has a queue: the events that wait there, and who reads it. Raises AMQP's errors."""
    found = {}
    with contextlib.closing(connect_to(feed_uri)) as connection:
        for user in users:
            try:
                queue = connection.channel().queue_declare(feed.queue_of(user), passive=True)
            except amqp.NotFound:
                continue
            found[user] = (queue.message_count, queue.consumer_count)
    return found


def definitions(partners: Sequence[Entitled], feed_vhost: str = feed.VIRTUAL_HOST) -> dict[str, Any]:
    """RabbitMQ definitions of these partners: users, what they may, queues, bindings."""
    made: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("users", "permissions", "topic_permissions", "queues", "bindings")
    }
    here = {"vhost": feed_vhost}
    for each in partners:
        user = feed.user_of(each.organisation, each.name)
        queue, stream = feed.queue_of(user), feed.stream_of(each.organisation)
        keys = feed.routing_keys(each.organisation, each.event_types)
        readable = "|".join(map(re.escape, [queue] if each.event_types else [queue, stream]))
        # It may not bind at all. Should a later release let it, then with these keys only.
        may_bind = "|".join(re.escape(key).replace(r"\*", "[^.]+") for key in keys)
        of_user, nothing = {"user": user, **here}, "^$"
        made["users"].append(
            {
                "name": user,
                "password_hash": each.password_hash,
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": [],
                "limits": USER_LIMITS,
            }
        )
        made["permissions"].append(
            {**of_user, "configure": nothing, "write": nothing, "read": f"^({readable})$"}
        )
        made["topic_permissions"].append(
            {**of_user, "exchange": feed.EXCHANGE, "write": nothing, "read": f"^({may_bind})$"}
        )
        made["queues"].append(
            {**here, "name": queue, "durable": True, "auto_delete": False, "arguments": QUORUM}
        )
        ends = {**here, "source": feed.EXCHANGE, "destination": queue, "destination_type": "queue"}
        made["bindings"] += [{**ends, "routing_key": key, "arguments": {}} for key in keys]
    return made


def provide_sandbox(database: Database) -> None:
    """The organisation of which partners get made-up events. Nobody can log in there; it exists once."""
    from services.identity.organisations.operator import create_organisation  # noqa: PLC0415 - the watch needs it never

    create_organisation(
        database,
        key=SANDBOX,
        name="Sandbox",
        admin_email="nobody@sandbox.example.org",
        admin_password=secrets.token_urlsafe(32),
    )


def emit_examples(feed_uri: str) -> int:
    """Send one made-up event of each type, as the shovels do, to the queues of the sandbox's partners and to its stream."""
    from services.contracts.asyncapi import example  # noqa: PLC0415 - the watch needs neither
    from services.contracts.catalogue import CONTRACTS  # noqa: PLC0415

    events = [event for contract in CONTRACTS for event in contract.events.values()]
    with contextlib.closing(connect_to(feed_uri)) as connection:
        channel = connection.channel()
        channel.confirm_select()
        for event in events:
            body = {
                **example(event),
                "id": wire.new_id(),
                "time": utc_now().isoformat(),
                "organisationkey": SANDBOX,
            }
            message = amqp.Message(
                wire.encode(body),
                content_type=wire.CLOUDEVENTS_JSON,
                content_encoding="utf-8",
                delivery_mode=2,
                message_id=body["id"],
                application_headers={f"{feed.HEADER}{name}": body[name] for name in feed.HEADERS},
            )
            channel.basic_publish_confirm(message, feed.EXCHANGE, event.routing_key(SANDBOX))
            channel.basic_publish_confirm(message, "", feed.stream_of(SANDBOX))
    return len(events)


def hand_over(address: str, organisation: str, types: Sequence[str], public_url: str) -> str:
    """What to give to a partner: where it connects, what it finds there, and how long it stays."""
    user = urlsplit(address).username or ""
    stream = (
        f"{feed.stream_of(organisation)}: all of it again, for {feed.STREAM_DAYS} days or {feed.MOST_STREAM_BYTES // 10**9} GB; "
        "`x-stream-offset` says where to begin"
        if not types
        else "none: it holds all types of events, and this partner gets chosen ones"
    )
    queue = (
        f"{feed.queue_of(user)}: {feed.QUEUE_DAYS} days, {feed.MOST_WAITING:,} events or "
        f"{feed.MOST_WAITING_BYTES // 10**6} MB; the oldest are forgotten first"
    )
    bound = ", ".join(types) or f"all events of {organisation}"
    limits = f"{feed.MOST_CONNECTIONS} connections, {feed.MOST_CHANNELS} channels each, {feed.MOST_CONSUMERS} consumers"
    return f"""{address}

Give this to the partner in a safe way. The password is shown only now.
  Address       as above: virtual host {feed.VIRTUAL_HOST}, user {user}
  Queue         {queue}
  Stream        {stream}
  Bound         {bound}; to be changed here only: a partner binds and declares nothing
  Limits        {limits}
  Twice         an event may come twice: drop an `id` that was seen. `subjectversion` counts the events of a `subject`
  Documents     {public_url}/events, {public_url}/asyncapi.json; examples in deploy/examples"""


def main(arguments: list[str]) -> int:
    """Create, list, rotate or revoke partners at the local stack's broker."""
    from services.identity.partners import operator  # noqa: PLC0415 - it loads half of identity, and the watch needs it never

    var = Path(__file__).resolve().parents[1] / "var"
    base = int(os.environ.get("PORTICO_PORT_BASE", "8400"))
    broker = Broker(var / "broker", base + 20, secrets_folder=var / "secrets")
    database = Database(os.environ["IDENTITY_DATABASE_URL"])
    public_url = os.environ["PUBLIC_URL"].rstrip("/")
    try:
        match arguments:
            case ["add", name, organisation, *types]:
                password = operator.create_partner(database, organisation, name, types)
                provide_streams(broker, [organisation])
                carry_out(broker, database)
                address = broker.uri_for(feed.user_of(organisation, name), password, feed.VIRTUAL_HOST)
                print(hand_over(address, organisation, types, public_url))
            case ["rotate", name, organisation]:
                password = operator.rotate_password(database, organisation, name)
                carry_out(broker, database)
                print(broker.uri_for(feed.user_of(organisation, name), password, feed.VIRTUAL_HOST))
            case ["revoke", name, organisation]:
                operator.revoke_partner(database, organisation, name)
                carry_out(broker, database)
                print(f"{name} of {organisation} has no access any more")
            case ["sandbox"]:
                provide_sandbox(database)
                provide_streams(broker, [SANDBOX])
                print(f"{emit_examples(broker.uri(feed.VIRTUAL_HOST))} events are sent")
            case ["carry-out"]:
                print("\n".join([*carry_out(broker, database, everything=True), "carried out"]))
            case ["definitions"]:
                active = [each for each in following.partners(database) if not each.is_revoked]
                print(json.dumps(definitions(active), indent=2))
            case ["list"]:
                _print_list(broker, database)
            case _:
                sys.exit(__doc__)
    except Refused as error:
        sys.exit(f"make partner: {error.detail}")
    finally:
        database.close()
    return 0


def _print_list(broker: Broker, database: Database) -> None:
    active = [each for each in following.partners(database) if not each.is_revoked]
    users = {feed.user_of(each.organisation, each.name): each for each in active}
    depths = waiting(broker.uri(feed.VIRTUAL_HOST), list(users))
    for user, each in users.items():
        waits, readers = depths.get(user, (0, 0))
        types = f"{len(each.event_types)} types" if each.event_types else "all types"
        state = "" if each.is_done else ", not carried out yet"
        print(f"{each.organisation}  {each.name}  {types}, {waits} events wait, {readers} consumers{state}")
    print(f"{len(active)} partners")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
