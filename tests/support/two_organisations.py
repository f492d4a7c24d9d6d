"""Services in this process with two organisations, each with one object of every kind that an operation can be asked about.

An operation's members that name objects are found in its declaration. `KINDS` says which kind of object a member names; a
member that is missing there fails the tests with a sentence that says what to add.
"""

from __future__ import annotations

import contextlib
import datetime
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marshmallow import fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.passports import Caller
from services.chassis.reading_audit import ReadingAudit
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts import fields as words
from services.contracts.declare import Operation
from services.identity.realms.rules import PERMISSIONS
from tests.support.databases import opened
from tests.support.in_process import InProcess, a_caller, a_service

KEYS = ("harbor", "bayside")
MADE_UP = "0123456789abcdef" * 2
# Permissions of a portal hold for single profiles. This caller holds them all, so only the ids decide.
EVERY_PERMISSION = PERMISSIONS | {"profile.view_contact_details", "profile.view_demographics"}

KINDS: Mapping[str, str] = {
    "access_id": "emergency",
    "account_id": "account",
    "account_ids": "account",
    "actor_id": "account",
    "agency_id": "agency",
    "appointment_id": "appointment",
    "assignment_id": "assignment",
    "bulk_job_id": "bulk_job",
    "booked_by": "account",
    "client_id": "person",
    "partner_id": "partner",
    "consent_id": "consent",
    "consent_ids": "consent",
    "contact_id": "contact",
    "contact_record_id": "record",
    "contact_record_ids": "record",
    "change_id": "login_change",
    "code_id": "pickup_code",
    "document": "blob",
    "decision_id": "decision",
    "delivery_id": "delivery",
    "suppressed_address_id": "suppressed_address",
    "document_id": "document",
    "document_ids": "document",
    "fhir_export_id": "fhir_export",
    "from_agency_id": "agency",
    "from_program_id": "program",
    "grant_id": "grant",
    "identity_id": "outside_identity",
    "export_id": "directory_export",
    "image_id": "portal_image",
    "import_id": "hr_import",
    "invitation_id": "invitation",
    "job_id": "job",
    "kept_id": "employee",
    "item_id": "published_item",
    "line_id": "capacity_line",
    "management_role_id": "role",
    "merge_id": "merge",
    "merged_id": "applicant",
    "note_ids": "step",
    "notice_id": "notice",
    "object_id": "audited",
    "offer_id": "offer",
    "order_item_id": "order_item",
    "saved_reply_id": "saved_reply",
    "staff_group_id": "staff_group",
    "group_id": "staff_group",
    "group_ids": "staff_group",
    "member_ids": "account",
    "supervisor_id": "account",
    "surrogate_id": "account",
    "organization_id": "agency",
    "person_id": "person",
    "person_ids": "patient",
    "program_id": "program",
    "program_ids": "program",
    "provider_id": "appointment_provider",
    "questionnaire_id": "questionnaire",
    "response_id": "response",
    "order_id": "supervisor_order",
    "answer_notice_id": "answer_notice",
    "supervisor_orders": "questionnaire",
    "queue_id": "queue",
    "recipient_account_id": "account",
    "referral_id": "referral",
    "referral_ids": "referral",
    "relationship_id": "relationship",
    "replaces_document_id": "document",
    "resource_id": "program",
    "resource_ids": "program",
    "role_id": "role",
    "schedule_id": "capacity_schedule",
    "service_at_location_id": "service_at_location",
    "service_id": "program",
    "taxonomy_id": "taxonomy",
    "taxonomy_term_id": "term",
    "replaces_id": "allergy",
    "session_id": "session",
    "thread_id": "thread",
    "statuses_from_queue_id": "queue",
    "type_id": "appointment_type",
    "type_ids": "appointment_type",
    "to_program_id": "program",
    "to_queue_id": "queue",
    "webhook_id": "webhook",
}
# Members that name another kind of object in some operations.
KINDS_OF: Mapping[tuple[str, str], str] = {
    ("identity.list_role_recipients", "role_id"): "staff_role",
    ("identity.mint_mail_link", "message_id"): "account",
    **{(f"portals.open_{whose}message_file", "message_id"): "message_file" for whose in ("", "my_")},
    ("portals.send_file_to_person", "item_id"): "queue_item",
    **{
        (f"identity.{name}", "client_id"): "api_client"
        for name in (
            "open_api_session",
            "get_api_client",
            "change_api_client",
            "rotate_api_secret",
            "revoke_api_client",
        )
    },
    **{
        (f"identity.{name}", "person_id"): "contact"
        for name in (
            "get_family_access_form",
            "add_family_access",
            "get_family_access",
            "resend_family_invitation",
            "change_family_access",
            "change_family_login",
            "remove_family_access",
        )
    },
    **{
        (f"identity.{name}", "person_id"): "patient"
        for name in (
            "get_patient_access",
            "enable_patient_access",
            "disable_patient_access",
            "invite_patient",
            "check_username",
            "set_patient_credentials",
            "change_patient_email",
        )
    },
    **{
        (f"identity.{name}", "account_id"): "provider"
        for name in ("assign_resource", "remove_resource", "set_provider_switches", "preview_removal")
    },
    ("identity.add_client_contact", "contact_id"): "patient",
    ("identity.create_pickup_code", "person_id"): "employee",
    ("identity.list_pickup_codes", "person_id"): "employee",
    ("identity.create_person_account", "person_id"): "employee",
    ("identity.get_my_profile", "person_id"): "person",
    ("identity.list_people", "after"): "person",
    ("identity.list_accounts", "after"): "account",
    ("identity.list_patient_access", "after"): "patient",
    ("identity.list_employee_access", "after"): "portal_user",
    ("identity.get_employee_access", "person_id"): "employee",
    ("identity.send_pickup_codes", "person_ids"): "employee",
    ("identity.list_hr_imports", "after"): "hr_import",
    ("identity.list_pickup_codes", "after"): "pickup_code",
    ("identity.break_glass", "object_id"): "person",
    ("identity.list_break_glass", "account_id"): "account",
    ("identity.list_break_glass", "after"): "emergency",
    ("identity.list_who_can_see", "after"): "account_cursor",
    ("identity.list_merges", "person_id"): "employee",
    ("identity.get_personal_data_job", "job_id"): "data_job",
    ("identity.download_person_export", "job_id"): "data_job",
    ("identity.describe_personal_data_job", "job_id"): "data_job",
    ("identity.resolve_person", "person_id"): "merged",
    ("identity.preview_merge", "kept_id"): "employee",
    ("identity.explain_access", "resource_id"): "program",
    **{
        (f"referrals.{name}", "person_id"): "opened_person"
        for name in ("create_contact_record", "edit_contact_record", "create_intake")
    },
    **{(f"referrals.fhir_{name}", "resource_id"): "referral" for name in ("read", "history")},
    ("referrals.get_directory_import", "import_id"): "directory_import",
    ("referrals.apply_directory_import", "import_id"): "directory_import",
    ("referrals.list_bulk_job_lines", "after"): "bulk_line_cursor",
    ("referrals.list_bulk_jobs", "after"): "bulk_job_cursor",
    ("referrals.list_capacities", "after"): "capacity_cursor",
    ("referrals.list_capacity_history", "after"): "capacity_change_cursor",
    ("referrals.list_hsds_taxonomy_terms", "parent_id"): "parent_term",
    ("referrals.list_hsds_services", "after"): "hsds_service_cursor",
    ("referrals.list_hsds_organizations", "after"): "hsds_organization_cursor",
    ("referrals.list_hsds_service_at_locations", "after"): "hsds_place_cursor",
    ("referrals.list_hsds_taxonomies", "after"): "hsds_term_cursor",
    ("referrals.list_hsds_taxonomy_terms", "after"): "hsds_term_cursor",
    ("referrals.list_directory_imports", "after"): "directory_import_cursor",
    ("referrals.list_offers", "after"): "offer_cursor",
    ("referrals.list_program_demand", "after"): "demand_cursor",
    ("referrals.list_referrals", "after"): "referral_cursor",
    ("referrals.list_resources", "after"): "program",
    ("referrals.search_contact_records", "after"): "record_cursor",
    ("notifications.describe_document_deliveries", "document_id"): "delivery",
    ("notifications.list_deliveries", "after"): "delivery_cursor",
    ("notifications.list_suppressed_addresses", "after"): "suppressed_address_cursor",
    ("notifications.list_my_notices", "after"): "my_notice_cursor",
    ("notifications.read_my_notices", "notice_id"): "my_notice",
    ("notifications.confirm_my_notice", "notice_id"): "my_notice",
    ("notifications.list_message_template_versions", "after"): "template_version_cursor",
    ("notifications.report_delivery", "reference"): "delivery",
    **{
        (f"portals.{name}", "schedule_id"): "appointment_schedule"
        for name in (
            "get_schedule",
            "change_schedule",
            "book_appointment",
            "move_appointment",
            "book_my_appointment",
            "move_my_appointment",
            "book_requested_appointment",
        )
    },
    ("portals.invite_to_appointment", "person_ids"): "person",
    **{
        (f"portals.{name}", "request_id"): "appointment_request"
        for name in (
            "withdraw_my_appointment_request",
            "get_appointment_request",
            "list_requested_times",
            "book_requested_appointment",
            "decline_appointment_request",
        )
    },
    ("portals.list_my_appointment_requests", "after"): "my_appointment_request_cursor",
    ("portals.list_appointment_requests", "after"): "appointment_request_cursor",
    ("portals.list_appointment_types", "after"): "appointment_type_cursor",
    ("portals.list_appointment_providers", "after"): "appointment_provider_cursor",
    ("portals.list_appointments", "after"): "appointment_cursor",
    ("portals.list_person_appointments", "after"): "person_appointment_cursor",
    ("portals.list_my_appointments", "after"): "my_appointment_cursor",
    ("portals.list_appointment_invitations", "after"): "invitation_cursor",
    **{
        (f"portals.{name}", "logo.image_id"): "portal_logo"
        for name in ("change_portal_content", "change_portal_draft")
    },
    ("portals.list_consents", "after"): "consent_cursor",
    ("portals.list_saved_replies", "after"): "saved_reply_cursor",
    ("portals.list_order_items", "after"): "order_item_cursor",
    ("portals.list_my_orders", "after"): "order_cursor",
    ("portals.list_items", "after"): "item_cursor",
    ("portals.list_my_items", "after"): "item_cursor",
    ("portals.list_questionnaires", "after"): "questionnaire_cursor",
    ("portals.get_questionnaire_version", "questionnaire_id"): "published_questionnaire",
    ("portals.start_response", "questionnaire_id"): "offered_questionnaire",
    ("portals.start_application_response", "questionnaire_id"): "application_questionnaire",
    ("portals.get_application_response", "response_id"): "application_response",
    ("portals.save_application_answers", "response_id"): "application_response",
    **{
        (f"portals.{name}", "response_id"): "sent_response"
        for name in (
            "get_response",
            "export_response",
            "get_observations",
            "get_review",
            "mark_reviewed",
            "open_answer_file",
            "open_review_file",
        )
    },
    ("portals.list_responses", "person_id"): "answering_person",
    ("portals.list_responses", "after"): "sent_response_cursor",
    ("portals.list_reviews", "after"): "review_cursor",
    ("portals.list_my_responses", "after"): "my_response_cursor",
    ("portals.list_answer_notices", "after"): "answer_notice_cursor",
    ("portals.create_consent", "questionnaire_id"): "published_questionnaire",
    ("portals.renew_consent_text", "questionnaire_id"): "published_questionnaire",
    ("portals.list_queue", "after"): "queue_cursor",
    ("portals.fhir_page", "after"): "fhir_cursor",
    ("portals.search_archive", "after"): "queue_item",
    ("portals.list_correspondence", "after"): "message_cursor",
    ("portals.list_my_threads", "after"): "thread_cursor",
    **{
        (f"portals.{verb}_{what}", "item_id"): "queue_item"
        for what in ("queue_item", "helper_action")
        for verb in (
            "get",
            "claim",
            "assign",
            "change",
            "answer",
            "dismiss",
            "unarchive",
            "start",
        )
    },
    **{
        (f"portals.fhir_read_{name}", "resource_id"): kind
        for name, kind in (
            ("communication", "message"),
            ("communication_request", "queue_item"),
            ("appointment", "appointment"),
            ("slot", "slot"),
            ("schedule", "appointment_schedule"),
        )
    },
    ("portals.finish_helper_action", "item_id"): "helped_item",
    ("portals.save_reply_draft", "item_id"): "queue_item",
    **{(f"portals.{verb}_own_change", "item_id"): "changing_item" for verb in ("get", "accept")},
    ("portals.accept_own_details", "item_id"): "details_item",
    **{
        (f"portals.{name}", "after"): "signed_consent_cursor"
        for name in ("list_my_signed_consents", "list_signed_consents", "export_consents_fhir")
    },
    ("signing.describe_fax", "document_id"): "faxed_document",
    ("signing.decline_on_paper", "document_id"): "faxed_document",
    ("signing.list_documents", "after"): "document",
}
# The name of Portico at an outside provider: no object of an organisation.
WORDS_OF_OTHERS = {(f"identity.{verb}_identity_provider", "client_id") for verb in ("create", "change")}
TEXTS: Mapping[str, Any] = {
    "email": "swapped@example.org",
    "login": "swapped@example.org",
    "username": "swapped.name",
    "permission": "referral.read",
    "object_type": "referral",
    "role": "family",
    "status": "referred",
    "client_secret": "A" * 43,
    "password": "tidal lantern violet meadow",
    "organisation": "bayside",
    "resource_type": "Task",
}


