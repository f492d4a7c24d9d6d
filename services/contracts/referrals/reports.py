"""Dashboard, statistics and reports."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, permission
from services.contracts.fields import Code, Count, Day, Flag, Id, Moment, place_from
from services.contracts.referrals import contract
from services.contracts.referrals.paging import PAGE

GROUPS = ("queue", "program", "agency", "status", "month", "week", "day")


class StatusCount(Reply):
    """The number of referrals at a status: open ones at an open status, ended ones at a terminal status."""

    status = Code(required=True)
    label = fields.String(required=True)
    is_terminal = Flag(required=True)
    count = Count(required=True)


class Places(Reply):
    """Places that are counted in one unit."""

    unit = fields.String(allow_none=True)
    total = Count(required=True)
    used = Count(required=True)
    free = Count(required=True)


class LineOfPlaces(Places):
    """The places of one line of a program's capacity."""

    line_id = Id(required=True)
    name = fields.String(required=True)
    capacity_status = fields.String(required=True)
    note = fields.String(allow_none=True)


_DEMAND = {
    "open": Count(required=True),
    "ended": Count(required=True, metadata={"description": "at a terminal status, or withdrawn"}),
    "waiting": Count(required=True, metadata={"description": "on a waitlist"}),
    "urgent": Count(required=True, metadata={"description": "open, with a priority above routine"}),
    "overdue": Count(required=True, metadata={"description": "open and past the due time"}),
    "consent_expired": Count(
        required=True, metadata={"description": "open, and the consent to share is over"}
    ),
}

Demand = Reply.from_dict(dict(_DEMAND), name="Demand")
QueueOnDashboard = Reply.from_dict(
    {
        "queue_id": Id(required=True),
        "name": fields.String(required=True),
        "is_active": Flag(required=True),
        **_DEMAND,
        "statuses": fields.List(fields.Nested(StatusCount), required=True),
        "capacity": fields.List(
            fields.Nested(Places),
            required=True,
            metadata={"description": "the places of all its programs, unit by unit"},
        ),
    },
    name="QueueOnDashboard",
)
ProgramDemand = Reply.from_dict(
    {
        "program_id": Id(required=True),
        "program_name": fields.String(required=True),
        "agency_id": Id(allow_none=True),
        "queue_id": Id(required=True),
        "queue_name": fields.String(required=True),
        **_DEMAND,
        "statuses": fields.List(fields.Nested(StatusCount), required=True),
        "capacity": fields.List(fields.Nested(LineOfPlaces), required=True),
    },
    name="ProgramDemand",
)
_CAPPED = {
    "is_overdue_capped": Flag(
        required=True,
        metadata={"description": "there are more overdue referrals than the 2,000 that are counted"},
    ),
    "is_consent_expired_capped": Flag(
        required=True,
        metadata={
            "description": "there are more referrals with expired consent than the 2,000 that are counted"
        },
    ),
}


class StayStatistics(Reply):
    """How long referrals stayed at a status that they left within the period. Within 1 % of the exact value."""

    status = Code(required=True)
    label = fields.String(allow_none=True)
    entered = fields.Integer(
        allow_none=True,
        metadata={
            "description": "moves into the status, without assignments, which begin at the first status"
        },
    )
    left = fields.Integer(allow_none=True, metadata={"description": "stays that ended in the period"})
    median_s = fields.Integer(allow_none=True)
    p90_s = fields.Integer(allow_none=True)


class OutcomeCount(Reply):
    """The number of referrals that ended with an outcome. `code` is null where none was given."""

    code = Code(allow_none=True)
    count = fields.Integer(allow_none=True)


class ReasonCount(Reply):
    """The number of referrals that were declined or withdrawn for a reason, by side. `code` is null where none was given."""

    code = Code(allow_none=True)
    ended_by = Code(allow_none=True, metadata={"description": "provider, client or sender"})
    count = fields.Integer(allow_none=True)


