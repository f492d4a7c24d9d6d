"""Both organisations' objects in each service, for the tests about foreign ids. Identity's are in `world_of_identity`."""

from __future__ import annotations

import datetime
import functools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from services.chassis.passports import Issuer
from services.chassis.unit_of_work import utc_now
from services.contracts.declare import PORTAL_REALMS
from services.contracts.errors import Refused
from services.contracts.identity import accounts as accounts_contract
from services.contracts.identity import credentials, merging, organisations, passports, recipients
from services.contracts.identity import people as people_contract
from services.contracts.identity.organisations import organisation_created
from services.contracts.notifications import deliveries as notifications
from services.contracts.notifications import templates, webhooks
from services.contracts.portals import (
    answer_files,
    applicants,
    consents,
    definitions,
    inbox,
    messages,
    orders,
    own_changes,
    portal_queue,
    published_items,
    questionnaires,
    responses,
    saved_replies,
    supervision,
)
from services.contracts.portals import configuration as portals
from services.contracts.portals import contract as contract_of_portals
from services.contracts.portals import images as portal_images
from services.contracts.referrals import (
    assignments,
    bulk,
    capacity,
    directory,
    directory_exports,
    directory_imports,
    hsds,
    offers,
    queues,
    reports,
)
from services.contracts.referrals import records as records_contract
from services.contracts.signing import documents as signing
from services.identity.realms.rules import DEFAULT_ROLES, PROVIDER_LEVEL, effective_permissions, switched_on
from services.notifications.deliveries.report_signatures import signature
from services.referrals.models import StatusChange
from services.signing.decisions import sealing
from services.signing.documents.page_pictures import PagePictures
from services.signing.documents.signer import Signer
from services.signing.verification.attempts import Attempts
from tests.integration.notifications.conftest import Notifications
from tests.integration.referrals.builders import SMALL_DIRECTORY, an_export, an_export_with
from tests.integration.signing.conftest import a_pdf
from tests.support.appointments_of_two import appointments_of
from tests.support.images import an_image
from tests.support.in_process import BAYSIDE, HARBOR, InProcess, a_caller
from tests.support.merged_people import MergedPeople
from tests.support.questionnaires import a_published, an_item
from tests.support.two_organisations import KEYS, World, everybody, finished, own_person
from tests.support.world_of_identity import identity_world

__all__ = ["identity_world"]  # beside those below

IDS = {"harbor": HARBOR, "bayside": BAYSIDE}
ACCOUNTS = {"harbor": "5" * 32, "bayside": "6" * 32}
PEOPLE = {"harbor": "7" * 32, "bayside": "8" * 32}


def referrals_world(folder: Path) -> World:
    """Referrals: a directory, a queue, a record and a referral in both organisations."""
    file = folder / "referrals.db"
    service = InProcess("referrals", f"sqlite:///{file}", folder)
    callers = {key: everybody(IDS[key], ACCOUNTS[key]) for key in KEYS}
    world = World(service, file, dict(IDS), callers)
    for key in KEYS:
        _ReferralsObjects(world, key).make()
    _knows_account(service, "bayside")
    _knows_person(service, "bayside")
    today = utc_now().date().isoformat()
    period = {"from_on": today, "to_on": today}
    world.requests.update(
        {
            "referrals.assign_referral": _an_assignment,
            "referrals.change_status": lambda own, _: {"status": "completed"},
            "referrals.create_offer": _an_assignment,
            "referrals.create_resource": lambda own, _: {"level": "program"},
            "referrals.decline_referral": lambda own, _: {"reason_code": "program_full"},
            "referrals.edit_queue": lambda own, member: (
                {"queue_id": own["bare_queue"][0]} if member != "queue_id" else {}
            ),
            "referrals.export_statistics": lambda own, _: period,
            "referrals.get_statistics": lambda own, _: period,
            "referrals.reassign_referral": lambda own, _: {"program_id": own["program"][1]},
            "referrals.set_resource_status": lambda own, _: {"status": "inactive"},
            "referrals.start_bulk_assignment": lambda own, member: {
                "dry_run": True,
                **({} if member == "contact_record_ids" else {"contact_record_ids": own["record"]}),
            },
            "referrals.start_bulk_reassignment": lambda own, member: {
                "dry_run": True,
                "to_program_id": own["program"][1],
                **({} if member == "from_agency_id" else {"from_program_id": own["program"][0]}),
            },
            "referrals.start_bulk_status_change": lambda own, member: {
                "dry_run": True,
                "status": "completed",
                **({"referrals": {"queue_id": own["queue"][0]}} if "." in member else {}),
            },
        }
    )
    return finished(world)


def _an_assignment(own: dict[str, list[Any]], member: str) -> dict[str, Any]:
    """Of a record that is not assigned yet, so that what comes after it is looked at."""
    return {} if member == "contact_record_id" else {"contact_record_id": own["fresh_record"][0]}