@dataclass
class World:
    """One service with both organisations. `objects[key][kind]` are ids; `requests` are an operation's other members."""

    service: InProcess
    file: Path
    organisations: dict[str, tuple[str, str]]
    callers: dict[str, Caller]
    objects: dict[str, dict[str, list[Any]]] = field(default_factory=lambda: {key: {} for key in KEYS})
    requests: dict[str, Callable[[dict[str, list[Any]], str], dict[str, Any]]] = field(default_factory=dict)
    callers_of: dict[tuple[str, str], Caller] = field(default_factory=dict)

    def caller(self, operation: Operation, key: str) -> Caller | None:
        """A caller of this organisation who may call the operation, with every permission."""
        if operation.access.kind == "public":
            return None
        if operation.access.kind == "services":
            return a_service(operation.access.services[0], self.organisations[key])
        return self.callers_of.get((operation.address, key), self.callers[key])

    @contextlib.contextmanager
    def copied(self) -> Iterator[None]:
        """Let the service use a copy of its database within the block."""
        copy = self.file.with_suffix(".copy")
        shutil.copy(self.file, copy)
        original, runtime = self.service.database, self.service.runtime
        audit = runtime.reading_audit
        self.service.database = runtime.database = opened(f"sqlite:///{copy}")
        runtime.reading_audit = ReadingAudit(runtime.database, runtime.tables)
        try:
            yield
        finally:
            self.service.database.close()
            self.service.database = runtime.database = original
            runtime.reading_audit = audit
            for leftover in copy.parent.glob(f"{copy.name}*"):
                leftover.unlink()

    def keep(self, key: str, kind: str, *ids: Any) -> None:
        """Remember objects of an organisation."""
        self.objects[key].setdefault(kind, []).extend(ids)


