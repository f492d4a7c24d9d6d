"""The contract of contact records."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, only_services, page_of, permission
from services.contracts.fields import Code, Count, Day, EmailAddress, Flag, Id, Moment, RecordNumber, Text
from services.contracts.files import FileReference
from services.contracts.referrals import contract
from services.contracts.referrals.authors import Actor
from services.contracts.referrals.paging import PAGE


class ContactRecord(Reply):
    """A whole contact record.

    `withheld` names the fields that a ReferralQ withholds from the caller until a later stage; they are null or absent.
    """

    id = Id(required=True)
    version = fields.Integer(required=True)
    number = RecordNumber(required=True)
    first_name = fields.String(allow_none=True)
    last_name = fields.String(allow_none=True)
    postal_code = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    email = fields.String(allow_none=True)
    sections = fields.Dict(keys=fields.String(), values=fields.Dict())
    submitted_at = Moment(required=True)
    form_code = Code(allow_none=True)
    person_id = Id(allow_none=True, metadata={"description": "the person in identity, where known"})
    consent_given_on = Day(
        allow_none=True,
        metadata={"description": "the day on which the help-seeker consented to sharing the record"},
    )
    consent_until = Day(
        allow_none=True, metadata={"description": "the last day of the consent; null: it has no end"}
    )
    is_consent_expired = Flag()
    withheld = fields.List(fields.String())
    possible_duplicates = fields.List(
        RecordNumber(),
        metadata={
            "description": "only when a record is entered: numbers of records with the same name, postal code and phone"
        },
    )


CONTACT_RECORD = {
    "first_name": Text(load_default=None, allow_none=True, most=100),
    "last_name": Text(load_default=None, allow_none=True, most=100),
    "postal_code": Text(load_default=None, allow_none=True, most=20),
    "phone": Text(load_default=None, allow_none=True, most=40),
    "email": EmailAddress(load_default=None, allow_none=True),
    "sections": fields.Dict(keys=fields.String(), values=fields.Dict(), load_default=dict),
    "submitted_at": Moment(load_default=None, allow_none=True),
    "form_code": Code(load_default=None, allow_none=True),
    "person_id": Id(load_default=None, allow_none=True),
    "consent_given_on": Day(load_default=None, allow_none=True),
    "consent_until": Day(load_default=None, allow_none=True),
}


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
    """A change of a contact record: which fields, by whom and when. The old values are not stored."""

    version = fields.Integer(required=True)
    at = Moment(required=True)
    actor_id = fields.String(required=True)
    actor = fields.Nested(Actor, required=True)
    fields_changed = fields.List(fields.String(), required=True)


create_contact_record = contract.command(
    "create_contact_record",
    "Enter a contact record. Its number is unique in the organisation.",
    request=CONTACT_RECORD,
    reply=ContactRecord,
    access=permission("record.create", realms=STAFF),
    errors=("invalid_contact_record", "not_found"),
    status=201,
)
get_contact_record = contract.query(
    "get_contact_record",
    "One contact record, whole. Reading it is audited.",
    request={"contact_record_id": Id(required=True)},
    reply=ContactRecord,
    access=permission("record.read", realms=STAFF),
    errors=("not_found",),
)
describe_contact_record = contract.query(
    "describe_contact_record",
    "The number of a contact record and its person, for a document about it or emergency access to it.",
    request={"contact_record_id": Id(required=True)},
    reply={
        "contact_record_id": Id(required=True),
        "number": RecordNumber(required=True),
        "person_id": Id(allow_none=True),
        "named_person_id": Id(
            allow_none=True,
            metadata={
                "description": "the person who was entered; a merge may have replaced it by `person_id`"
            },
        ),
    },
    access=only_services("signing", "identity"),
    errors=("not_found",),
)
search_contact_records = contract.command(
    "search_contact_records",
    "Contact records, newest submission first: all, or by number, name, phone, postal code and time of submission, in any "
    "spelling. Names and phones must not stand in a URL, so this search is a POST.",
    request={
        **PAGE,
        "number": fields.String(load_default=None, allow_none=True, validate=validate.Length(max=40)),
        "name": Text(load_default=None, allow_none=True, most=200),
        "phone": Text(load_default=None, allow_none=True, most=40),
        "postal_code": Text(load_default=None, allow_none=True, most=20),
        "submitted_from": Moment(load_default=None, allow_none=True),
        "submitted_before": Moment(load_default=None, allow_none=True),
    },
    reply=page_of(ContactRecordLine),
    access=permission("record.read", realms=STAFF),
    errors=("invalid_contact_record",),
    keeps_answer=False,
)
edit_contact_record = contract.command(
    "edit_contact_record",
    "Change a contact record. An absent member keeps its value. `sections` replaces all sections.",
    request={
        "contact_record_id": Id(required=True),
        "first_name": Text(allow_none=True, most=100),
        "last_name": Text(allow_none=True, most=100),
        "postal_code": Text(allow_none=True, most=20),
        "phone": Text(allow_none=True, most=40),
        "email": EmailAddress(allow_none=True),
        "sections": fields.Dict(keys=fields.String(), values=fields.Dict()),
        "submitted_at": Moment(),
        "form_code": Code(allow_none=True),
        "person_id": Id(allow_none=True),
        "consent_given_on": Day(allow_none=True),
        "consent_until": Day(allow_none=True),
    },
    reply=ContactRecord,
    access=permission("record.create", realms=STAFF),
    errors=("not_found", "invalid_contact_record"),
    expects_version=True,
)
list_contact_record_changes = contract.query(
    "list_contact_record_changes",
    "The changes of a contact record, oldest first: who changed which fields, and when.",
    request={"contact_record_id": Id(required=True)},
    reply={"items": fields.List(fields.Nested(ContactRecordChange), required=True)},
    access=permission("record.read", realms=STAFF),
    errors=("not_found",),
)
list_possible_duplicates = contract.query(
    "list_possible_duplicates",
    "Other records with the same name, postal code and phone, in any spelling: newest first, at most ten.",
    request={"contact_record_id": Id(required=True)},
    reply={"items": fields.List(fields.Nested(ContactRecordLine), required=True)},
    access=permission("record.read", realms=STAFF),
    errors=("not_found",),
)
create_contact_record_pdf = contract.command(
    "create_contact_record_pdf",
    "A PDF of a contact record with full details, its referrals and their shared notes, for staff.",
    request={"contact_record_id": Id(required=True)},
    reply=FileReference,
    access=permission("record.read", realms=STAFF),
    errors=("not_found",),
    timeout_s=20,
)
create_referral_pdf = contract.command(
    "create_referral_pdf",
    "A PDF of a referral's contact record, with the fields that the caller may see. A provider needs the permission to see "
    "contact record details.",
    request={"referral_id": Id(required=True)},
    reply=FileReference,
    access=permission("referral.read"),
    errors=("not_found",),
    timeout_s=20,
)

contact_record_created = contract.event(
    "contact_record_created",
    "A contact record was entered.",
    data={"contact_record_id": Id(required=True), "contact_record_number": RecordNumber(required=True)},
)
contact_record_changed = contract.event(
    "contact_record_changed",
    "A contact record was changed.",
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
