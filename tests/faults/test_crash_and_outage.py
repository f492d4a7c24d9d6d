"""F1 and F3: services are killed and the broker goes away while people work. Nothing acknowledged is lost or done twice."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Any

import kombu
import orjson
import pytest

from services.contracts.referrals import contact_record_created
from tests.support.eventually import eventually
from tests.support.load import Load
from tests.support.stack import RunningStack, running_stack

RATE = 40.0
SERVICES = ("identity", "referrals", "portals", "notifications", "signing")


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    with running_stack() as running:
        running.import_sample()
        yield running


def _record(number: int) -> tuple[str, dict[str, Any]]:
    return "/v1/contact-records", {"first_name": "Load", "last_name": f"Test {number}"}


def _load(stack: RunningStack, count: int) -> Load:
    return Load(stack.url, str(stack.staff.token), _record, RATE, count)


def _records(stack: RunningStack) -> list[str]:
    database = sqlite3.connect(stack.stack.folder / "data" / "referrals.db")
    try:
        return [row[0] for row in database.execute("SELECT id FROM contact_records")]
    finally:
        database.close()


def _events(stack: RunningStack, wanted: set[str]) -> list[str]:
    """Record ids of the events in the organisation's stream, read from its beginning until all wanted are there."""
    found: list[str] = []
    with kombu.Connection(stack.stack.feed_amqp_uri) as connection:
        channel = connection.channel()
        channel.basic_qos(0, 200, False)

        def take(message: Any) -> None:
            event = orjson.loads(message.body)
            if event["type"] == contact_record_created.type:
                found.append(event["subject"])
            channel.basic_ack(message.delivery_tag)

        channel.basic_consume("feed.harbor", callback=take, arguments={"x-stream-offset": "first"})
        ends_at = time.monotonic() + 40
        while not wanted <= set(found) and time.monotonic() < ends_at:
            try:
                connection.drain_events(timeout=1)
            except TimeoutError:
                continue
    return found


def _check(stack: RunningStack, load: Load, before: set[str], label: str, recovery_s: float) -> None:
    """The one line every fault run prints, and the bars."""
    acknowledged = {outcome.answer["id"] for outcome in load.outcomes}
    now = _records(stack)
    new = [record for record in now if record not in before]
    events = _events(stack, acknowledged)
    lost = len(acknowledged - set(new)) + len(acknowledged - set(events))
    duplicated = len(new) - len(acknowledged)
    print(
        f"{label}: attempted {load.count} acknowledged {len(acknowledged)} found {len(new)} lost {lost} duplicated {duplicated} "
        f"recovered {recovery_s:.1f} s unexpected {load.count - len(acknowledged)}"
    )
    assert (len(acknowledged), lost, duplicated) == (load.count, 0, 0)


def _kill_during(stack: RunningStack, load: Load, name: str, kills: int) -> float:
    """Run the load and kill the process meanwhile; the worst time from a restart to the first success."""
    supervisor = stack.stack.supervisor
    thread = threading.Thread(target=load.run)
    thread.start()
    moments = []
    pause = threading.Event()
    for number in range(kills):
        pause.wait(load.count / RATE / (kills + 1) if number == 0 else max(6.0, load.count / RATE / (kills + 1)))
        supervisor.kill(name)
        moments.append(time.monotonic())
        eventually(lambda: _assert_running(stack, name), timeout_s=15)
    thread.join(120)
    assert len(load.outcomes) == load.count
    return max(load.first_success_after(moment) for moment in moments)


def _assert_running(stack: RunningStack, name: str) -> None:
    assert stack.stack.supervisor.pid(name) is not None


@pytest.mark.fault("F1")
@pytest.mark.parametrize("name", SERVICES)
def test_a_killed_service_loses_nothing_and_is_back_in_five_seconds(stack: RunningStack, name: str):
    before = set(_records(stack))
    load = _load(stack, 200)

    recovery_s = _kill_during(stack, load, name, kills=1)

    _check(stack, load, before, f"F1 {name}", recovery_s)
    assert recovery_s <= 5.5  # 0.5 s until the supervisor has started it again, 5 s from then


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.fault("F1")
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_killed_twenty_times_loses_nothing(stack: RunningStack, name: str):
    before = set(_records(stack))
    load = _load(stack, 6000)

    recovery_s = _kill_during(stack, load, name, kills=20)

    _check(stack, load, before, f"F1 full {name}", recovery_s)
    assert recovery_s <= 5.5


def _stop_broker_during(stack: RunningStack, load: Load, down_s: float) -> float:
    broker = stack.stack.broker
    assert broker is not None
    thread = threading.Thread(target=load.run)
    thread.start()
    pause = threading.Event()
    pause.wait(1.5)
    broker.stop()
    pause.wait(down_s)
    broker.start()
    back_at = time.monotonic()
    thread.join(120)
    assert len(load.outcomes) == load.count
    return load.first_success_after(back_at)


@pytest.mark.fault("F3")
def test_a_broker_that_is_away_for_eight_seconds_loses_nothing(stack: RunningStack):
    before = set(_records(stack))
    load = _load(stack, 200)

    recovery_s = _stop_broker_during(stack, load, 8)

    _check(stack, load, before, "F3 8 s", recovery_s)
    assert recovery_s <= 10


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.fault("F3")
@pytest.mark.parametrize("down_s", [1, 8, 30])
def test_a_broker_that_comes_and_goes_loses_nothing(stack: RunningStack, down_s: int):
    for _ in range(4):
        before = set(_records(stack))
        load = _load(stack, 600)

        recovery_s = _stop_broker_during(stack, load, down_s)

        _check(stack, load, before, f"F3 {down_s} s", recovery_s)
        assert recovery_s <= 10


@pytest.mark.fault("F12")
def test_without_identity_nobody_gets_in(stack: RunningStack):
    supervisor = stack.stack.supervisor
    supervisor.stop("identity")
    try:
        for _ in range(20):
            started = time.monotonic()
            answer = stack.staff.get("/v1/queues", expect=503)
            assert answer["code"] == "service_unavailable"
            assert time.monotonic() - started < 2
    finally:
        supervisor.start("identity")
    stack.stack.supervisor.wait_ready(20, ["identity"])
    assert stack.staff.get("/v1/queues") is not None
