"""Queries of deliveries."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.notifications.deliveries import STEPS
from services.notifications.deliveries.models import Delivery
from services.notifications.models import Base

_ORDER = "deliveries"
_MOST_STEPS = 100  # more than there are tries
_ONE_DAY = datetime.timedelta(days=1)
_CLOCKS_DIFFER = datetime.timedelta(seconds=30)
_MOST_OF_A_DAY = 200  # messages to one account


def list_deliveries(
    session: Session,
    _caller: Caller | None,
    *,
    limit: int,
    account_id: str | None,
    state: str | None,
    kind: str | None,
    reference: str | None,
    after: str | None,
) -> dict[str, Any]:
    """A page of deliveries, newest first. Raises Refused `invalid_request` for a cursor of another list."""
    statement = select(Delivery).order_by(Delivery.created_at.desc(), Delivery.id.desc()).limit(limit + 1)
    if account_id:
        statement = statement.where(Delivery.account_id == account_id)
    if state:
        statement = statement.where(Delivery.state == state)
    if kind:
        statement = statement.where(Delivery.kind == kind)
    if reference:
        statement = statement.where(Delivery.reference == reference)
    if after:
        created_at, last_id = read_cursor(after, _ORDER, datetime.datetime, str)
        earlier = and_(Delivery.created_at == created_at, Delivery.id < last_id)
        statement = statement.where(or_(Delivery.created_at < created_at, earlier))
    rows = list(session.scalars(statement).all())
    page = rows[:limit]
    return {
        "items": page,
        "next": cursor_of(_ORDER, page[-1].created_at, page[-1].id) if len(rows) > len(page) else None,
    }


def get_delivery(session: Session, _caller: Caller | None, *, delivery_id: str) -> dict[str, Any]:
    """One delivery with its trace, which the audit trail has. Raises Refused `not_found`."""
    row = session.scalars(select(Delivery).where(Delivery.id == delivery_id)).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no such message.", "delivery_id")
    trail = Base.chassis.Audit
    rows = session.scalars(
        select(trail)
        .where(
            trail.organisation_id == row.organisation_id,
            trail.object_type == "delivery",
            trail.object_id == row.id,
        )
        .order_by(trail.at, trail.id)
        .limit(_MOST_STEPS)
    )
    steps = [
        {
            "at": each.at,
            "state": each.action.removeprefix("delivery."),
            "reason": each.facts.get("reason"),
            "tries": each.facts.get("tries"),
        }
        for each in rows
        if each.action.removeprefix("delivery.") in STEPS
    ]
    noted = (("seen", row.read_at), ("confirmed", row.confirmed_at))
    steps += [{"at": at, "state": state, "reason": None, "tries": None} for state, at in noted if at]
    # What one transaction has noted has one time: then they come in the order in which they happen.
    steps.sort(key=lambda step: (step["at"], STEPS.index(step["state"])))
    shown = (
        "id",
        "kind",
        "channel",
        "account_id",
        "state",
        "reason",
        "tries",
        "created_at",
        "sent_at",
        "settled_at",
        "next_try_at",
        "reference",
    )
    used = (
        "template",
        "template_language",
        "template_version",
        "event_id",
        "message_id",
        "client_kind",
        "provider",
        "confirm_mode",
    )
    return {**{name: getattr(row, name) for name in (*shown, *used)}, "steps": steps}


def describe_document_deliveries(
    session: Session, _caller: Caller, *, document_id: str, asked: list[Mapping[str, Any]]
) -> dict[str, Any]:
    """The first message about a document to each of these accounts, within a day of the moment at which it was asked for."""
    found = []
    for each in asked:
        rows = session.scalars(
            select(Delivery)
            .where(
                Delivery.account_id == each["account_id"],
                Delivery.created_at.between(each["at"] - _CLOCKS_DIFFER, each["at"] + _ONE_DAY),
            )
            .order_by(Delivery.created_at, Delivery.id)
            .limit(_MOST_OF_A_DAY)
        )
        first = next((row for row in rows if row.context.get("document_id") == document_id), None)
        if first is not None:
            told = {
                name: getattr(first, name) for name in ("account_id", "channel", "state", "reason", "sent_at")
            }
            found.append(told | {"receipt": f"<{first.message_id}>"})
    return {"items": found}
