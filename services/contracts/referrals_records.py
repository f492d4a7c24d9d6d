"""What referrals offers about contact records beyond entering and reading one: lists, changes, intake, PDF."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, page_of, permission
from services.contracts.fields import Code, Count, Id, Moment, RecordNumber, Text
from services.contracts.referrals import (
    CONTACT_RECORD,
    PAGE,
    ContactRecord,
    Referral,
    contract,
)
from services.contracts.referrals_assignment_shapes import ASSIGNMENT, ASSIGNMENT_ERRORS, Actor


class ContactRecordLine(Reply):
    """A contact record in a list."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    number = RecordNumber(required=True)
    contact_name = fields.String(allow_none=True)
    postal_code = fields.String(allow_none=True)
    submitted_at = Moment(required=True)
    open_referrals = Count(required=True)


class ContactRecordChange(Reply):
    """Who changed which fields of a contact record, and when. What they were is not kept."""

    version = fields.Integer(required=True)
    at = Moment(required=True)
    actor_id = fields.String(required=True)
    actor = fields.Nested(Actor, required=True)
    fields_changed = fields.List(fields.String(), required=True)


class FileReference(Reply):
    """Where the gateway finds the bytes; they do not travel in the message."""

    sha256 = fields.String(required=True)
    file_name = fields.String(required=True)
    media_type = fields.String(required=True)


search_contact_records = contract.command(
    "search_contact_records",
    "Contact records, newest submission first: all, or by number, postal code and time of submission. A postal code "
    "does not belong into an address, so this question is a POST.",
    request={
        **PAGE,
        "number": fields.String(load_default=None, allow_none=True, validate=validate.Length(max=40)),
        "postal_code": Text(load_default=None, allow_none=True, most=20),
        "submitted_from": Moment(load_default=None, allow_none=True),
        "submitted_before": Moment(load_default=None, allow_none=True),
    },
    reply=page_of(ContactRecordLine),
    access=permission("record.read"),
    errors=("not_found", "invalid_contact_record"),
    keeps_answer=False,
)
edit_contact_record = contract.command(
    "edit_contact_record",
    "Change what was taken down; what is not given stays. `sections` replaces all sections.",
    request={
        "contact_record_id": Id(required=True),
        "first_name": Text(allow_none=True, most=100),
        "last_name": Text(allow_none=True, most=100),
        "postal_code": Text(allow_none=True, most=20),
        "phone": Text(allow_none=True, most=40),
        "email": fields.Email(allow_none=True, validate=validate.Length(max=254)),
        "sections": fields.Dict(keys=fields.String(), values=fields.Dict()),
        "submitted_at": Moment(),
        "form_code": Code(allow_none=True),
        "person_id": Id(allow_none=True),
        "consent_given_on": fields.Date(allow_none=True),
        "consent_until": fields.Date(allow_none=True),
    },
    reply=ContactRecord,
    access=permission("record.create"),
    errors=("not_found", "invalid_contact_record"),
    expects_version=True,
)
list_contact_record_changes = contract.query(
    "list_contact_record_changes",
    "Who changed which fields of a contact record, oldest first.",
    request={"contact_record_id": Id(required=True)},
    reply={"items": fields.List(fields.Nested(ContactRecordChange), required=True)},
    access=permission("record.read"),
    errors=("not_found",),
)
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
    access=permission("referral.assign"),
    errors=(*ASSIGNMENT_ERRORS, "invalid_contact_record"),
    status=201,
)
create_contact_record_pdf = contract.command(
    "create_contact_record_pdf",
    "A PDF of a contact record with full details, its referrals and their shared notes, for staff.",
    request={"contact_record_id": Id(required=True)},
    reply=FileReference,
    access=permission("record.read"),
    errors=("not_found",),
    timeout_s=20,
)
create_referral_pdf = contract.command(
    "create_referral_pdf",
    "A PDF of the contact record of a referral, as far as the caller may see it. A provider needs the details switch.",
    request={"referral_id": Id(required=True)},
    reply=FileReference,
    access=permission("referral.read"),
    errors=("not_found",),
    timeout_s=20,
)

contact_record_changed = contract.event(
    "contact_record_changed",
    "What was taken down in a contact record was changed.",
    data={
        "contact_record_id": Id(required=True),
        "contact_record_number": RecordNumber(required=True),
        "version": Count(required=True),
    },
)
contact_record_pdf_created = contract.event(
    "contact_record_pdf_created",
    "A PDF of a contact record was made and handed out.",
    data={
        "contact_record_id": Id(required=True),
        "contact_record_number": RecordNumber(required=True),
        "pages": Count(required=True),
    },
)
