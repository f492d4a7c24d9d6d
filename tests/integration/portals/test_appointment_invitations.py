"""Who is due for an appointment, in process: inviting, and following who has booked."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.identity import people
from services.contracts.portals import appointment_invitations as contract
from services.contracts.portals import appointments, my_appointments
from tests.integration.portals.clinic import COLLEAGUE, WORKER, Clinic, a_clinic, refusal

clinic = pytest.fixture(params=["sqlite", "postgresql"])(a_clinic)


def listed(clinic: Clinic, kind: Any, **request: Any) -> list[Any]:
    return list(clinic(contract.list_appointment_invitations, type_id=kind["id"], **request)["items"])


def test_staff_invite_everyone_who_is_due_and_see_who_has_booked(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    clinic.configure()
    assert clinic.invite(kind, "2026-03-20", WORKER, COLLEAGUE) == {"invited": 2}
    told = clinic.events(contract.appointment_invited)
    assert sorted(each["person_id"] for each in told) == ["8" * 32, "9" * 32]
    made = clinic.book(kind, "03-05 09:00")
    first, second = sorted(listed(clinic, kind), key=lambda each: str(each["person_id"]))
    assert (first["appointment_id"], second["appointment_id"]) == (None, made["id"])
    assert [each["person_id"] for each in listed(clinic, kind, is_open=True)] == ["8" * 32]
    own = {"appointment_id": made["id"], "version": 1}
    clinic(my_appointments.cancel_my_appointment, WORKER, **own)
    assert len(listed(clinic, kind, is_open=True)) == 2
    clinic.staff_book(kind, plan, "03-06 09:00", "8" * 32)
    assert [each["person_id"] for each in listed(clinic, kind, is_open=True)] == ["9" * 32]
    assert len(clinic.events(appointments.appointment_booked)) == 2


def test_who_waits_already_gets_the_new_day(clinic: Clinic) -> None:
    kind, _ = clinic.open()
    clinic.invite(kind, "2026-03-20")
    clinic.invite(kind, "2026-04-20")
    assert [each["due_on"] for each in listed(clinic, kind)] == ["2026-04-20"]
    assert clinic.scheduling()["due"][0]["due_on"] == "2026-04-20"
    assert clinic.scheduling(COLLEAGUE)["due"] == []


def test_nobody_is_invited_where_one_of_them_is_unknown(clinic: Clinic) -> None:
    kind, _ = clinic.open()

    known = clinic.portals.answers[people.describe_people.address]
    clinic.portals.answers[people.describe_people.address] = lambda request: known(
        {"person_ids": [each for each in request["person_ids"] if each != "8" * 32]}
    )
    assert refusal(lambda: clinic.invite(kind, "2026-03-20", WORKER, COLLEAGUE)) == "not_found"
    assert listed(clinic, kind) == []
    assert clinic.invite(kind, "2026-03-20", WORKER) == {"invited": 1}