class _ReferralsObjects:
    """Makes one organisation's objects."""

    def __init__(self, world: World, key: str) -> None:
        self.world, self.key = world, key

    def call(self, operation: Any, **request: Any) -> Any:
        return self.world.service.call(operation, self.world.callers[self.key], **request)

    def keep(self, kind: str, *ids: Any) -> None:
        self.world.keep(self.key, kind, *ids)

    def make(self) -> None:
        """Create all objects."""
        self._directory()
        programs = self.world.objects[self.key]["program"]
        queue = self.call(queues.create_queue, name=f"Housing of {self.key}")["id"]
        for program in programs[:2]:
            self.call(queues.add_program_to_queue, queue_id=queue, program_id=program)
        bare = self.call(queues.create_queue, name=f"Nothing yet of {self.key}")["id"]
        self.keep("queue", queue, bare)
        self.keep("bare_queue", bare)
        self._capacity(programs[0], programs[1])
        referred = [self._referral(queue, programs[0]) for _ in range(2)]
        offered = [self._offer(queue, programs[:2]) for _ in range(2)]
        self.keep("fresh_record", self._record())
        self._jobs([record for record, _ in referred], queue, programs[1])
        self._pages()
        self.keep("record", *(record for record, _ in referred), *(record for record, _ in offered))
        self.keep("referral", *(referral for _, referral in referred))
        self.keep("offer", *(offer for _, offer in offered))
        with self.world.service.database.reading(self.world.organisations[self.key][0]) as session:
            self.keep("step", *session.scalars(select(StatusChange.id).order_by(StatusChange.at)))

    def _directory(self) -> None:
        renamed = [(row[0], f"{row[1]} of {self.key}", *row[2:]) for row in SMALL_DIRECTORY]
        document = self.world.service.upload(an_export(renamed), self.world.organisations[self.key][0])
        self.keep("blob", document)
        for _ in range(2):
            imported = self.call(directory_imports.import_directory, document=document)
            self.keep("directory_import", imported["import_id"])
            self.keep("directory_export", self.call(directory_exports.export_directory)["export_id"])
        for level, names in (
            ("program", ("Family Housing", "Café & Pantry", "Night Shelter")),
            ("agency", ("Harbor Shelter", "Food Network")),
        ):
            for name in names:
                found = self.call(directory.search_resources, q=name)["items"]
                self.keep(level, next(item["id"] for item in found if item["level"] == level))
        self._terms()

    def _terms(self) -> None:
        """A program at a place, with terms of a taxonomy that the other organisation has no term of."""
        words = {"TaxonomyTerms": "Bayside Housing; Bayside Beds", "TaxonomyCodes": "BH; BH-1800"}
        row = {
            "ResourceAgencyNum": "31", "PublicName": f"Placed Program of {self.key}", "TaxonomyLevelName": "Program",
            "ParentAgencyNum": "1", "AgencyStatus": "Active", "PhysicalAddress1": f"1 Quay Street of {self.key}",
            "PhysicalCountry": "US", **(words if self.key == "bayside" else {"TaxonomyTerms": "Harbor Things"}),
        }  # fmt: skip
        document = self.world.service.upload(an_export_with([row]), self.world.organisations[self.key][0])
        self.call(directory_imports.import_directory, document=document)
        for kind, operation in (
            ("service_at_location", hsds.list_hsds_service_at_locations),
            ("taxonomy", hsds.list_hsds_taxonomies),
            ("term", hsds.list_hsds_taxonomy_terms),
        ):
            self.keep(kind, *(UUID(each["id"]).hex for each in self.call(operation)["contents"]))
        self.keep("parent_term", self.world.objects[self.key]["term"][0])

    def _capacity(self, first: str, second: str) -> None:
        for program in (first, second):
            line = self.call(capacity.set_capacity, program_id=program, total=9)
            self.keep("capacity_line", line["line_id"])
        self.keep("capacity_schedule", a_scheduled_change(self.world, self.key, first))

    def _record(self) -> str:
        named = {"first_name": "Ana", "last_name": f"Vega of {self.key}"}
        return str(self.call(records_contract.create_contact_record, **named)["id"])

    def _referral(self, queue: str, program: str) -> tuple[str, str]:
        named = {"contact_record_id": self._record(), "queue_id": queue, "program_id": program}
        opened = self.call(assignments.assign_referral, **named, note=f"About {self.key}")
        return named["contact_record_id"], opened["id"]

    def _offer(self, queue: str, programs: list[str]) -> tuple[str, str]:
        named = {"contact_record_id": self._record(), "queue_id": queue, "program_ids": programs}
        offer = self.call(offers.create_offer, **named, note=f"Asked by {self.key}")
        return named["contact_record_id"], offer["id"]

    def _jobs(self, records: list[str], queue: str, program: str) -> None:
        """Jobs that wait, as no loop runs here."""
        wanted = {"contact_record_ids": records, "queue_id": queue, "program_ids": [program]}
        for _ in range(2):
            self.keep("bulk_job", self.call(bulk.start_bulk_assignment, **wanted)["id"])

    def _pages(self) -> None:
        own = self.world.objects[self.key]
        for kind, operation, wanted in (
            ("referral", assignments.list_referrals, {}),
            ("record", records_contract.search_contact_records, {}),
            ("directory_import", directory_imports.list_directory_imports, {}),
            ("offer", offers.list_offers, {}),
            ("bulk_job", bulk.list_bulk_jobs, {}),
            ("bulk_line", bulk.list_bulk_job_lines, {"bulk_job_id": own["bulk_job"][0]}),
            ("capacity", capacity.list_capacities, {}),
            (
                "capacity_change",
                capacity.list_capacity_history,
                {"program_id": own["program"][0]},
            ),
            ("demand", reports.list_program_demand, {}),
        ):
            page = self.call(operation, limit=1, **wanted)
            assert page["next"], f"{operation.address} has one page only"
            self.keep(f"{kind}_cursor", page["next"])


