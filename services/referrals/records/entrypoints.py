"""Entrypoints of contact records."""

from __future__ import annotations

from typing import Any

from services.chassis.events import IncomingEvent, listens
from services.chassis.operations import Call, serves
from services.contracts.identity.merging import people_merged, people_unmerged
from services.contracts.referrals import records
from services.referrals.authors.names import with_names
from services.referrals.records import handlers, people, queries
from services.referrals.records.pdf import handlers as printing


class RecordEntrypoints:
    """What `Service` offers about contact records."""

    @serves(records.create_contact_record)
    def create_contact_record(self, call: Call) -> Any:
        return people.enter(call, handlers.create_contact_record)

    @serves(records.edit_contact_record)
    def edit_contact_record(self, call: Call) -> Any:
        return people.enter(call, handlers.edit_contact_record)

    @serves(records.search_contact_records)
    def search_contact_records(self, call: Call) -> Any:
        return call.read(queries.search_contact_records)

    @serves(records.list_contact_record_changes)
    def list_contact_record_changes(self, call: Call) -> Any:
        return with_names(call, call.read(queries.list_contact_record_changes))

    @serves(records.list_possible_duplicates)
    def list_possible_duplicates(self, call: Call) -> Any:
        return call.read(queries.list_possible_duplicates)

    @serves(records.get_contact_record)
    def get_contact_record(self, call: Call) -> Any:
        answer = call.read(queries.get_contact_record)
        whose = handlers.about(answer["person_id"])
        call.note_reading("contact_record.read", "contact_record", answer["id"], **whose)
        return answer

    @serves(records.create_contact_record_pdf)
    def create_contact_record_pdf(self, call: Call) -> Any:
        return printing.create_contact_record_pdf(call)

    @serves(records.create_referral_pdf)
    def create_referral_pdf(self, call: Call) -> Any:
        return printing.create_referral_pdf(call)

    @serves(records.describe_contact_record)
    def describe_contact_record(self, call: Call) -> Any:
        return call.read(queries.describe_contact_record)

    @listens(people_merged)
    def on_people_merged(self, incoming: IncomingEvent) -> None:
        people.follow(incoming)

    @listens(people_unmerged)
    def on_people_unmerged(self, incoming: IncomingEvent) -> None:
        people.follow(incoming)
