"""The revision of a directory, a count of its writes. By it a process knows which names it has not read yet."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.database import insert_into
from services.chassis.unit_of_work import UnitOfWork
from services.referrals.directory.models import DirectoryRevision


def next_revision(unit: UnitOfWork) -> int:
    """Give the organisation's directory its next revision, and lock other writers out until this transaction ends."""
    table = DirectoryRevision.__table__
    statement = (
        insert_into(unit.session.connection().dialect.name, table)
        .values(organisation_id=unit.organisation_id, revision=1)
        .on_conflict_do_update(
            index_elements=[table.c.organisation_id], set_={"revision": table.c.revision + 1}
        )
        .returning(table.c.revision)
    )
    return int(unit.session.connection().execute(statement).scalar_one())


def revision_of(session: Session) -> int:
    """The revision of the session's organisation; 0 before the first write."""
    return session.scalar(select(DirectoryRevision.revision)) or 0


def withheld_at(session: Session) -> int:
    """The last revision at which something was marked as private that was open before; 0 for never."""
    return session.scalar(select(DirectoryRevision.withheld_at)) or 0
