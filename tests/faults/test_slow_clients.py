"""A23: a crowd of slow clients. Everybody else is served as if they were not there."""

from __future__ import annotations

import time
from functools import partial

import pytest

from tests.support.bars import hold_at_best
from tests.support.reads import Reads, percentile
from tests.support.slow_clients import (
    a_whole_request,
    connected,
    half_a_body,
    half_an_upload,
    half_the_headers,
)
from tests.support.stack import RunningStack

READS = ("/v1/me", "/v1/queues", "/v1/referrals?limit=5")
SECONDS, RATE = 8.0, 40
READ_P95_S, HEALTH_P99_S = 0.5, 0.1
MEMORY_MB = 100


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.fault("A19")
@pytest.mark.fault("A23")
def test_a_crowd_of_slow_clients_slows_nobody_down(portico: RunningStack) -> None:
    token, port = str(portico.admin.token), portico.stack.ports.gateway
    slow = {
        half_a_body("/v1/contact-records", token): 150,
        half_a_body("/v1/sessions", None): 150,
        half_the_headers("/v1/me", token): 300,
        b"": 300,
        half_an_upload("/v1/documents", token): 70,
        a_whole_request("/openapi.json", None): 100,
    }
    hold_at_best(partial(_crowd, portico, port, token, slow))
    assert portico.rss_mb("gateway") < 2 * MEMORY_MB, "the process that granian starts, and its parent"


def _crowd(portico: RunningStack, port: int, token: str, slow: dict[bytes, int]) -> None:
    with connected(port, slow), Reads(port, token, (*READS, "/healthz"), RATE) as reads:
        time.sleep(SECONDS)
    healthy = [each for each in reads.answers if each.path == "/healthz"]
    others = [each for each in reads.answers if each.path != "/healthz"]
    p95, health = percentile(others, 95), percentile(healthy, 99)
    print(
        f"A23: {sum(slow.values())} slow clients, {len(reads.answers)} reads, "
        f"p95 {p95 * 1000:.0f} ms, health p99 {health * 1000:.0f} ms, gateway {portico.rss_mb('gateway'):.0f} MB"
    )
    if {each.status for each in reads.answers} != {200}:
        raise RuntimeError("not everybody was answered")
    assert p95 < READ_P95_S
    assert health < HEALTH_P99_S
