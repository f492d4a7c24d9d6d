"""`make run DATABASE=postgresql SCALE="identity=2 referrals=2"`: one referral, by roles that reach their own database only."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import psycopg2
import pytest
from sqlalchemy.engine import make_url

from deploy.stack import SERVICES
from tests.support.stack import RunningStack, running_stack

REPLICAS = {"identity": 2, "referrals": 2}


@pytest.fixture(scope="module")
def scaled() -> Iterator[RunningStack]:
    """The stack that the command starts, with the sample directory."""
    with running_stack("postgresql", REPLICAS) as running:
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
