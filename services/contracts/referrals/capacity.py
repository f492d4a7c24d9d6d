"""What referrals offers and publishes about capacity: lines, schedules, confirmations, history, settings."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, Request, page_of, permission
from services.contracts.fields import Code, Count, Flag, Id, Moment, Text
from services.contracts.referrals import contract
from services.contracts.referrals.authors import Actor
from services.contracts.referrals.paging import PAGE

MODES = ("occupancy", "period")
PERIODS = ("day", "week", "month")
# The four of the Gravity SDOH guide, and one for what it has no word for.
STATUSES = (
    "has_capacity",
    "no_capacity",
    "no_capacity_has_waitlist",
    "additional_assessment_required",
    "unknown",
)
TOTAL = validate.Range(0, 1_000_000)
READ, EDIT, SET_UP = (
    permission("capacity.read"),
    permission("capacity.edit"),
    permission("queue.manage", realms=STAFF),
)


def _terms(unit: str | None) -> dict[str, Any]:
    """What somebody says about a line; `unit` None demands one."""
    return {
        "total": fields.Integer(required=True, strict=True, validate=TOTAL),
        "unit": Text(required=True, most=40) if unit is None else Text(load_default=unit, most=40),
        "note": Text(
            load_default=None, allow_none=True, most=500, metadata={"description": "note to the partner"}
        ),
        "mode": fields.String(
            load_default="occupancy",
            validate=validate.OneOf(MODES),
            metadata={
                "description": "`occupancy`: the end of a referral frees its place; `period`: the next period does"
            },
        ),
        "period": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(PERIODS)),
        "time_zone": Text(load_default="UTC", most=64),
        "valid_until": Moment(
            load_default=None,
            allow_none=True,
            metadata={"description": "from then on it reads as unknown until somebody confirms it"},
        ),
        "has_waitlist": Flag(load_default=False),
        "needs_assessment": Flag(load_default=False),
    }


_SCHEDULE: dict[str, Any] = {
    "starts_at": Moment(required=True, metadata={"description": "in the future"}),
    "ends_at": Moment(
        load_default=None,
        allow_none=True,
        metadata={"description": "then what held before holds again; null: until another one starts"},
    ),
}
_NAMED: dict[str, Any] = {
    "name": Text(required=True, most=80),
    "target_population": Text(load_default=None, allow_none=True, most=200),
}


class ScheduledCapacity(Reply):
    """What a line will say from `starts_at` on."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    line_id = Id(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(allow_none=True)
    total = Count(required=True)
    unit = fields.String(required=True)
    note = fields.String(allow_none=True)
    mode = fields.String(required=True)
    period = fields.String(allow_none=True)
    time_zone = fields.String(required=True)
    valid_until = Moment(allow_none=True)
    has_waitlist = Flag(required=True)
    needs_assessment = Flag(required=True)


class Capacity(Reply):
    """One line of a program's capacity. `used + free = total` always.

    `capacity_status` is one of the four of the Gravity SDOH guide, or `unknown` where nobody vouches for the numbers
    (any more). `planned_total` is what was asked for where more places are still taken than that. `schedule_id` and
    `ends_at` tell of a scheduled change that holds now.
    """

    program_id = Id(required=True)
    program_name = fields.String(required=True)
    agency_id = Id(allow_none=True)
    agency_name = fields.String(allow_none=True)
    line_id = Id(required=True)
    name = fields.String(required=True)
    target_population = fields.String(allow_none=True)
    position = fields.Integer(required=True)
    version = fields.Integer(required=True)
    capacity_status = fields.String(required=True, validate=validate.OneOf(STATUSES))
    is_stale = Flag(required=True, metadata={"description": "past `valid_until`"})
    total = Count(required=True)
    used = Count(required=True)
    free = Count(required=True)
    planned_total = Count(required=True)
    unit = fields.String(required=True)
    note = fields.String(allow_none=True)
    mode = fields.String(required=True)
    period = fields.String(allow_none=True)
    time_zone = fields.String(required=True)
    window_starts_at = Moment(allow_none=True)
    window_ends_at = Moment(allow_none=True)
    valid_until = Moment(allow_none=True)
    has_waitlist = Flag(required=True)
    needs_assessment = Flag(required=True)
    schedule_id = Id(allow_none=True)
    ends_at = Moment(allow_none=True)
    updated_at = Moment(required=True)
    queues = fields.List(fields.Nested({"id": Id(required=True), "name": fields.String(required=True)}))
    scheduled = fields.List(
        fields.Nested(ScheduledCapacity), metadata={"description": "changes to come, the next first"}
    )


class CapacityChange(Reply):
    """A line of the history: who changed what, and what held then.

    `kind`: set, added, confirmed, claimed, released, took_effect (a schedule began or ended), new_window, lapsed (nobody
    confirmed it in time), removed.
    """

    id = Id(required=True)
    line_id = Id(required=True)
    at = Moment(required=True)
    kind = Code(required=True)
    capacity_status = fields.String(required=True)
    total = Count(required=True)
    used = Count(required=True)
    free = Count(required=True)
    unit = fields.String(required=True)
    note = fields.String(allow_none=True)
    valid_until = Moment(allow_none=True)
    actor_realm = fields.String(required=True)
    actor_id = fields.String(required=True)
    actor = fields.Nested(Actor, required=True)


class CapacitySettings(Reply):
    """How an organisation works with capacity."""

    is_on = Flag(required=True)
    remind_hours = fields.Integer(required=True)
    confirm_after_days = fields.Integer(allow_none=True)


