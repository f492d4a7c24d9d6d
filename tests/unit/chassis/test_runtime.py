"""The background work of a service process."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from services.chassis import metrics, runtime, wire
from services.chassis.runtime import Parts, Runtime


@pytest.mark.parametrize(
    ("parked", "fill"), [(0, 0.0), (wire.MOST_PARKED // 2, 0.5), (wire.MOST_PARKED, 1.0)]
)
def test_how_full_the_parking_queue_is_is_measured(monkeypatch: pytest.MonkeyPatch, parked: int, fill: float):
    depths = {"rpc-toy": 7, wire.PARKING_QUEUE: parked}
    channel = SimpleNamespace(
        queue_declare=lambda queue, passive: SimpleNamespace(message_count=depths[queue])
    )
    connection = SimpleNamespace(channel=lambda: channel, close=lambda: None)
    monkeypatch.setattr(runtime, "connect", lambda _uri, _timeout_s: connection)
    process: Any = SimpleNamespace(
        inbound=SimpleNamespace(queues=list(depths)),
        rpc=SimpleNamespace(is_connected=True),
        settings=SimpleNamespace(amqp_uri="amqp://broker"),
    )

    assert Runtime._measure_queues(process)

    (sample,) = metrics.PARKING_FILL.collect()[0].samples
    assert sample.value == fill
    assert (
        f'portico_queue_depth{{queue="{wire.PARKING_QUEUE}"}} {float(parked)}'
        in metrics.exposition().decode()
    )


@pytest.mark.parametrize("lost", ["database", "consuming", "publishing", "calling", None])
def test_a_service_is_ready_when_it_can_read_consume_publish_and_call(lost: str | None):
    process: Any = SimpleNamespace(
        database=SimpleNamespace(is_ready=lambda: lost != "database"),
        inbound=SimpleNamespace(is_consuming=lost != "consuming"),
        publisher=SimpleNamespace(is_connected=lost != "publishing"),
        rpc=SimpleNamespace(is_connected=lost != "calling"),
        _folders=list,
    )

    assert [name for name, holds in Runtime.checks(process).items() if not holds] == [lost] * (
        lost is not None
    )


def test_a_process_keeps_one_object_of_a_type():
    parts = Parts()
    kept = parts.keep(SimpleNamespace, SimpleNamespace(name="kept"))

    assert kept.name == "kept"
    assert parts.get(SimpleNamespace) is kept
    assert parts.get(SimpleNamespace, SimpleNamespace) is kept, "made anew"
    made = parts.get(list, list)
    assert made == []
    assert parts.get(list, list) is made
    with pytest.raises(KeyError):
        parts.get(dict)
