"""Entrypoints of patients' portal access."""

from __future__ import annotations

import time
from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import patients as contract
from services.identity.patients import activation, handlers, jobs, queries, registration
from services.identity.secrets.calls import answer_time


class PatientsEntrypoints:
    """What `Service` offers about patients' portal access."""

    @serves(contract.get_patient_settings)
    def get_patient_settings(self, call: Call) -> Any:
        return call.read(queries.get_patient_settings)

    @serves(contract.set_patient_settings)
    def set_patient_settings(self, call: Call) -> Any:
        return call.commit(handlers.set_patient_settings)

    @serves(contract.get_patient_access)
    def get_patient_access(self, call: Call) -> Any:
        answer = call.read(queries.get_patient_access)
        call.note_reading("patient_access.read", "person", answer["person_id"])
        return answer

    @serves(contract.list_patient_access)
    def list_patient_access(self, call: Call) -> Any:
        answer = call.read(queries.list_patient_access)
        call.note_reading(
            "patient_access.listed", "organisation", str(call.organisation_id), shown=len(answer["items"])
        )
        return answer

    @serves(contract.enable_patient_access)
    def enable_patient_access(self, call: Call) -> Any:
        return call.commit(handlers.enable_patient_access)

    @serves(contract.disable_patient_access)
    def disable_patient_access(self, call: Call) -> Any:
        return call.commit(handlers.disable_patient_access)

    @serves(contract.invite_patient)
    def invite_patient(self, call: Call) -> Any:
        return call.commit(handlers.invite_patient)

    @serves(contract.check_username)
    def check_username(self, call: Call) -> Any:
        return call.transact(lambda unit: handlers.check_username(unit, **call.request))

    @serves(contract.set_patient_credentials)
    def set_patient_credentials(self, call: Call) -> Any:
        return handlers.set_credentials(call)

    @serves(contract.change_patient_email)
    def change_patient_email(self, call: Call) -> Any:
        return call.commit(handlers.change_patient_email)

    @serves(contract.start_patient_job)
    def start_patient_job(self, call: Call) -> Any:
        return jobs.start(call)

    @serves(contract.get_patient_job)
    def get_patient_job(self, call: Call) -> Any:
        return call.read(queries.get_patient_job)

    @serves(contract.list_patient_jobs)
    def list_patient_jobs(self, call: Call) -> Any:
        return call.read(queries.list_patient_jobs)

    @serves(contract.request_patient_access)
    def request_patient_access(self, call: Call) -> Any:
        """See the contract. The answer always takes the same time, since a match writes more."""
        answer_at = answer_time()
        answer = activation.request_access(call)
        time.sleep(max(0.0, answer_at - time.monotonic()))
        return answer

    @serves(contract.verify_email)
    def verify_email(self, call: Call) -> Any:
        return activation.verify_email(call)

    @serves(contract.describe_registration)
    def describe_registration(self, call: Call) -> Any:
        return registration.describe(call)

    @serves(contract.register_patient)
    def register_patient(self, call: Call) -> Any:
        """See the contract. The answer always takes the same time, since a new patient writes more."""
        answer_at = answer_time()
        answer = registration.register(call)
        time.sleep(max(0.0, answer_at - time.monotonic()))
        return answer

    @serves(contract.take_unverified_address)
    def take_unverified_address(self, call: Call) -> Any:
        return call.transact(lambda unit: activation.take_unverified_address(unit, **call.request))