def a_scheduled_change(world: World, key: str, program: str) -> str:
    """A change of capacity that begins later."""
    begins = (utc_now() + datetime.timedelta(days=7)).isoformat()
    wanted = {"program_id": program, "starts_at": begins, "total": 4}
    return str(world.service.call(capacity.schedule_capacity, world.callers[key], **wanted)["id"])


def portals_world(folder: Path) -> World:
    """Portals: a configured portal, consents that it requires and signatures in both organisations."""
    file = folder / "portals.db"
    service = InProcess("portals", f"sqlite:///{file}", folder)
    callers = {key: everybody(IDS[key], ACCOUNTS[key]) for key in KEYS}
    world = World(service, file, dict(IDS), callers)
    for key in KEYS:
        request = {"portal": "provider", "name": f"Partners of {key}", "colour": "#fff", "ticker": []}
        service.call(portals.configure_portal, callers[key], version=1, **request)
        _portal_images(world, key)
        _questionnaires(world, key)
        _consents(world, key)
        _knows_person(service, key)
        _published_items(world, key)
        appointments_of(world, key)
        _responses(world, key)
        _application(world, key)
        _portal_queue(world, key)
        _orders(world, key)
        _saved_replies(world, key)
    world.requests["portals.change_order_item"] = lambda own, _: {"name": "Vision", "is_offered": True}
    _knows_person(service, "bayside")
    _knows_account(service, "bayside")
    return finished(world)


def _portal_images(world: World, key: str) -> None:
    """A logo and a picture of a portal's start page, and a file to take in."""
    service, staff = world.service, world.callers[key]
    picture = service.call(portal_images.use_stock_image, staff, portal="employee", stock="employee-harbor")
    file = service.upload(an_image("PNG", 40, 20), IDS[key][0])
    logo = service.call(
        portal_images.upload_portal_image, staff, portal="employee", place="logo", document=file
    )
    world.keep(key, "portal_image", picture["image_id"])
    world.keep(key, "portal_logo", logo["image_id"])
    world.keep(key, "blob", service.upload(f"Of {key}.".encode(), IDS[key][0]))
    organisation = {"organisation_id": IDS[key][0]}
    service.deliver(organisations.organisation_created, organisation, organisation=IDS[key])
    world.requests["portals.open_portal_image"] = lambda _own, _: {"organisation": key}
    world.requests["portals.upload_portal_image"] = lambda _own, _: {"portal": "employee", "place": "logo"}
    world.requests["portals.import_portal"] = lambda _own, _: {"portal": "employee"}
    for name in ("change_portal_content", "change_portal_draft"):
        world.requests[f"portals.{name}"] = _images_with_words


def _images_with_words(_own: dict[str, list[Any]], member: str) -> dict[str, Any]:
    """A portal's configuration whose images have words for those who do not see them."""
    outer = member.partition(".")[0]
    images = {outer: {"alternative_text": "A ship"}} if outer in ("logo", "welcome_image") else {}
    return {"portal": "employee", **images}


def _consents(world: World, key: str) -> None:
    """Two consents that a portal requires, and what a member of a family has signed."""
    call, staff = world.service.call, world.callers[key]
    member = everybody(IDS[key], ACCOUNTS[key], realm="family")
    for operation in (consents.list_my_consents, consents.list_my_signed_consents):
        world.callers_of[operation.address, key] = member
    for operation in (consents.sign_consent, consents.withdraw_consent):
        world.callers_of[operation.address, key] = member
    made = [call(consents.create_consent, staff, title=f"Of {key}", text=f"Of {key}.") for _ in range(2)]
    world.keep(key, "consent", *(each["id"] for each in made))
    request = {"portal": "family", "consent_ids": world.objects[key]["consent"]}
    call(consents.require_consents, staff, **request)
    shown = {"text_version": 1, "text_hash": made[0]["text_hashes"]["en"], "answer": "agree"}
    signature = shown | {"typed_name": "Pat Quill", "is_ticked": True}
    for each in made:
        call(consents.sign_consent, member, consent_id=each["id"], **signature)
    world.keep(key, "person", own_person(key))
    picklist = call(consents.list_consents, staff, limit=1)
    signed = call(consents.list_my_signed_consents, member, limit=1)
    world.keep(key, "consent_cursor", picklist["next"])
    world.keep(key, "signed_consent_cursor", signed["next"])
    world.requests["portals.require_consents"] = lambda own, _: {"portal": "family"}
    for name in ("sign_consent", "renew_consent_text", "create_consent"):
        world.requests[f"portals.{name}"] = _a_consent_of(signature, name)


