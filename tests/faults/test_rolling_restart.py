"""F13: every service runs twice, and its processes are restarted one after the other. Nobody who works meanwhile notices."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.migrate import SERVICES
from services.chassis import wire
from services.chassis.passports import Issuer
from services.chassis.rpc_client import RpcClient
from services.contracts.errors import Refused
from services.contracts.referrals import records
from tests.support.eventually import eventually
from tests.support.reads import Reads
from tests.support.stack import RunningStack, running_stack
from tests.support.toy_process import metric
from tests.support.work import check, work_for

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800), pytest.mark.fault("F13")]

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "20"))
READ = ("/v1/me", "/v1/queues", "/v1/portals/provider", "/v1/message-templates", "/v1/documents?limit=5")
READS_A_SECOND, WRITES_A_SECOND, MOST_WRITES = 25, 5, 100_000
EXIT_WITHIN_S, READY_WITHIN_S = 30.0, 60.0


@pytest.fixture(scope="module")
def doubled() -> Iterator[RunningStack]:
    """A stack on PostgreSQL in which every service has two processes."""
    with running_stack("postgresql", dict.fromkeys(SERVICES, 2), start_within_s=180) as running:
        running.import_sample()
        yield running


def _stop(running: RunningStack, name: str) -> float:
    """Stop a process as an operator does; the seconds that it takes to end by itself."""
    began_at = time.monotonic()
    code = running.stack.supervisor.stop(name)
    assert code == 0, f"{name} ended with {code}"
    return time.monotonic() - began_at


def test_a_rolling_restart_fails_no_request(doubled: RunningStack) -> None:
    supervisor = doubled.stack.supervisor
    work = work_for(doubled, "referrals", MOST_WRITES)
    work.load.rate = WRITES_A_SECOND
    ends_s: list[float] = []
    with (
        Reads(doubled.stack.ports.gateway, str(doubled.admin.token), READ, READS_A_SECOND) as reads,
        work.load.going(),
    ):
        for number in range(ROUNDS):
            for name in doubled.stack.process_names(SERVICES[number % len(SERVICES)]):
                ends_s.append(_stop(doubled, name))
                supervisor.start(name)
                supervisor.wait_ready(READY_WITHIN_S, [name])

    failed = [error for outcome in work.load.outcomes for error in outcome.errors]
    statuses = Counter(each.status for each in reads.answers)
    check(doubled, work, f"F13 {ROUNDS} rounds", 0.0)
    print(f"F13 failed writes {Counter(failed)}, reads {dict(statuses)}, longest exit {max(ends_s):.1f} s")
    assert failed == []
    assert set(statuses) == {200}
    assert max(ends_s) <= EXIT_WITHIN_S


def test_a_process_that_waits_for_another_ends_in_time(doubled: RunningStack) -> None:
    """Referrals prints records and asks identity, which hangs, for the name of the organisation. Meanwhile it is told to end."""
    supervisor, stack = doubled.stack.supervisor, doubled.stack
    record = doubled.staff.post("/v1/contact-records", first_name="Rosa", last_name="Quimby")
    account, organisation = doubled.admin.get("/v1/me"), doubled.admin.get("/v1/organisation")
    claims = {
        "sub": account["id"],
        "realm": "staff",
        "perms": [records.create_contact_record_pdf.access.permission],
        "org": organisation["id"],
        "org_key": organisation["key"],
    }
    issuer = Issuer.from_file("identity", str(stack.folder / "keys" / "identity.pem"))
    client = RpcClient(stack.amqp_uri, "printer", timeout_s=20)
    client.start()

    def ask_for_print(_number: int) -> str:
        context = wire.CallContext(wire.new_id(), passport=issuer.for_account("referrals", claims))
        try:
            client.call(records.create_contact_record_pdf, {"contact_record_id": record["id"]}, context)
        except Refused as refusal:
            return refusal.code
        return "printed"

    hung = [supervisor.pid(name) for name in stack.process_names("identity")]
    for pid in hung:
        os.kill(pid or 0, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(ask_for_print, number) for number in range(8)]
            eventually(lambda: _assert_busy(stack.ports.health("referrals", 1)))
            exit_s = _stop(doubled, "referrals-1")
            told = Counter(each.result() for each in asked)
    finally:
        for pid in hung:
            os.kill(pid or 0, signal.SIGCONT)
        supervisor.start("referrals-1")
        supervisor.wait_ready(READY_WITHIN_S)
        client.close()

    print(f"F13 waiting for a service that hangs: {dict(told)}, exit {exit_s:.1f} s")
    assert set(told) <= {"timeout", "service_unavailable"}
    assert exit_s <= EXIT_WITHIN_S


def _assert_busy(health_port: int) -> None:
    assert metric(health_port, "portico_workers_busy") > 0
