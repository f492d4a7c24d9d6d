"""The link with which somebody acts from a mail without signing in, where the organisation allows it.

Identity makes the link; the service that owns what the mail is about says in which state that is now. Where nothing can be
done any more, the mail has no such link.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from services.chassis.runtime import Runtime
from services.contracts.declare import Operation
from services.contracts.identity import passports
from services.contracts.identity.passports import ACT_FROM_MAIL
from services.contracts.referrals import capacity, status_changes
from services.notifications.deliveries.asking import ask
from services.notifications.deliveries.models import Delivery
from services.notifications.templates.rules import chain


class Subject(NamedTuple):
    """What can be done from a mail.

    `purpose` is that of its link, `member` the one of the delivery that names the object; `state` tells the object's state,
    and `words` are the sentence before the link, by language.
    """

    purpose: str
    member: str
    state: Operation | None
    words: Mapping[str, str]


_REFERRAL = Subject(
    "answer_referral",
    "referral_id",
    status_changes.describe_answer,
    {
        "en": "Accept or decline it without signing in (this link is for you alone and holds for 7 days):",
        "es": "Acéptela o rechácela sin iniciar sesión (este enlace es solo para usted y vale 7 días):",
    },
)
_CAPACITY = Subject(
    "confirm_capacity",
    "line_id",
    capacity.describe_capacity_line,
    {
        "en": "Confirm or change the numbers without signing in (this link is for you alone and holds for 7 days):",
        "es": "Confirme o cambie los números sin iniciar sesión (este enlace es solo para usted y vale 7 días):",
    },
)
_APPOINTMENT = Subject(
    "confirm_appointment",
    "appointment_id",
    None,  # `describe_appointment` has told it already
    {
        "en": "Confirm that you will come, without signing in (this link is for you alone and holds for 7 days):",
        "es": "Confirme que vendrá, sin iniciar sesión (este enlace es solo para usted y vale 7 días):",
    },
)
SUBJECTS: Mapping[str, Subject] = {
    "referral_assigned": _REFERRAL,
    "referral_promoted": _REFERRAL,
    "capacity_stale": _CAPACITY,
    "appointment_booked": _APPOINTMENT,
    "appointment_moved": _APPOINTMENT,
    **dict.fromkeys(
        (f"appointment_reminder_{each}" for each in ("60", "30", "15", "7", "near")), _APPOINTMENT
    ),
}


def action_of(
    runtime: Runtime, delivery: Delivery, features: Collection[str], appointment: Any, language: str | None
) -> tuple[str, str] | None:
    """The sentence and the link with which the reader acts from the mail; None where there is nothing to do, or no leave."""
    subject = SUBJECTS.get(delivery.kind)
    if subject is None or ACT_FROM_MAIL not in features:
        return None
    object_id = delivery.context[subject.member]
    if subject.state is None:
        state = appointment["to_confirm"]
    else:
        state = ask(runtime, delivery, subject.state, {subject.member: object_id})["state"]
    if state is None:
        return None
    wanted = {
        "account_id": delivery.account_id,
        "message_id": delivery.id,
        "purpose": subject.purpose,
        "object_id": object_id,
        "object_state": state,
    }
    link = ask(runtime, delivery, passports.mint_mail_link, wanted)["link"]
    if link is None:
        return None
    return next(subject.words[tag] for tag in chain(language) if tag in subject.words), link