def _questionnaires(world: World, key: str) -> None:
    """Two drafts, and a questionnaire that is published."""
    call, staff = world.service.call, world.callers[key]

    def made(number: int) -> Any:
        item = {"linkId": "a", "type": "string", "text": f"Question {number} of {key}?"}
        resource = {"resourceType": "Questionnaire", "title": f"Form {number} of {key}", "item": [item]}
        return call(questionnaires.import_questionnaire, staff, resource=resource)["questionnaire"]["id"]

    world.keep(key, "questionnaire", made(1), made(2))
    published = made(3)
    world.keep(key, "published_questionnaire", published)
    call(questionnaires.publish_questionnaire, staff, questionnaire_id=published, version=1)
    page = call(questionnaires.list_questionnaires, staff, limit=1)
    world.keep(key, "questionnaire_cursor", page["next"])
    for name, more in (
        ("replace_questionnaire_items", {"items": [{"id": "b", "kind": "text", "text": "New?"}]}),
        ("add_questionnaire_item", {"kind": "text", "text": "New?"}),
        ("change_questionnaire_item", {"item": "a", "kind": "text", "text": "New?"}),
        ("move_questionnaire_item", {"item": "a", "direction": "up"}),
        ("remove_questionnaire_item", {"item": "a"}),
        ("change_questionnaire", {"title": "New"}),
    ):
        world.requests[f"portals.{name}"] = functools.partial(_always, more)


def _responses(world: World, key: str) -> None:
    """A draft of an employee who supervises another, answers of the other to review, an order, and notices."""
    call, staff, own = world.service.call, world.callers[key], own_person(key)
    other = ("8" if key == "harbor" else "9") * 32
    worker, chief = (
        replace(
            everybody(IDS[key], account * 32, realm="employee"),
            scope={"person_id": person, "profiles": profiles},
        )
        for account, person, profiles in (
            ("c" if key == "harbor" else "d", other, [_forms_of(other)]),
            (ACCOUNTS[key][0], own, [_forms_of(own), {**_forms_of(other), "role": "supervisor"}]),
        )
    )
    item, file = an_item("a", observation={"code": "1"}), an_item("file", "file")
    ordered = a_published(world.service, staff, item, title=f"Ordered by {key}")
    told = {"item": "a", "operator": "exists", "value": "true", "department": f"safety-{key}"}
    asked = {"needs_supervisor_review": True, "supervisor_orders": [ordered], "notices": [told]}
    offered = a_published(world.service, staff, item, file, title=f"Offered by {key}", **asked)
    entries = [{"questionnaire_id": offered}]
    call(questionnaires.offer_questionnaires, staff, portal="employee", items=entries, version=1)
    sent = []
    for _ in range(2):
        begun = call(responses.start_response, worker, questionnaire_id=offered)["id"]
        answered = [{"item": "a", "answer": f"Of {key}"}]
        call(responses.save_answers, worker, response_id=begun, answers=answered, version=1)
        document = world.service.upload(an_image("PNG", 40, 20), IDS[key][0])
        given = {"response_id": begun, "question": 2, "document": document}
        call(answer_files.add_answer_file, worker, version=2, **given)
        sent.append(call(responses.submit_response, worker, response_id=begun, version=3)["id"])
    world.keep(key, "sent_response", *sent)
    world.keep(key, "answering_person", other)
    draft = call(responses.start_response, chief, questionnaire_id=offered)
    world.keep(key, "response", draft["id"])
    world.keep(key, "offered_questionnaire", offered)
    world.keep(key, "ordered_questionnaire", ordered)
    mine = call(responses.list_my_questionnaires, chief)["items"]
    ordered_ids = [each["order_id"] for each in mine if each["order_id"]]
    world.keep(key, "supervisor_order", *ordered_ids)
    begun = call(responses.start_response, chief, questionnaire_id=ordered, order_id=ordered_ids[0])
    world.keep(key, "response", begun["id"])
    notices = call(responses.list_answer_notices, staff, limit=1)
    world.keep(key, "answer_notice", notices["items"][0]["id"])
    world.keep(key, "answer_notice_cursor", notices["next"])
    for kind, operation, caller, request in (
        ("sent_response", responses.list_responses, staff, {"person_id": other}),
        ("review", responses.list_reviews, chief, {}),
        ("my_response", responses.list_my_responses, chief, {}),
    ):
        world.keep(key, f"{kind}_cursor", call(operation, caller, limit=1, **request)["next"])
    for operation in contract_of_portals.operations.values():
        if operation.access.realms in (PORTAL_REALMS, ("employee",)) and "response" in operation.name:
            world.callers_of[operation.address, key] = chief
    for operation in (
        answer_files.add_answer_file,
        answer_files.remove_answer_file,
        answer_files.get_my_file_question,
        answer_files.open_my_answer_file,
        answer_files.open_review_file,
        responses.list_my_questionnaires,
        responses.save_answers,
        responses.list_reviews,
        responses.get_review,
        responses.mark_reviewed,
    ):
        world.callers_of[operation.address, key] = chief
    for operation in contract_of_portals.operations.values():
        if "question" in operation.request.fields:
            world.requests[operation.address] = functools.partial(_always, {"question": 2})
    world.requests["portals.start_response"] = lambda own, member: (
        {"questionnaire_id": own["ordered_questionnaire"][0]} if member == "order_id" else {}
    )


