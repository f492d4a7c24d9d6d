"""`make run DATABASE=postgresql SCALE="identity=2 referrals=2"`: one referral, by roles that reach their own database only.

Its processes are started by the commands of the image (deploy/image/start), without a container.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import amqp
import httpx
import psycopg2
import pytest
from sqlalchemy.engine import make_url

from deploy import backup, broker_users, keys
from deploy.client import UnexpectedAnswer
from deploy.demo import ORGANISATION
from deploy.layout import CHECKOUT, Commands, own_commands
from deploy.migrate import SERVICES
from deploy.restore import restore
from deploy.topology import VHOST
from services.chassis.link import connect
from services.contracts.feed import VIRTUAL_HOST
from tests.support.eventually import eventually
from tests.support.reads import Reads
from tests.support.stack import RunningStack, running_stack

REPLICAS = {"identity": 2, "referrals": 2}


def commands_of_the_image() -> Commands:
    """The image's commands with this Python."""
    start = ["env", f"PATH={Path(sys.executable).parent}:/usr/bin:/bin", str(CHECKOUT / "deploy/image/start")]
    own = own_commands()
    return Commands(
        keys=[*start, "keys"],
        migrate=[*start, "migrate"],
        topology=[*start, "topology", "--organisation", ORGANISATION],
        seed=own.seed,
        service=start,
        gateway=[*start, "gateway"],
        live=[*start, "live"],
        watch=[*start, "watch"],
        mail_catcher=own.mail_catcher,
    )


@pytest.fixture(scope="module")
def scaled() -> Iterator[RunningStack]:
    """The stack that the command starts, with the sample directory."""
    with running_stack("postgresql", REPLICAS, commands=commands_of_the_image()) as running:
        running.import_sample()
        yield running


def calls_served(running: RunningStack, service: str, replica: int) -> float:
    """How many calls a replica has answered, by its own metrics."""
    port = running.stack.ports.health(service, replica)
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    return sum(
        map(float, re.findall(r"^portico_calls_served_seconds_count\{.*\} (\S+)$", text, re.MULTILINE))
    )


def test_a_referral_goes_through_and_every_replica_works(scaled: RunningStack) -> None:
    journey = scaled.journey()
    shelter = journey.find_program("Night Shelter")
    journey.create_queue([shelter])
    journey.set_capacity(shelter, 20)
    provider = journey.create_provider("Adaeze", shelter)
    journey.accept_invitation(provider)
    record = journey.enter_record()
    referral = journey.assign(record, shelter)
    assert scaled.staff.get(f"/v1/referrals/{referral['id']}")["id"] == referral["id"]
    journey.await_mail(provider["email"], lambda mail: record["number"] in mail["subject"] + mail["text"])
    for service, count in REPLICAS.items():
        assert [calls_served(scaled, service, each) > 0 for each in range(1, count + 1)] == [True] * count


@pytest.mark.fault("F24")
def test_databases_saved_at_different_moments_converge(scaled: RunningStack, tmp_path: Path) -> None:
    journey, stack = scaled.journey(), scaled.stack
    shelter = journey.find_program("Night Shelter")
    journey.create_queue([shelter])
    provider = journey.create_provider("Ngozi", shelter)
    journey.accept_invitation(provider)
    urls = {service: stack.database_url(service) for service in ("notifications", "referrals")}

    def is_told(times: int) -> None:
        """The provider was told of so many referrals."""
        items = scaled.admin.get("/v1/deliveries", limit=200)["items"]
        told = [each for each in items if each["kind"] == "referral_assigned"]
        assert [each["account_id"] for each in told].count(provider["id"]) == times

    saved = {"notifications": backup.save("notifications", urls["notifications"], tmp_path)}
    referral = journey.assign(journey.enter_record(), shelter)
    eventually(lambda: is_told(1), timeout_s=30)
    saved["referrals"] = backup.save("referrals", urls["referrals"], tmp_path)
    (tmp_path / backup.MANIFEST).write_text(json.dumps({"services": saved, "has_files": False}))
    later = journey.assign(journey.enter_record(), shelter)
    # Its event is handled before the processes stop. Otherwise it would still be in the queue when they start again.
    eventually(lambda: is_told(2), timeout_s=30)

    processes = [name for service in urls for name in stack.process_names(service)]
    for name in processes:
        stack.supervisor.stop(name)
    published = restore(tmp_path, urls, None)
    for name in processes:
        stack.supervisor.start(name)
    stack.supervisor.wait_ready(60)

    assert published["referrals"] > 0
    eventually(lambda: is_told(1), timeout_s=30)
    assert scaled.staff.get(f"/v1/referrals/{referral['id']}")["id"] == referral["id"]
    with pytest.raises(UnexpectedAnswer, match="404"):
        scaled.staff.get(f"/v1/referrals/{later['id']}")
    # What works after a restore is new work.
    journey.assign(journey.enter_record(), shelter)


