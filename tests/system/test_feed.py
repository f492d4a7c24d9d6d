"""Outside systems that read events: what they may do, whose events they get, and the end of their access."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import amqp
import pytest
from sqlalchemy import text

from deploy import feed, topology
from deploy.broker import Broker
from deploy.feed import SubscriberRefused, add_subscriber, organisation_of, revoke_subscriber, subscribers
from deploy.topology import FEED_EXCHANGE, SUBSCRIBER_LIMITS
from services.chassis.database import Database
from services.chassis.link import connect
from services.contracts.errors import Refused
from services.identity.organisations.operator import create_organisation
from tests.support import databases
from tests.support.eventually import eventually

ORGANISATIONS = ["harbor", "bayside"]
HANGS_UP = (amqp.AMQPError, OSError)


@dataclass
class Feed:
    """The virtual host of the feed, at a broker that other tests use as well, and identity's database."""

    broker: Broker
    database: Database
    vhost: str

    def add(self, name: str, organisation: str = "harbor") -> str:
        """A subscriber; returns its address."""
        return add_subscriber(self.broker, self.database, name, organisation, self.vhost)

    def revoke(self, name: str) -> str:
        """Withdraw its access."""
        return revoke_subscriber(self.broker, self.database, name, self.vhost)

    def owner(self, name: str) -> str | None:
        """Its organisation."""
        return organisation_of(self.broker, name, self.vhost)

    def publish(self, body: str, organisation: str) -> None:
        """Publish an event as the shovels do."""
        with contextlib.closing(connect(self.broker.uri(self.vhost))) as connection:
            channel = connection.channel()
            key = f"referral_assigned.v1.{organisation}"
            channel.basic_publish(amqp.Message(body), exchange=FEED_EXCHANGE, routing_key=key)
            channel.basic_publish(amqp.Message(body), routing_key=topology.stream_of(organisation))

    def audited(self, organisation: str) -> list[tuple[str, str]]:
        """Action and object of the organisation's audit rows about subscribers."""
        query = "SELECT action, object_id FROM audit WHERE object_type = 'subscriber' AND organisation_key = :key ORDER BY at"
        with self.database.engine.connect() as connection:
            return [
                (row.action, row.object_id) for row in connection.execute(text(query), {"key": organisation})
            ]


@pytest.fixture(scope="module")
def outside(broker: Broker, module_vhost: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Feed]:
    url = f"sqlite:///{tmp_path_factory.mktemp('identity')}/identity.db"
    databases.migrated("identity", url)
    database = databases.opened(url)
    for key in ORGANISATIONS:
        create_organisation(database, key=key, name=key.title(), admin_email=f"admin@{key}.example.org")
    vhost = module_vhost.rpartition("/")[2]
    topology.declare(module_vhost, topology.feed(ORGANISATIONS))
    definitions = topology.definitions([], "/", vhost)
    broker.definitions({"policies": [each for each in definitions["policies"] if each["vhost"] == vhost]})
    yield Feed(broker, database, vhost)
    database.close()
    for name in subscribers(broker, vhost):
        broker.delete_user(f"ext.{name}")


def _read(address: str, queue: str, **arguments: Any) -> list[str]:
    """What is in a queue or stream of a subscriber."""
    found: list[str] = []
    with contextlib.closing(connect(address)) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 10, False)

        def take(message: Any) -> None:
            found.append(str(message.body))
            message.channel.basic_ack(message.delivery_tag)

        channel.basic_consume(queue, callback=take, arguments=arguments)
        with contextlib.suppress(TimeoutError):
            while True:
                connection.drain_events(timeout=0.5)
    return found


@pytest.mark.fault("A14")
def test_a_subscriber_reads_the_events_of_its_organisation_only(outside: Feed):
    address = outside.add("reader")
    assert address.startswith("amqp://ext.reader:")

    outside.publish("ours", "harbor")
    outside.publish("theirs", "bayside")

    assert _read(address, "ext.reader.events") == ["ours"]
    eventually(lambda: _assert_in("ours", _read(address, "feed.harbor", **{"x-stream-offset": "first"})))
    assert "theirs" not in _read(address, "feed.harbor", **{"x-stream-offset": "first"})


def _assert_in(member: Any, members: Any) -> None:
    assert member in members


