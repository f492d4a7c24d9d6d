"""A desk that uses the referrals service as people do, and files to import."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.chassis.wire import new_id
from services.contracts.errors import Refused
from services.contracts.referrals import (
    assignments,
    capacity,
    directory,
    directory_imports,
    queues,
    records,
    status_changes,
)
from services.contracts.referrals.assignments import referral_waitlisted
from services.contracts.referrals.capacity import capacity_changed
from services.referrals.models import Referral
from services.referrals.records.models import ContactRecord
from tests.support.in_process import BAYSIDE, HARBOR, InProcess, a_caller
from tests.support.merged_people import MergedPeople

COLUMNS = (
    "ResourceAgencyNum",
    "PublicName",
    "TaxonomyLevelName",
    "ParentAgencyNum",
    "AgencyStatus",
    "TemporaryMessage",
)
STAFF_MAY = (
    "directory.import",
    "directory.read",
    "queue.manage",
    "queue.read",
    "capacity.edit",
    "capacity.read",
    "record.create",
    "record.read",
    "referral.assign",
    "referral.read",
    "referral.change_status",
    "referral.note",
)
PROVIDER_MAY = (
    "queue.read",
    "capacity.edit",
    "capacity.read",
    "referral.read",
    "referral.change_status",
    "referral.note",
)

STAFF = a_caller(*STAFF_MAY, id="5" * 32)
OTHER_STAFF = a_caller(*STAFF_MAY, id="6" * 32, organisation=BAYSIDE)

SMALL_DIRECTORY = (
    ("1", "Harbor Shelter Alliance", "Agency", "0", "Active", ""),
    ("11", "Night Shelter", "Program", "1", "Active", "Closed for repairs"),
    ("12", "Family Housing First", "Program", "1", "Active", ""),
    ("13", "Winter Shelter", "Program", "1", "Active, but do not refer", ""),
    ("14", "Old Shelter", "Program", "1", "Inactive", ""),
    ("15", "Shelter on Pier Street", "Site", "1", "Active", ""),
    ("2", "Bayside Food Network", "Agency", "0", "Active", ""),
    ("21", "St. Mary's Café & Pantry", "Program", "2", "Active", ""),
)


def an_export(rows: Iterable[tuple[str, ...]] = SMALL_DIRECTORY) -> bytes:
    """An iCarol export (CSV) with these rows."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COLUMNS, *rows])
    return text.getvalue().encode()


def an_export_with(rows: Iterable[Mapping[str, str]]) -> bytes:
    """An iCarol export (CSV) with the columns that these rows have, and the required ones."""
    rows = list(rows)
    columns = list(dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)]))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def refusal(call: Any) -> str:
    """The code with which a call is refused."""
    try:
        call()
    except Refused as refused:
        return refused.code
    raise AssertionError("the call was accepted")


OWN_EVENTS = (capacity_changed, referral_waitlisted)


