"""Queries of invitations to appointments."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.portals.appointment_invitations.models import AppointmentInvitation
from services.portals.schedules import queries as schedules

_ORDER = "appointment_invitations"
_MOST_DUE = 50


def list_appointment_invitations(
    session: Session, _caller: Caller, *, type_id: str, is_open: bool, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of the invitations to a type, the latest first. Raises Refused `not_found`."""
    kind = schedules.find_type(session, type_id)
    statement = select(AppointmentInvitation).where(AppointmentInvitation.type_id == kind.id)
    if is_open:
        statement = statement.where(AppointmentInvitation.appointment_id.is_(None))
    if after is not None:
        place = read_cursor(after, _ORDER, datetime.datetime, str)
        moment = tuple_(AppointmentInvitation.invited_at, AppointmentInvitation.id)
        statement = statement.where(moment < tuple_(*place))
    ordered = statement.order_by(AppointmentInvitation.invited_at.desc(), AppointmentInvitation.id.desc())
    rows = list(session.scalars(ordered.limit(limit + 1)))
    page = rows[:limit]
    is_last = len(rows) <= limit
    shown = ("id", "person_id", "type_id", "due_on", "invited_at", "appointment_id")
    return {
        "items": [
            {**{name: getattr(row, name) for name in shown}, "type_name": kind.name, "person_name": None}
            for row in page
        ],
        "next": None if is_last else cursor_of(_ORDER, page[-1].invited_at, page[-1].id),
    }


def open_invitations(session: Session, person_id: str) -> Sequence[AppointmentInvitation]:
    """What a person is due for and has not booked, the most urgent first."""
    statement = select(AppointmentInvitation).where(
        AppointmentInvitation.person_id == person_id, AppointmentInvitation.appointment_id.is_(None)
    )
    ordered = statement.order_by(AppointmentInvitation.due_on, AppointmentInvitation.id)
    return session.scalars(ordered.limit(_MOST_DUE)).all()


def due_on(session: Session, person_id: str, type_id: str) -> datetime.date | None:
    """The day until which a person is due for a type; None: for none, or it is booked."""
    found = [each.due_on for each in open_invitations(session, person_id) if each.type_id == type_id]
    return found[0] if found else None