def naming_members(operation: Operation) -> list[str]:
    """The members of a request that name objects: ids, lists of ids, cursors, uploaded files.

    A member of an object within the request is written with a dot: `referrals.queue_id`.
    """
    found = []
    for name, shape in operation.request.fields.items():
        if _names_objects(name, shape):
            found.append(name)
        elif isinstance(shape, fields.Nested):
            within = shape.schema.fields.items()
            found += [f"{name}.{inner}" for inner, each in within if _names_objects(inner, each)]
    return [name for name in found if (operation.address, name) not in WORDS_OF_OTHERS]


def naming(operation: Operation, request: Mapping[str, Any], member: str, named: Any) -> dict[str, Any]:
    """The request with an object named by this member."""
    outer, _, inner = member.partition(".")
    shape = operation.request.fields[outer]
    if inner:
        within = as_value(shape.schema.fields[inner], named)
        return {**request, outer: {**request.get(outer, {}), inner: within}}
    return {**request, outer: as_value(shape, named, request.get(outer, ()))}


def _names_objects(name: str, shape: Any) -> bool:
    if isinstance(shape, words.Id | words.Ids) or name == "document":
        return True
    is_list = isinstance(shape, fields.List) and isinstance(shape.inner, words.Id)
    is_word = isinstance(shape, fields.String) and (name.endswith("_id") or name == "after")
    return (is_list or is_word) and not isinstance(shape, words.Secret) and name != "login_id"


