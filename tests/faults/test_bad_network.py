"""F6: connections to the broker are late, slow, in pieces, or reset again and again. Nothing is lost or done twice."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.proxy import FAIR, BehindProxy, Proxy, Weather
from tests.support.reads import Reads
from tests.support.stack import RunningStack, running_stack
from tests.support.work import check, work_for

pytestmark = [pytest.mark.full, pytest.mark.timeout(600), pytest.mark.fault("F6")]

# FAULT_SECONDS sets another time.
LASTS_S = float(os.environ.get("FAULT_SECONDS", "60"))
WEATHERS = {
    "200 ms there and back": Weather(delay_s=0.1, varies_s=0.025),
    "64 KB/s": Weather(bytes_a_second=64_000),
    "in pieces of 256 bytes": Weather(piece_bytes=256),
    "reset every 2 s": Weather(resets_every_s=2.0),
}
READ = ("/v1/me", "/v1/queues", "/v1/portals/provider", "/v1/message-templates", "/v1/documents?limit=5")
READS_A_SECOND, WRITES_A_SECOND, MOST_WRITES = 25, 5, 100_000
FAILED_AT_MOST = 0.01
# 64 KB/s are less than these requests and their answers are.
HARMLESS = ("200 ms there and back", "in pieces of 256 bytes")


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    with Proxy() as proxy:
        yield proxy


@pytest.fixture(scope="module")
def stack(proxy: Proxy) -> Iterator[RunningStack]:
    """A stack that reaches its broker through the proxy only."""
    with running_stack(seen_as=lambda own: BehindProxy(own, proxy)) as running:
        yield running


@pytest.mark.parametrize("weather", WEATHERS)
def test_bad_connections_to_the_broker_lose_nothing(stack: RunningStack, proxy: Proxy, weather: str) -> None:
    work = work_for(stack, "referrals", MOST_WRITES)
    work.load.rate = WRITES_A_SECOND
    with (
        Reads(stack.stack.ports.gateway, str(stack.admin.token), READ, READS_A_SECOND) as reads,
        work.load.going(),
    ):
        proxy.weather = WEATHERS[weather]
        time.sleep(LASTS_S)
        proxy.weather = FAIR
    failed = Counter(str(each.status) for each in reads.answers if each.status != 200)
    failed += Counter(error.split()[0] for outcome in work.load.outcomes for error in outcome.errors)
    asked = len(reads.answers) + work.load.count
    print(
        f"F6 {weather}: {asked} requests, failed {failed.total() / asked:.2%} {dict(failed)}, resets {proxy.resets}"
    )
    check(stack, work, f"F6 {weather}", 0.0)
    # Nothing but "come back" is answered, and whoever repeats is served in the end.
    assert set(failed) <= {"503", "504"}
    if weather in HARMLESS:
        assert failed.total() <= FAILED_AT_MOST * asked
    if WEATHERS[weather].resets_every_s is not None:
        assert proxy.resets >= 0.9 * LASTS_S / WEATHERS[weather].resets_every_s
