"""What other services ask and hear about people of whom identity had two records."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import only_services
from services.contracts.fields import Id
from services.contracts.identity import contract

_PAIR = {"merge_id": Id(required=True), "kept_id": Id(required=True), "merged_id": Id(required=True)}

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
    data=_PAIR,
)
people_unmerged = contract.event("people_unmerged", "A merge was taken back.", data=_PAIR)
