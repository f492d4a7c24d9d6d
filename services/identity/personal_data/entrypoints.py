"""Entrypoints of orders about a person's data, and of what the services answer."""

from __future__ import annotations

import datetime
from typing import Any

from services.chassis.events import IncomingEvent, listens
from services.chassis.operations import Call, serves
from services.contracts.identity import personal_data as contract
from services.contracts.notifications import personal_data as of_notifications
from services.contracts.portals import personal_data as of_portals
from services.contracts.referrals import personal_data as of_referrals
from services.contracts.signing import personal_data as of_signing
from services.identity.personal_data import jobs, orders, queries


class PersonalDataEntrypoints:
    """What `Service` inherits."""

    @serves(contract.export_person)
    def export_person(self, call: Call) -> Any:
        return call.commit(orders.export_person, _answers_kept(call))

    @serves(contract.erase_person)
    def erase_person(self, call: Call) -> Any:
        return call.commit(orders.erase_person, _answers_kept(call))

    @serves(contract.get_personal_data_job)
    def get_personal_data_job(self, call: Call) -> Any:
        return call.read(queries.get_job, _answers_kept(call))

    @serves(contract.list_personal_data_jobs)
    def list_personal_data_jobs(self, call: Call) -> Any:
        return call.read(queries.list_jobs, _answers_kept(call))

    @serves(contract.download_person_export)
    def download_person_export(self, call: Call) -> Any:
        return jobs.download(call)

    @serves(contract.describe_personal_data_job)
    def describe_personal_data_job(self, call: Call) -> Any:
        return call.read(queries.describe_job)

    @listens(of_referrals.answered)
    def on_referrals_answered_about_a_person(self, incoming: IncomingEvent) -> None:
        """Another part is done."""
        _note(incoming)

    @listens(of_portals.answered)
    def on_portals_answered_about_a_person(self, incoming: IncomingEvent) -> None:
        """Another part is done."""
        _note(incoming)

    @listens(of_notifications.answered)
    def on_notifications_answered_about_a_person(self, incoming: IncomingEvent) -> None:
        """Another part is done."""
        _note(incoming)

    @listens(of_signing.answered)
    def on_signing_answered_about_a_person(self, incoming: IncomingEvent) -> None:
        """Another part is done."""
        _note(incoming)


def _note(incoming: IncomingEvent) -> None:
    incoming.apply(jobs.note_part, incoming.event.service)
    incoming.runtime.loops.wake(jobs.LOOP)


def _answers_kept(call: Call) -> datetime.timedelta:
    return datetime.timedelta(hours=call.runtime.settings.requests_kept_hours)
