"""Both organisations' objects in each service, for the tests about foreign ids. Identity's are in `world_of_identity`."""

from __future__ import annotations

import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import accounts as accounts_contract
from services.contracts.identity import credentials, merging, passports
from services.contracts.notifications import deliveries as notifications
from services.contracts.portals import configuration as portals
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
from services.referrals.models import StatusChange
from services.signing.documents.page_pictures import PagePictures
from services.signing.documents.signer import Signer
from tests.integration.notifications.conftest import Notifications
from tests.integration.referrals.builders import SMALL_DIRECTORY, an_export, an_export_with
from tests.integration.signing.conftest import a_pdf
from tests.support.in_process import BAYSIDE, HARBOR, InProcess, a_caller
from tests.support.merged_people import MergedPeople
from tests.support.two_organisations import KEYS, World, everybody, finished, own_person
from tests.support.world_of_identity import identity_world

__all__ = ["identity_world"]  # beside those below

IDS = {"harbor": HARBOR, "bayside": BAYSIDE}
ACCOUNTS = {"harbor": "5" * 32, "bayside": "6" * 32}


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
    """Portals: a configured portal in both organisations."""
    file = folder / "portals.db"
    service = InProcess("portals", f"sqlite:///{file}", folder)
    callers = {key: everybody(IDS[key], ACCOUNTS[key]) for key in KEYS}
    world = World(service, file, dict(IDS), callers)
    for key in KEYS:
        request = {"portal": "provider", "name": f"Partners of {key}", "colour": "#fff", "ticker": []}
        service.call(portals.configure_portal, callers[key], version=1, **request)
    _knows_person(service, "bayside")
    return finished(world)


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
    _knows_person(service, "bayside")
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
    world = World(service, file, dict(IDS), {key: everybody(IDS[key], ACCOUNTS[key]) for key in KEYS})
    for key in KEYS:
        _answers_within(service, key)
        caller = world.callers[key]
        world.keep(key, "account", ACCOUNTS[key])
        world.keep(key, "record", ("3" if key == "harbor" else "4") * 32)
        blob = service.upload(a_pdf(f"Plan of {key}"), world.organisations[key][0])
        world.keep(key, "blob", blob)
        for _ in range(2):
            sent = service.call(
                signing.send_document,
                caller,
                document=blob,
                title=f"Plan of {key}",
                recipient_account_id=ACCOUNTS[key],
            )
            world.keep(key, "document", sent["id"])
    _knows_person(service, "bayside")
    return finished(world)


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


def _answers_within(service: InProcess, key: str) -> None:
    """The answers of identity and referrals to a service within this organisation."""
    _knows_account(service, key)

    def describe_record(request: Any) -> Any:
        if request["contact_record_id"] != ("3" if key == "harbor" else "4") * 32:
            raise Refused("not_found", "There is no such contact record.")
        return {"contact_record_id": request["contact_record_id"], "number": "CR-00000042"}

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
