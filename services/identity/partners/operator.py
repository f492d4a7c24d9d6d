"""The operator's side of partners: the same changes from the command line."""

from __future__ import annotations

from sqlalchemy import select

from services.chassis.database import Database
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.models import Organisation
from services.identity.organisations.operator import as_operator
from services.identity.partners import handlers
from services.identity.partners.models import Partner


def create_partner(database: Database, organisation: str, name: str, event_types: list[str]) -> str:
    """Create a partner; returns its password. Raises Refused as `handlers.create`, and not_found."""

    def work(unit: UnitOfWork) -> str:
        _act_for(unit, organisation)
        return handlers.add(unit, name, event_types)[1]

    return as_operator(database, work)


def rotate_password(database: Database, organisation: str, name: str) -> str:
    """Give a partner a new password; returns it. Raises Refused(not_found)."""
    return as_operator(database, lambda unit: handlers.renew(unit, _partner(unit, organisation, name)))


def revoke_partner(database: Database, organisation: str, name: str) -> None:
    """End a partner's access. Raises Refused(not_found)."""
    as_operator(database, lambda unit: handlers.end(unit, _partner(unit, organisation, name)))


def _act_for(unit: UnitOfWork, key: str) -> None:
    organisation = unit.session.scalars(select(Organisation).where(Organisation.key == key)).one_or_none()
    if organisation is None:
        raise Refused("not_found", f"There is no organisation with the key {key!r}.")
    unit.act_for(organisation.id, organisation.key)


def _partner(unit: UnitOfWork, organisation: str, name: str) -> Partner:
    """The partner of this name, locked. Raises Refused(not_found)."""
    _act_for(unit, organisation)
    found: Partner | None = unit.session.scalar(
        select(Partner)
        .where(
            Partner.organisation_id == unit.organisation_id,
            Partner.name == name,
            Partner.revoked_at.is_(None),
        )
        .with_for_update()
    )
    if found is None:
        raise Refused("not_found", f"{organisation} has no partner {name!r}.")
    return found
