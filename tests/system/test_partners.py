"""Partners that read events: what they may do, whose events they get, and the end of their access."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import amqp
import pytest
from sqlalchemy import text

from deploy import partners, topology
from deploy.broker import Broker
from deploy.topology import PARTNER_LIMITS
from services.chassis.database import Database
from services.chassis.link import connect
from services.contracts import feed
from services.identity.organisations.operator import create_organisation
from services.identity.partners import following, operator
from tests.support import databases
from tests.support.eventually import eventually

ORGANISATIONS = ["harbor", "bayside", partners.SANDBOX]
HANGS_UP = (amqp.AMQPError, OSError)


@dataclass
class Feed:
    """The virtual host of the feed, at a broker that other tests use as well, and identity's database."""

    broker: Broker
    database: Database
    vhost: str

    def add(self, name: str, organisation: str = "harbor", *types: str) -> str:
        """A partner; returns its address."""
        password = operator.create_partner(self.database, organisation, name, list(types))
        self.carry_out()
        return self.broker.uri_for(feed.user_of(organisation, name), password, self.vhost)

    def carry_out(self, *, everything: bool = False) -> list[str]:
        """Make the broker follow."""
        return partners.carry_out(self.broker, self.database, everything=everything, feed_vhost=self.vhost)

    def revoke(self, name: str, organisation: str = "harbor") -> None:
        """Withdraw its access."""
        operator.revoke_partner(self.database, organisation, name)
        self.carry_out()

    def publish(self, body: str, organisation: str, event: str = "referral_assigned.v1") -> None:
        """Publish an event as the shovels do."""
        with contextlib.closing(connect(self.broker.uri(self.vhost))) as connection:
            channel = connection.channel()
            key = f"{event}.{organisation}"
            channel.basic_publish(amqp.Message(body), exchange=feed.EXCHANGE, routing_key=key)
            channel.basic_publish(amqp.Message(body), routing_key=feed.stream_of(organisation))


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
    for user in broker.users_of(vhost):
        if user.startswith(feed.USERS):
            broker.delete_user(user)


def _read(address: str, queue: str, **arguments: Any) -> list[str]:
    """What is in a queue or stream of a partner."""
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
def test_a_partner_reads_the_events_of_its_organisation_only(outside: Feed):
    address = outside.add("reader")
    assert address.startswith("amqp://ext.harbor.reader:")

    outside.publish("ours", "harbor")
    outside.publish("theirs", "bayside")

    assert _read(address, "ext.harbor.reader.events") == ["ours"]
    eventually(lambda: _assert_in("ours", _read(address, "feed.harbor", **{"x-stream-offset": "first"})))
    assert "theirs" not in _read(address, "feed.harbor", **{"x-stream-offset": "first"})


def _assert_in(member: Any, members: Any) -> None:
    assert member in members


