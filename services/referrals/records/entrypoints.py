"""Entrypoints of contact records."""

from __future__ import annotations

from typing import Any

from services.chassis.events import Delivery, listens
from services.chassis.operations import Call, serves
from services.contracts import referrals as contract
from services.contracts import referrals_records as more
from services.contracts.identity_merged import people_merged, people_unmerged
from services.referrals.authors import with_names
from services.referrals.records import handlers, people, printing, queries


class RecordEntrypoints:
    """What `Service` offers about contact records."""

    @serves(contract.create_contact_record)
    def create_contact_record(self, call: Call) -> Any:
        return people.enter(call, handlers.create_contact_record)

    @serves(more.create_intake)
    def create_intake(self, call: Call) -> Any:
        return people.enter(call, handlers.create_intake)

    @serves(more.edit_contact_record)
    def edit_contact_record(self, call: Call) -> Any:
        return people.enter(call, handlers.edit_contact_record)

    @serves(more.search_contact_records)
    def search_contact_records(self, call: Call) -> Any:
        return call.read(queries.search_contact_records)

    @serves(more.list_contact_record_changes)
    def list_contact_record_changes(self, call: Call) -> Any:
        return with_names(call, call.read(queries.list_contact_record_changes))

    @serves(contract.get_contact_record)
    def get_contact_record(self, call: Call) -> Any:
        answer = call.read(queries.get_contact_record)
        whose = handlers.about(answer["person_id"])
        call.note_reading("contact_record.read", "contact_record", answer["id"], **whose)
        return answer

    @serves(more.create_contact_record_pdf)
    def create_contact_record_pdf(self, call: Call) -> Any:
        return printing.create_contact_record_pdf(call)

    @serves(more.create_referral_pdf)
    def create_referral_pdf(self, call: Call) -> Any:
        return printing.create_referral_pdf(call)

    @serves(contract.describe_contact_record)
    def describe_contact_record(self, call: Call) -> Any:
        return call.read(queries.describe_contact_record)

    @listens(people_merged)
    def on_people_merged(self, delivery: Delivery) -> None:
        people.follow(delivery)

    @listens(people_unmerged)
    def on_people_unmerged(self, delivery: Delivery) -> None:
        people.follow(delivery)
