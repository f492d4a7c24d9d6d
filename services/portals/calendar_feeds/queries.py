"""Queries of calendar feeds."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.portals.appointments import BOOKED
from services.portals.appointments.models import Appointment
from services.portals.calendar_feeds.models import CalendarFeed
from services.portals.my_appointments import access

_PAST = datetime.timedelta(days=30)
_MOST = 200


def get_my_calendar_feed(session: Session, caller: Caller, *, person_id: str | None) -> dict[str, Any]:
    """Whether there is a feed. Raises Refused `not_found`."""
    person = access.person_seen(caller, person_id)
    return view(person, found(session, caller, person))


def found(session: Session, caller: Caller, person_id: str) -> CalendarFeed | None:
    """The caller's feed of a person, None where it is off."""
    of_caller = (CalendarFeed.account_id == caller.id, CalendarFeed.person_id == person_id)
    return session.scalars(select(CalendarFeed).where(*of_caller).limit(1)).first()


def shown_in(session: Session, person_id: str) -> Sequence[Appointment]:
    """The appointments that a feed shows: what is booked, from a month ago on."""
    wanted = (
        Appointment.person_id == person_id,
        Appointment.state == BOOKED,
        Appointment.starts_at > utc_now() - _PAST,
    )
    return session.scalars(
        select(Appointment).where(*wanted).order_by(Appointment.starts_at, Appointment.id).limit(_MOST)
    ).all()


def view(person_id: str, feed: CalendarFeed | None) -> dict[str, Any]:
    """A feed as the contract's MyCalendarFeed."""
    return {
        "person_id": person_id,
        "is_on": feed is not None,
        "made_at": feed.made_at if feed else None,
        "read_at": feed.read_at if feed else None,
    }
