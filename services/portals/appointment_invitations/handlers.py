"""Commands on invitations, each one transaction."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.portals import appointment_invitations as contract
from services.portals.appointment_invitations.models import AppointmentInvitation
from services.portals.schedules import queries as schedules


def invite_to_appointment(
    unit: UnitOfWork, *, type_id: str, person_ids: list[str], due_on: datetime.date
) -> dict[str, Any]:
    """Invite people who are due. Raises Refused `not_found`."""
    kind = schedules.find_type(unit.session, type_id)
    invited = sorted(set(person_ids))
    statement = select(AppointmentInvitation).where(
        AppointmentInvitation.type_id == kind.id,
        AppointmentInvitation.person_id.in_(invited),
        AppointmentInvitation.appointment_id.is_(None),
    )
    waiting = {each.person_id: each for each in unit.session.scalars(statement.with_for_update())}
    for person_id in invited:
        row = waiting.get(person_id)
        if row is None:
            row = AppointmentInvitation(
                id=wire.new_id(), person_id=person_id, first_person_id=person_id, type_id=kind.id
            )
            unit.add(row)
        row.due_on, row.invited_at = due_on, unit.now
        unit.audit("appointment.invited", "person", person_id, type_id=kind.id)
        unit.publish(contract.appointment_invited, row.id, {"person_id": person_id, "type_id": kind.id})
    return {"invited": len(invited)}