def _application(world: World, key: str) -> None:
    """An applicant portal that is on, and an application with a draft."""
    service, call, staff = world.service, world.service.call, world.callers[key]
    service.runtime.issuer = Issuer("portals", Ed25519PrivateKey.generate())
    service.deliver(organisation_created, {"organisation_id": IDS[key][0]}, organisation=IDS[key])
    call(definitions.change_portal, staff, portal="applicant", is_enabled=True, version=1)
    offered = a_published(service, staff, title=f"Applicants of {key}")
    entries = [{"questionnaire_id": offered}]
    call(questionnaires.offer_questionnaires, staff, portal="applicant", items=entries, version=1)
    named = {"first_name": "Robin", "last_name": f"Reed of {key}"}
    begun = call(applicants.start_application, organisation=key, portal="applicant", **named)
    token = {"token": begun["token"]}
    draft = call(applicants.start_application_response, questionnaire_id=offered, **token)
    world.keep(key, "application_questionnaire", offered)
    world.keep(key, "application_response", draft["id"])
    world.keep(key, "application_token", begun["token"])
    for name in ("start_application_response", "get_application_response", "save_application_answers"):
        world.requests[f"portals.{name}"] = lambda own, _: {"token": own["application_token"][0]}


def _forms_of(person: str) -> dict[str, Any]:
    return {"person_id": person, "role": "employee", "permissions": ["profile.view_forms"]}


def _always(request: dict[str, Any], _own: Any, _member: str) -> dict[str, Any]:
    return request


def _published_items(world: World, key: str) -> None:
    """Two items that are published of a person, and somebody of the family who may see them."""
    call, staff, person = world.service.call, world.callers[key], own_person(key)
    profile = {"person_id": person, "role": "r", "permissions": ["profile.view_documents"]}
    scope = {"person_id": person, "profiles": [profile]}
    world.callers_of[published_items.list_my_items.address, key] = replace(
        everybody(IDS[key], ACCOUNTS[key], realm="family"), scope=scope
    )
    world.callers_of[supervision.get_employee_items.address, key] = replace(
        everybody(IDS[key], ACCOUNTS[key], realm="employee"),
        scope={"profiles": [{**profile, "role": "supervisor"}]},
    )
    request = {"person_id": person, "kind": "lost_time", "values": {"days": 1}}
    made = [call(published_items.publish_item, staff, **request) for _ in range(2)]
    world.keep(key, "published_item", made[0]["id"])
    world.keep(key, "item_cursor", call(published_items.list_items, staff, person_id=person, limit=1)["next"])
    world.requests["portals.publish_item"] = lambda own, _: {"kind": "lost_time", "values": {"days": 2}}
    world.requests["portals.publish_items"] = lambda own, _: {
        "source": "lab",
        "items": [{"person_id": person, "kind": "lost_time", "values": {"days": 2}, "source_reference": "1"}],
    }
    world.requests["portals.publish_fhir_bundle"] = lambda own, _: {
        "source": "lab",
        "bundle": {"resourceType": "Bundle"},
    }


def _saved_replies(world: World, key: str) -> None:
    """Two replies to answer with."""
    for name in ("Ready", "Call us"):
        made = world.service.call(
            saved_replies.create_saved_reply, world.callers[key], name=name, text=f"{name} at {key}"
        )
        world.keep(key, "saved_reply", made["id"])
    listed = world.service.call(saved_replies.list_saved_replies, world.callers[key], limit=1)
    world.keep(key, "saved_reply_cursor", listed["next"])


