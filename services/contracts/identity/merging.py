"""Merging two records of one person, undoing a merge, and the events that tell other services."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, only_services, permission
from services.contracts.fields import Count, Digest, Flag, Id, Moment, one_of
from services.contracts.identity import contract
from services.contracts.identity.permissions import READ_PEOPLE

_MERGED_PAIR = {"merge_id": Id(required=True), "kept_id": Id(required=True), "merged_id": Id(required=True)}
describe_person = contract.query(
    "describe_person",
    "Whether a person exists, the record that the id stands for now, and the ids that were merged into that one.",
    request={"person_id": Id(required=True)},
    reply={"person_id": Id(required=True), "merged_ids": fields.List(Id(), required=True)},
    access=only_services("referrals", "portals", "signing", "notifications"),
    errors=("not_found",),
)
people_merged = contract.event(
    "people_merged",
    "Two records of one person are one: what refers to `merged_id` now belongs to `kept_id`.",
    data=_MERGED_PAIR,
)
people_unmerged = contract.event("people_unmerged", "A merge was undone.", data=_MERGED_PAIR)
SIDES = ("kept", "merged")
MERGE_CHARTS = permission("chart.merge")


class MergeConflict(Reply):
    """A field on which the two records disagree. `proposed`: whose value is taken unless the other is chosen."""

    field = fields.String(required=True)
    kept = fields.String(allow_none=True)
    merged = fields.String(allow_none=True)
    proposed = one_of(SIDES, required=True)


class MergeMove(Reply):
    """How many rows of one kind move to the kept record."""

    what = fields.String(required=True)
    count = Count(required=True)


class MergePreview(Reply):
    """What a merge would do. `plan` names exactly this merge: send it with `merge_people`."""

    plan = Digest(required=True)
    kept_id = Id(required=True)
    merged_id = Id(required=True)
    conflicts = fields.List(fields.Nested(MergeConflict), required=True)
    moves = fields.List(fields.Nested(MergeMove), required=True)
    accounts_closed = Count(required=True)


class MergeView(Reply):
    """A merge. Both ids stay valid: the merged one stands for the kept one."""

    id = Id(required=True)
    kept_id = Id(required=True)
    merged_id = Id(required=True)
    merged_by = fields.String(required=True)
    merged_at = Moment(required=True)
    undone_by = fields.String(allow_none=True)
    undone_at = Moment(allow_none=True)
    can_be_undone = Flag(required=True)


_PAIR = {"kept_id": Id(required=True), "merged_id": Id(required=True)}
preview_merge = contract.query(
    "preview_merge",
    "What merging one record of a person into another would move, and where they disagree. Reading it is noted.",
    request=_PAIR,
    reply=MergePreview,
    access=MERGE_CHARTS,
    errors=("not_found", "already_merged", "merge_refused"),
)
merge_people = contract.command(
    "merge_people",
    "Merge one record of a person into another: an applicant into the employee, a duplicate into the right one. "
    "Accounts, access and relationships move to the kept record, and log-ins follow the chosen e-mail, which is verified "
    "anew. Merging the same two again answers the same merge.",
    request={
        **_PAIR,
        "plan": Digest(required=True),
        "choices": fields.Dict(
            keys=fields.String(validate=validate.Length(max=40)),
            values=one_of(SIDES),
            load_default=dict,
            metadata={"description": "for a field: whose value is taken"},
        ),
    },
    reply=MergeView,
    access=MERGE_CHARTS,
    errors=(
        "not_found",
        "already_merged",
        "merge_refused",
        "merge_outdated",
        "proof_required",
        "last_administrator",
        "login_taken",
        "right_not_held",
    ),
    status=201,
)
undo_merge = contract.command(
    "undo_merge",
    "Undo a merge within 30 days: what was moved returns, unless it has changed hands or was disabled since.",
    request={"merge_id": Id(required=True)},
    reply=MergeView,
    access=MERGE_CHARTS,
    errors=("not_found", "merge_refused", "proof_required", "right_not_held"),
)
list_merges = contract.query(
    "list_merges",
    "Merges in which a person was kept or merged.",
    request={"person_id": Id(required=True)},
    reply={"items": fields.List(fields.Nested(MergeView), required=True)},
    access=READ_PEOPLE,
)
resolve_person = contract.query(
    "resolve_person",
    "The record that an id stands for now: its own, or the one it was merged into.",
    request={"person_id": Id(required=True)},
    reply={"person_id": Id(required=True), "merged_ids": fields.List(Id(), required=True)},
    access=READ_PEOPLE,
    errors=("not_found",),
)
