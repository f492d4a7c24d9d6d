"""What a booking changes in an invitation: it is answered, or open again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from services.chassis.unit_of_work import UnitOfWork
from services.portals.appointment_invitations.models import AppointmentInvitation


def booked(unit: UnitOfWork, appointment: Any) -> None:
    """An appointment answers the earliest open invitation of its person to its type."""
    statement = (
        select(AppointmentInvitation)
        .where(
            AppointmentInvitation.person_id == appointment.person_id,
            AppointmentInvitation.type_id == appointment.type_id,
            AppointmentInvitation.appointment_id.is_(None),
        )
        .order_by(AppointmentInvitation.due_on, AppointmentInvitation.id)
        .limit(1)
        .with_for_update()
    )
    invitation = unit.session.scalars(statement).one_or_none()
    if invitation is not None:
        invitation.appointment_id = appointment.id


def cancelled(unit: UnitOfWork, appointment: Any) -> None:
    """An invitation whose appointment is cancelled waits for an answer again."""
    unit.session.execute(
        update(AppointmentInvitation)
        .where(AppointmentInvitation.appointment_id == appointment.id)
        .values(appointment_id=None)
    )
