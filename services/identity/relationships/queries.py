"""Questions about relationships."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.identity.models import Account, Person, Relationship
from services.identity.registry.accounts import COLUMNS_ONLY, account_name


def list_relationships(
    session: Session, _caller: Caller, *, account_id: str | None, person_id: str | None
) -> dict[str, Any]:
    """Relationships of an account, of a person, or of both together. Raises Refused(invalid_request) for neither."""
    sides = ((Relationship.account_id, account_id), (Relationship.person_id, person_id))
    wanted = [column == value for column, value in sides if value is not None]
    if not wanted:
        raise Refused("invalid_request", "account_id: name an account or a person.", field="account_id")
    rows = session.execute(
        select(Relationship, Account, Person)
        .join(Account, Account.id == Relationship.account_id)
        .join(Person, Person.id == Relationship.person_id)
        .where(*wanted)
        .order_by(Relationship.created_at)
        .options(*COLUMNS_ONLY)
    )
    return {"items": [_line(*row) for row in rows]}


def _line(relationship: Relationship, account: Account, person: Person) -> dict[str, Any]:
    """The members of the contract's RelationshipLine."""
    members = ("id", "account_id", "person_id", "kind", "source", "starts_at", "ends_at")
    return {name: getattr(relationship, name) for name in members} | {
        "account_name": account_name(account),
        "person_name": " ".join(name for name in (person.first_name, person.last_name) if name),
        "is_over": relationship.ends_at is not None and relationship.ends_at <= utc_now(),
    }
