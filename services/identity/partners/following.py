"""What the broker has to know of partners, and what of it it has yet to do. The watch holds this module, so it imports little."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.chassis.database import Database
from services.identity.partners.models import Partner


@dataclass(frozen=True)
class Entitled:
    """What the broker has to know of one partner. `organisation` is its key. `is_done`: it does already."""

    partner_id: str
    version: int
    organisation: str
    name: str
    event_types: tuple[str, ...]
    password_hash: str
    is_revoked: bool
    is_done: bool


def partners(database: Database, *, undone_only: bool = False) -> list[Entitled]:
    """The partners of all organisations that are not revoked, and the revoked ones that the broker still knows.

    `undone_only` leaves out those for whom the broker has nothing to do.
    """
    asked = select(Partner).order_by(Partner.organisation_key, Partner.name, Partner.created_at)
    is_undone = Partner.carried_out != Partner.version
    asked = asked.where(is_undone if undone_only else Partner.revoked_at.is_(None) | is_undone)
    with database.reading(None) as session:
        return [
            Entitled(
                row.id,
                row.version,
                row.organisation_key,
                row.name,
                tuple(row.event_types),
                row.password_hash,
                row.revoked_at is not None,
                row.carried_out == row.version,
            )
            for row in session.scalars(asked)
        ]


def note_done(database: Database, partner: Entitled) -> None:
    """Write down that the broker does what this version of a partner says."""

    def work(session: Session) -> None:
        session.execute(
            update(Partner).where(Partner.id == partner.partner_id).values(carried_out=partner.version)
        )

    database.write(None, work)
