"""Standings: whether a program is in a ReferralQ and has a referral of a record, and whether one may be opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, aliased

from services.contracts.errors import Refused
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import as_program
from services.referrals.directory.rules import ResourceStatus, check_may_be_referred_to
from services.referrals.models import QueueProgram, Referral
from services.referrals.queues.models import Queue

_Agency = aliased(Resource)


@dataclass(frozen=True, slots=True)
class Standing:
    """A program: whether it takes referrals through a ReferralQ, and whether a record has an open referral to it there.

    `agency_status` is None for an agency that takes referrals itself.
    """

    program: Resource
    agency_status: str | None
    is_in_queue: bool
    is_referred: bool = False


def program_standings(
    session: Session, program_ids: Sequence[str], queue_id: str, record_id: str | None = None
) -> dict[str, Standing]:
    """The standings of these programs by id, in one statement. Programs that do not exist are left out."""
    in_queue = and_(QueueProgram.program_id == Resource.id, QueueProgram.queue_id == queue_id)
    statement: Any = (
        select(Resource, _Agency.status, QueueProgram.queue_id)
        .outerjoin(_Agency, _Agency.id == Resource.agency_id)
        .outerjoin(QueueProgram, in_queue)
    )
    if record_id is not None:
        is_referred = and_(
            Referral.contact_record_id == record_id,
            Referral.queue_id == queue_id,
            Referral.program_id == Resource.id,
            Referral.is_open,
        )
        statement = statement.add_columns(Referral.id).outerjoin(Referral, is_referred)
    return {
        program.id: Standing(program, status, through is not None, bool(referral_ids and referral_ids[0]))
        for program, status, through, *referral_ids in session.execute(
            statement.where(Resource.id.in_(program_ids))
        )
    }


def program_standing(
    session: Session, program_id: str, queue_id: str, record_id: str | None = None
) -> Standing:
    """The standing of one program. Raises Refused `not_found`, `not_a_program`."""
    return as_standing(session, program_standings(session, [program_id], queue_id, record_id).get(program_id))


def as_standing(session: Session, found: Standing | None) -> Standing:
    """The standing, if it was found and is a program's. Raises Refused `not_found`, `not_a_program`."""
    as_program(session, found.program if found else None)
    assert found is not None  # noqa: S101 - as_program refuses None
    return found


def check_may_open(queue: Queue, standing: Standing) -> None:
    """Raise Refused unless the record may be referred to this program through this queue now."""
    check_may_refer(queue, standing)
    if standing.is_referred:
        raise already_assigned()


def check_may_refer(queue: Queue, standing: Standing) -> None:
    """Raise Refused unless the program takes referrals through this queue now."""
    if not queue.is_active:
        raise Refused("conflict", "The ReferralQ is inactive; choose another one.", "queue_id")
    if not standing.is_in_queue:
        raise Refused(
            "program_not_in_queue", "The program takes no referrals through this ReferralQ.", "program_id"
        )
    agency_status = ResourceStatus(standing.agency_status) if standing.agency_status else None
    check_may_be_referred_to(ResourceStatus(standing.program.status), agency_status)


def refuse_if_open(session: Session, contact_record_id: str, queue_id: str, program_id: str) -> None:
    """Raise Refused `already_assigned` where the record has an open referral to this program in this queue."""
    is_open = select(Referral.id).where(
        Referral.contact_record_id == contact_record_id,
        Referral.queue_id == queue_id,
        Referral.program_id == program_id,
        Referral.is_open,
    )
    if session.scalars(is_open.limit(1)).first() is not None:
        raise already_assigned()


def already_assigned() -> Refused:
    """The refusal of a second open referral of a record to a program in a queue."""
    detail = "The contact record has an open referral to this program in this ReferralQ."
    return Refused("already_assigned", detail, "contact_record_id")
