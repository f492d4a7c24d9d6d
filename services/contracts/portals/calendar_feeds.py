"""Calendar feeds: the coming appointments of a person for a calendar program, at an address that holds a secret (decision 0016)."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, Reply, signed_in
from services.contracts.fields import Flag, Id, Moment, Secret
from services.contracts.portals import contract
from services.contracts.portals.schedules import BOOKING_REALMS

MOST_AN_HOUR = 60
_OWN = signed_in(*BOOKING_REALMS)
_FOR_WHOM = {"person_id": Id(load_default=None, allow_none=True)}


class MyCalendarFeed(Reply):
    """Whether the caller has a feed of a person's appointments, since when, and when a calendar has read it last."""

    person_id = Id(required=True)
    is_on = Flag(required=True)
    made_at = Moment(required=True, allow_none=True)
    read_at = Moment(required=True, allow_none=True)


class NewCalendarFeed(MyCalendarFeed):
    """A feed with its secret, which is shown only this once. The feed is at `path` of the API's address."""

    path = Secret(required=True)


get_my_calendar_feed = contract.query(
    "get_my_calendar_feed",
    "Whether there is a calendar feed of the caller's appointments, or of a person's whose schedule is open to the caller.",
    request=_FOR_WHOM,
    reply=MyCalendarFeed,
    access=_OWN,
    errors=("not_found",),
)
make_my_calendar_feed = contract.command(
    "make_my_calendar_feed",
    "Switch the calendar feed on, with a new secret address. An address from before is no longer there. Whoever has the address "
    "reads when and where appointments are, without signing in, and nothing else.",
    request=_FOR_WHOM,
    reply=NewCalendarFeed,
    access=_OWN,
    errors=("not_found", "scheduling_not_offered"),
    keeps_answer=False,
    status=201,
)
revoke_my_calendar_feed = contract.command(
    "revoke_my_calendar_feed",
    "Switch the calendar feed off. Its address is no longer there.",
    request=_FOR_WHOM,
    reply=MyCalendarFeed,
    access=_OWN,
    errors=("not_found",),
)
read_calendar_feed = contract.query(
    "read_calendar_feed",
    "Appointments as iCalendar (RFC 5545): only that it is one, with whom, when and where, neither its type nor a name. An address "
    "that never was and one that was switched off are not found alike; at most 60 readings an hour.",
    request={"token": Secret(required=True, validate=validate.Length(max=128))},
    reply={"calendar": fields.String(required=True)},
    access=PUBLIC,
    errors=("not_found", "too_many_requests"),
)
