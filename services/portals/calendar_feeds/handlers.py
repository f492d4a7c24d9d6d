"""Commands on calendar feeds, each one transaction."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select

from services.chassis import wire
from services.chassis.database import hold_counter
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.portals.calendar_feeds import MOST_AN_HOUR
from services.portals.calendar_feeds import queries, rules
from services.portals.calendar_feeds.models import CalendarFeed
from services.portals.my_appointments import access


@dataclass(frozen=True)
class Reading:
    """A feed that is read now: the organisation's id and key, who has switched it on, and whose appointments it has."""

    organisation: tuple[str, str]
    account_id: str
    person_id: str


def make_my_calendar_feed(unit: UnitOfWork, caller: Caller, *, person_id: str | None) -> dict[str, Any]:
    """Switch the feed on with a new secret. Raises Refused `not_found`, `scheduling_not_offered`."""
    person = access.person_seen(caller, person_id)
    access.options_of(unit.session, caller, None)
    _end(unit, caller, person)
    token = secrets.token_urlsafe(32)
    row = CalendarFeed(
        id=wire.new_id(),
        organisation_key=unit.organisation_key,
        account_id=caller.id,
        person_id=person,
        first_person_id=person,
        token_hash=rules.token_hash(token),
        made_at=unit.now,
        hour_at=unit.now,
        reads=0,
    )
    unit.add(row)
    unit.audit("calendar_feed.made", "calendar_feed", row.id, person_id=person)
    return queries.view(person, row) | {"path": rules.path_of(token)}


def revoke_my_calendar_feed(unit: UnitOfWork, caller: Caller, *, person_id: str | None) -> dict[str, Any]:
    """Switch the feed off. Raises Refused `not_found`."""
    person = access.person_seen(caller, person_id)
    _end(unit, caller, person)
    return queries.view(person, None)


def note_reading(unit: UnitOfWork, token: str) -> Reading:
    """Count a reading of the feed with this secret. Raises Refused `not_found`, `too_many_requests`."""
    wanted = select(CalendarFeed).where(CalendarFeed.token_hash == rules.token_hash(token))
    row = unit.session.scalars(wanted.with_for_update()).one_or_none()
    if row is None:
        raise gone()
    if unit.now >= row.hour_at + rules.HOUR:
        row.hour_at, row.reads = unit.now, 0
    if row.reads >= MOST_AN_HOUR:
        raise Refused(
            "too_many_requests",
            "This calendar was read too often. Let your calendar program read it once an hour.",
            retry_after_s=rules.next_in(row.hour_at, unit.now),
        )
    row.reads += 1
    row.read_at = unit.now
    unit.act_for(row.organisation_id, row.organisation_key)
    unit.audit("calendar_feed.read", "calendar_feed", row.id, person_id=row.person_id)
    return Reading((row.organisation_id, row.organisation_key), row.account_id, row.person_id)


def gone() -> Refused:
    """A feed that is not there, whether it was ever there or not."""
    return Refused("not_found", "There is no such calendar. Switch it on again in your portal.")


def _end(unit: UnitOfWork, caller: Caller, person_id: str) -> None:
    hold_counter(unit.session, "calendar_feeds", caller.id)
    row = queries.found(unit.session, caller, person_id)
    if row is not None:
        unit.audit("calendar_feed.revoked", "calendar_feed", row.id, person_id=person_id)
        of_caller = (CalendarFeed.account_id == caller.id, CalendarFeed.person_id == person_id)
        unit.session.execute(delete(CalendarFeed).where(*of_caller))