def kind_of(operation: Operation, member: str) -> str:
    """The kind of object that a member names. Raises KeyError that says what to add."""
    if "_audit" in operation.name or operation.name.startswith("list_who_opened"):
        found = {"after": "audit_row", "actor_id": "actor", "person_id": "opened_person"}.get(member)
    else:
        found = None
    found = found or KINDS_OF.get((operation.address, member)) or KINDS.get(member.rpartition(".")[2])
    if found is None:
        raise KeyError(
            f"{operation.address} takes {member}: say in KINDS or KINDS_OF of two_organisations.py which kind of "
            "object it names, and make one of each organisation there"
        )
    return found


def a_request(world: World, operation: Operation, key: str, member: str) -> dict[str, Any]:
    """A request that reaches the object named by `member`. All its objects belong to this organisation."""
    own = world.objects[key]
    wanted: dict[str, Any] = {}
    members = naming_members(operation)
    for name, shape in operation.request.fields.items():
        if name == member:
            wanted |= {name: own[kind_of(operation, name)][: _least(shape) - 1]} if _least(shape) > 1 else {}
        elif name in members and shape.required:
            objects = own[kind_of(operation, name)]
            wanted[name] = as_value(shape, objects[0], objects[1 : _least(shape)])
        elif shape.required:
            wanted[name] = _a_value(name, shape)
    more = world.requests.get(operation.address)
    wanted |= more(own, member) if more else {}
    return wanted


