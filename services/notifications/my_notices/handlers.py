"""Marking notices as read, and confirming them."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, select, update

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.notifications.deliveries.models import Delivery
from services.notifications.my_notices.queries import shown_to, view


def read_my_notices(unit: UnitOfWork, caller: Caller, *, notice_id: str | None) -> dict[str, int]:
    """Mark one notice, or all that there are now. Raises Refused `not_found`."""
    seen = shown_to(caller.id, unit.now)
    if notice_id is not None:
        seen = seen & (Delivery.id == notice_id)
        if unit.session.scalar(select(Delivery.id).where(seen)) is None:
            raise Refused("not_found", "There is no such notice of yours.", "notice_id")
    statement = update(Delivery).where(seen, Delivery.read_at.is_(None)).values(read_at=unit.now)
    done = unit.session.execute(statement, execution_options={"synchronize_session": False})
    marked = cast(CursorResult[Any], done).rowcount
    if marked:
        unit.audit("notices.read", "account", caller.id, marked=marked)
    return {"marked": marked}


def confirm_my_notice(unit: UnitOfWork, caller: Caller, *, notice_id: str) -> dict[str, Any]:
    """Confirm a notice. Raises Refused `not_found`."""
    own = shown_to(caller.id, unit.now) & (Delivery.id == notice_id)
    row = unit.session.scalars(select(Delivery).where(own).with_for_update()).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no such notice of yours.", "notice_id")
    if row.confirmed_at is None:
        row.confirmed_at, row.read_at = unit.now, row.read_at or unit.now
        unit.audit("notice.confirmed", "account", caller.id, delivery_id=row.id)
    return view(row)
