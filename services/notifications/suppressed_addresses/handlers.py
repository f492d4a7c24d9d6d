"""Commands about suppressed addresses."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.notifications.deliveries.models import SuppressedAddress
from services.notifications.suppressed_addresses import queries, rules


def remove_suppressed_address(unit: UnitOfWork, *, suppressed_address_id: str) -> dict[str, Any]:
    """Take an address off the list. Raises Refused `not_found`, `stopped_by_owner`."""
    row = unit.session.scalars(
        select(SuppressedAddress).where(SuppressedAddress.id == suppressed_address_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise Refused("not_found", "This address is not on the list any more.")
    if not rules.is_removable(row.reason):
        raise Refused(
            "stopped_by_owner", "The owner of this number has sent STOP. Only START from it ends that."
        )
    shown = queries.view(row)
    unit.session.delete(row)
    unit.audit("address.suppression_removed", "address", row.id, reason=row.reason)
    return shown
