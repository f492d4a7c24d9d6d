"""What referrals offers and publishes: resource directory, ReferralQs, contact records, referrals, capacity."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.audit import audit_operations
from services.contracts.declare import Contract, Reply, only_services, page_of, permission
from services.contracts.fields import Code, Count, Flag, Id, Moment, RecordNumber, Text
from services.contracts.referrals_assignment_shapes import (
    ASSIGNMENT,
    ASSIGNMENT_ERRORS,
    FILTERS,
    MOVE,
    MOVE_ERRORS,
    REFERRAL,
    Progress,
    StatusChange,
)
from services.contracts.referrals_directory_shapes import Document, ImportReport, Resource, ResourceDetails
from services.contracts.referrals_queue_shapes import (
    ContactForm,
    Queue,
    QueueSettingsInput,
    QueueStatusInput,
)

contract = Contract("referrals", "Resource directory, ReferralQs, contact records, referrals and capacity.")

PAGE = {
    "after": fields.String(
        load_default=None, allow_none=True, metadata={"description": "`next` of the page before"}
    ),
    "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
}


class ContactRecord(Reply):
    """A contact record with everything that was taken down.

    `withheld` names the fields that a ReferralQ keeps back from the caller until a later stage: null or absent here.
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
    consent_given_on = fields.Date(
        allow_none=True, metadata={"description": "when the help-seeker consented to sharing the record"}
    )
    consent_until = fields.Date(
        allow_none=True, metadata={"description": "last day of the consent; null: no end"}
    )
    is_consent_expired = Flag()
    withheld = fields.List(fields.String())
    possible_duplicates = fields.List(
        RecordNumber(),
        metadata={"description": "right after entering: records with the same name, postal code and phone"},
    )


CONTACT_RECORD = {
    "first_name": Text(load_default=None, allow_none=True, most=100),
    "last_name": Text(load_default=None, allow_none=True, most=100),
    "postal_code": Text(load_default=None, allow_none=True, most=20),
    "phone": Text(load_default=None, allow_none=True, most=40),
    "email": fields.Email(load_default=None, allow_none=True, validate=validate.Length(max=254)),
    "sections": fields.Dict(keys=fields.String(), values=fields.Dict(), load_default=dict),
    "submitted_at": Moment(load_default=None, allow_none=True),
    "form_code": Code(load_default=None, allow_none=True),
    "person_id": Id(load_default=None, allow_none=True),
    "consent_given_on": fields.Date(load_default=None, allow_none=True),
    "consent_until": fields.Date(load_default=None, allow_none=True),
}


class LimitedView(Reply):
    """The eight fields a provider sees of a contact record without the details permission (S0-28 to S0-35).

    `status` is the label that people read; the key is in the ReferralQ's statuses.
    """

    referralq_name = fields.String(required=True)
    assigned_resource = fields.String(required=True)
    contact_record_number = RecordNumber(required=True)
    status = fields.String(required=True)
    note = fields.String(required=True, allow_none=True)
    contact_name = fields.String(required=True, allow_none=True)
    contact_date = Moment(required=True)
    postal_code = fields.String(required=True, allow_none=True)