def _orders(world: World, key: str) -> None:
    """A picklist, and two orders of a supervisor for the person."""
    call, person = world.service.call, own_person(key)
    supervisor = replace(
        everybody(IDS[key], ACCOUNTS[key], realm="employee"),
        scope={"profiles": [{"person_id": person, "role": "supervisor", "permissions": []}]},
    )
    for name in ("Audiogram", "Drug screen"):
        made = call(orders.create_order_item, world.callers[key], name=name)
        world.keep(key, "order_item", made["id"])
        call(orders.place_order, supervisor, person_id=person, order_item_id=made["id"])
    world.keep(key, "order_item", call(orders.create_order_item, world.callers[key], name="X-ray")["id"])
    listed = call(orders.list_order_items, world.callers[key], limit=1)
    world.keep(key, "order_item_cursor", listed["next"])
    world.keep(key, "order_cursor", call(orders.list_my_orders, supervisor, limit=1)["next"])
    for operation in (orders.place_order, orders.list_my_orders, orders.list_offered_orders):
        world.callers_of[operation.address, key] = supervisor


def _portal_queue(world: World, key: str) -> None:
    """Items of the queue, and the conversations of the member of the family who has written them."""
    call, staff, person = world.service.call, world.callers[key], own_person(key)
    permissions = ["profile.send_messages", "profile.view_medications"]
    profile = {"person_id": person, "role": "r", "permissions": permissions}
    member = replace(
        everybody(IDS[key], ACCOUNTS[key], realm="family"), scope={"person_id": person, "profiles": [profile]}
    )
    world.keep(key, "account", ACCOUNTS[key])
    for name, operation in vars(inbox).items():
        if name.endswith(("_thread", "_threads", "_message")) and hasattr(operation, "address"):
            world.callers_of[operation.address, key] = member
    for _ in range(4):
        wanted = {"portal": "family", "type": "refill_request", "text": f"Of {key}"}
        world.keep(key, "thread", call(inbox.send_my_message, member, **wanted)["id"])
    items = [each["id"] for each in call(portal_queue.list_queue, staff)["items"]]
    started = call(portal_queue.start_helper_action, staff, version=1, item_id=items[2])
    world.keep(key, "helped_item", started["id"])
    world.keep(key, "queue_item", *items[:2])
    call(portal_queue.dismiss_queue_item, staff, version=1, item_id=items[3], outcome="completed")
    for cursor, operation, more in (
        ("queue_cursor", portal_queue.list_queue, {}),
        ("message_cursor", messages.list_correspondence, {"person_id": person}),
    ):
        world.keep(key, cursor, call(operation, staff, limit=1, **more)["next"])
    world.keep(
        key, "message", call(messages.list_correspondence, staff, person_id=person, limit=1)["items"][0]["id"]
    )
    world.keep(key, "thread_cursor", call(inbox.list_my_threads, member, limit=1)["next"])
    _own_changes(world, key, member)
    request = {"portal": "family", "type": "refill_request"}
    world.requests["portals.send_my_message"] = lambda own, _: request
    world.requests["portals.enter_request"] = lambda own, _: {"type": "refill_request"}
    world.requests["portals.start_message"] = lambda own, _: {"type": "general_message"}
    world.requests["portals.dismiss_queue_item"] = lambda own, _: {"outcome": "completed"}
    world.requests["portals.finish_helper_action"] = lambda own, _: {"result_link": "https://x.example.org/1"}
    world.requests["portals.create_message_type"] = lambda own, _: {"code": "parking"}
    world.requests["portals.change_message_type"] = lambda own, _: {"code": "refill_request"}


def _own_changes(world: World, key: str, member: Any) -> None:
    """A change of the own record that the member has asked for, and an entry that could be taken away."""
    call, staff = world.service.call, world.callers[key]
    for operation in (own_changes.get_my_sections, own_changes.request_my_change):
        world.callers_of[operation.address, key] = member
    version = call(portals.get_portal_content, staff, portal="family")["version"]
    sections = {"portal": "family", "editable_sections": ["allergies"]}
    call(portals.change_portal_content, staff, version=version, **sections)
    entry = {"person_id": own_person(key), "kind": "allergy", "values": {"substance": f"Of {key}"}}
    world.keep(key, "allergy", call(published_items.publish_item, staff, **entry)["id"])
    request = {"portal": "family", "section": "allergies", "values": {"substance": "Latex"}}
    world.keep(key, "changing_item", call(own_changes.request_my_change, member, **request)["item_id"])
    world.requests["portals.request_my_change"] = lambda own, _: request


def _a_consent_of(shown: dict[str, Any], name: str) -> Any:
    """The other members of a request about a consent."""
    return lambda own, _: shown if name == "sign_consent" else {"title": "New", "text": "New."}


def _a_report(service: Notifications, reference: str) -> dict[str, Any]:
    """The other members of a provider's report about a delivery."""
    key = service.runtime.settings.provider_reports_key = "k" * 32
    at, status = int(utc_now().timestamp()), "delivered"
    return {
        "status": status,
        "timestamp": at,
        "signature": signature(key, "report", at, f"{reference}.{status}"),
    }


