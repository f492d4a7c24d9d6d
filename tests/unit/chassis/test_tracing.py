"""Spans: nothing is loaded or recorded unless a collector is named, and a collector that is away holds nobody up."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.ports import free_block
from services.chassis import tracing, wire
from services.chassis.otlp import OtlpRecorder
from services.chassis.settings import SettingsError, load_settings
from tests.support.collector import collecting

PARENT = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
NOT_SAMPLED = PARENT[:-2] + "00"


@pytest.fixture
def away() -> str:
    """The address of a collector that is not there."""
    return f"http://127.0.0.1:{free_block(1)}"


@pytest.fixture(autouse=True)
def off_again() -> Iterator[None]:
    yield
    tracing.record_with(None)


def settings(**given: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"otel_exporter_otlp_endpoint": None, "traces_ratio": 1.0} | given)


def test_without_a_collector_nothing_is_recorded_and_the_library_is_not_loaded() -> None:
    program = (
        "import sys, types; from services.chassis import run, tracing; import gateway.server; "
        "tracing.start('toy', types.SimpleNamespace(otel_exporter_otlp_endpoint=None)); "
        "assert tracing.begin('server', 'x', None) is None and not tracing.is_on(); "
        "sys.exit(any(name.startswith(('opentelemetry', 'google.protobuf')) for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_span_continues_the_trace_and_is_the_parent_of_what_follows() -> None:
    with collecting() as collector:
        tracing.start("toy", settings(otel_exporter_otlp_endpoint=f"{collector.url}/"))
        span = tracing.begin("client", "toy.add_thing", PARENT)
        assert span is not None
        assert span.traceparent.startswith(PARENT[:36])
        assert span.traceparent.endswith("-01")
        assert wire.is_traceparent(span.traceparent)
        span.end("timeout", is_fault=True, name="toy.named_later")
        new = tracing.begin("server", "toy.list_things", None, time.time() - 5)
        assert new is not None
        assert new.traceparent[3:35] != PARENT[3:35]
        new.end("ok")
        tracing.stop()
        assert not tracing.is_on()
    first, second = sorted(collector.spans, key=lambda each: each.name, reverse=True)
    assert (first.service, first.name, first.parent) == ("portico-toy", "toy.named_later", "2" * 16)
    assert (first.is_fault, first.attributes) == (True, {"portico.outcome": "timeout"})
    assert (second.name, second.parent, second.is_fault) == ("toy.list_things", "", False)
    assert second.took_s >= 5
    assert first.kind != second.kind


def test_the_ratio_decides_where_a_trace_begins_and_the_caller_where_it_goes_on(away: str) -> None:
    for ratio, parent, flags in (
        (0.0, None, "00"),
        (1.0, None, "01"),
        (0.0, PARENT, "01"),
        (1.0, NOT_SAMPLED, "00"),
    ):
        recorder = OtlpRecorder("toy", away, ratio)
        span = recorder.begin("server", "x", parent, None)
        assert span.traceparent[-2:] == flags, (ratio, parent)
        recorder.stop()


def test_a_collector_that_is_away_holds_nobody_up(away: str) -> None:
    tracing.start("toy", settings(otel_exporter_otlp_endpoint=away))
    began_at = time.monotonic()
    for _ in range(10_000):
        span = tracing.begin("server", "toy.list_things", None)
        assert span is not None
        span.end("ok")
    tracing.stop()
    assert time.monotonic() - began_at < 15


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("TRACES_RATIO", "1.1"),
        ("TRACES_RATIO", "-0.1"),
    ],
)
def test_a_wrong_setting_prevents_the_start(name: str, value: str) -> None:
    from gateway.settings import GatewaySettings

    given = {"AMQP_URI": "amqp://127.0.0.1/", "BLOB_DIR": "/nowhere"}
    assert load_settings(GatewaySettings, given).otel_exporter_otlp_endpoint is None
    with pytest.raises(SettingsError, match=name):
        load_settings(GatewaySettings, {**given, name: value})
