"""What all services keep about one person: written down for who asks to see it, or erased."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import Reply, only_services, permission
from services.contracts.fields import AuthorName, Count, Flag, Id, Ids, Moment, Text, one_of
from services.contracts.identity import contract
from services.contracts.personal_data import KEPT_FOR

KINDS = ("export", "erasure")
STATES = ("running", "finished", "failed", "expired")
ERASED_BECAUSE = ("person_asked", "consent_withdrawn", "retention_ended", "entered_by_mistake")
PARTS = ("identity", "referrals", "portals", "notifications", "signing")
_ADMINISTRATORS = permission("organisation.manage", realms=("staff",))


class KeptRows(Reply):
    """Rows that stay although the person was erased, and why."""

    reason = one_of(KEPT_FOR, required=True)
    rows = Count(required=True)


class PersonalDataPart(Reply):
    """What one service has done: `rows` were written, or deleted. `done_at` is null until it has."""

    service = one_of(PARTS, required=True)
    done_at = Moment(required=True, allow_none=True)
    rows = Count(required=True)
    kept = fields.List(fields.Nested(KeptRows), required=True)


class PersonalDataJob(Reply):
    """An order about a person's data, with its progress.

    An export's file can be downloaded until `expires_at`, and no more once the person is erased; it has failed where a service
    needed longer than a day. After an erasure, the answers of repeated requests (`Idempotency-Key`) may name the person until
    `answers_kept_until`.
    """

    id = Id(required=True)
    kind = one_of(KINDS, required=True)
    state = one_of(STATES, required=True)
    person_id = Id(required=True)
    reason_code = one_of(ERASED_BECAUSE, required=True, allow_none=True)
    ordered_by = fields.String(required=True)
    ordered_by_name = AuthorName(required=True)
    ordered_at = Moment(required=True)
    finished_at = Moment(required=True, allow_none=True)
    expires_at = Moment(required=True, allow_none=True)
    answers_kept_until = Moment(required=True, allow_none=True)
    size = Count(required=True, allow_none=True, metadata={"description": "bytes of the file"})
    done = Count(required=True)
    total = Count(required=True)
    parts = fields.List(fields.Nested(PersonalDataPart), required=True)


export_person = contract.command(
    "export_person",
    "Write down what all services keep about a person, for who asks to see it: one JSON object a line, without passwords and "
    "without rows that name somebody else. While an export of the person is being written, that one is answered.",
    request={"person_id": Id(required=True)},
    reply=PersonalDataJob,
    access=_ADMINISTRATORS,
    errors=("not_found", "already_merged", "proof_required"),
    status=201,
)
erase_person = contract.command(
    "erase_person",
    "Erase a person in all services, for good. At once nobody can sign in as the person. Each service then deletes what it keeps; "
    "what must stay (the audit trail, what was signed, the history of the work) loses what names the person and is listed. "
    "`number` is the person's number, typed again. While the person is being erased, that order is answered.",
    request={
        "person_id": Id(required=True),
        "number": Text(required=True, most=40),
        "reason_code": one_of(ERASED_BECAUSE, required=True),
    },
    reply=PersonalDataJob,
    access=_ADMINISTRATORS,
    errors=(
        "not_found",
        "already_merged",
        "proof_required",
        "confirmation_required",
        "right_not_held",
        "own_rights",
        "still_employed",
        "last_administrator",
    ),
    status=201,
)
get_personal_data_job = contract.query(
    "get_personal_data_job",
    "An export or erasure of a person's data, with its progress.",
    request={"job_id": Id(required=True)},
    reply=PersonalDataJob,
    access=_ADMINISTRATORS,
    errors=("not_found",),
)
list_personal_data_jobs = contract.query(
    "list_personal_data_jobs",
    "The exports and erasures of a person's data, newest first, at most 50.",
    request={"person_id": Id(required=True)},
    reply={"items": fields.List(fields.Nested(PersonalDataJob), required=True)},
    access=_ADMINISTRATORS,
)
download_person_export = contract.command(
    "download_person_export",
    "The file of an export. It is kept for a day.",
    request={"job_id": Id(required=True)},
    reply={
        "sha256": fields.String(required=True),
        "size": Count(required=True),
        "media_type": fields.String(required=True),
        "file_name": fields.String(required=True),
    },
    access=_ADMINISTRATORS,
    errors=("not_found", "export_not_ready"),
    keeps_answer=False,
)
describe_personal_data_job = contract.query(
    "describe_personal_data_job",
    "Whom an order is about: the person with whoever was merged into it, and their accounts.",
    request={"job_id": Id(required=True)},
    reply={
        "kind": one_of(KINDS, required=True),
        "person_ids": Ids(required=True),
        "account_ids": Ids(required=True),
    },
    access=only_services("referrals", "portals", "notifications", "signing"),
    errors=("not_found",),
)
personal_data_ordered = contract.event(
    "personal_data_ordered",
    "What is kept about a person is to be written down (`is_erasure` is false) or erased. Each service does its part.",
    data={"job_id": Id(required=True), "person_id": Id(required=True), "is_erasure": Flag(required=True)},
)
person_erased = contract.event(
    "person_erased",
    "All services have erased a person. `merged_ids` are the person's other records.",
    data={"job_id": Id(required=True), "person_id": Id(required=True), "merged_ids": Ids(required=True)},
)