class Desk:
    """The service with its small directory imported; `program["Night Shelter"]` is an id.

    `people` stands in for identity: every person exists, and none is merged.
    `like` is the desk whose database was copied for this one, so the directory is imported already.
    """

    def __init__(self, service: InProcess, like: Desk | None = None) -> None:
        self.service = service
        self.people = MergedPeople()
        service.answers["identity.describe_person"] = self.people.describe
        service.answers["identity.check_permission"] = lambda _: {"is_allowed": True}
        self._delivered: set[str] = set()
        self.report = like.report if like else self.import_file(an_export())
        self.resource = dict(like.resource) if like else self._resources()
        service.asked.clear()  # a test counts its own calls

    def _resources(self) -> dict[str, str]:
        return {
            name: self._id_of(name)
            for _, name, level, *_ in SMALL_DIRECTORY
            if level in ("Agency", "Program")
        }

    def __call__(self, operation: Any, caller: Caller = STAFF, **arguments: Any) -> Any:
        return self.service.call(operation, caller, **arguments)

    def import_file(self, content: bytes, caller: Caller = STAFF) -> Mapping[str, Any]:
        """Upload and import a file as the gateway does."""
        assert caller.organisation_id
        document = self.service.upload(content, caller.organisation_id)
        report: Mapping[str, Any] = self(directory_imports.import_directory, caller, document=document)
        return report

    def _id_of(self, name: str) -> str:
        found = self(directory.search_resources, q=name, include_inactive=True)["items"]
        return str(next(item["id"] for item in found if item["name"] == name))

    def a_queue(self, *programs: str, name: str = "Housing", **more: Any) -> str:
        """A ReferralQ with these programs; its id."""
        queue = self(queues.create_queue, name=name, **more)
        for program in programs:
            self(queues.add_program_to_queue, queue_id=queue["id"], program_id=self.resource[program])
        return str(queue["id"])

    def a_record(self, **more: Any) -> str:
        """A contact record; its id."""
        return str(
            self(records.create_contact_record, **{"first_name": "Ana", "last_name": "Vega", **more})["id"]
        )

    def many_records(self, count: int) -> list[str]:
        """The ids of so many contact records, inserted directly into the table."""
        now = utc_now()
        ids = [new_id() for _ in range(count)]

        def write(session: Session) -> None:
            session.add_all(
                ContactRecord(
                    id=one,
                    number=f"CR-{int(one[:9], 16):012d}",
                    sections=[],
                    submitted_at=now,
                    created_at=now,
                    version=1,
                )
                for one in ids
            )

        self.service.database.write(HARBOR[0], write)
        return ids

    def set_capacity(self, program: str, total: int, caller: Caller = STAFF, **more: Any) -> Any:
        """Set what a program can take."""
        return self(capacity.set_capacity, caller, program_id=self.resource[program], total=total, **more)

    def assign(self, queue_id: str, program: str, record_id: str | None = None, **more: Any) -> Any:
        """Refer a (new) contact record to a program."""
        return self(
            assignments.assign_referral,
            contact_record_id=record_id or self.a_record(),
            queue_id=queue_id,
            program_id=self.resource[program],
            **more,
        )

    def move(self, referral: Mapping[str, Any], status: str, caller: Caller = STAFF, **more: Any) -> Any:
        """Move a referral to a status, at the version given or the referral's own."""
        more.setdefault("version", referral["version"])
        return self(status_changes.change_status, caller, referral_id=referral["id"], status=status, **more)

    def read(self, referral: Mapping[str, Any], caller: Caller = STAFF) -> Any:
        """A referral as it is now."""
        return self(assignments.get_referral, caller, referral_id=referral["id"])

    def shift(self, referral_id: str, by: datetime.timedelta) -> None:
        """Make a referral older: move all its times back."""

        def write(session: Session) -> None:
            referral = session.get_one(Referral, referral_id)
            for column in Referral.__table__.columns:
                at = getattr(referral, column.key)
                if isinstance(at, datetime.datetime):
                    setattr(referral, column.key, at - by)

        self.service.database.write(HARBOR[0], write)

    def deliver_own(self) -> None:
        """Deliver the service's own events to its handlers, as the broker does, until there is no new one."""
        while fresh := [each for each in self._own_events() if each["id"] not in self._delivered]:
            for envelope in fresh:
                self._delivered.add(envelope["id"])
                event = next(own for own in OWN_EVENTS if own.type == envelope["type"])
                organisation = (envelope["organisation"], envelope["organisationkey"])
                self.service.deliver(
                    event, envelope["data"], organisation=organisation, event_id=envelope["id"]
                )

    def ignore(self, event_id: str) -> None:
        """Mark one of the service's own events as delivered."""
        self._delivered.add(event_id)

    def _own_events(self) -> list[dict[str, Any]]:
        types = {event.type for event in OWN_EVENTS}
        return [envelope for envelope in self.service.events() if envelope["type"] in types]

    def numbers(self, program: str) -> tuple[int, int, int]:
        """(total, used, free) of a program."""
        line = self(capacity.get_capacity, program_id=self.resource[program])
        return line["total"], line["used"], line["free"]

    def provider(self, *names: str, details: bool = False, may: tuple[str, ...] = PROVIDER_MAY) -> Caller:
        """A provider account that is assigned these agencies and programs."""
        levels = {name: level.lower() for _, name, level, *_ in SMALL_DIRECTORY}
        resources = [{"id": self.resource[name], "level": levels[name]} for name in names]
        scope = {"resources": resources, "details": details}
        return a_caller(*may, realm="provider", id="7" * 32, organisation=HARBOR, scope=scope)


def outcome(call: object) -> str:
    try:
        call()  # type: ignore[operator]
    except Refused as refused:
        return refused.code
    return "accepted"
