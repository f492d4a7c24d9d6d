"""Which messages can be switched off, and how long quiet hours last. Pure."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

# By kind of message. What is not here cannot be switched off, and waits for no hour.
_GROUPS = {
    "message_waiting": "messages",
    "change_answered": "messages",
    "questionnaire_completed": "questionnaires",
    "review_requested": "questionnaires",
    "response_reviewed": "questionnaires",
    "work_status_published": "work_status",
    "document_signed": "documents",
    "document_declined": "documents",
}
# Providers switch these in their profile (`set_my_notifications`, S0-39).
_ABOUT_RESOURCES = frozenset(
    {"referral_assigned", "referral_promoted", "referral_withdrawn", "referral_reassigned"}
)
# What is of no use later: told at any hour.
_URGENT = frozenset({"appointment_moved", "appointment_cancelled", "appointment_reminder_near"})
_GROUPS_OF_STAFF = ("management", "documents")
_GROUPS_OF_PORTALS = ("messages", "appointments", "questionnaires", "work_status")


def group_of(kind: str) -> str | None:
    """The group of a kind of message; None: it cannot be switched off."""
    for ending, group in (("_supervisor", "supervision"), ("_management", "management")):
        if kind.endswith(ending):
            return group
    return "appointments" if kind.startswith("appointment_") else _GROUPS.get(kind)


def ended_by_link(kind: str) -> str | None:
    """Which mails the unsubscribe link of a mail of this kind ends; None: it cannot be done without, and has no such link."""
    if kind == "daily_digest":
        return kind
    return "resource_assigned" if kind in _ABOUT_RESOURCES else group_of(kind)


def is_critical(kind: str) -> bool:
    """Whether a message of this kind must be told, whatever its receiver thinks of it."""
    return kind != "text_notice" and ended_by_link(kind) is None


def groups_for(realm: str) -> tuple[str, ...]:
    """The groups of which accounts of a realm get messages."""
    if realm == "staff":
        return _GROUPS_OF_STAFF
    return (*_GROUPS_OF_PORTALS, "supervision") if realm == "employee" else _GROUPS_OF_PORTALS


def can_wait(kind: str) -> bool:
    """Whether a message waits until quiet hours are over."""
    return group_of(kind) is not None and kind not in _URGENT


def digest_due(now: datetime.datetime, at: datetime.time, time_zone: str) -> datetime.datetime:
    """When the next summary of the day is due, in UTC: later than now."""
    here = now.astimezone(ZoneInfo(time_zone))
    today = datetime.datetime.combine(here.date(), at, here.tzinfo)
    day = here.date() + datetime.timedelta(days=0 if today > here else 1)
    return datetime.datetime.combine(day, at, here.tzinfo).astimezone(datetime.UTC)


def quiet_end(
    now: datetime.datetime,
    quiet_from: datetime.time | None,
    quiet_until: datetime.time | None,
    time_zone: str,
) -> datetime.datetime | None:
    """When the quiet hours of this moment end, in UTC; None where it is not quiet. They may go over midnight."""
    if quiet_from is None or quiet_until is None or quiet_from == quiet_until:
        return None
    zone = ZoneInfo(time_zone)
    here = now.astimezone(zone)
    time = here.time().replace(tzinfo=None)
    is_overnight = quiet_from > quiet_until
    is_quiet = time >= quiet_from or time < quiet_until if is_overnight else quiet_from <= time < quiet_until
    if not is_quiet:
        return None
    day = here.date() + datetime.timedelta(days=1 if is_overnight and time >= quiet_from else 0)
    end = datetime.datetime.combine(day, quiet_until, zone)
    if end.astimezone(datetime.UTC) <= now:
        # The clocks were turned back: this hour comes twice, and it is the second one now.
        end = end.replace(fold=1)
    return end.astimezone(datetime.UTC)