def notifications_world(folder: Path) -> World:
    """Notifications: deliveries in both organisations."""
    file = folder / "notifications.db"
    service = Notifications(f"sqlite:///{file}", folder, smtp_port=9)
    callers = {key: everybody(IDS[key], ACCOUNTS[key]) for key in KEYS}
    world = World(service, file, dict(IDS), callers)
    for number, key in enumerate(KEYS):
        for time in range(2):
            invitation = {
                "invitation_id": f"{number}{time}" * 16,
                "account_id": ACCOUNTS[key],
                "purpose": "invitation",
            }
            service.deliver(credentials.account_invited, invitation, organisation=IDS[key])
        world.keep(key, "account", ACCOUNTS[key])
        listed = service.call(notifications.list_deliveries, callers[key], limit=1)
        world.keep(key, "delivery", *[item["id"] for item in listed["items"]])
        world.keep(key, "delivery_cursor", listed["next"])
        for name in ("Bed board", "Data lake"):  # one to remove, and one for the others
            webhook = {"name": name, "url": "https://example.org/hook", "events": ["document_signed"]}
            made = service.call(webhooks.register_webhook, callers[key], **webhook)
            world.keep(key, "webhook", made["id"])
        world.keep(key, "role", f"{number}2" * 16)
        for version, words in enumerate((f"One of {key}", f"Two of {key}"), start=1):
            wording = {"kind": "message_waiting", "subject": words, "text": words}
            service.call(templates.save_message_template, callers[key], version=version, **wording)
        listed = service.call(
            templates.list_message_template_versions, callers[key], kind="message_waiting", limit=1
        )
        world.keep(key, "template_version_cursor", listed["next"])
    world.requests["notifications.change_webhook"] = lambda *_: webhook
    world.requests["notifications.describe_document_deliveries"] = lambda own, _: {
        "asked": [{"account_id": own["account"][0], "at": utc_now().isoformat()}]
    }
    world.requests["notifications.report_delivery"] = lambda own, _: _a_report(service, own["delivery"][0])
    _knows_person(service, "bayside")
    for name in ("get", "save", "reset", "preview"):
        world.requests[f"notifications.{name}_message_template"] = lambda *_: {"kind": "message_waiting"}
    world.requests["notifications.list_message_template_versions"] = lambda *_: {"kind": "message_waiting"}
    _knows_role(service, world.objects["bayside"]["role"])
    return finished(world)


def signing_world(folder: Path) -> World:
    """Signing: documents to decide on in both organisations. Identity knows one account of each."""
    file = folder / "signing.db"
    service = InProcess(
        "signing",
        f"sqlite:///{file}",
        folder,
        signing_keys_dir=str(folder / "keys"),
        signing_key_passphrase_file=None,
        timestamp_authority="local",
        timestamp_roots_file=None,
        max_document_bytes=1_000_000,
        max_document_pages=20,
        signing_workers=2,
    )
    service.runtime.signer = Signer(service.runtime.settings, service.runtime.blobs)
    service.runtime.page_pictures = PagePictures(service.runtime.blobs)
    service.runtime.verifications = Attempts()
    world = World(service, file, dict(IDS), {key: everybody(IDS[key], ACCOUNTS[key]) for key in KEYS})
    for key in KEYS:
        _answers_within(service, key)
        caller = world.callers[key]
        world.keep(key, "account", ACCOUNTS[key])
        world.keep(key, "record", ("3" if key == "harbor" else "4") * 32)
        blob = service.upload(a_pdf(f"Plan of {key}"), world.organisations[key][0])
        world.keep(key, "blob", blob)
        world.keep(key, "person", PEOPLE[key])
        for _ in range(2):
            sent = service.call(
                signing.send_document,
                caller,
                document=blob,
                title=f"Plan of {key}",
                contact_record_id=world.objects[key]["record"][0],
                recipient_account_id=ACCOUNTS[key],
            )
            world.keep(key, "document", sent["id"])
        faxed = service.call(
            signing.send_document,
            caller,
            document=blob,
            title="Faxed",
            channel="fax",
            addressee="Dr Grey",
            fax_number="+14155550177",
            fax_number_again="+14155550177",
        )
        world.keep(key, "faxed_document", faxed["id"])
        world.keep(key, "decision", _a_signed_decline(service, caller, blob, key))
    world.requests["signing.decline_document"] = lambda own, _: {"reason_code": "content_wrong"}
    world.requests["signing.send_document"] = lambda own, _: {"recipient_account_id": own["account"][0]}
    world.requests["signing.decline_on_paper"] = lambda own, _: {"reason_code": "content_wrong"}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    world.requests["signing.attach_signed_copy"] = lambda own, _: {"signed_on": today}
    _knows_person(service, "bayside")
    return finished(world)


def _a_signed_decline(service: InProcess, caller: Any, blob: Any, key: str) -> str:
    """A document that was declined, and the decline signed."""
    sent = service.call(
        signing.send_document, caller, document=blob, title="Declined", recipient_account_id=ACCOUNTS[key]
    )
    service.call(
        signing.decline_document, caller, version=1, document_id=sent["id"], reason_code="content_wrong"
    )
    sealing.seal(service.runtime)
    shown = service.call(signing.get_document, caller, document_id=sent["id"])
    return str(shown["recipients"][0]["decision_id"])


