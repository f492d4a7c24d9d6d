"""Bulk jobs: work on many records or referrals in the background, with progress."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, Request, page_of, permission
from services.contracts.fields import AuthorName, Code, Count, Flag, Id, Moment, RecordNumber, Text
from services.contracts.referrals import contract
from services.contracts.referrals.assignments import CARRIES_NOTES, NOTE, PRIORITIES
from services.contracts.referrals.paging import PAGE

MOST_LINES = 5000
KINDS = ("assignment", "status_change", "reassignment")
STATES = ("running", "done", "cancelled", "dry_run")
LINE_STATES = ("failed", "waiting", "done", "cancelled")


class Selection(Request):
    """A selection of contact records by their data. Give at least one member."""

    submitted_from = Moment(load_default=None, allow_none=True)
    submitted_before = Moment(load_default=None, allow_none=True)
    postal_code = Text(load_default=None, allow_none=True, most=20)
    has_open_referral = Flag(load_default=None, allow_none=True)


class ReferralSelection(Request):
    """A selection of referrals by their data. Give at least `queue_id`."""

    queue_id = Id(required=True)
    program_id = Id(load_default=None, allow_none=True)
    agency_id = Id(load_default=None, allow_none=True)
    status = Code(load_default=None, allow_none=True, metadata={"description": "key of a status"})
    is_open = Flag(load_default=None, allow_none=True)
    is_overdue = Flag(load_default=None, allow_none=True)
    is_urgent = Flag(load_default=None, allow_none=True)
    is_consent_expired = Flag(load_default=None, allow_none=True)
    assigned_from = Moment(load_default=None, allow_none=True)
    assigned_before = Moment(load_default=None, allow_none=True)


class RefusalCount(Reply):
    """The number of lines that were refused with this error code."""

    reason = Code(required=True)
    count = Count(required=True)


class BulkJob(Reply):
    """A bulk job. `waiting` + `done` + `failed` + `cancelled` is `total`.

    A dry run has no id; its `done` and `failed` are the counts that the job would have now.
    """

    id = Id(required=True, allow_none=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    total = Count(required=True)
    waiting = Count(required=True)
    done = Count(required=True)
    failed = Count(required=True)
    cancelled = Count(required=True)
    reasons = fields.List(fields.Nested(RefusalCount), required=True)
    requested_by = fields.String(required=True)
    requested_by_name = AuthorName(required=True)
    stopped_because = Code(
        required=True,
        allow_none=True,
        metadata={
            "description": "starter_not_allowed: the account that started the job has lost the permission; null otherwise"
        },
    )
    created_at = Moment(required=True)
    finished_at = Moment(required=True, allow_none=True)


class BulkLine(Reply):
    """One record or referral of a job. `referral_id` is the resulting referral: opened, moved or reassigned.

    `reason` is the error code of a refusal, `field` the member of the request that caused it.
    """

    position = Count(required=True)
    subject_id = Id(required=True)
    contact_record_number = RecordNumber(required=True, allow_none=True)
    state = fields.String(required=True, validate=validate.OneOf(LINE_STATES))
    reason = Code(required=True, allow_none=True)
    field = fields.String(required=True, allow_none=True)
    referral_id = Id(required=True, allow_none=True)


def _ids(limit: int = MOST_LINES) -> Any:
    return fields.List(Id(), load_default=None, allow_none=True, validate=validate.Length(1, limit))


DRY_RUN = {
    "dry_run": Flag(
        load_default=False, metadata={"description": "only count the results; nothing is changed"}
    )
}
SELECTION_ERRORS = ("not_found", "selection_too_large")

start_bulk_assignment = contract.command(
    "start_bulk_assignment",
    "Assign many contact records through a ReferralQ. With several programs each record goes to the first of them that "
    "has a free place. Give either `contact_record_ids` or `records`.",
    request={
        "queue_id": Id(required=True),
        "program_ids": fields.List(Id(), required=True, validate=validate.Length(1, 20)),
        "contact_record_ids": _ids(),
        "records": fields.Nested(Selection, load_default=None, allow_none=True),
        "priority": fields.String(load_default="routine", validate=validate.OneOf(PRIORITIES)),
        "confirm": Flag(
            load_default=False,
            metadata={"description": "assign even if all programs are full, where the ReferralQ only warns"},
        ),
        **NOTE,
        **DRY_RUN,
    },
    reply=BulkJob,
    access=permission("referral.assign", realms=STAFF),
    errors=(
        *SELECTION_ERRORS,
        "conflict",
        "not_a_program",
        "program_not_in_queue",
        "resource_inactive",
        "resource_not_referable",
        "invalid_contact_record",
    ),
    status=202,
)
start_bulk_status_change = contract.command(
    "start_bulk_status_change",
    "Move many referrals to a status of their ReferralQ. Give either `referral_ids` or `referrals`. What the status demands "
    "must be given.",
    request={
        "status": Code(required=True),
        "referral_ids": _ids(),
        "referrals": fields.Nested(ReferralSelection, load_default=None, allow_none=True),
        "reason_code": Code(load_default=None, allow_none=True),
        "outcome_code": Code(load_default=None, allow_none=True),
        **NOTE,
        **DRY_RUN,
    },
    reply=BulkJob,
    access=permission("referral.change_status", realms=STAFF),
    errors=(
        *SELECTION_ERRORS,
        "status_not_in_queue",
        "feature_is_off",
        "reason_required",
        "reason_not_in_queue",
        "outcome_required",
        "outcome_not_in_queue",
    ),
    status=202,
)
start_bulk_reassignment = contract.command(
    "start_bulk_reassignment",
    "Reassign all open referrals of a program or an agency to another program, for example when it closes. `queue_id` "
    "limits this to one ReferralQ.",
    request={
        "from_program_id": Id(load_default=None, allow_none=True),
        "from_agency_id": Id(load_default=None, allow_none=True),
        "queue_id": Id(load_default=None, allow_none=True),
        "to_program_id": Id(required=True),
        "to_queue_id": Id(
            load_default=None,
            allow_none=True,
            metadata={"description": "null: each referral stays in its ReferralQ"},
        ),
        "carries_notes": CARRIES_NOTES,
        "confirm": Flag(load_default=False),
        **NOTE,
        **DRY_RUN,
    },
    reply=BulkJob,
    access=permission("referral.assign", realms=STAFF),
    errors=(
        *SELECTION_ERRORS,
        "conflict",
        "not_a_program",
        "program_not_in_queue",
        "resource_inactive",
        "resource_not_referable",
    ),
    status=202,
)
get_bulk_job = contract.query(
    "get_bulk_job",
    "A bulk job with its progress.",
    request={"bulk_job_id": Id(required=True)},
    reply=BulkJob,
    access=permission("referral.read", realms=STAFF),
    errors=("not_found",),
)
list_bulk_jobs = contract.query(
    "list_bulk_jobs",
    "Bulk jobs, newest first.",
    request=PAGE,
    reply=page_of(BulkJob),
    access=permission("referral.read", realms=STAFF),
)
list_bulk_job_lines = contract.query(
    "list_bulk_job_lines",
    "The result for each record or referral of a job: failed lines first, then waiting ones, then the rest.",
    request={
        **PAGE,
        "bulk_job_id": Id(required=True),
        "state": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(LINE_STATES)),
    },
    reply=page_of(BulkLine),
    access=permission("referral.read", realms=STAFF),
    errors=("not_found",),
)
cancel_bulk_job = contract.command(
    "cancel_bulk_job",
    "Stop a job. Finished lines stay as they are, waiting ones are cancelled. It needs the permission to start such a job.",
    request={"bulk_job_id": Id(required=True)},
    reply=BulkJob,
    access=permission("referral.read", realms=STAFF),
    errors=("not_found", "job_finished"),
)

bulk_job_started = contract.event(
    "bulk_job_started",
    "A bulk job on records or referrals has started.",
    data={"bulk_job_id": Id(required=True), "kind": Code(required=True), "total": Count(required=True)},
)
bulk_job_finished = contract.event(
    "bulk_job_finished",
    "A bulk job on records or referrals has ended.",
    data={
        "bulk_job_id": Id(required=True),
        "kind": Code(required=True),
        "done": Count(required=True),
        "failed": Count(required=True),
        "cancelled": Count(required=True),
    },
)
