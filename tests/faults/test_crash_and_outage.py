"""F1 and F3: services are killed and the broker goes away while people work. Nothing acknowledged is lost or done twice."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.eventually import eventually
from tests.support.load import Load
from tests.support.stack import RunningStack
from tests.support.work import check, work_for

# The short form. FAULT_WRITES sets another number; `make faults` runs 6,000.
WRITES = int(os.environ.get("FAULT_WRITES", "200"))
SERVICES = ("identity", "referrals", "portals", "notifications", "signing")


# How long a service takes to start depends on what else the machine does: the long form alone has these bars.
# In the everyday form each write must be acknowledged within the patience of the load.
FULL_RECOVERY_S = 5.5  # 0.5 s until the supervisor has started it again, 5 s from then
FULL_RECONNECT_S = 10.0


def _kill_during(portico: RunningStack, load: Load, name: str, kills: int) -> float:
    """Run the load and kill the process meanwhile; the worst time from a restart to the first success."""
    supervisor = portico.stack.supervisor
    thread = threading.Thread(target=load.run)
    thread.start()
    moments = []
    pause = threading.Event()
    for number in range(kills):
        pause.wait(
            load.count / load.rate / (kills + 1)
            if number == 0
            else max(6.0, load.count / load.rate / (kills + 1))
        )
        supervisor.kill(name)
        moments.append(time.monotonic())
        eventually(lambda: _assert_running(portico, name), timeout_s=15)
    thread.join(120)
    assert len(load.outcomes) == load.count
    return max(load.first_success_after(moment) for moment in moments)


def _assert_running(portico: RunningStack, name: str) -> None:
    assert portico.stack.supervisor.pid(name) is not None


@pytest.mark.fault("F1")
@pytest.mark.parametrize("name", SERVICES)
def test_a_killed_service_loses_nothing_and_is_back_soon(portico: RunningStack, name: str):
    work = work_for(portico, name, WRITES)

    recovery_s = _kill_during(portico, work.load, name, kills=1)

    check(portico, work, f"F1 {name}", recovery_s)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.fault("F1")
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_killed_twenty_times_loses_nothing_and_is_back_in_five_seconds(
    portico: RunningStack, name: str
):
    work = work_for(portico, name, 6000)

    recovery_s = _kill_during(portico, work.load, name, kills=20)

    check(portico, work, f"F1 full {name}", recovery_s)
    assert recovery_s <= FULL_RECOVERY_S


def _stop_broker_during(portico: RunningStack, load: Load, down_s: float) -> float:
    broker = portico.stack.broker
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
def test_a_broker_that_is_away_for_eight_seconds_loses_nothing(portico: RunningStack):
    work = work_for(portico, "referrals", WRITES)

    recovery_s = _stop_broker_during(portico, work.load, 8)

    check(portico, work, "F3 8 s", recovery_s)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.fault("F3")
@pytest.mark.parametrize("down_s", [1, 8, 30])
def test_a_broker_that_comes_and_goes_loses_nothing(portico: RunningStack, down_s: int):
    for _ in range(4):
        work = work_for(portico, "referrals", 600)

        recovery_s = _stop_broker_during(portico, work.load, down_s)

        check(portico, work, f"F3 {down_s} s", recovery_s)
        assert recovery_s <= FULL_RECONNECT_S


# Operations of every service, for anybody who is signed in as staff.
OF_ALL_SERVICES = (
    "/v1/me",
    "/v1/organisation",
    "/v1/queues",
    "/v1/referrals?limit=5",
    "/v1/portals/provider",
    "/v1/message-templates",
    "/v1/documents?limit=5",
)
REFUSED_WITHIN_S = 2.0


def _without_identity(portico: RunningStack, requests: int, clients: int) -> None:
    """Ask while identity is down: everybody is refused in time, and nobody gets in."""
    supervisor = portico.stack.supervisor

    def ask(number: int) -> float:
        started = time.monotonic()
        answer = portico.staff.get(OF_ALL_SERVICES[number % len(OF_ALL_SERVICES)], expect=503)
        assert answer["code"] == "service_unavailable"
        return time.monotonic() - started

    supervisor.stop("identity")
    try:
        with ThreadPoolExecutor(clients) as pool:
            took_s = list(pool.map(ask, range(requests)))
    finally:
        supervisor.start("identity")
    supervisor.wait_ready(60, ["identity"])
    print(
        f"F12: attempted {requests} acknowledged 0 found 0 lost 0 duplicated 0 unexpected 0; all refused, "
        f"after {max(took_s):.2f} s at most"
    )
    assert max(took_s) < REFUSED_WITHIN_S
    assert portico.staff.get("/v1/queues") is not None


@pytest.mark.fault("F12")
def test_without_identity_nobody_gets_in(portico: RunningStack):
    _without_identity(portico, requests=20, clients=1)


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.fault("F12")
def test_without_identity_nobody_gets_in_of_a_thousand(portico: RunningStack):
    _without_identity(portico, requests=1000, clients=8)
