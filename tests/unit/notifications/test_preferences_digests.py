"""When a summary of the day is due, and how it counts."""

from __future__ import annotations

import datetime

import pytest

from services.contracts.notifications.preferences import GROUPS
from services.notifications.deliveries.digests import counted
from services.notifications.preferences.rules import can_wait, digest_due

EIGHT = datetime.time(8)


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-04T07:59:00-05:00", "2026-03-04T08:00:00-05:00"),
        ("2026-03-04T08:00:00-05:00", "2026-03-05T08:00:00-05:00"),
        ("2026-03-07T20:00:00-05:00", "2026-03-08T08:00:00-04:00"),  # the clocks go forward that night
    ],
)
def test_it_is_due_at_the_next_hour_of_the_place(now: str, due: str) -> None:
    assert digest_due(at(now), EIGHT, "America/New_York") == at(due)


@pytest.mark.parametrize("language", [None, "en", "es-MX", "fr"])
def test_every_group_is_counted_in_words(language: str | None) -> None:
    for group in GROUPS:
        one, two = counted({group: 1}, language), counted({group: 2}, language)
        assert one.startswith("1 ")
        assert two.startswith("2 ")
        assert one[2:] != two[2:]
    said = counted({"messages": 2, "appointments": 1}, language)
    assert said == (
        "1 aviso sobre citas, 2 mensajes"
        if language == "es-MX"
        else "1 notice about appointments, 2 messages"
    )


def test_what_is_urgent_never_waits() -> None:
    assert not can_wait("appointment_cancelled")
    assert not can_wait("second_factor_removed")
    assert can_wait("message_waiting")
