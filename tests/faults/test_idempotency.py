"""F19: one key many times at once, with another body, after a restart; many keys."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.stack import RunningStack

pytestmark = [pytest.mark.full, pytest.mark.timeout(900), pytest.mark.fault("F19")]
AT_ONCE, KEYS, CLIENTS = 100, 1000, 20


def enter(portico: RunningStack, key: str, last_name: str, client: httpx.Client) -> tuple[int, Any]:
    """Enter a contact record with this key: status and answer."""
    answer = client.post(
        f"{portico.url}/v1/contact-records",
        json={"first_name": "Load", "last_name": last_name},
        headers={"Authorization": f"Bearer {portico.staff.token}", "Idempotency-Key": key},
    )
    return answer.status_code, answer.json()


def count(portico: RunningStack, last_name: str) -> int:
    """How many contact records have this name."""
    found = portico.staff.post("/v1/contact-records/search", expect=200, name=last_name)
    return len(found["items"])


def test_a_key_has_one_effect_whatever_comes_between(portico: RunningStack) -> None:
    gate = threading.Barrier(AT_ONCE)
    limits = httpx.Limits(max_connections=AT_ONCE)
    with httpx.Client(timeout=60, limits=limits) as client, ThreadPoolExecutor(AT_ONCE) as pool:

        def at_once(_: int) -> tuple[int, Any]:
            gate.wait(60)
            return enter(portico, "f19-one", "Onceonly", client)

        answers = list(pool.map(at_once, range(AT_ONCE)))
        different = {repr(each) for each in answers}
        with_other_body = enter(portico, "f19-one", "Another", client)

        supervisor = portico.stack.supervisor
        supervisor.stop("referrals")
        supervisor.start("referrals")
        supervisor.wait_ready(60, ["referrals"])
        after_restart = enter(portico, "f19-one", "Onceonly", client)

    print(
        f"F19: attempted {AT_ONCE + 2} acknowledged {AT_ONCE + 1} found {count(portico, 'Onceonly')} lost 0 "
        f"duplicated {count(portico, 'Onceonly') - 1} different answers {len(different)} with another body {with_other_body[0]} "
        f"unexpected {sum(status != 201 for status, _ in answers)}"
    )
    assert {status for status, _ in answers} == {201}
    assert len(different) == 1
    assert (with_other_body[0], with_other_body[1]["code"]) == (422, "idempotency_key_reused")
    assert after_restart == answers[0]
    assert (count(portico, "Onceonly"), count(portico, "Another")) == (1, 0)


def test_a_thousand_keys_sent_twice_have_a_thousand_effects(portico: RunningStack) -> None:
    """The second time overlaps the first: each request goes out twice, one after the other without waiting for the rest."""
    started = time.monotonic()
    with httpx.Client(timeout=60, limits=httpx.Limits(max_connections=CLIENTS)) as client:

        def send(number: int) -> tuple[int, Any]:
            return enter(portico, f"f19-{number // 2}", f"Key{number // 2:04}", client)

        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = list(pool.map(send, range(2 * KEYS)))
    pairs = list(zip(answers[::2], answers[1::2], strict=True))
    ids = {first[1]["id"] for first, _ in pairs}
    same = sum(first == second for first, second in pairs)
    print(
        f"F19: attempted {2 * KEYS} acknowledged {sum(status == 201 for status, _ in answers)} found {len(ids)} lost "
        f"{KEYS - len(ids)} duplicated {KEYS - same} unexpected {sum(status != 201 for status, _ in answers)} "
        f"in {time.monotonic() - started:.0f} s"
    )
    assert {status for status, _ in answers} == {201}
    assert (len(ids), same) == (KEYS, KEYS)
