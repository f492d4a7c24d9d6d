"""A stall of the loop is measured and logged with its stack. Time without a core does not count as a stall."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from services.chassis.rpc_client import RpcClient
from tests.support import toy
from tests.support.eventually import eventually
from tests.support.toy_process import ServiceSystem, call, metric, toy_system

HELD_S = 0.6
METRIC = "event_loop_stall_seconds_sum"


@pytest.fixture(scope="module")
def system(module_vhost: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceSystem]:
    with toy_system(module_vhost, tmp_path_factory.mktemp("toy")) as running:
        yield running


@pytest.fixture(scope="module")
def client(system: ServiceSystem) -> Iterator[RpcClient]:
    client = system.client()
    yield client
    client.close()


def told(system: ServiceSystem) -> list[dict[str, Any]]:
    """The stalls in the process' log."""
    lines = [line for line in system.log.read_text().splitlines() if line.startswith("{")]
    return [entry for entry in map(json.loads, lines) if entry["event"] == "event_loop_stalled"]


@pytest.mark.stalls("the toy holds its loop so that the monitor has something to see")
@pytest.mark.parametrize("computes", [True, False], ids=["computing", "a blocking call"])
def test_a_stall_is_measured_and_told_once_with_its_stack(
    system: ServiceSystem, client: RpcClient, computes: bool
) -> None:
    lines, seconds = len(told(system)), metric(system.ports[0], METRIC)
    call(client, toy.hold_the_loop, seconds=HELD_S, computes=computes)

    eventually(lambda: assert_more(told(system), lines))
    (entry,) = told(system)[lines:]
    assert entry["ms"] > HELD_S * 1000 - 150
    assert entry["where"].split()[-1] == "hold_the_loop"
    assert "toy.py:" in entry["where"]
    assert "hold_the_loop >" not in entry["where"]
    assert metric(system.ports[0], METRIC) - seconds >= entry["ms"] / 1000 - 0.001


def assert_more(entries: list[Any], than: int) -> None:
    assert len(entries) > than


def test_a_call_that_yields_is_no_stall(system: ServiceSystem, client: RpcClient) -> None:
    lines = len(told(system))
    call(client, toy.dawdle, seconds=HELD_S)
    assert len(told(system)) == lines


def test_a_stopped_process_is_no_stall(system: ServiceSystem, client: RpcClient) -> None:
    lines, process = len(told(system)), psutil.Process(system.processes[0].pid)
    for _ in range(5):
        os.kill(process.pid, signal.SIGSTOP)
        eventually(lambda: assert_status(process, psutil.STATUS_STOPPED))
        time.sleep(HELD_S)  # the time itself is what is tested
        os.kill(process.pid, signal.SIGCONT)
        call(client, toy.do_nothing)
    call(client, toy.dawdle, seconds=0.1)
    assert len(told(system)) == lines


def assert_status(process: psutil.Process, status: str) -> None:
    assert process.status() == status
