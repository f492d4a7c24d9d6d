"""Appointments in process, as staff manage them: the calendar, booking once, moving, cancelling, who came."""

from __future__ import annotations

import concurrent.futures
import datetime
import itertools
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.portals import appointment_invitations as invitations
from services.contracts.portals import appointments, my_appointments, schedules
from tests.integration.portals.clinic import (
    STAFF,
    Clinic,
    a_clinic,
    local,
    refusal,
    somebody,
    utc,
)
from tests.support.in_process import BAYSIDE, a_caller
from tests.support.merged_people import MergedPeople

clinic = pytest.fixture(params=["sqlite", "postgresql"])(a_clinic)


def test_staff_book_at_any_time_at_which_the_provider_is_free(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    made = clinic.staff_book(kind, plan, "03-05 17:00")
    assert (made["state"], made["source"], local(made)) == ("booked", "staff", "03-05 17:00")
    assert (made["on"], made["person_name"]) == ("2026-03-05", "Quill 7, Pat")
    assert made["actions"] == ["move", "cancel"]
    assert clinic(appointments.get_appointment, appointment_id=made["id"]) == made
    (event,) = clinic.events(appointments.appointment_booked)
    assert event == {
        "person_id": "7" * 32,
        "account_id": None,
        "starts_at": made["starts_at"],
        "version": 1,
    }
    for taken in ("03-05 17:00", "03-05 17:25", "03-05 16:35"):
        assert refusal(lambda at=taken: clinic.staff_book(kind, plan, at)) == "slot_taken"
    clinic.staff_book(kind, plan, "03-05 17:30")


@pytest.mark.parametrize("at", ["03-02 09:00", "03-05 09:02"])
def test_no_appointment_begins_long_ago_or_off_the_grid(clinic: Clinic, at: str) -> None:
    kind, plan = clinic.open()
    assert refusal(lambda: clinic.staff_book(kind, plan, at)) == "invalid_request"


def test_a_provider_is_booked_only_for_what_it_takes(clinic: Clinic) -> None:
    _, plan = clinic.open()
    other = clinic.a_type("other")
    assert refusal(lambda: clinic.staff_book(other, plan, "03-05 09:00")) == "invalid_request"


def test_what_is_booked_is_free_no_more_until_it_is_cancelled(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    free = {"type_id": kind["id"]}

    def times() -> list[str]:
        days = clinic(appointments.list_free_times, **free)["days"]
        return [local(each) for day in days for each in day["times"]][:4]

    assert times() == ["03-04 09:00", "03-04 09:30", "03-04 10:00", "03-04 10:30"]
    made = clinic.staff_book(kind, plan, "03-04 09:30")
    assert times() == ["03-04 09:00", "03-04 10:00", "03-04 10:30", "03-05 09:00"]
    moved = clinic(
        appointments.move_appointment,
        appointment_id=made["id"],
        version=1,
        schedule_id=plan["id"],
        starts_at=utc("03-04 10:00"),
    )
    assert (local(moved), moved["version"]) == ("03-04 10:00", 2)
    assert times() == ["03-04 09:00", "03-04 09:30", "03-04 10:30", "03-05 09:00"]
    gone = clinic(appointments.cancel_appointment, appointment_id=made["id"], version=2)
    assert (gone["state"], gone["actions"]) == ("cancelled", [])
    assert times()[2] == "03-04 10:00"
    for event in (appointments.appointment_moved, appointments.appointment_cancelled):
        assert len(clinic.events(event)) == 1
    again = {"appointment_id": made["id"], "version": 3}
    assert refusal(lambda: clinic(appointments.cancel_appointment, **again)) == "appointment_closed"


def test_a_move_to_a_taken_time_changes_nothing(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    clinic.staff_book(kind, plan, "03-05 09:00")
    other = clinic.staff_book(kind, plan, "03-05 10:00")
    wanted = {"appointment_id": other["id"], "schedule_id": plan["id"], "starts_at": utc("03-05 09:00")}
    assert refusal(lambda: clinic(appointments.move_appointment, version=1, **wanted)) == "slot_taken"
    assert clinic(appointments.get_appointment, appointment_id=other["id"]) == other
    assert refusal(lambda: clinic.staff_book(kind, plan, "03-05 10:00")) == "slot_taken"
    shifted = wanted | {"starts_at": utc("03-05 10:15")}
    assert local(clinic(appointments.move_appointment, version=1, **shifted)) == "03-05 10:15"


@pytest.mark.parametrize("outcome", ["attended", "missed"])
def test_staff_record_who_came_once_it_has_begun(clinic: Clinic, outcome: str) -> None:
    kind, plan = clinic.open()
    made = clinic.staff_book(kind, plan, "03-04 09:00")
    close = {"appointment_id": made["id"], "version": 1, "outcome": outcome}
    assert refusal(lambda: clinic(appointments.close_appointment, **close)) == "appointment_closed"
    clinic.clock.move_to(datetime.datetime(2026, 3, 4, 14, 5, tzinfo=datetime.UTC))
    assert clinic(appointments.get_appointment, appointment_id=made["id"])["actions"] == [
        "attend",
        "miss",
        "cancel",
    ]
    closed = clinic(appointments.close_appointment, **close)
    assert (closed["state"], closed["actions"]) == (outcome, [])
    events = {"attended": appointments.appointment_attended, "missed": appointments.appointment_missed}
    assert len(clinic.events(events[outcome])) == 1


def test_the_calendar_shows_days_by_the_clock_of_the_place(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    other = clinic.a_schedule(clinic.a_provider(kind, name="Room 2"))
    # Eleven at night in New York is the next day in UTC.
    late = clinic.staff_book(kind, plan, "03-05 23:00")
    early = clinic.staff_book(kind, other, "03-05 08:00")
    tomorrow = clinic.staff_book(kind, other, "03-06 08:00")
    gone = clinic.staff_book(kind, plan, "03-05 12:00")
    clinic(appointments.cancel_appointment, appointment_id=gone["id"], version=1)

    def shown(**request: Any) -> list[str]:
        return [each["id"] for each in clinic(appointments.list_appointments, **request)["items"]]

    day = {"from_on": "2026-03-05"}
    assert shown(**day) == [early["id"], late["id"]]
    assert shown(**day, days=7) == [early["id"], late["id"], tomorrow["id"]]
    assert shown(**day, provider_id=plan["provider_id"]) == [late["id"]]
    assert shown(**day, with_cancelled=True) == [early["id"], gone["id"], late["id"]]
    assert shown() == []
    first = clinic(appointments.list_appointments, **day, days=7, limit=2)
    assert (first["from_on"], first["until_on"]) == ("2026-03-05", "2026-03-11")
    rest = clinic(appointments.list_appointments, **day, days=7, after=first["next"])
    assert [each["id"] for each in rest["items"]] == [tomorrow["id"]]
    person = clinic(appointments.list_person_appointments, person_id="7" * 32)
    assert [each["id"] for each in person["items"]] == [
        tomorrow["id"],
        late["id"],
        gone["id"],
        early["id"],
    ]


def test_looks_at_appointments_of_a_person_are_audited(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    made = clinic.staff_book(kind, plan, "03-05 09:00")
    clinic(appointments.get_appointment, appointment_id=made["id"])
    clinic(appointments.list_person_appointments, person_id="7" * 32)
    looks = [each for each in clinic.portals.audit() if each.action.endswith(".read")]
    assert sorted(each.action for each in looks) == ["appointment.read", "appointments.read"]
    assert {each.person_id for each in looks} == {"7" * 32}


def test_only_staff_of_the_organisation_with_the_permission_see_the_calendar(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    made = clinic.staff_book(kind, plan, "03-05 09:00")
    asked = {"appointment_id": made["id"]}
    foreign = a_caller("appointment.manage", organisation=BAYSIDE)
    assert refusal(lambda: clinic(appointments.get_appointment, foreign, **asked)) == "not_found"
    assert refusal(lambda: clinic(appointments.get_appointment, a_caller(), **asked)) == "forbidden"
    wrong = a_caller("appointment.manage", realm="provider")
    assert refusal(lambda: clinic(appointments.get_appointment, wrong, **asked)) == "forbidden"


@pytest.mark.parametrize("people", [50, pytest.param(500, marks=pytest.mark.full)])
def test_of_many_who_book_one_time_at_once_exactly_one_gets_it(clinic: Clinic, people: int) -> None:
    kind, plan = clinic.open(minutes=30)
    clinic.configure()
    wanted = {"type_id": kind["id"], "schedule_id": plan["id"]}

    def attempt(number: int) -> str:
        # Every second wants a time that only overlaps: neighbours of different length meet as well.
        if number % 2:
            book = (my_appointments.book_my_appointment, somebody(f"{number:032x}"[-1]))
            request = {**wanted, "starts_at": utc("03-05 09:30")}
        else:
            book = (appointments.book_appointment, STAFF)
            at = utc(f"03-05 09:{20 + number % 30 // 5 * 5:02}")
            request = {**wanted, "person_id": "6" * 32, "starts_at": at}
        while True:
            try:
                clinic(*book, **request)
            except Refused as refused:
                if (
                    refused.code != "service_unavailable"
                ):  # a database that is busy for long says so: try again
                    return refused.code
            else:
                return "booked"

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        ends = list(pool.map(attempt, range(people)))
    assert set(ends) <= {"booked", "slot_taken", "too_many_appointments"}
    found = clinic(appointments.list_appointments, from_on="2026-03-05")["items"]
    assert ends.count("booked") == len(found) >= 1
    spans = sorted((each["starts_at"], each["ends_at"]) for each in found)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(spans))


def test_a_schedule_that_changes_leaves_what_is_booked(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    made = clinic.staff_book(kind, plan, "03-05 09:00")
    members = {"place": "Elsewhere 2", "time_zone": "UTC", "hours": []}
    clinic(schedules.change_schedule, schedule_id=plan["id"], version=1, **members)
    assert clinic(appointments.get_appointment, appointment_id=made["id"]) == made
    assert clinic(appointments.list_free_times, type_id=kind["id"])["days"] == []


def test_appointments_and_invitations_follow_merges_of_people(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    own = clinic.staff_book(kind, plan, "03-05 09:00", "6" * 32)
    made = clinic.staff_book(kind, plan, "03-05 10:00", "7" * 32)
    clinic.invite(kind, "2026-03-20", somebody("7"))
    people = MergedPeople().answer(clinic.portals)

    def of(digit: str) -> list[str]:
        found = clinic(appointments.list_person_appointments, person_id=digit * 32)["items"]
        return [each["id"] for each in found]

    def invited() -> str:
        (row,) = clinic(invitations.list_appointment_invitations, type_id=kind["id"])["items"]
        return str(row["person_id"])

    people.tell_merge(clinic.portals, "6" * 32, "7" * 32)
    assert (of("6"), of("7"), invited()) == ([made["id"], own["id"]], [], "6" * 32)
    people.tell_undoing(clinic.portals, "6" * 32, "7" * 32)
    assert (of("6"), of("7"), invited()) == ([own["id"]], [made["id"]], "7" * 32)