def test_a_service_is_no_superuser_and_reaches_its_own_database_only(scaled: RunningStack) -> None:
    for service in SERVICES:
        url = make_url(scaled.stack.database_url(service))
        login = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
        with psycopg2.connect(dbname=url.database, **login) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
            )
            assert cursor.fetchall() == [(False,)]
        other = next(each for each in SERVICES if each != service)
        with pytest.raises(psycopg2.OperationalError, match="permission denied"):
            psycopg2.connect(dbname=f"portico_{other}", **login)


@pytest.mark.parametrize(
    ("process", "refused"),
    [
        ("referrals", lambda channel: channel.basic_consume("rpc-identity")),
        ("referrals", lambda channel: channel.basic_consume("notifications.on_referral_assigned")),
        ("referrals", lambda channel: publish(channel, "identity.events")),
        ("referrals", lambda channel: channel.queue_declare("hoard")),
        ("gateway", lambda channel: channel.basic_consume("portico.parked")),
        ("gateway", lambda channel: publish(channel, "referrals.events")),
        ("live", lambda channel: publish(channel, "referrals.events")),
        ("live", lambda channel: channel.queue_declare("hoard")),
        ("scaler", lambda channel: channel.basic_consume("rpc-referrals")),
    ],
)
def test_a_process_may_not_do_what_its_declarations_do_not_need(
    scaled: RunningStack, process: str, refused: Callable[[amqp.Channel], object]
) -> None:
    connection = connect(scaled.stack.amqp_uri_of(process))
    try:
        with pytest.raises(amqp.AccessRefused):
            refused(connection.channel())
    finally:
        connection.close()


def test_whoever_scales_learns_how_many_messages_wait_without_a_right(scaled: RunningStack) -> None:
    connection = connect(scaled.stack.amqp_uri_of("scaler"))
    try:
        asked = connection.channel().queue_declare("rpc-referrals", passive=True)
        assert asked.consumer_count == REPLICAS["referrals"]
    finally:
        connection.close()


def publish(channel: amqp.Channel, exchange: str) -> None:
    """Publish to an exchange, and wait for the broker's word."""
    channel.confirm_select()
    channel.basic_publish_confirm(amqp.Message("{}"), exchange, "anything")


def test_passwords_and_keys_are_exchanged_while_a_service_serves(scaled: RunningStack) -> None:
    stack = scaled.stack
    assert stack.broker is not None
    assert stack.postgres is not None
    secrets = stack.folder / "secrets"
    owner = "portico_referrals"
    exchange = ("--set=owner=" + owner, "--set=other=" + owner + "_b", "--set=password='another'")
    script = str(CHECKOUT / "deploy/postgresql/exchange.sql")
    backup.postgres_program(
        "psql", make_url(stack.postgres.url(owner)), "--quiet", *exchange, f"--file={script}"
    )
    keys.rotate(stack.folder / "keys", "referrals")
    (secrets / f"broker-{owner}").unlink()
    broker_users.write(secrets, VHOST, VIRTUAL_HOST)
    stack.broker.definitions(json.loads((secrets / broker_users.DEFINITIONS).read_text()))
    other = {"REFERRALS_DATABASE_URL": stack.postgres.url(owner, f"{owner}_b", "another")}

    with Reads(
        stack.ports.gateway, str(scaled.staff.token), ("/v1/queues", "/v1/referrals?limit=5"), 10
    ) as reads:
        for number, name in enumerate(stack.process_names("referrals"), start=1):
            process = stack.service_process("referrals", name, number)
            stack.supervisor.remove(name)
            stack.supervisor.add(dataclasses.replace(process, env={**process.env, **other}))
            stack.supervisor.wait_ready(60, [name])
    stack.postgres.create_role(owner, "only the new way in works")

    assert {each.status for each in reads.answers} == {200}
    assert len(reads.answers) > 10
    scaled.staff.post("/v1/contact-records", first_name="Rosalind", last_name="Quimby", postal_code="20009")
    keys.forget(stack.folder / "keys", "referrals")
    rows = stack.postgres.admin_sql(
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = %s", (owner,)
    )
    assert rows == [(f"{owner}_b",)]
