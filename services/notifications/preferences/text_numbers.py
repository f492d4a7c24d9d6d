"""The number to which an account gets text messages, and whether it wants one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.notifications.preferences import choices, rules
from services.notifications.preferences.models import TextNumber

NOTHING_ENTERED: dict[str, Any] = {"code_number": 0, "code_tries": 0, "codes_made": 0}


def is_offered(settings: Any) -> bool:
    """Whether text messages can be sent."""
    return settings.text_provider_url is not None or settings.text_mail_domain is not None


def text_number_of(session: Session, account_id: str, *, lock: bool = False) -> TextNumber | None:
    """What an account has entered; None: nothing."""
    statement = select(TextNumber).where(TextNumber.account_id == account_id)
    return session.scalars(statement.with_for_update() if lock else statement).one_or_none()


def wants_text(session: Session, account_id: str, kind: str) -> bool:
    """Whether an account has a confirmed number and wants a text message beside an e-mail of this kind."""
    group = rules.group_of(kind)
    chosen = choices.of_account(session, account_id) if group else None
    if chosen is None or group not in chosen.texted:
        return False
    known = text_number_of(session, account_id)
    return known is not None and known.number is not None
