"""Commands about suppressed addresses."""

from __future__ import annotations

from sqlalchemy import select

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.notifications.deliveries.models import SuppressedAddress


def remove_suppressed_address(unit: UnitOfWork, *, suppressed_address_id: str) -> SuppressedAddress:
    """Take a mailbox off the list. Raises Refused `not_found`."""
    row = unit.session.scalars(
        select(SuppressedAddress).where(SuppressedAddress.id == suppressed_address_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise Refused("not_found", "This address is not on the list any more.")
    unit.session.delete(row)
    unit.audit("address.suppression_removed", "address", row.id, reason=row.reason)
    return row