class CapacitySettingsInput(Request):
    """As `CapacitySettings`."""

    is_on = Flag(
        load_default=True,
        metadata={"description": "off: nobody edits capacity, and no referral is limited by it"},
    )
    remind_hours = fields.Integer(
        load_default=24,
        validate=validate.Range(1, 720),
        metadata={"description": "so long before `valid_until` providers are asked to confirm"},
    )
    confirm_after_days = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 366),
        metadata={"description": "how long numbers hold when nothing else is said; null: for ever"},
    )


_REFUSALS = ("not_found", "invalid_capacity", "feature_is_off")

set_capacity = contract.command(
    "set_capacity",
    "Say how much a program can take, with a short note to the partner: its first line.",
    request={"program_id": Id(required=True), **_terms("referrals")},
    reply=Capacity,
    access=EDIT,
    errors=(*_REFUSALS, "not_a_program", "capacity_below_use"),
)
get_capacity = contract.query(
    "get_capacity",
    "A program's capacity (its first line) now, or as it was or will be at `as_of`.",
    request={"program_id": Id(required=True), "as_of": Moment(load_default=None, allow_none=True)},
    reply=Capacity,
    access=READ,
    errors=("not_found",),
)
list_capacities = contract.query(
    "list_capacities",
    "The capacity lines the caller may see, by program.",
    request={
        **PAGE,
        "queue_id": Id(load_default=None, allow_none=True),
        "agency_id": Id(load_default=None, allow_none=True),
        "program_id": Id(load_default=None, allow_none=True),
        "status": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(STATUSES)),
        "stale": Flag(load_default=None, allow_none=True),
    },
    reply=page_of(Capacity),
    access=READ,
    errors=("invalid_request",),
)
add_capacity_line = contract.command(
    "add_capacity_line",
    "Give a program one more line of capacity, for example intake slots beside beds.",
    request={"program_id": Id(required=True), **_NAMED, **_terms(None)},
    reply=Capacity,
    access=EDIT,
    errors=(*_REFUSALS, "not_a_program", "conflict"),
    status=201,
)
edit_capacity_line = contract.command(
    "edit_capacity_line",
    "Say anew what a line is called and how much it can take.",
    request={"line_id": Id(required=True), **_NAMED, **_terms(None)},
    reply=Capacity,
    access=EDIT,
    errors=(*_REFUSALS, "capacity_below_use", "conflict"),
)
remove_capacity_line = contract.command(
    "remove_capacity_line",
    "Take a line away. Its history stays; referrals that hold its places keep them.",
    request={"line_id": Id(required=True)},
    reply={"line_id": Id(required=True), "removed_at": Moment(required=True)},
    access=EDIT,
    errors=_REFUSALS,
)
confirm_capacity = contract.command(
    "confirm_capacity",
    "Vouch for a line's numbers as they are, until `valid_until` or for as long as they held before.",
    request={
        "line_id": Id(required=True),
        "valid_until": Moment(load_default=None, allow_none=True),
    },
    reply=Capacity,
    access=EDIT,
    errors=_REFUSALS,
)
schedule_capacity = contract.command(
    "schedule_capacity",
    "Say now what a program can take from a later time on. It takes effect by itself.",
    request={
        "program_id": Id(required=True),
        "line_id": Id(
            load_default=None, allow_none=True, metadata={"description": "null: the program's first line"}
        ),
        **_SCHEDULE,
        **_terms("referrals"),
    },
    reply=ScheduledCapacity,
    access=EDIT,
    errors=(*_REFUSALS, "not_a_program", "capacity_schedule_clash"),
    status=201,
)
edit_scheduled_capacity = contract.command(
    "edit_scheduled_capacity",
    "Say anew what was scheduled, before it begins.",
    request={"schedule_id": Id(required=True), **_SCHEDULE, **_terms("referrals")},
    reply=ScheduledCapacity,
    access=EDIT,
    errors=(*_REFUSALS, "capacity_schedule_clash", "conflict"),
    expects_version=True,
)
cancel_scheduled_capacity = contract.command(
    "cancel_scheduled_capacity",
    "Take a scheduled change back. One that has begun ends now, and what held before holds again.",
    request={"schedule_id": Id(required=True)},
    reply={"schedule_id": Id(required=True), "cancelled_at": Moment(required=True)},
    access=EDIT,
    errors=_REFUSALS,
    expects_version=True,
)
list_capacity_history = contract.query(
    "list_capacity_history",
    "What has happened to a program's capacity, newest first.",
    request={
        "program_id": Id(required=True),
        "line_id": Id(load_default=None, allow_none=True),
        **PAGE,
    },
    reply=page_of(CapacityChange),
    access=READ,
    errors=("not_found", "invalid_request"),
)
get_capacity_settings = contract.query(
    "get_capacity_settings",
    "How the organisation works with capacity.",
    request={},
    reply=CapacitySettings,
    access=READ,
)
set_capacity_settings = contract.command(
    "set_capacity_settings",
    "Say how the organisation works with capacity; off, nobody edits it and nothing is counted.",
    request=CapacitySettingsInput,
    reply=CapacitySettings,
    access=SET_UP,
)

capacity_changed = contract.event(
    "capacity_changed",
    "A line of a program's capacity can take more or less than before, or reads otherwise.",
    data={
        "program_id": Id(required=True),
        "total": Count(required=True),
        "used": Count(required=True),
        "free": Count(required=True),
        "line_id": Id(),
        "status": Code(),
    },
)
capacity_stale = contract.event(
    "capacity_stale",
    "A line of a program's capacity will read as unknown from `valid_until` on unless somebody confirms it.",
    data={
        "program_id": Id(required=True),
        "agency_id": Id(required=True),
        "line_id": Id(required=True),
        "valid_until": Moment(required=True),
    },
)
