"""What referrals offers and publishes about capacity: lines, schedules, confirmations, history, settings."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, Request, only_services, page_of, permission
from services.contracts.fields import Code, Count, Flag, Id, Moment, Text
from services.contracts.referrals import contract
from services.contracts.referrals.authors import Actor
from services.contracts.referrals.paging import PAGE

MODES = ("occupancy", "period")
PERIODS = ("day", "week", "month")
# The four statuses of the Gravity SDOH guide, and `unknown`, for which the guide has none.
UNKNOWN = "unknown"
STATUSES = (
    "has_capacity",
    "no_capacity",
    "no_capacity_has_waitlist",
    "additional_assessment_required",
    UNKNOWN,
)
TOTAL = validate.Range(0, 1_000_000)
READ, EDIT, SET_UP = (
    permission("capacity.read"),
    permission("capacity.edit"),
    permission("queue.manage", realms=STAFF),
)


def _terms(*required: str) -> dict[str, Any]:
    """The members that state a line's capacity, of which a request needs the `required` ones.

    A member that is absent stays as it was. On a new line it is the first of the possible values: an absent `unit` is
    "referrals", an absent `time_zone` UTC.
    """
    return {
        "total": fields.Integer(required="total" in required, strict=True, validate=TOTAL),
        "unit": Text(required="unit" in required, most=40),
        "note": Text(allow_none=True, most=500, metadata={"description": "note to the partner; null: none"}),
        "mode": fields.String(
            validate=validate.OneOf(MODES),
            metadata={
                "description": "`occupancy`: the end of a referral frees its place; `period`: the next period frees all places"
            },
        ),
        "period": fields.String(allow_none=True, validate=validate.OneOf(PERIODS)),
        "time_zone": Text(most=64),
        "valid_until": Moment(
            allow_none=True,
            metadata={
                "description": "from then on the status is unknown until the capacity is confirmed; null: without end, or as "
                "long as the organisation's settings say"
            },
        ),
        "has_waitlist": Flag(),
        "needs_assessment": Flag(),
    }


_ENDS_AT = Moment(
    allow_none=True,
    metadata={"description": "then the capacity before it holds again; null: until another schedule starts"},
)
_STARTS_AT = {"description": "in the future"}


class ScheduledCapacity(Reply):
    """The capacity that a line will have from `starts_at` on."""

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

    `capacity_status` is one of the four of the Gravity SDOH guide, or `unknown` where the numbers were never set or are no
    longer confirmed. `planned_total` is the total as set; `total` is higher while more places than that are taken.
    `schedule_id` and `ends_at` belong to the scheduled change in effect, if there is one.
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
        fields.Nested(ScheduledCapacity),
        metadata={"description": "scheduled changes that have not begun, the next one first"},
    )


class CapacityChange(Reply):
    """A change of a line: its author, and the line's numbers after it.

    `kind`: set, added, confirmed, claimed, released, took_effect (a schedule began or ended), new_window, lapsed (the
    numbers were not confirmed in time), removed.
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
    """An organisation's settings for capacity."""

    is_on = Flag(required=True)
    remind_hours = fields.Integer(required=True)
    confirm_after_days = fields.Integer(allow_none=True)


class CapacitySettingsInput(Request):
    """The members of `CapacitySettings`, as an editor gives them."""

    is_on = Flag(
        load_default=True,
        metadata={"description": "off: capacity cannot be edited and does not limit referrals"},
    )
    remind_hours = fields.Integer(
        load_default=24,
        validate=validate.Range(1, 720),
        metadata={"description": "how long before `valid_until` providers are asked to confirm"},
    )
    confirm_after_days = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 366),
        metadata={"description": "how many days numbers hold without a `valid_until`; null: without end"},
    )


_REFUSALS = ("not_found", "invalid_capacity", "feature_is_off")

