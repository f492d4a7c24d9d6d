"""A calendar at a secret address: as text/calendar, not twice to whoever has it, and its address nowhere in log or metrics."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import generate_latest

from services.contracts.errors import Refused
from services.contracts.portals import calendar_feeds
from tests.unit.gateway.conftest import FakeClient

SECRET = "s" * 43
PATH = f"/v1/calendar-feeds/{SECRET}/appointments.ics"
OPERATION = calendar_feeds.read_calendar_feed.address


def test_a_calendar_is_sent_once(http: FlaskClient, services: FakeClient) -> None:
    services.answers[OPERATION] = {"calendar": "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"}
    first = http.get(PATH)
    assert (first.status_code, first.content_type) == (200, "text/calendar; charset=utf-8")
    assert first.text.startswith("BEGIN:VCALENDAR")
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = http.get(PATH, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.text, again.headers["ETag"]) == (304, "", first.headers["ETag"])
    services.answers[OPERATION] = {"calendar": "BEGIN:VCALENDAR\r\nX:1\r\nEND:VCALENDAR\r\n"}
    changed = http.get(PATH, headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.headers["ETag"] != first.headers["ETag"]) == (200, True)


@pytest.mark.parametrize("answer", [{"calendar": "BEGIN"}, Refused("not_found", "Gone.")])
def test_its_address_is_in_no_log_no_metric_and_no_answer(
    http: FlaskClient,
    services: FakeClient,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    answer: Any,
) -> None:
    services.answers[OPERATION] = answer
    response = http.get(PATH)
    written = capsys.readouterr()
    told = written.out + written.err + caplog.text + generate_latest().decode()
    assert "/v1/calendar-feeds/<token>/appointments.ics" in told
    assert SECRET not in told + response.text + str(response.headers)
