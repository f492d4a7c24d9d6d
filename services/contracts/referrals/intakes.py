"""A contact record and its first referral in one step."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import STAFF, permission
from services.contracts.referrals import contract
from services.contracts.referrals.assignments import ASSIGNMENT, ASSIGNMENT_ERRORS, Referral
from services.contracts.referrals.records import CONTACT_RECORD, ContactRecord

create_intake = contract.command(
    "create_intake",
    "Enter a contact record and assign it to a program in one step: both or neither.",
    request={
        **CONTACT_RECORD,
        **{name: field for name, field in ASSIGNMENT.items() if name != "contact_record_id"},
    },
    reply={
        "contact_record": fields.Nested(ContactRecord, required=True),
        "referral": fields.Nested(Referral, required=True),
    },
    access=permission("referral.assign", realms=STAFF),
    errors=(*ASSIGNMENT_ERRORS, "invalid_contact_record"),
    status=201,
)