set_capacity = contract.command(
    "set_capacity",
    "Set the capacity of a program's first line, with a short note to the partner. A member that is absent stays as it was.",
    request={"program_id": Id(required=True), **_terms("total")},
    reply=Capacity,
    access=EDIT,
    errors=(*_REFUSALS, "not_a_program", "capacity_below_use"),
    honours_version=True,
)
get_capacity = contract.query(
    "get_capacity",
    "The first line of a program's capacity now, or as it was or will be at `as_of`.",
    request={"program_id": Id(required=True), "as_of": Moment(load_default=None, allow_none=True)},
    reply=Capacity,
    access=READ,
    errors=("not_found",),
)
list_capacities = contract.query(
    "list_capacities",
    "The capacity lines that the caller may see, by program.",
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
get_capacity_line = contract.query(
    "get_capacity_line",
    "One line of a program's capacity now.",
    request={"line_id": Id(required=True)},
    reply=Capacity,
    access=READ,
    errors=("not_found", "link_refused"),
)
describe_capacity_line = contract.query(
    "describe_capacity_line",
    "The state of a line's numbers, for the link of a mail: another one once they were set or confirmed. Null where nothing "
    "is in effect.",
    request={"line_id": Id(required=True)},
    reply={"state": Code(required=True, allow_none=True)},
    access=only_services("notifications"),
)
add_capacity_line = contract.command(
    "add_capacity_line",
    "Add a line to a program's capacity, for example intake slots beside beds.",
    request={
        "program_id": Id(required=True),
        "name": Text(required=True, most=80),
        "target_population": Text(load_default=None, allow_none=True, most=200),
        **_terms("total", "unit"),
    },
    reply=Capacity,
    access=EDIT,
    errors=(*_REFUSALS, "not_a_program", "conflict"),
    status=201,
)
edit_capacity_line = contract.command(
    "edit_capacity_line",
    "Change a line's name and capacity. A member that is absent stays as it was.",
    request={
        "line_id": Id(required=True),
        "name": Text(most=80),
        "target_population": Text(allow_none=True, most=200),
        **_terms(),
    },
    reply=Capacity,
    access=EDIT,
    errors=(*_REFUSALS, "capacity_below_use", "conflict", "link_refused"),
    honours_version=True,
)
remove_capacity_line = contract.command(
    "remove_capacity_line",
    "Remove a line. Its history stays; referrals that hold its places keep them.",
    request={"line_id": Id(required=True)},
    reply={"line_id": Id(required=True), "removed_at": Moment(required=True)},
    access=EDIT,
    errors=_REFUSALS,
    honours_version=True,
)
confirm_capacity = contract.command(
    "confirm_capacity",
    "Confirm a line's numbers as they are, until `valid_until` or for as long as they were valid before.",
    request={
        "line_id": Id(required=True),
        "valid_until": Moment(load_default=None, allow_none=True),
    },
    reply=Capacity,
    access=EDIT,
    errors=(*_REFUSALS, "link_refused"),
    honours_version=True,
)
schedule_capacity = contract.command(
    "schedule_capacity",
    "Schedule a program's capacity from a later time on. The change takes effect by itself. A member that is absent is as on "
    "the line when the change begins.",
    request={
        "program_id": Id(required=True),
        "line_id": Id(
            load_default=None, allow_none=True, metadata={"description": "null: the program's first line"}
        ),
        "starts_at": Moment(required=True, metadata=_STARTS_AT),
        "ends_at": _ENDS_AT,
        **_terms("total"),
    },
    reply=ScheduledCapacity,
    access=EDIT,
    errors=(*_REFUSALS, "not_a_program", "capacity_schedule_clash"),
    status=201,
)
edit_scheduled_capacity = contract.command(
    "edit_scheduled_capacity",
    "Change a scheduled capacity before it begins. A member that is absent stays as it was, or follows the line.",
    request={
        "schedule_id": Id(required=True),
        "starts_at": Moment(metadata=_STARTS_AT),
        "ends_at": _ENDS_AT,
        **_terms(),
    },
    reply=ScheduledCapacity,
    access=EDIT,
    errors=(*_REFUSALS, "capacity_schedule_clash", "conflict"),
    expects_version=True,
)
cancel_scheduled_capacity = contract.command(
    "cancel_scheduled_capacity",
    "Cancel a scheduled change. One that has begun ends now, and the capacity before it holds again.",
    request={"schedule_id": Id(required=True)},
    reply={"schedule_id": Id(required=True), "cancelled_at": Moment(required=True)},
    access=EDIT,
    errors=_REFUSALS,
    expects_version=True,
)
list_capacity_history = contract.query(
    "list_capacity_history",
    "The changes of a program's capacity, newest first.",
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
    "The organisation's settings for capacity.",
    request={},
    reply=CapacitySettings,
    access=READ,
)
set_capacity_settings = contract.command(
    "set_capacity_settings",
    "Change the organisation's settings for capacity. While it is off, capacity cannot be edited and is not counted.",
    request=CapacitySettingsInput,
    reply=CapacitySettings,
    access=SET_UP,
)

capacity_changed = contract.event(
    "capacity_changed",
    "The numbers or the status of a line of a program's capacity have changed.",
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
    "A line of a program's capacity will be unknown from `valid_until` on unless it is confirmed.",
    data={
        "program_id": Id(required=True),
        "agency_id": Id(required=True),
        "line_id": Id(required=True),
        "valid_until": Moment(required=True),
    },
)