class Referral(Reply):
    """A referral: handles to work with, the eight limited fields, and the whole record where the caller may see it."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    progress = fields.Nested(Progress, required=True)
    limited = fields.Nested(LimitedView, required=True)
    withheld = fields.List(
        fields.String(),
        metadata={"description": "limited fields that the ReferralQ keeps back at this stage"},
    )
    details = fields.Nested(ContactRecord, allow_none=True)


import_directory = contract.command(
    "import_directory",
    "Import a resource directory: iCarol's export (CSV), or HSDS 3.x as JSON or as a package of tables (zip). "
    "A small file is done with the answer; a large one goes on in the background: ask get_directory_import.",
    request={"document": fields.Nested(Document, required=True), "dry_run": Flag(load_default=False)},
    reply=ImportReport,
    access=permission("directory.import"),
    errors=("import_file_refused", "request_too_large", "not_found"),
    timeout_s=60,
)
search_resources = contract.query(
    "search_resources",
    "Agencies and programs by name, as one types, typing errors forgiven. Inactive ones only if asked for.",
    request={
        "q": Text(required=True, most=100),
        "include_inactive": Flag(load_default=False),
        "limit": fields.Integer(load_default=20, validate=validate.Range(1, 100)),
    },
    reply={"items": fields.List(fields.Nested(Resource), required=True)},
    access=permission("directory.read"),
)
get_resource = contract.query(
    "get_resource",
    "One resource, with all that is known about it.",
    request={"resource_id": Id(required=True)},
    reply=ResourceDetails,
    access=permission("directory.read"),
    errors=("not_found",),
)
create_queue = contract.command(
    "create_queue",
    "Create a ReferralQ. Without statuses it gets Referred, Attempting Contact, Enrolled, Completed, Declined.",
    request={
        "name": Text(required=True, most=80),
        "description": Text(load_default=None, allow_none=True, most=2000),
        "statuses": fields.List(fields.Nested(QueueStatusInput), load_default=None, allow_none=True),
        "statuses_from_queue_id": Id(load_default=None, allow_none=True),
        "settings": fields.Nested(QueueSettingsInput, load_default=dict),
        "forms": fields.List(fields.Nested(ContactForm), load_default=list, validate=validate.Length(max=50)),
    },
    reply=Queue,
    access=permission("queue.manage"),
    errors=("not_found", "queue_name_taken", "invalid_status_list", "invalid_queue", "feature_is_off"),
    status=201,
)
list_queues = contract.query(
    "list_queues",
    "The ReferralQs by name; the inactive ones only if asked for.",
    request={"include_inactive": Flag(load_default=False)},
    reply={"items": fields.List(fields.Nested(Queue), required=True)},
    access=permission("queue.read"),
)
get_queue = contract.query(
    "get_queue",
    "One ReferralQ.",
    request={"queue_id": Id(required=True)},
    reply=Queue,
    access=permission("queue.read"),
    errors=("not_found",),
)
add_program_to_queue = contract.command(
    "add_program_to_queue",
    "Link a program to a ReferralQ. Adding it again changes nothing.",
    request={"queue_id": Id(required=True), "program_id": Id(required=True)},
    reply=Queue,
    access=permission("queue.manage"),
    errors=(
        "not_found",
        "resource_not_found",
        "not_a_program",
        "resource_inactive",
        "resource_not_referable",
    ),
)
create_contact_record = contract.command(
    "create_contact_record",
    "Enter a contact record. Its number is unique in the organisation.",
    request=CONTACT_RECORD,
    reply=ContactRecord,
    access=permission("record.create"),
    errors=("invalid_contact_record", "not_found"),
    status=201,
)
get_contact_record = contract.query(
    "get_contact_record",
    "One contact record, whole. Reading it is audited.",
    request={"contact_record_id": Id(required=True)},
    reply=ContactRecord,
    access=permission("record.read"),
    errors=("not_found",),
)
assign_referral = contract.command(
    "assign_referral",
    "Assign a contact record to a program through a ReferralQ. Takes one of the program's capacity; where nothing is "
    "free, the ReferralQ's settings refuse it, ask for `confirm`, or put it on the waitlist.",
    request=ASSIGNMENT,
    reply=Referral,
    access=permission("referral.assign"),
    errors=ASSIGNMENT_ERRORS,
    status=201,
)
list_referrals = contract.query(
    "list_referrals",
    "Referrals the caller may see; a provider sees those to the own programs, from any ReferralQ. A provider who looks "
    "for a number that is not there is told so with 404.",
    request={**PAGE, **FILTERS},
    reply=page_of(Referral),
    access=permission("referral.read"),
    errors=("not_found",),
)
get_referral = contract.query(
    "get_referral",
    "One referral, with the statuses it may go to.",
    request={"referral_id": Id(required=True)},
    reply=Referral,
    access=permission("referral.read"),
    errors=("not_found",),
)
list_referral_history = contract.query(
    "list_referral_history",
    "Everything that happened to a referral, oldest first.",
    request={"referral_id": Id(required=True)},
    reply={"items": fields.List(fields.Nested(StatusChange), required=True)},
    access=permission("referral.read"),
    errors=("not_found",),
)
change_status = contract.command(
    "change_status",
    "Move a referral to another status of its ReferralQ, by the status's key. A terminal status frees the bed.",
    request=MOVE,
    reply=Referral,
    access=permission("referral.change_status"),
    errors=MOVE_ERRORS,
    expects_version=True,
)

# For other services

describe_resource = contract.query(
    "describe_resource",
    "A resource's name and level, for an assignment to an account.",
    request={"resource_id": Id(required=True)},
    reply=Resource,
    access=only_services("identity"),
    errors=("resource_not_found",),
)
describe_contact_record = contract.query(
    "describe_contact_record",
    "Whether a contact record exists, and its number, for a document about it.",
    request={"contact_record_id": Id(required=True)},
    reply={
        "contact_record_id": Id(required=True),
        "number": RecordNumber(required=True),
        "person_id": Id(allow_none=True),
        "named_person_id": Id(
            allow_none=True, metadata={"description": "who was named, before a merge made it `person_id`"}
        ),
    },
    access=only_services("signing"),
    errors=("not_found",),
)

directory_imported = contract.event(
    "directory_imported",
    "A resource directory was imported.",
    data={
        "import_id": Id(required=True),
        "added": Count(required=True),
        "changed": Count(required=True),
        "unchanged": Count(required=True),
        "refused": Count(required=True),
    },
)
queue_created = contract.event(
    "queue_created", "A ReferralQ was created.", data={"queue_id": Id(required=True)}
)
contact_record_created = contract.event(
    "contact_record_created",
    "A contact record was entered.",
    data={"contact_record_id": Id(required=True), "contact_record_number": RecordNumber(required=True)},
)
referral_assigned = contract.event(
    "referral_assigned",
    "A contact record was assigned to a program.",
    data={
        **REFERRAL,
        "status": Code(required=True),
        "priority": Code(),
        "is_waitlisted": Flag(),
        "replaces_id": Id(),
    },
)
referral_status_changed = contract.event(
    "referral_status_changed",
    "A referral has another status.",
    data={
        **REFERRAL,
        "from_status": Code(required=True),
        "to_status": Code(required=True),
        "is_terminal": Flag(required=True),
    },
)

audit = audit_operations(contract)
