"""Questions about relationships."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.identity.models import Relationship


def list_relationships(
    session: Session, _caller: Caller, *, account_id: str | None, person_id: str | None
) -> dict[str, Any]:
    """Relationships of an account, of a person, or of both together. Raises Refused(invalid_request) for neither."""
    sides = ((Relationship.account_id, account_id), (Relationship.person_id, person_id))
    wanted = [column == value for column, value in sides if value is not None]
    if not wanted:
        raise Refused("invalid_request", "account_id: name an account or a person.", field="account_id")
    rows = session.scalars(select(Relationship).where(*wanted).order_by(Relationship.created_at))
    return {"items": rows.all()}
