"""Both organisations' objects in referrals, for the tests about foreign ids."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.chassis.unit_of_work import utc_now
from services.contracts.referrals import (
    assignments,
    bulk,
    capacity,
    directory,
    directory_exports,
    directory_imports,
    fhir_exports,
    hsds,
    offers,
    queues,
    reports,
)
from services.contracts.referrals import records as records_contract
from services.referrals.fhir_exports import jobs as fhir_export_jobs
from services.referrals.models import StatusChange
from tests.integration.referrals.builders import SMALL_DIRECTORY, an_export, an_export_with
from tests.support.in_process import InProcess
from tests.support.known_to_identity import ACCOUNTS, IDS, knows_account, knows_person
from tests.support.two_organisations import KEYS, World, everybody, finished


def referrals_world(folder: Path) -> World:
    """Referrals: a directory, a queue, a record and a referral in both organisations."""
    file = folder / "referrals.db"
    service = InProcess("referrals", f"sqlite:///{file}", folder)
    callers = {key: everybody(IDS[key], ACCOUNTS[key]) for key in KEYS}
    world = World(service, file, dict(IDS), callers)
    for key in KEYS:
        _ReferralsObjects(world, key).make()
    knows_account(service, "bayside")
    knows_person(service, "bayside")
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
        for _ in range(2):
            ordered = {
                "parameters": {"_type": ["Organization"]},
                "is_asynchronous": True,
                "base_url": "https://example.org/fhir/R4",
            }
            self.keep("fhir_export", self.call(fhir_exports.export_fhir, **ordered)["fhir_export_id"])
            fhir_export_jobs.work(self.world.service.runtime)
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
        rows = [{
            "ResourceAgencyNum": number, "PublicName": f"Placed Program {number} of {self.key}",
            "TaxonomyLevelName": "Program", "ParentAgencyNum": "1", "AgencyStatus": "Active",
            "PhysicalAddress1": f"{number} Quay Street of {self.key}", "PhysicalCountry": "US",
            **(words if self.key == "bayside" else {"TaxonomyTerms": "Harbor Things; Harbor Beds"}),
        } for number in ("31", "32")]  # fmt: skip
        document = self.world.service.upload(an_export_with(rows), self.world.organisations[self.key][0])
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
        for kind, listing in (
            ("service", hsds.list_hsds_services),
            ("organization", hsds.list_hsds_organizations),
            ("place", hsds.list_hsds_service_at_locations),
            ("term", hsds.list_hsds_taxonomy_terms),
        ):
            page = self.call(listing, per_page=1)
            assert page["next"], f"{listing.address} has one page only"
            self.keep(f"hsds_{kind}_cursor", page["next"])


def a_scheduled_change(world: World, key: str, program: str) -> str:
    """A change of capacity that begins later."""
    begins = (utc_now() + datetime.timedelta(days=7)).isoformat()
    wanted = {"program_id": program, "starts_at": begins, "total": 4}
    return str(world.service.call(capacity.schedule_capacity, world.callers[key], **wanted)["id"])