class Statistics(Reply):
    """The numbers of one group. A null number is left blank because it is small (see `suppress_below`)."""

    key = fields.String(allow_none=True)
    label = fields.String(allow_none=True)
    assigned = fields.Integer(allow_none=True)
    ended = fields.Integer(allow_none=True)
    statuses = fields.List(fields.Nested(StayStatistics), required=True)
    outcomes = fields.List(fields.Nested(OutcomeCount), required=True)
    reasons = fields.List(fields.Nested(ReasonCount), required=True)
    capacity_use = fields.Float(
        allow_none=True,
        metadata={
            "description": "mean share of the places in use, 0 to 1, in which each unit counts alike; null: not known"
        },
    )


_FILTERS = {
    "from_on": Day(
        load_default=None,
        allow_none=True,
        metadata={
            "description": "first day, in the organisation's time zone; absent: of the 30 days that end with `to_on`"
        },
    ),
    "to_on": Day(
        load_default=None, allow_none=True, metadata={"description": "last day, included; absent: today"}
    ),
    "group_by": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(GROUPS)),
    "queue_id": Id(load_default=None, allow_none=True),
    "agency_id": Id(load_default=None, allow_none=True),
    "program_id": Id(load_default=None, allow_none=True),
    "suppress_below": fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(2, 100),
        metadata={
            "description": "counts from 1 to below this are blank, and so are counts from which they could be computed; "
            "a ReferralQ's higher limit prevails"
        },
    ),
}

get_dashboard = contract.query(
    "get_dashboard",
    "Counts per ReferralQ and status with the capacity beside them. A provider sees the same numbers as staff, limited to "
    "its own programs.",
    request={"queue_id": Id(load_default=None, allow_none=True)},
    reply={
        "at": Moment(required=True),
        "totals": fields.Nested(Demand, required=True),
        **_CAPPED,
        "queues": fields.List(fields.Nested(QueueOnDashboard), required=True),
    },
    access=permission("referral.read"),
    errors=("not_found",),
)
list_program_demand = contract.query(
    "list_program_demand",
    "The programs that the caller may see, by name, with demand beside capacity for each of their ReferralQs.",
    request={
        **PAGE,
        "queue_id": Id(load_default=None, allow_none=True),
        "agency_id": Id(load_default=None, allow_none=True),
    },
    reply={
        "at": Moment(required=True),
        **_CAPPED,
        "items": fields.List(fields.Nested(ProgramDemand), required=True),
        "next": fields.String(allow_none=True),
    },
    access=permission("referral.read"),
)
get_statistics = contract.query(
    "get_statistics",
    "Volumes, time in status, outcomes, reasons and capacity use of a period, in total and by group.",
    request={
        **_FILTERS,
        "after": place_from(
            0, load_default=0, allow_none=False, metadata={"description": "`next` of the previous page"}
        ),
        "limit": fields.Integer(load_default=100, validate=validate.Range(1, 200)),
    },
    reply={
        "from_on": Day(required=True),
        "to_on": Day(required=True),
        "time_zone": fields.String(required=True),
        "group_by": fields.String(allow_none=True),
        "suppress_below": fields.Integer(allow_none=True),
        "total": fields.Nested(Statistics, required=True),
        "groups": fields.List(fields.Nested(Statistics), required=True),
        "next": fields.Integer(allow_none=True),
    },
    access=permission("referral.read"),
    timeout_s=20,
)
export_statistics = contract.query(
    "export_statistics",
    "The numbers of `get_statistics` as a CSV file, with one number in each line.",
    request=_FILTERS,
    reply={
        "sha256": fields.String(required=True),
        "media_type": fields.String(required=True),
        "file_name": fields.String(required=True),
    },
    access=permission("referral.read"),
    timeout_s=20,
)
get_report_settings = contract.query(
    "get_report_settings",
    "The time zone in which the organisation's days begin and end.",
    request={},
    reply={"time_zone": fields.String(required=True)},
    access=permission("queue.manage", realms=STAFF),
)
set_report_settings = contract.command(
    "set_report_settings",
    "Set the time zone. Days already stored keep their time zone until the reports are rebuilt.",
    request={"time_zone": fields.String(required=True, validate=validate.Length(1, 64))},
    reply={"time_zone": fields.String(required=True)},
    access=permission("queue.manage", realms=STAFF),
)
