"""F21: each service grows from one process to four and shrinks again while people work; two processes do more than one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.migrate import SERVICES
from services.chassis.rpc_client import RpcClient
from tests.support import toy
from tests.support.bars import hold_at_best
from tests.support.stack import RunningStack, running_stack
from tests.support.toy_process import call, toy_system
from tests.support.work import check, work_for

pytestmark = [pytest.mark.full, pytest.mark.timeout(900), pytest.mark.fault("F21")]

MOST = 4
WRITES_A_SECOND = {"identity": 5, "referrals": 5, "portals": 5, "notifications": 2, "signing": 0.3}
# Mails need their contact records first, four times fewer than this.
MOST_WRITES = {"notifications": 800}
READY_WITHIN_S = 90.0
# A handler that waits 20 ms for something outside, two at once in a process: so one process answers 100 a second at most.
HANDLER_S, AT_ONCE, CALLERS, CALLS = 0.02, 2, 16, 600
TWICE_IS_AT_LEAST = 1.5


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    with running_stack("postgresql") as running:
        running.import_sample()
        yield running


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_grows_and_shrinks_loses_nothing(stack: RunningStack, service: str) -> None:
    work = work_for(stack, service, MOST_WRITES.get(service, 100_000))
    work.load.rate = WRITES_A_SECOND[service]
    supervisor = stack.stack.supervisor
    more = [f"{service}-{number}" for number in range(2, MOST + 1)]
    with work.load.going():
        for number, name in enumerate(more, start=2):
            supervisor.add(stack.stack.service_process(service, name, number))
        supervisor.wait_ready(READY_WITHIN_S, more)
        for name in more:
            supervisor.remove(name)

    failed = sum(len(outcome.errors) for outcome in work.load.outcomes)
    print(f"F21 {service}: one process, {MOST}, one; writes that were repeated {failed}")
    check(stack, work, f"F21 {service}", 0.0)


def _calls_a_second(client: RpcClient) -> float:
    with ThreadPoolExecutor(CALLERS) as pool:
        began_at = time.monotonic()
        answers = list(pool.map(lambda _: call(client, toy.dawdle, seconds=HANDLER_S), range(CALLS)))
        took_s = time.monotonic() - began_at
    if answers != [{}] * CALLS:
        raise RuntimeError("a call was not answered")
    return CALLS / took_s


def test_two_processes_answer_more_than_one(
    vhost: str, tmp_path: Path, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RPC_WORKERS", str(AT_ONCE))
    with toy_system(vhost, tmp_path, postgres_database) as system:
        client = system.client(timeout_s=30)
        one = max(_calls_a_second(client) for _ in range(2))
        system.start()

        def compare() -> None:
            two = _calls_a_second(client)
            print(
                f"F21 throughput: {one:.0f} calls/s of {HANDLER_S * 1000:.0f} ms by one process, {two:.0f} by two: {two / one:.2f}"
            )
            assert two >= TWICE_IS_AT_LEAST * one

        hold_at_best(compare)
        client.close()
