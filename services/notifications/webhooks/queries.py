"""Queries of webhooks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.notifications.webhooks.models import Webhook


def list_webhooks(session: Session, _caller: Caller) -> dict[str, Any]:
    """All webhooks of the organisation by name."""
    return {"items": list(session.scalars(select(Webhook).order_by(Webhook.name, Webhook.id)))}


def get_webhook(session: Session, _caller: Caller, *, webhook_id: str) -> Webhook:
    """One webhook. Raises Refused(not_found)."""
    return found(session, webhook_id)


def found(session: Session, webhook_id: str, *, for_change: bool = False) -> Webhook:
    """The webhook, locked where it is to be changed. Raises Refused(not_found)."""
    statement = select(Webhook).where(Webhook.id == webhook_id)
    webhook = session.scalars(statement.with_for_update() if for_change else statement).one_or_none()
    if webhook is None:
        raise Refused("not_found", "There is no such webhook.")
    return webhook
