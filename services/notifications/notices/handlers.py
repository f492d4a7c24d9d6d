"""Create the notices of an event, each to its audience."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.chassis.unit_of_work import UnitOfWork
from services.notifications.deliveries.creation import create_delivery
from services.notifications.deliveries.handlers import cancel_outdated
from services.notifications.notices import rules
from services.notifications.notices.settings import choices_of

Recipients = Mapping[str, Iterable[Mapping[str, Any]]]


def tell(
    unit: UnitOfWork,
    _data: Mapping[str, Any],
    mail_domain: str,
    topic: str,
    recipients: Recipients,
    context: Mapping[str, str],
    about: tuple[str, int] | None = None,
) -> None:
    """One delivery for each account of the audiences that are told of this topic.

    `recipients` are dicts of `account_id` and `email_is_verified` by audience, as identity has just answered. The delivery
    to an unverified address is suppressed, with the reason (S0-43).
    """
    for audience in choices_of(unit.session).told[topic]:
        kind = rules.kind_for(topic, audience)
        for each in recipients.get(audience, ()):
            reason = None if each["email_is_verified"] else "address_unverified"
            create_delivery(
                unit, kind, each["account_id"], context, mail_domain, suppressed_for=reason, about=about
            )


def appointment_changed(
    unit: UnitOfWork,
    data: Mapping[str, Any],
    mail_domain: str,
    topic: str,
    recipients: Recipients,
    appointment_id: str,
    described: Mapping[str, Any],
) -> None:
    """Tell of a change of an appointment, and remind of it as it is now (S2-18).

    `described` is the appointment as portals describes it now. What waits to be sent about it as it was is cancelled; of an
    event that is out of date nothing is made, as the event of the later change follows.
    """
    cancel_outdated(unit, appointment_id, described["version"])
    if data["version"] != described["version"]:
        return
    context, about = {"appointment_id": appointment_id}, (appointment_id, described["version"])
    tell(unit, data, mail_domain, topic, recipients, context, about)
    if described["state"] != "booked":
        return
    where = described["starts_at"], described["time_zone"]
    for kind, due_at in rules.reminders(choices_of(unit.session), *where, unit.now):
        for each in recipients.get(rules.PERSON, ()):
            create_delivery(unit, kind, each["account_id"], context, mail_domain, due_at=due_at, about=about)


def appointment_over(
    unit: UnitOfWork, _data: Mapping[str, Any], appointment_id: str, described: Mapping[str, Any]
) -> None:
    """Nobody is told that a person came; reminders that wait are cancelled."""
    cancel_outdated(unit, appointment_id, described["version"])
