"""F4 and F5: a service, the broker or the database stands still (SIGSTOP), or the broker has no memory or disk left.

What does not need it goes on; the rest is told early.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import psutil
import pytest

from deploy.broker import Broker
from deploy.postgres import Postgres
from tests.support.eventually import eventually
from tests.support.reads import Reads
from tests.support.servers import private_postgres
from tests.support.stack import RunningStack, running_stack
from tests.support.work import check, rows, work_for

OWN = ("/healthz", "/credentials", "/docs")  # what the gateway answers alone
OF_REFERRALS = ("/v1/queues", "/v1/capacities?limit=5", "/v1/referrals?limit=5")
OF_OTHERS = ("/v1/me", "/v1/organisation", "/v1/documents?limit=5", "/v1/message-templates")
RATE, STOPPED_S, AFTERWARDS_S = 40, 15.0, 12.0
# What raises the broker's alarm, and what ends it.
ALARMS = {
    "memory": (("set_vm_memory_high_watermark", "absolute", "1MB"), ("set_vm_memory_high_watermark", "0.4")),
    "disk": (("set_disk_free_limit", "100000GB"), ("set_disk_free_limit", "50MB")),
}
ALARM_S, EVENTS_LEFT_WITHIN_S = 20.0, 30.0
DEADLINE_S, UNRELATED_S, SHARE, RECOVERED_S = 5.0, 0.5, 0.95, 10.0


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with private_postgres() as server:
        yield server


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stack(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[RunningStack]:
    with running_stack(databases="sqlite" if request.param == "sqlite" else postgres) as running:
        yield running


def _hold(
    stack: RunningStack,
    fault: contextlib.AbstractContextManager[None],
    related: Sequence[str],
    label: str,
    lasts_s: float = STOPPED_S,
) -> None:
    """Read while the fault lasts and afterwards, and hold the answers against the bars."""
    with Reads(
        stack.stack.ports.gateway, str(stack.admin.token), (*OWN, *OF_REFERRALS, *OF_OTHERS), RATE
    ) as reads:
        time.sleep(3)
        with fault:
            stopped_at = time.monotonic()
            time.sleep(lasts_s)
        went_on_at = time.monotonic()
        time.sleep(AFTERWARDS_S)
    # Whoever was on the way when it stopped is not counted: a moment later nobody is.
    assert {each.status for each in reads.between(0, stopped_at - 1)} == {200}
    meanwhile = reads.between(stopped_at, went_on_at)
    unrelated = [each for each in meanwhile if each.path not in related]
    quick = sum(each.status == 200 and each.took_s < UNRELATED_S for each in unrelated) / len(unrelated)
    longest = max(each.took_s for each in reads.answers)
    afterwards = reads.between(went_on_at, time.monotonic())
    recovered_s = max(
        (each.asked_at + each.took_s - went_on_at for each in afterwards if each.status != 200), default=0.0
    )
    print(
        f"{label}: attempted {len(reads.answers)}, while it stood still {len(meanwhile)}: "
        f"{dict(Counter(each.status for each in meanwhile))}, unrelated in time {quick:.1%}, "
        f"longest {longest:.1f} s, recovered {recovered_s:.1f} s"
    )
    assert quick >= SHARE
    assert longest <= DEADLINE_S + 1
    assert recovered_s <= RECOVERED_S


@contextlib.contextmanager
def _stopped(pids: Sequence[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _family(pid: int | None) -> list[int]:
    """A process and those that it started."""
    assert pid is not None
    process = psutil.Process(pid)
    return [pid, *(each.pid for each in process.children(recursive=True))]


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.fault("F4")
@pytest.mark.parametrize("service", ["referrals", "identity", "signing"])
def test_a_service_that_stands_still_stops_nothing_else(stack: RunningStack, service: str) -> None:
    related: Sequence[str] = {
        "referrals": OF_REFERRALS,
        "identity": (*OF_REFERRALS, *OF_OTHERS),
        "signing": ("/v1/documents?limit=5",),
    }[service]

    _hold(stack, _stopped(_family(stack.stack.supervisor.pid(service))), related, f"F4 {service}")


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.fault("F4")
def test_a_broker_that_stands_still_stops_nothing_that_needs_no_service(stack: RunningStack) -> None:
    assert stack.stack.broker is not None

    _hold(stack, _stopped(_family(stack.stack.broker.pid)), (*OF_REFERRALS, *OF_OTHERS), "F4 broker")


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.fault("F4")
def test_a_database_that_stands_still_stops_nothing_that_needs_no_service(
    stack: RunningStack, postgres: Postgres
) -> None:
    if stack.stack.database_url("identity").startswith("sqlite"):
        pytest.skip("SQLite has no process that could stand still")

    _hold(stack, _stopped(_family(postgres.pid)), (*OF_REFERRALS, *OF_OTHERS), "F4 PostgreSQL")


@contextlib.contextmanager
def _alarmed(broker: Broker, raised: Sequence[str], cleared: Sequence[str]) -> Iterator[None]:
    broker.ctl(*raised)
    try:
        yield
    finally:
        broker.ctl(*cleared)


def _assert_all_events_left(stack: RunningStack) -> None:
    assert rows(stack, "referrals", "SELECT count(*) FROM outbox") == ["0"]


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.fault("F5")
@pytest.mark.parametrize("short_of", ALARMS)
def test_a_broker_short_of_memory_or_disk_loses_nothing_and_stops_nothing_that_needs_no_service(
    stack: RunningStack, short_of: str
) -> None:
    assert stack.stack.broker is not None
    work = work_for(stack, "referrals", 10_000)
    work.load.rate = 5
    with work.load.going():
        fault = _alarmed(stack.stack.broker, *ALARMS[short_of])
        _hold(stack, fault, (*OF_REFERRALS, *OF_OTHERS), f"F5 {short_of}", lasts_s=ALARM_S)
    began_at = time.monotonic()
    eventually(lambda: _assert_all_events_left(stack), timeout_s=EVENTS_LEFT_WITHIN_S - AFTERWARDS_S)

    check(stack, work, f"F5 {short_of}", time.monotonic() - began_at + AFTERWARDS_S)
