"""A person confirms the time of an appointment, signed in or by the link of a mail."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import pytest

from services.chassis.passports import Caller, Link
from services.contracts.identity.passports import MAIL_ACTIONS
from services.contracts.portals import appointments
from services.contracts.portals import my_appointments as contract
from tests.integration.portals.clinic import COLLEAGUE, STAFF, WORKER, Clinic, a_clinic, refusal, utc
from tests.support.at_once import at_once
from tests.support.in_process import a_service

clinic = pytest.fixture(params=["sqlite", "postgresql"])(a_clinic)
NOTIFICATIONS = a_service("notifications")


def booked(clinic: Clinic) -> Any:
    """An appointment of the worker, which staff have booked."""
    kind, plan = clinic.open()
    clinic.configure()
    return clinic.staff_book(kind, plan, "03-06 09:30", person="9" * 32)


def told(clinic: Clinic, appointment: Any) -> Any:
    """What notifications learns of an appointment."""
    return clinic(appointments.describe_appointment, NOTIFICATIONS, appointment_id=appointment["id"])


def by_link(clinic: Clinic, appointment: Any, caller: Caller = WORKER) -> Caller:
    action = MAIL_ACTIONS["confirm_appointment"]
    state = told(clinic, appointment)["to_confirm"]
    return replace(caller, link=Link(frozenset(action.operations), action.member, appointment["id"], state))


def confirm(clinic: Clinic, appointment: Any, caller: Caller, version: int = 1) -> Any:
    return clinic(contract.confirm_my_appointment, caller, appointment_id=appointment["id"], version=version)


@pytest.mark.parametrize("way", ["signed in", "link"])
def test_a_person_confirms_once_and_staff_see_when(clinic: Clinic, way: str) -> None:
    appointment = booked(clinic)
    assert appointment["confirmed_at"] is None
    caller = WORKER if way == "signed in" else by_link(clinic, appointment)
    shown = clinic(contract.get_appointment_to_confirm, caller, appointment_id=appointment["id"])
    assert shown == {
        "id": appointment["id"],
        "version": 1,
        "person_id": "9" * 32,
        "starts_at": shown["starts_at"],
        "on": "2026-03-06",
        "place": "Main Street 1",
        "time_zone": "America/New_York",
        "is_confirmed": False,
        "can_be_confirmed": True,
    }
    assert confirm(clinic, appointment, caller)["is_confirmed"]
    seen = clinic(appointments.get_appointment, STAFF, appointment_id=appointment["id"])
    assert seen["confirmed_at"] is not None
    assert seen["version"] == 1  # what waits to be sent about this time stays right
    (event,) = clinic.events(appointments.appointment_confirmed)
    assert event["person_id"] == "9" * 32
    again = "conflict" if way == "signed in" else "link_refused"
    assert refusal(lambda: confirm(clinic, appointment, caller)) == again
    assert told(clinic, appointment)["to_confirm"] is None


def test_of_two_uses_at_once_one_wins(clinic: Clinic) -> None:
    appointment = booked(clinic)
    holder = by_link(clinic, appointment)

    def use() -> str:
        confirm(clinic, appointment, holder)
        return "done"

    assert sorted(at_once(use, use)) == ["done", "link_refused"]


def test_a_move_ends_the_link_and_asks_anew(clinic: Clinic) -> None:
    appointment = booked(clinic)
    holder = by_link(clinic, appointment)
    confirm(clinic, appointment, holder)
    moved = clinic(
        appointments.move_appointment,
        STAFF,
        appointment_id=appointment["id"],
        version=1,
        schedule_id=appointment["schedule_id"],
        starts_at=utc("03-06 10:00"),
    )
    assert moved["confirmed_at"] is None
    assert refusal(lambda: confirm(clinic, appointment, holder, 2)) == "link_refused"
    request = {"appointment_id": appointment["id"]}
    assert refusal(lambda: clinic(contract.get_appointment_to_confirm, holder, **request)) == "link_refused"
    assert confirm(clinic, moved, by_link(clinic, moved), 2)["is_confirmed"]


def test_nobody_else_confirms_it(clinic: Clinic) -> None:
    appointment = booked(clinic)
    assert refusal(lambda: confirm(clinic, appointment, COLLEAGUE)) == "not_found"
    only_sees = replace(
        WORKER,
        scope={
            "person_id": "9" * 32,
            "profiles": [
                {"person_id": "9" * 32, "role": "employee", "permissions": ["profile.view_schedule"]}
            ],
        },
    )
    assert refusal(lambda: confirm(clinic, appointment, only_sees)) == "not_found"
    assert refusal(lambda: confirm(clinic, appointment, WORKER, 7)) == "version_conflict"


def test_what_has_begun_or_is_cancelled_cannot_be_confirmed(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    clinic.configure()
    first = clinic.staff_book(kind, plan, "03-06 09:30", person="9" * 32)
    second = clinic.staff_book(kind, plan, "03-06 10:30", person="9" * 32)
    clinic(appointments.cancel_appointment, STAFF, appointment_id=second["id"], version=1)
    assert refusal(lambda: confirm(clinic, second, WORKER, 2)) == "appointment_closed"
    assert told(clinic, second)["to_confirm"] is None
    clinic.clock.move_to(datetime.datetime(2026, 3, 6, 14, 31, tzinfo=datetime.UTC))
    assert refusal(lambda: confirm(clinic, first, WORKER)) == "appointment_closed"
    assert told(clinic, first)["to_confirm"] is None
