"""Queries of suppressed addresses."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.contracts.identity import accounts
from services.notifications.deliveries.models import SuppressedAddress
from services.notifications.deliveries.suppression import suppressed_since
from services.notifications.secrets.derived import hash_of_address
from services.notifications.suppressed_addresses import rules

_ORDER = "suppressed_addresses"


def list_suppressed_addresses(
    session: Session, _caller: Caller | None, *, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of the list, newest first. Raises Refused `invalid_request` for a cursor of another list."""
    since, row_id = SuppressedAddress.since, SuppressedAddress.id
    statement = select(SuppressedAddress).order_by(since.desc(), row_id.desc()).limit(limit + 1)
    if after is not None:
        at, last_id = read_cursor(after, _ORDER, datetime.datetime, str)
        statement = statement.where(or_(since < at, and_(since == at, row_id < last_id)))
    rows = list(session.scalars(statement))
    page = rows[:limit]
    return {
        "items": [view(row) for row in page],
        "next": cursor_of(_ORDER, page[-1].since, page[-1].id) if len(rows) > limit else None,
    }


def view(row: SuppressedAddress) -> dict[str, Any]:
    """An address on the list, as staff see it."""
    shown = ("id", "masked_address", "account_id", "delivery_id", "reason", "since")
    return {name: getattr(row, name) for name in shown} | {"is_removable": rules.is_removable(row.reason)}


def get_my_mailbox(call: Call) -> Any:
    """Whether mail to the caller's address came back, or was complained of. Identity tells the address as it is now."""
    caller = call.caller
    assert caller is not None  # noqa: S101 - the declaration admits nobody else
    email = call.ask(accounts.describe_account, {"account_id": caller.id})["email"]
    address_hash = (
        hash_of_address(call.runtime.settings, str(caller.organisation_id), email) if email else None
    )
    with call.reading(call.organisation_id) as session:
        since, reason = suppressed_since(session, address_hash) or (None, None)
    return call.operation.reply.dump({"suppressed_since": since, "reason": reason})