REFUSED: dict[str, Callable[[Any], object]] = {
    "publish to the feed": lambda channel: channel.basic_publish_confirm(amqp.Message("x"), FEED_EXCHANGE, "a.v1.harbor"),
    "publish to its queue": lambda channel: channel.basic_publish_confirm(amqp.Message("x"), "", "ext.partner.events"),
    "publish to its stream": lambda channel: channel.basic_publish_confirm(amqp.Message("x"), "", "feed.harbor"),
    "publish to amq.topic": lambda channel: channel.basic_publish_confirm(amqp.Message("x"), "amq.topic", "a"),
    "declare a queue": lambda channel: channel.queue_declare("ext.partner.more", durable=True, auto_delete=False),
    "declare a queue with any name": lambda channel: channel.queue_declare("", exclusive=True),
    "declare a stream": lambda channel: channel.queue_declare(
        "ext.partner.stream", durable=True, auto_delete=False, arguments={"x-queue-type": "stream"}
    ),
    "declare an exchange": lambda channel: channel.exchange_declare("ext.partner.exchange", "topic"),
    "bind all": lambda channel: channel.queue_bind("ext.partner.events", FEED_EXCHANGE, "#"),
    "bind another organisation": lambda channel: channel.queue_bind("ext.partner.events", FEED_EXCHANGE, "*.*.bayside"),
    "bind once more": lambda channel: channel.queue_bind("ext.partner.events", FEED_EXCHANGE, "more.*.harbor"),
    "unbind": lambda channel: channel.queue_unbind("ext.partner.events", FEED_EXCHANGE, "*.*.harbor"),
    "delete its queue": lambda channel: channel.queue_delete("ext.partner.events"),
    "delete its stream": lambda channel: channel.queue_delete("feed.harbor"),
    "delete the exchange": lambda channel: channel.exchange_delete(FEED_EXCHANGE),
    "read another's queue": lambda channel: channel.basic_get("ext.neighbour.events"),
    "purge another's queue": lambda channel: channel.queue_purge("ext.neighbour.events"),
    "read another's stream": lambda channel: channel.basic_consume("feed.bayside", arguments={"x-stream-offset": "first"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def partner(outside: Feed) -> str:
    outside.add("neighbour", "bayside")
    return outside.add("partner")


@pytest.mark.fault("A14")
@pytest.mark.parametrize("wish", REFUSED)
def test_a_subscriber_can_do_nothing_but_read(partner: str, wish: str):
    with contextlib.closing(connect(partner)) as connection:
        channel = connection.channel()
        channel.confirm_select()
        channel.basic_qos(0, 10, False)
        with pytest.raises(amqp.AccessRefused):
            REFUSED[wish](channel)


@pytest.mark.fault("A14")
def test_a_subscriber_gets_into_no_other_virtual_host(partner: str):
    elsewhere = partner.rpartition("/")[0] + "/%2F"
    with pytest.raises(amqp.NotAllowed):
        connect(elsewhere)


@pytest.mark.fault("A14")
def test_a_subscriber_has_so_many_connections_and_channels(outside: Feed):
    address = outside.add("eager")
    with contextlib.ExitStack() as opened:
        for _ in range(feed.USER_LIMITS["max-connections"]):
            connection = connect(address)
            opened.callback(connection.collect)
        with pytest.raises(HANGS_UP):
            connect(address)
    eventually(lambda: _connects(address))
    connection = connect(address)
    for _ in range(feed.USER_LIMITS["max-channels"]):
        connection.channel()
    with pytest.raises(HANGS_UP):
        connection.channel()


def _connects(address: str) -> None:
    try:
        connect(address).close()
    except HANGS_UP as error:
        raise AssertionError("the broker still counts the closed connections") from error


@pytest.mark.fault("A14")
@pytest.mark.fault("A14")
def test_a_subscriber_with_too_many_consumers_is_cut_off(outside: Feed):
    crowded, modest = outside.add("crowded"), outside.add("modest")
    with contextlib.closing(connect(modest)) as other, contextlib.closing(connect(crowded)) as connection:
        _consume(other, "modest", feed.MOST_CONSUMERS)
        _consume(connection, "crowded", feed.MOST_CONSUMERS)
        assert feed.close_crowded(outside.broker) == {}
        _consume(connection, "crowded", 1)
        assert feed.close_crowded(outside.broker) == {"crowded": feed.MOST_CONSUMERS + 1}
        with pytest.raises(HANGS_UP):
            connection.drain_events(timeout=10)
        assert feed.close_crowded(outside.broker) == {}
        _consume(other, "modest", 0)


def _consume(connection: Any, name: str, count: int) -> None:
    """Begin so many consumers, on two channels."""
    channels = [connection.channel() for _ in range(2)]
    for number in range(count):
        channels[number % 2].basic_consume(topology.queue_of_subscriber(name))


@pytest.mark.fault("A14")
def test_a_passive_declaration_tells_numbers_and_lets_nobody_read(outside: Feed):
    """A limit of the broker: RabbitMQ asks for no permission there."""
    address = outside.add("curious")
    outside.add("neighbour", "bayside")
    other = topology.queue_of_subscriber("neighbour")
    with contextlib.closing(connect(address)) as connection:
        connection.channel().queue_declare(other, passive=True)
        with pytest.raises(amqp.AccessRefused):
            connection.channel().basic_get(other)


def test_the_queue_of_a_subscriber_is_limited_in_length_bytes_and_age(outside: Feed):
    outside.add("limited")
    resource = f'{{resource, <<"{outside.vhost}">>, queue, <<"ext.limited.events">>}}'

    answer = outside.broker.evaluate(
        f"{{ok, Queue}} = rabbit_amqqueue:lookup({resource}), "
        '[rabbit_policy:get(Each, Queue) || Each <- [<<"max-length">>, <<"max-length-bytes">>, <<"message-ttl">>]]'
    )

    limits = [SUBSCRIBER_LIMITS[name] for name in ("max-length", "max-length-bytes", "message-ttl")]
    assert answer == str(limits)


def _is_open(connection: Any) -> bool:
    try:
        connection.channel().queue_declare("amq.missing", passive=True)
    except amqp.ChannelError:
        return True
    except HANGS_UP:
        return False
    raise AssertionError("there is no such queue")


def test_a_name_belongs_to_one_organisation_until_it_is_revoked(outside: Feed):
    address = outside.add("moved")
    outside.publish("ours", "harbor")

    with pytest.raises(SubscriberRefused, match="moved belongs to harbor"):
        outside.add("moved", "bayside")

    assert outside.owner("moved") == "harbor"
    assert _read(address, "ext.moved.events") == ["ours"]
    assert outside.audited("bayside").count(("subscriber.added", "moved")) == 0


def test_revoking_ends_connections_queues_and_bindings_at_once(outside: Feed):
    address = outside.add("leaving")
    outside.publish("ours", "harbor")
    with contextlib.closing(connect(outside.broker.uri(outside.vhost))) as own:
        # As a subscriber could make before it was allowed to read only.
        channel = own.channel()
        channel.queue_declare("ext.leaving.old", durable=True, auto_delete=False)
        channel.queue_bind("ext.leaving.old", FEED_EXCHANGE, "*.*.harbor")
        channel.exchange_declare("ext.leaving.exchange", "topic", durable=True, auto_delete=False)
    connection = connect(address)

    assert outside.revoke("leaving") == "harbor"

    assert not _is_open(connection)
    with pytest.raises(amqp.AccessRefused):
        connect(address)
    with contextlib.closing(connect(outside.broker.uri(outside.vhost))) as own:
        for queue in ("ext.leaving.events", "ext.leaving.old"):
            with pytest.raises(amqp.NotFound):
                own.channel().queue_declare(queue, passive=True)
        with pytest.raises(amqp.NotFound):
            own.channel().exchange_declare("ext.leaving.exchange", "topic", passive=True)
    again = outside.add("leaving", "bayside")
    outside.publish("theirs", "bayside")
    assert _read(again, "ext.leaving.events") == ["theirs"]


def test_a_revoked_subscriber_of_the_old_kind_leaves_nothing_to_its_successor(outside: Feed):
    """A subscriber could make queues of its own, and bind them to its organisation's key."""
    permission = r"^(ext\.former\..*|feed|feed\.harbor)$"
    outside.broker.add_user("ext.former", "kettle", outside.vhost, "^$", "^$", permission)

    assert outside.owner("former") == "harbor"
    with pytest.raises(SubscriberRefused):
        outside.add("former", "bayside")
    assert outside.revoke("former") == "harbor"
    assert outside.owner("former") is None


def test_a_new_password_closes_the_connections_of_the_old(outside: Feed):
    address = outside.add("renewed")
    outside.publish("kept", "harbor")
    connection = connect(address)

    renewed = outside.add("renewed")

    assert not _is_open(connection)
    with pytest.raises(amqp.AccessRefused):
        connect(address)
    assert _read(renewed, "ext.renewed.events") == ["kept"]


def test_every_step_is_in_the_audit_trail_of_the_organisation(outside: Feed):
    outside.add("audited")
    outside.add("audited")
    outside.revoke("audited")

    steps = [action for action, name in outside.audited("harbor") if name == "audited"]
    assert steps == ["subscriber.added", "subscriber.password_changed", "subscriber.revoked"]


def test_nobody_subscribes_to_an_organisation_that_does_not_exist(outside: Feed):
    with pytest.raises(Refused, match="not_found"):
        outside.add("lost", "nowhere")
    assert outside.owner("lost") is None


@pytest.mark.parametrize("name", ["", "a", "Lab", "lab.events", "lab#", "l" * 42, "-lab", "lab\n"])
def test_a_name_is_one_word_of_a_queue_name(outside: Feed, name: str):
    with pytest.raises(SubscriberRefused, match="lower-case letters"):
        outside.add(name)


def test_who_is_no_subscriber_cannot_be_revoked(outside: Feed):
    with pytest.raises(SubscriberRefused, match="no subscriber"):
        outside.revoke("stranger")


def test_the_list_of_subscribers_names_their_organisations(outside: Feed):
    outside.add("listed", "bayside")

    assert subscribers(outside.broker, outside.vhost)["listed"] == "bayside"


@pytest.mark.parametrize(
    "arguments", [[], ["lab"], ["lab", "harbor", "--list"], ["--list", "--revoke", "lab"]]
)
def test_the_command_takes_one_order(arguments: list[str]):
    with pytest.raises(SystemExit):
        feed.main(arguments)
