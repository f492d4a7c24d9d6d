"""The watch's three addresses, and when it is ready, without a broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy import watch
from deploy.watch import Watch, application

NOWHERE = "amqp://127.0.0.1:1/"


def a_watch(folder: Path, feed_uri: str | None = None) -> Watch:
    return Watch(NOWHERE, feed_uri, None, folder, None, folder / "backups", [])  # type: ignore[arg-type]  # not asked


def asked(of: Watch, path: str) -> tuple[str, bytes]:
    told: list[str] = []

    def start(status: str, _headers: Any, *_more: Any) -> None:
        told.append(status)

    body = b"".join(application(of)({"PATH_INFO": path, "REQUEST_METHOD": "GET"}, start))
    return told[0], body


def test_it_is_ready_once_it_has_looked_at_everything(tmp_path: Path) -> None:
    looking = a_watch(tmp_path)
    looking._try(looking.measure_disk)
    assert asked(looking, "/readyz") == ("503 Service Unavailable", b'{"service":"watch","ok":false}')
    looking._try(looking.measure_queues)  # nobody listens there
    assert not looking.is_ready
    looking._seen.add("measure_queues")
    assert asked(looking, "/readyz") == ("200 OK", b'{"service":"watch","ok":true}')
    with_partners = a_watch(tmp_path, NOWHERE)
    with_partners._seen |= {"measure_disk", "measure_queues"}
    assert not with_partners.is_ready


def test_one_that_is_held_up_is_no_longer_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = a_watch(tmp_path)
    assert asked(looking, "/healthz")[0] == "200 OK"
    monkeypatch.setattr(watch, "LOOK_TAKES_AT_MOST_S", 0.0)
    assert asked(looking, "/healthz")[0] == "503 Service Unavailable"


def test_metrics_have_an_address_of_their_own(tmp_path: Path) -> None:
    status, body = asked(a_watch(tmp_path), "/metrics")
    assert status == "200 OK"
    assert b"portico_watch_last_seconds" in body
    assert asked(a_watch(tmp_path), "/nothing")[0] == "404 Not Found"