def _least(shape: Any) -> int:
    """The least length of a list."""
    lengths = [check.min or 0 for check in shape.validators if isinstance(check, validate.Length)]
    return max([0, *lengths]) if isinstance(shape, fields.List) else 0


def is_cursor(kind: str) -> bool:
    """Whether the member is a cursor of a page, and not an object's id."""
    return kind.endswith("_cursor")


def as_value(shape: Any, named: Any, others: Iterable[Any] = ()) -> Any:
    """An object's id in the form that the member takes. A list may need others beside it."""
    return [named, *others] if isinstance(shape, fields.List) else named


SAMPLES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (fields.Boolean, lambda _: True),
    (words.Digest, lambda shape: "0" * shape.digits),
    (fields.AwareDateTime, lambda _: (utc_now() + datetime.timedelta(days=30)).isoformat()),
    (fields.Date, lambda _: "1980-02-29"),
    (fields.Integer, lambda _: 1),
    (fields.Dict, lambda _: {}),
)


def _a_value(name: str, shape: Any) -> Any:
    """A value that the declaration accepts."""
    if name in TEXTS:
        return TEXTS[name]
    if isinstance(shape, fields.List):
        return [_a_value(name, shape.inner)]
    for check in shape.validators:
        if isinstance(check, validate.OneOf):
            return next(iter(check.choices))
    found = next((sample for kind, sample in SAMPLES if isinstance(shape, kind)), None)
    return found(shape) if found else "a sample of words"


def everybody(organisation: tuple[str, str], account_id: str, **more: Any) -> Caller:
    """An account of the staff with every permission and a fresh proof."""
    scope = {"person_id": own_person(organisation[1])}
    proven_at = int(time.time())
    return a_caller(
        *EVERY_PERMISSION, organisation=organisation, id=account_id, proven_at=proven_at, scope=scope, **more
    )


def finished(world: World) -> World:
    """The finished world: the ids in its audit trail are noted, and the whole database is in one file."""
    tables, database = world.service.runtime.tables, world.service.database
    for key in KEYS:
        database.write(
            world.organisations[key][0], lambda session, key=key: _open_a_record(world, key, session)
        )
    with database.reading(None) as session:
        rows = session.scalars(select(tables.Audit).order_by(tables.Audit.at)).all()
    keys = dict(world.organisations.values())
    for row in rows:
        if row.organisation_id in keys:
            for kind, named in (("audit_row", row.id), ("audited", row.object_id), ("actor", row.actor_id)):
                world.keep(keys[row.organisation_id], kind, named)
    database.close()
    return world


def _open_a_record(world: World, key: str, session: Session) -> None:
    """The audit row of a reading: the caller's own record was opened."""
    person_id = own_person(key)
    unit = UnitOfWork(
        session,
        world.service.runtime.tables,
        world.service.runtime.service,
        caller=world.callers[key],
        context=wire.CallContext(wire.new_id(), correlation_id="test"),
        organisation_id=world.organisations[key][0],
        organisation_key=key,
    )
    unit.audit("person.read", "person", person_id)
    world.keep(key, "opened_person", person_id)


def own_person(key: str) -> str:
    """The id of the person that the callers of this organisation stand for."""
    return f"{KEYS.index(key) + 1:x}" * 32