def _knows_role(service: InProcess, ids: list[str]) -> None:
    """Identity's answers about roles, to a service within an organisation that has these."""

    def list_role_recipients(request: Any) -> Any:
        if request["role_id"] not in ids:
            raise Refused("not_found", "There is no such role of the staff.")
        return {"recipients": []}

    service.answers[recipients.list_role_recipients.address] = list_role_recipients


def _knows_account(service: InProcess, key: str) -> None:
    """Identity's answers about accounts, to a service within this organisation."""

    def describe_account(request: Any) -> Any:
        if request["account_id"] != ACCOUNTS[key]:
            raise Refused("not_found", "There is no such account.")
        return {
            "account_id": ACCOUNTS[key],
            "first_name": None,
            "last_name": None,
            "email": f"somebody@{key}.example.org",
            "email_is_verified": True,
            "realm": "provider",
            "person_id": None,
            "state": "active",
            "can_sign": True,
            "organisation_name": f"{key} County",
            "features": ["electronic_signature"],
        }

    service.answers[accounts_contract.describe_account.address] = describe_account
    service.answers[passports.check_permission.address] = lambda request: {
        "is_allowed": request["account_id"] == ACCOUNTS[key]
    }


def _knows_person(service: InProcess, key: str) -> None:
    """Identity's answers about people, to a service within this organisation."""
    people = MergedPeople({own_person(key)})
    service.answers[merging.describe_person.address] = people.describe

    def describe_people(request: Any) -> Any:
        accounts = [{"account_id": ACCOUNTS[key], "realm": "family"}]
        named = {"first_name": "Ana", "last_name": f"Vega of {key}", "accounts": accounts}
        known = [each for each in request["person_ids"] if each == own_person(key)]
        return {"items": [{"person_id": each, **named} for each in known]}

    service.answers[people_contract.describe_people.address] = describe_people


def _answers_within(service: InProcess, key: str) -> None:
    """The answers of identity and referrals to a service within this organisation."""
    _knows_account(service, key)

    def describe_record(request: Any) -> Any:
        if request["contact_record_id"] != ("3" if key == "harbor" else "4") * 32:
            raise Refused("not_found", "There is no such contact record.")
        person_id = PEOPLE[key]
        named = {"person_id": person_id, "named_person_id": person_id}
        return {"contact_record_id": request["contact_record_id"], "number": "CR-00000042", **named}

    service.answers[records_contract.describe_contact_record.address] = describe_record


def provider_in_referrals(folder: Path) -> World:
    """Harbor's referrals for a provider of one program: what the provider reaches counts as Bayside, the rest as Harbor."""
    world = referrals_world(folder)
    world.objects["bayside"] = {}

    def call(operation: Any, **request: Any) -> Any:
        return world.service.call(operation, world.callers["harbor"], **request)

    *outside, inside = world.objects["harbor"]["program"]
    world.objects["harbor"]["program"] = outside
    own_agency, other_agency = world.objects["harbor"]["agency"]
    world.objects["harbor"]["agency"] = [other_agency]
    queue = call(queues.create_queue, name="Within reach")["id"]
    call(queues.add_program_to_queue, queue_id=queue, program_id=inside)
    line = call(capacity.set_capacity, program_id=inside, total=9)["line_id"]
    record = call(records_contract.create_contact_record, first_name="Bo", last_name="Reach")["id"]
    referral = call(assignments.assign_referral, contact_record_id=record, queue_id=queue, program_id=inside)
    for kind, named in (
        ("program", inside),
        ("agency", own_agency),
        ("queue", queue),
        ("record", record),
        ("referral", referral["id"]),
        ("capacity_line", line),
        ("capacity_schedule", a_scheduled_change(world, "harbor", inside)),
    ):
        world.keep("bayside", kind, named)
    scope = {"resources": [{"id": inside, "level": "program"}], "details": True}
    return _as_provider(world, scope)


def provider_in_signing(folder: Path) -> World:
    """Harbor's documents for a provider: those sent to it count as Bayside, those sent to others as Harbor."""
    world = signing_world(folder)
    blob = world.objects["harbor"]["blob"][0]
    world.objects["bayside"] = {}
    sent = world.service.call(
        signing.send_document,
        world.callers["harbor"],
        document=blob,
        title="Plan of a provider",
        recipient_account_id=ACCOUNTS["bayside"],
    )
    world.keep("bayside", "document", sent["id"])
    return _as_provider(world, {})


def _as_provider(world: World, scope: dict[str, Any]) -> World:
    permissions = effective_permissions(
        *DEFAULT_ROLES[PROVIDER_LEVEL],
        switched_on(SimpleNamespace(can_edit_capacity=True, can_change_status=True)),
        ("referralq", "provider_portal"),
    )
    world.organisations["bayside"] = HARBOR
    world.callers["bayside"] = a_caller(
        *permissions, organisation=HARBOR, realm="provider", id=ACCOUNTS["bayside"], scope=scope
    )
    world.service.database.close()
    return world
