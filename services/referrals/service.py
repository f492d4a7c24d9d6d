"""The referrals service: thin entrypoints and their wiring."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from services.chassis.audit_search import audit_entrypoints
from services.chassis.operations import Call, serves
from services.chassis.settings import ServiceSettings
from services.contracts import referrals as contract
from services.referrals.assignments import handlers as assignments
from services.referrals.assignments import queries as referral_list
from services.referrals.capacity import handlers as capacity
from services.referrals.capacity import queries as capacities
from services.referrals.directory import handlers as directory
from services.referrals.directory import queries as resources
from services.referrals.directory.reading import Upload, read_upload
from services.referrals.models import Base
from services.referrals.queues import handlers as queues
from services.referrals.queues import queries as queue_list
from services.referrals.records import handlers as records
from services.referrals.records import queries as record_list

__all__ = ["Base", "Service", "Settings"]


class Settings(ServiceSettings):
    """Settings of this service."""

    REFERRALS_DATABASE_URL = fields.String(
        required=True, metadata={"help": "address of this service's own database (SQLite or PostgreSQL)"}
    )


class Service(audit_entrypoints(contract.audit)):  # type: ignore[misc]
    """Entrypoints of the referrals service."""

    name = "referrals"

    @serves(contract.import_directory)
    def import_directory(self, call: Call) -> Any:
        upload = _read_upload(call)
        return call.commit(directory.import_directory, upload)

    @serves(contract.search_resources)
    def search_resources(self, call: Call) -> Any:
        return call.read(resources.search_resources)

    @serves(contract.get_resource)
    def get_resource(self, call: Call) -> Any:
        return call.read(resources.get_resource)

    @serves(contract.create_queue)
    def create_queue(self, call: Call) -> Any:
        return call.commit(queues.create_queue)

    @serves(contract.list_queues)
    def list_queues(self, call: Call) -> Any:
        return call.read(queue_list.list_queues)

    @serves(contract.get_queue)
    def get_queue(self, call: Call) -> Any:
        return call.read(queue_list.get_queue)

    @serves(contract.add_program_to_queue)
    def add_program_to_queue(self, call: Call) -> Any:
        return call.commit(queues.add_program_to_queue)

    @serves(contract.set_capacity)
    def set_capacity(self, call: Call) -> Any:
        return call.commit(capacity.set_capacity)

    @serves(contract.get_capacity)
    def get_capacity(self, call: Call) -> Any:
        return call.read(capacities.get_capacity)

    @serves(contract.list_capacities)
    def list_capacities(self, call: Call) -> Any:
        return call.read(capacities.list_capacities)

    @serves(contract.create_contact_record)
    def create_contact_record(self, call: Call) -> Any:
        return call.commit(records.create_contact_record)

    @serves(contract.get_contact_record)
    def get_contact_record(self, call: Call) -> Any:
        answer = call.read(record_list.get_contact_record)
        _audit(call, "contact_record.read", "contact_record", answer["id"])
        return answer

    @serves(contract.assign_referral)
    def assign_referral(self, call: Call) -> Any:
        with call.runtime.database.reading(call.organisation_id) as session:
            assignments.refuse_when_full(session, call.caller, call.request, call.is_repeated)
        return call.commit(assignments.assign_referral)

    @serves(contract.list_referrals)
    def list_referrals(self, call: Call) -> Any:
        return call.read(referral_list.list_referrals)

    @serves(contract.get_referral)
    def get_referral(self, call: Call) -> Any:
        answer = call.read(referral_list.get_referral)
        if answer["details"] is not None:
            _audit(
                call,
                "referral.details_read",
                "referral",
                answer["id"],
                contact_record_id=answer["details"]["id"],
            )
        return answer

    @serves(contract.list_referral_history)
    def list_referral_history(self, call: Call) -> Any:
        return call.read(referral_list.list_referral_history)

    @serves(contract.change_status)
    def change_status(self, call: Call) -> Any:
        return call.commit(assignments.change_status)

    @serves(contract.describe_resource)
    def describe_resource(self, call: Call) -> Any:
        return call.read(resources.describe_resource)

    @serves(contract.describe_contact_record)
    def describe_contact_record(self, call: Call) -> Any:
        return call.read(record_list.describe_contact_record)


def _read_upload(call: Call) -> Upload:
    """Read the uploaded file before the transaction."""
    with call.runtime.database.reading(call.organisation_id) as session:
        known = resources.known_agency_numbers(session)
    path = call.runtime.blobs.path(call.organisation_id, call.request["document"]["sha256"])
    return read_upload(path, known)


def _audit(call: Call, action: str, object_type: str, object_id: str, **facts: str) -> None:
    """Note a reading of a whole record before it is handed out: what cannot be noted is not shown."""
    call.transact(lambda unit: unit.audit(action, object_type, object_id, **facts))
