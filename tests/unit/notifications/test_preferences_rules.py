"""Which messages can be switched off, and when quiet hours end."""

from __future__ import annotations

import datetime

import pytest

from services.notifications.preferences import rules
from services.notifications.templates.product_words import KINDS

CRITICAL = (
    "account_invited",
    "account_invited_with_password",
    "password_reset",
    "email_confirmation",
    "pickup_code",
    "second_factor_removed",
    "password_changed",
    "login_email_changed",
    "break_glass_used",
    "document_ready_to_sign",
    "referral_assigned",
    "request_overdue",
)


def at(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime.datetime:
    return datetime.datetime(2027, month, day, hour, minute, tzinfo=datetime.UTC)


@pytest.mark.parametrize("kind", CRITICAL)
def test_what_must_be_told_belongs_to_no_group(kind: str) -> None:
    assert kind in KINDS
    assert rules.group_of(kind) is None
    assert not rules.can_wait(kind)


@pytest.mark.parametrize(
    ("kind", "group", "waits"),
    [
        ("message_waiting", "messages", True),
        ("change_answered", "messages", True),
        ("appointment_booked", "appointments", True),
        ("appointment_reminder_7", "appointments", True),
        ("appointment_reminder_near", "appointments", False),
        ("appointment_moved", "appointments", False),
        ("appointment_cancelled", "appointments", False),
        ("appointment_missed_supervisor", "supervision", True),
        ("appointment_missed_management", "management", True),
        ("response_reviewed", "questionnaires", True),
        ("work_status_published", "work_status", True),
        ("document_signed", "documents", True),
    ],
)
def test_each_other_belongs_to_one_and_waits_unless_it_is_of_no_use_later(
    kind: str, group: str, waits: bool
) -> None:
    assert (rules.group_of(kind), rules.can_wait(kind)) == (group, waits)


def test_each_realm_chooses_among_what_it_gets() -> None:
    assert rules.groups_for("staff") == ("management", "documents")
    assert rules.groups_for("employee")[-1] == "supervision"
    assert "supervision" not in rules.groups_for("patient")


NIGHT, DAY = (datetime.time(22), datetime.time(7)), (datetime.time(12), datetime.time(13, 30))
LATE = datetime.time(22), datetime.time(2, 30)


@pytest.mark.parametrize(
    ("now", "hours", "until"),
    [
        (at(3, 21), NIGHT, at(4, 6)),  # Berlin is an hour ahead: 22:00
        (at(3, 20, 59), NIGHT, None),
        (at(4, 5, 59), NIGHT, at(4, 6)),
        (at(4, 6), NIGHT, None),
        (at(4, 11), DAY, at(4, 12, 30)),
        (at(4, 10, 59), DAY, None),
        (at(4, 12, 30), DAY, None),
        # In the night to 28 March the clocks go forward.
        (at(27, 22), NIGHT, at(28, 5)),
        # In that to 31 October they go back, and two o'clock comes twice.
        (at(31, 0, 15, 10), LATE, at(31, 0, 30, 10)),
        (at(31, 0, 45, 10), LATE, None),
        (at(31, 1, 10, 10), LATE, at(31, 1, 30, 10)),
        (at(31, 1, 30, 10), LATE, None),
        (at(4, 23), (None, datetime.time(7)), None),
        (at(4, 23), (datetime.time(22), None), None),
        (at(4, 6), (datetime.time(7), datetime.time(7)), None),
    ],
)
def test_quiet_hours_end_at_the_place_of_the_reader(
    now: datetime.datetime,
    hours: tuple[datetime.time | None, datetime.time | None],
    until: datetime.datetime | None,
) -> None:
    assert rules.quiet_end(now, *hours, "Europe/Berlin") == until