REFUSED: dict[str, Callable[[Any], object]] = {
    "publish to the feed": lambda channel: channel.basic_publish_confirm(amqp.Message("x"), feed.EXCHANGE, "a.v1.harbor"),
    "publish to its queue": lambda channel: channel.basic_publish_confirm(amqp.Message("x"), "", "ext.harbor.partner.events"),
    "publish to its stream": lambda channel: channel.basic_publish_confirm(amqp.Message("x"), "", "feed.harbor"),
    "publish to amq.topic": lambda channel: channel.basic_publish_confirm(amqp.Message("x"), "amq.topic", "a"),
    "declare a queue": lambda channel: channel.queue_declare("ext.harbor.partner.more", durable=True, auto_delete=False),
    "declare a queue with any name": lambda channel: channel.queue_declare("", exclusive=True),
    "declare a stream": lambda channel: channel.queue_declare(
        "ext.harbor.partner.stream", durable=True, auto_delete=False, arguments={"x-queue-type": "stream"}
    ),
    "declare an exchange": lambda channel: channel.exchange_declare("ext.harbor.partner.exchange", "topic"),
    "bind all": lambda channel: channel.queue_bind("ext.harbor.partner.events", feed.EXCHANGE, "#"),
    "bind another organisation": lambda channel: channel.queue_bind("ext.harbor.partner.events", feed.EXCHANGE, "*.*.bayside"),
    "bind once more": lambda channel: channel.queue_bind("ext.harbor.partner.events", feed.EXCHANGE, "more.*.harbor"),
    "unbind": lambda channel: channel.queue_unbind("ext.harbor.partner.events", feed.EXCHANGE, "*.*.harbor"),
    "delete its queue": lambda channel: channel.queue_delete("ext.harbor.partner.events"),
    "delete its stream": lambda channel: channel.queue_delete("feed.harbor"),
    "delete the exchange": lambda channel: channel.exchange_delete(feed.EXCHANGE),
    "read another's queue": lambda channel: channel.basic_get("ext.bayside.neighbour.events"),
    "purge another's queue": lambda channel: channel.queue_purge("ext.bayside.neighbour.events"),
    "read another's stream": lambda channel: channel.basic_consume("feed.bayside", arguments={"x-stream-offset": "first"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def partner(outside: Feed) -> str:
    outside.add("neighbour", "bayside")
    return outside.add("partner")


@pytest.mark.fault("A14")
@pytest.mark.parametrize("wish", REFUSED)
def test_a_partner_can_do_nothing_but_read(partner: str, wish: str):
    with contextlib.closing(connect(partner)) as connection:
        channel = connection.channel()
        channel.confirm_select()
        channel.basic_qos(0, 10, False)
        with pytest.raises(amqp.AccessRefused):
            REFUSED[wish](channel)


@pytest.mark.fault("A14")
def test_a_partner_gets_into_no_other_virtual_host(partner: str):
    elsewhere = partner.rpartition("/")[0] + "/%2F"
    with pytest.raises(amqp.NotAllowed):
        connect(elsewhere)


@pytest.mark.fault("A14")
def test_a_partner_has_so_many_connections_and_channels(outside: Feed):
    address = outside.add("eager")
    with contextlib.ExitStack() as opened:
        for _ in range(partners.USER_LIMITS["max-connections"]):
            connection = connect(address)
            opened.callback(connection.collect)
        with pytest.raises(HANGS_UP):
            connect(address)
    eventually(lambda: _connects(address))
    connection = connect(address)
    for _ in range(partners.USER_LIMITS["max-channels"]):
        connection.channel()
    with pytest.raises(HANGS_UP):
        connection.channel()


def _connects(address: str) -> None:
    try:
        connect(address).close()
    except HANGS_UP as error:
        raise AssertionError("the broker still counts the closed connections") from error


@pytest.mark.fault("A14")
def test_a_partner_with_too_many_consumers_is_cut_off(outside: Feed):
    crowded, modest = outside.add("crowded"), outside.add("modest")
    with contextlib.closing(connect(modest)) as other, contextlib.closing(connect(crowded)) as connection:
        _consume(other, "modest", feed.MOST_CONSUMERS)
        _consume(connection, "crowded", feed.MOST_CONSUMERS)
        assert partners.close_crowded(outside.broker) == {}
        _consume(connection, "crowded", 1)
        assert partners.close_crowded(outside.broker) == {"ext.harbor.crowded": feed.MOST_CONSUMERS + 1}
        with pytest.raises(HANGS_UP):
            connection.drain_events(timeout=10)
        assert partners.close_crowded(outside.broker) == {}
        _consume(other, "modest", 0)


def _consume(connection: Any, name: str, count: int) -> None:
    """Begin so many consumers, on two channels."""
    channels = [connection.channel() for _ in range(2)]
    for number in range(count):
        channels[number % 2].basic_consume(feed.queue_of(feed.user_of("harbor", name)))


@pytest.mark.fault("A14")
def test_a_passive_declaration_tells_numbers_and_lets_nobody_read(outside: Feed):
    """A limit of the broker: RabbitMQ asks for no permission there."""
    address = outside.add("curious")
    outside.add("near", "bayside")
    other = feed.queue_of(feed.user_of("bayside", "near"))
    with contextlib.closing(connect(address)) as connection:
        connection.channel().queue_declare(other, passive=True)
        with pytest.raises(amqp.AccessRefused):
            connection.channel().basic_get(other)


def test_the_queue_of_a_partner_is_limited_in_length_bytes_and_age(outside: Feed):
    outside.add("limited")
    resource = f'{{resource, <<"{outside.vhost}">>, queue, <<"ext.harbor.limited.events">>}}'

    answer = outside.broker.evaluate(
        f"{{ok, Queue}} = rabbit_amqqueue:lookup({resource}), "
        '[rabbit_policy:get(Each, Queue) || Each <- [<<"max-length">>, <<"max-length-bytes">>, <<"message-ttl">>]]'
    )

    limits = [PARTNER_LIMITS[name] for name in ("max-length", "max-length-bytes", "message-ttl")]
    assert answer == str(limits)


def _is_open(connection: Any) -> bool:
    try:
        connection.channel().queue_declare("amq.missing", passive=True)
    except amqp.ChannelError:
        return True
    except HANGS_UP:
        return False
    raise AssertionError("there is no such queue")


def test_revoking_ends_connections_queues_and_bindings_at_once(outside: Feed):
    address = outside.add("leaving")
    outside.publish("ours", "harbor")
    connection = connect(address)

    outside.revoke("leaving")

    assert not _is_open(connection)
    with pytest.raises(amqp.AccessRefused):
        connect(address)
    with contextlib.closing(connect(outside.broker.uri(outside.vhost))) as own, pytest.raises(amqp.NotFound):
        own.channel().queue_declare("ext.harbor.leaving.events", passive=True)
    again = outside.add("leaving")
    outside.publish("since", "harbor")
    assert _read(again, "ext.harbor.leaving.events") == ["since"]


def test_a_new_password_closes_the_connections_of_the_old(outside: Feed):
    address = outside.add("renewed")
    outside.publish("kept", "harbor")
    connection = connect(address)

    password = operator.rotate_password(outside.database, "harbor", "renewed")
    outside.carry_out()

    assert not _is_open(connection)
    with pytest.raises(amqp.AccessRefused):
        connect(address)
    renewed = outside.broker.uri_for("ext.harbor.renewed", password, outside.vhost)
    assert _read(renewed, "ext.harbor.renewed.events") == ["kept"]


@pytest.mark.fault("A14")
def test_a_partner_with_chosen_types_gets_these_and_not_by_the_stream_either(outside: Feed):
    address = outside.add("choosy", "harbor", "portico.referrals.referral_assigned.v1")
    outside.publish("wanted", "harbor")
    outside.publish("unwanted", "harbor", "document_signed.v1")

    assert _read(address, "ext.harbor.choosy.events") == ["wanted"]
    with contextlib.closing(connect(address)) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 1, False)
        with pytest.raises(amqp.AccessRefused):
            channel.basic_consume("feed.harbor", arguments={"x-stream-offset": "first"})


def test_other_types_replace_those_before(outside: Feed):
    address = outside.add("changing", "harbor", "portico.referrals.referral_assigned.v1")
    [known] = [each for each in following.partners(outside.database) if each.name == "changing"]
    with outside.database.engine.begin() as connection:
        connection.execute(
            text("UPDATE partners SET event_types = :types, version = version + 1 WHERE id = :id"),
            {"types": '["portico.signing.document_signed.v1"]', "id": known.partner_id},
        )
    assert outside.carry_out() == ["ext.harbor.changing"]
    outside.publish("unwanted", "harbor")
    outside.publish("wanted", "harbor", "document_signed.v1")
    assert _read(address, "ext.harbor.changing.events") == ["wanted"]
    assert outside.carry_out() == []


def test_a_broker_that_lost_a_partner_gets_it_back_and_one_that_nobody_knows_is_withdrawn(outside: Feed):
    address = outside.add("lost")
    outside.broker.delete_user("ext.harbor.lost")
    outside.broker.add_user("ext.former", "kettle", outside.vhost, "^$", "^$", "^feed\\.harbor$")
    former = connect(outside.broker.uri_for("ext.former", "kettle", outside.vhost))

    assert outside.carry_out(everything=True) == ["ext.former"]

    connect(address).close()
    assert not _is_open(former)
    assert "ext.former" not in outside.broker.users()


def test_what_waits_for_a_partner_can_be_told(outside: Feed):
    outside.add("slow")
    outside.publish("one", "harbor")
    user = "ext.harbor.slow"
    uri = outside.broker.uri(outside.vhost)
    eventually(lambda: _assert_in((1, 0), partners.waiting(uri, [user, "ext.harbor.nobody"]).values()))


def test_the_sandbox_sends_one_event_of_each_type_to_its_partners_alone(outside: Feed):
    address, other = outside.add("trying", partners.SANDBOX), outside.add("not-trying")

    count = partners.emit_examples(outside.broker.uri(outside.vhost))

    got = [json.loads(each) for each in _read(address, "ext.sandbox.trying.events")]
    assert sorted(each["type"] for each in got) == sorted(feed.event_types())
    assert len({each["id"] for each in got}) == count
    assert {each["organisationkey"] for each in got} == {"sandbox"}
    assert _read(other, "ext.harbor.not-trying.events") == []


def test_what_is_handed_over_says_where_and_for_how_long():
    said = partners.hand_over(
        "amqp://ext.harbor.lab:pw@host:5672/portico-feeds", "harbor", [], "https://portal"
    )
    for words in (
        "ext.harbor.lab.events",
        "feed.harbor",
        "90 days or 2 GB",
        "7 days",
        "https://portal/asyncapi.json",
    ):
        assert words in said
    chosen = partners.hand_over(
        "amqp://ext.harbor.lab:pw@host/portico-feeds", "harbor", ["portico.a.b.v1"], "https://x"
    )
    assert "feed.harbor" not in chosen


def test_the_command_takes_one_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("IDENTITY_DATABASE_URL", f"sqlite:///{tmp_path}/identity.db")
    monkeypatch.setenv("PUBLIC_URL", "https://portal")
    for arguments in ([], ["lab"], ["add", "lab"], ["revoke", "lab"], ["rotate"]):
        with pytest.raises(SystemExit):
            partners.main(arguments)


@pytest.mark.full
def test_the_example_in_javascript_reads_what_is_live(outside: Feed, tmp_path: Path):
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("node and npm are not installed")
    subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "amqplib@0.10"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    example = Path(__file__).resolve().parents[2] / "deploy" / "examples" / "subscriber.mjs"
    shutil.copy(example, tmp_path)
    address = outside.add("javascript", partners.SANDBOX)
    count = partners.emit_examples(outside.broker.uri(outside.vhost))

    asked = ["--uri", address, "--organisation", partners.SANDBOX, "--count", str(count)]
    done = subprocess.run(
        [node, "subscriber.mjs", *asked],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert sorted(json.loads(line)["type"] for line in done.stdout.splitlines()) == sorted(feed.event_types())
