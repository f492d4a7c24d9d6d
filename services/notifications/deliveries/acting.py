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
from services.notifications.templates import own_words, product_words, rendering
from services.notifications.templates.rules import chain


class Subject(NamedTuple):
    """What can be done from a mail.

    `purpose` is that of its link, `member` the one of the delivery that names the object; `state` tells the object's state.
    The sentence before the link is a template of the kind `sentence`; `words` are the product's in other languages than its usual.
    """

    purpose: str
    member: str
    state: Operation | None
    sentence: str
    words: Mapping[str, str]


_REFERRAL = Subject(
    "answer_referral",
    "referral_id",
    status_changes.describe_answer,
    "link_to_answer",
    {
        "es": "Acéptela o rechácela sin iniciar sesión (este enlace es solo para usted y vale 7 días):",
    },
)
_CAPACITY = Subject(
    "confirm_capacity",
    "line_id",
    capacity.describe_capacity_line,
    "link_to_capacity",
    {
        "es": "Confirme o cambie los números sin iniciar sesión (este enlace es solo para usted y vale 7 días):",
    },
)
_APPOINTMENT = Subject(
    "confirm_appointment",
    "appointment_id",
    None,  # `describe_appointment` has told it already
    "link_to_confirm",
    {
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
    runtime: Runtime,
    delivery: Delivery,
    features: Collection[str],
    appointment: Any,
    language: str | None,
    values: Mapping[str, str | int],
) -> tuple[str, str] | None:
    """The sentence and the link with which the reader acts from the mail; None where there is nothing to do, or no leave.

    `values` are those of the mail, of which the organisation's sentence may mention some.
    """
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
    return _sentence(runtime, delivery, subject, language, values), link


def _sentence(
    runtime: Runtime,
    delivery: Delivery,
    subject: Subject,
    language: str | None,
    values: Mapping[str, str | int],
) -> str:
    with runtime.database.reading(delivery.organisation_id) as session:
        own = own_words.words_of(session, subject.sentence, language)
    if own.language is None:
        usual = own.template.text
        return next((subject.words[tag] for tag in chain(language) if tag in subject.words), usual)
    return rendering.render(product_words.kind_of(subject.sentence), own.template, values).text.strip()
