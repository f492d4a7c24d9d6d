"""Messages of which the application tells first: the others follow only if nobody has seen or confirmed the notice (N-14)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notifications.deliveries import rules
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.outcomes import NoRecipient
from services.notifications.notices.rules import Choices
from services.notifications.notices.settings import choices_of
from services.notifications.preferences.rules import can_wait, group_of

AT_ONCE = datetime.timedelta()


def of_message(
    session: Session, channel: str, kind: str, context: Mapping[str, Any]
) -> tuple[str | None, datetime.timedelta]:
    """By what a message that is made now becomes needless, and how long it waits for that; (None, 0) for what is sent at once."""
    told = context["told"] if kind == rules.TEXT_NOTICE else kind
    group = group_of(told)
    if group is None or channel not in (rules.EMAIL, rules.TEXT) or not can_wait(told):
        return None, AT_ONCE
    choices = _choices(session)
    mode = choices.confirmed_by.get(group)
    return mode, rules.wait_for_confirmation(mode, choices.confirm_minutes, channel)


def _choices(session: Session) -> Choices:
    """The organisation's choices, read once in a unit of work, which may make messages to many."""
    known: dict[str, Choices] = session.info.setdefault("notice_choices", {})
    organisation_id: str = session.info["organisation_id"]
    if organisation_id not in known:
        known[organisation_id] = choices_of(session)
    return known[organisation_id]


def require_unconfirmed(session: Session, delivery: Delivery) -> None:
    """Raise NoRecipient for a message whose notice was seen or confirmed, as its mode asks."""
    if delivery.confirm_mode is None:
        return
    notice = delivery
    if delivery.kind == rules.TEXT_NOTICE:
        found = session.scalars(
            select(Delivery).where(
                Delivery.event_id == delivery.event_id,
                Delivery.account_id == delivery.account_id,
                Delivery.kind == delivery.context["told"],
            )
        ).one_or_none()
        notice = delivery if found is None else found
    if rules.is_confirmed(delivery.confirm_mode, notice.read_at, notice.confirmed_at):
        raise NoRecipient(rules.WHY_NEEDLESS[delivery.confirm_mode])
