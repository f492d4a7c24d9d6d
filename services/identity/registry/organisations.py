"""Organisations as every subject needs them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.models import Organisation


def load_organisation(unit: UnitOfWork) -> Organisation:
    """The caller's organisation, locked until the transaction ends."""
    return unit.session.scalars(
        select(Organisation).where(Organisation.id == unit.organisation_id).with_for_update()
    ).one()


def find_organisation(session: Session, organisation_id: str | None) -> Organisation:
    """The organisation. Raises Refused(not_found)."""
    organisation: Organisation | None = session.scalar(
        select(Organisation).where(Organisation.id == organisation_id)
    )
    if organisation is None:
        raise Refused("not_found", "There is no such organisation.")
    return organisation
