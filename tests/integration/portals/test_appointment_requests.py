"""Requests for appointments in process: people say what suits them, staff find a time; supervisors ask for employees."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.portals import appointment_requests as contract
from services.contracts.portals import appointments, configuration, message_types, portal_queue
from services.contracts.portals import my_appointments as mine
from services.portals.appointment_requests import rules
from tests.integration.portals.clinic import (
    COLLEAGUE,
    WORKER,
    Clinic,
    a_clinic,
    local,
    refusal,
    somebody,
    utc,
)
from tests.support.at_once import at_once
from tests.support.in_process import a_caller
from tests.support.merged_people import MergedPeople

clinic = pytest.fixture(params=["sqlite", "postgresql"])(a_clinic)
SUPERVISES = ({"person_id": "9" * 32, "role": "supervisor", "permissions": []},)
SUPERVISOR = somebody("5", others=SUPERVISES)
QUEUE = a_caller("portal_queue.work", "appointment.manage")
CONFIGURES = a_caller("portal.view_preliminary_documents", "portal.manage_chart_tabs")
EMPLOYEE = {"person_id": "9" * 32}


def ask(clinic: Clinic, kind: Any, caller: Any = WORKER, **wishes: Any) -> Any:
    return clinic(contract.request_my_appointment, caller, type_id=kind["id"], **wishes)


def of_queue(clinic: Clinic) -> list[Any]:
    return list(clinic(portal_queue.list_queue, QUEUE)["items"])


def switched(clinic: Clinic, *, is_enabled: bool) -> None:
    """Switch the message type Request an Appointment on or off."""
    kind = clinic(message_types.get_message_type, CONFIGURES, code=message_types.APPOINTMENT)
    members = (
        "name",
        "item_kind",
        "sent_from",
        "is_received",
        "department",
        "helper_action",
        "service_hours",
    )
    clinic(
        message_types.change_message_type,
        CONFIGURES,
        code=kind["code"],
        version=kind["version"],
        **{name: kind[name] for name in members},
        is_enabled=is_enabled,
    )


@pytest.mark.seed("S2-17")
@pytest.mark.seed("S2-67")
@pytest.mark.seed("S2-127")
def test_a_request_is_an_item_of_the_queue_and_once_verified_an_appointment(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    clinic.configure(booking_mode="request_only")
    assert clinic.scheduling()["can_ask"]
    wishes = {"earliest_on": "2026-03-09", "latest_on": "2026-03-13", "parts_of_day": ["morning"], "note": "Not Tuesday."}  # fmt: skip
    asked = ask(clinic, kind, **wishes)
    assert (asked["state"], asked["is_open"], asked["type_name"]) == ("open", True, "Check Up")
    assert {name: asked[name] for name in wishes} == wishes
    (item,) = of_queue(clinic)
    assert item["type"] == "request_an_appointment"
    text = clinic(portal_queue.get_queue_item, QUEUE, item_id=item["id"])["text"]
    assert text == ("Appointment: Check Up\nfrom 2026-03-09; until 2026-03-13; in the morning\nNot Tuesday.")
    assert clinic.mine()["coming"] == []
    (waiting,) = clinic(contract.list_appointment_requests)["items"]
    assert (waiting["person_name"], waiting["note"]) == ("Quill 9, Pat", "Not Tuesday.")
    when = {"schedule_id": plan["id"], "starts_at": utc("03-09 09:00")}
    booked = clinic(contract.book_requested_appointment, request_id=asked["id"], version=1, **when)
    assert (booked["source"], local(booked)) == ("request", "03-09 09:00")
    (shown,) = clinic.mine()["coming"]
    assert (shown["id"], local(shown)) == (booked["id"], "03-09 09:00")
    assert of_queue(clinic) == []
    (answered,) = clinic(contract.list_my_appointment_requests, WORKER)["items"]
    assert (answered["state"], answered["appointment_id"]) == ("booked", booked["id"])
    assert clinic(contract.list_appointment_requests)["items"] == []
    (event,) = clinic.events(appointments.appointment_booked)
    assert event["account_id"] == WORKER.id
    again = {"request_id": asked["id"], "version": 2, **when}
    code = refusal(lambda: clinic(contract.book_requested_appointment, **again))
    assert code == "appointment_request_closed"


@pytest.mark.seed("S2-72")
def test_appointments_are_asked_for_within_the_days_of_the_portal_and_of_the_type(clinic: Clinic) -> None:
    kind = clinic.a_type(lead_days=2, days_ahead=20, is_shown_to_supervisors=True)
    clinic.configure(booking_mode="request_only", days_ahead=10)

    def fields(ask_for: Any) -> list[str]:
        with pytest.raises(Refused) as refused:
            ask_for()
        return [each["field"] for each in refused.value.more["errors"]]

    assert fields(lambda: ask(clinic, kind, latest_on="2026-03-05")) == ["latest_on"]
    assert fields(lambda: ask(clinic, kind, earliest_on="2026-03-15")) == ["earliest_on"]
    ask(clinic, kind, earliest_on="2026-03-14", latest_on="2026-03-20")
    ask(clinic, kind, latest_on="2026-03-06")
    clinic.configure(booking_mode="request_only", stop_minutes=3 * 24 * 60)
    assert fields(lambda: ask(clinic, kind, latest_on="2026-03-06")) == ["latest_on"], "all of it is too soon"
    ask(clinic, kind, latest_on="2026-03-07")
    # The module is the employee's; the type holds for supervisors, too.
    of = {**EMPLOYEE, "type_id": kind["id"]}
    by = contract.request_employee_appointment
    assert fields(lambda: clinic(by, SUPERVISOR, **of, earliest_on="2026-03-25")) == ["earliest_on"]
    clinic(by, SUPERVISOR, **of, earliest_on="2026-03-24")


@pytest.mark.seed("S2-68")
def test_appointments_are_asked_for_only_while_their_message_type_is_enabled(clinic: Clinic) -> None:
    kind, _ = clinic.open()
    clinic.configure(booking_mode="request_only")
    switched(clinic, is_enabled=False)
    assert refusal(lambda: ask(clinic, kind)) == "message_type_not_offered"
    assert clinic.scheduling()["can_ask"] is False
    assert of_queue(clinic) == []
    switched(clinic, is_enabled=True)
    assert clinic.scheduling()["can_ask"] is True
    ask(clinic, kind)


@pytest.mark.parametrize("mode", ["self_scheduling", "none"])
def test_in_the_other_modes_nothing_is_asked_for(clinic: Clinic, mode: str) -> None:
    kind, _ = clinic.open()
    clinic.configure(booking_mode=mode)
    assert refusal(lambda: ask(clinic, kind)) == "scheduling_not_offered"


def test_a_taken_time_leaves_the_request_open(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    clinic.configure(booking_mode="request_only")
    asked = ask(clinic, kind)
    clinic.staff_book(kind, plan, "03-09 09:00")
    when = {"schedule_id": plan["id"], "starts_at": utc("03-09 09:00")}
    book = {"request_id": asked["id"], "version": 1, **when}
    assert refusal(lambda: clinic(contract.book_requested_appointment, **book)) == "slot_taken"
    assert clinic(contract.get_appointment_request, request_id=asked["id"])["is_open"]
    assert len(of_queue(clinic)) == 1


def test_staff_decline_with_a_reason_and_people_take_requests_back(clinic: Clinic) -> None:
    kind, _ = clinic.open()
    clinic.configure(booking_mode="request_only")
    first, second = ask(clinic, kind), ask(clinic, kind)
    no = {"request_id": first["id"], "version": 1, "answer": "Please see your own doctor."}
    clinic(contract.decline_appointment_request, **no)
    own = {"request_id": second["id"], "version": 1}
    assert refusal(lambda: clinic(contract.withdraw_my_appointment_request, COLLEAGUE, **own)) == "not_found"
    clinic(contract.withdraw_my_appointment_request, WORKER, **own)
    shown = clinic(contract.list_my_appointment_requests, WORKER)["items"]
    assert {each["state"]: each["answer"] for each in shown} == {
        "withdrawn": None,
        "declined": "Please see your own doctor.",
    }
    assert of_queue(clinic) == []
    late = {"request_id": second["id"], "version": 2}
    code = refusal(lambda: clinic(contract.withdraw_my_appointment_request, WORKER, **late))
    assert code == "appointment_request_closed"
    told = clinic.events(contract.appointment_request_declined)
    assert [each["account_id"] for each in told] == [WORKER.id]
    closed = clinic(contract.list_appointment_requests, is_open=False)["items"]
    assert len(closed) == 2


def test_wishes_that_cannot_be_met_are_refused(clinic: Clinic) -> None:
    kind, _ = clinic.open()
    clinic.configure(booking_mode="request_only")
    for wishes in (
        {"latest_on": "2026-03-03"},
        {"earliest_on": "2026-03-10", "latest_on": "2026-03-09"},
    ):
        with pytest.raises(Refused) as refused:
            ask(clinic, kind, **wishes)
        assert refused.value.field == "latest_on"
    for _ in range(rules.MOST_OPEN):
        ask(clinic, kind, latest_on="2026-03-04")
    assert refusal(lambda: ask(clinic, kind)) == "too_many_appointments"


def test_looks_at_a_request_are_audited(clinic: Clinic) -> None:
    kind, _ = clinic.open()
    clinic.configure(booking_mode="request_only")
    asked = ask(clinic, kind)
    clinic(contract.get_appointment_request, request_id=asked["id"])
    (look,) = clinic.portals.audit("appointment_request.read")
    assert look.person_id == "9" * 32


@pytest.mark.seed("S2-14")
@pytest.mark.seed("S2-90")
def test_a_supervisor_asks_for_a_related_employee_and_sees_what_is_coming(clinic: Clinic) -> None:
    kind = clinic.a_type("hearing_test", is_shown_to_supervisors=True)
    private = clinic.a_type("counselling")
    plan = clinic.a_schedule(clinic.a_provider(kind, private))
    clinic.staff_book(kind, plan, "03-05 09:00", "9" * 32)
    clinic.staff_book(private, plan, "03-06 09:00", "9" * 32)
    clinic.staff_book(kind, plan, "03-06 10:00", "8" * 32)
    seen = clinic(contract.get_employee_scheduling, SUPERVISOR, **EMPLOYEE)
    assert [(local(each), each["type_name"]) for each in seen["appointments"]] == [
        ("03-05 09:00", "Hearing Test"),
        ("03-06 09:00", None),
    ]
    assert [each["code"] for each in seen["types"]] == ["hearing_test"]
    wanted = {"type_id": kind["id"], "note": "Before the night shift."}
    asked = clinic(contract.request_employee_appointment, SUPERVISOR, **EMPLOYEE, **wanted)
    (row,) = clinic(contract.list_appointment_requests)["items"]
    assert (row["person_id"], row["account_id"], row["is_by_supervisor"]) == ("9" * 32, SUPERVISOR.id, True)
    assert len(of_queue(clinic)) == 1
    seen = clinic(contract.get_employee_scheduling, SUPERVISOR, **EMPLOYEE)
    assert [each["id"] for each in seen["requests"]] == [asked["id"]]
    # The employee sees it, and the appointment once staff have found a time.
    clinic.configure(booking_mode="request_only")
    assert [each["id"] for each in clinic(contract.list_my_appointment_requests, WORKER)["items"]] == [
        asked["id"]
    ]
    # Nobody whom they do not supervise, no type that is not for supervisors, and nobody who supervises no one.
    other = {"person_id": "8" * 32}
    for caller, person in ((SUPERVISOR, other), (COLLEAGUE, EMPLOYEE), (WORKER, EMPLOYEE)):
        look = {"caller": caller, **person}
        assert refusal(lambda one=look: clinic(contract.get_employee_scheduling, **one)) == "not_found"
        again = {**look, "type_id": kind["id"]}
        assert refusal(lambda one=again: clinic(contract.request_employee_appointment, **one)) == "not_found"
    hidden = {**EMPLOYEE, "type_id": private["id"]}
    assert refusal(lambda: clinic(contract.request_employee_appointment, SUPERVISOR, **hidden)) == "not_found"
    assert refusal(lambda: clinic.mine(SUPERVISOR, **EMPLOYEE)) == "not_found"
    assert refusal(lambda: clinic(mine.list_my_free_times, SUPERVISOR, **hidden)) == "not_found"


@pytest.mark.seed("S2-91")
def test_supervisor_scheduling_has_the_name_that_the_organisation_gives_it(clinic: Clinic) -> None:
    clinic.open(is_shown_to_supervisors=True)

    def named(name: str | None, code: str = "supervisor_scheduling") -> None:
        version = clinic(configuration.get_portal_content, portal="supervisor")["version"]
        modules = [{"code": code, "name": name}]
        clinic(configuration.change_portal_content, portal="supervisor", version=version, modules=modules)

    def shown() -> str:
        return str(clinic(contract.get_employee_scheduling, SUPERVISOR, **EMPLOYEE)["module_name"])

    assert shown() == "Supervisor Scheduling"
    named("Book my team")
    assert shown() == "Book my team"
    assert refusal(lambda: named("x" * 61)) == "invalid_request"
    # Without the module nothing is asked for.
    named(None, "support")
    assert refusal(shown) == "scheduling_not_offered"


def test_requests_follow_merges_of_people(clinic: Clinic) -> None:
    kind, _ = clinic.open()
    clinic.configure(booking_mode="request_only")
    ask(clinic, kind)
    people = MergedPeople().answer(clinic.portals)
    people.tell_merge(clinic.portals, "8" * 32, "9" * 32)
    assert len(clinic(contract.list_my_appointment_requests, COLLEAGUE)["items"]) == 1
    people.tell_undoing(clinic.portals, "8" * 32, "9" * 32)
    assert clinic(contract.list_my_appointment_requests, COLLEAGUE)["items"] == []


def test_who_asks_many_times_at_once_has_no_more_open_requests_than_the_limit(clinic: Clinic) -> None:
    kind, _ = clinic.open()
    clinic.configure(booking_mode="request_only")
    told = at_once(*[lambda: ask(clinic, kind)["state"]] * 8)
    assert sorted(told) == ["open"] * rules.MOST_OPEN + ["too_many_appointments"] * 3
    assert len(of_queue(clinic)) == rules.MOST_OPEN


def test_staff_are_shown_the_free_times_that_suit_a_request_or_all_of_them(clinic: Clinic) -> None:
    kind = clinic.a_type()
    clinic.a_schedule(
        clinic.a_provider(kind), {"weekdays": [1, 2, 3, 4, 5], "opens": "11:00", "closes": "18:00"}
    )
    clinic.configure(booking_mode="request_only")

    def times(asked: Any, **request: Any) -> list[str]:
        days = clinic(contract.list_requested_times, request_id=asked["id"], **request)["days"]
        return [local(time) for day in days for time in day["times"]]

    narrow = ask(
        clinic, kind, earliest_on="2026-03-09", latest_on="2026-03-10", parts_of_day=["morning", "evening"]
    )
    assert times(narrow) == [
        f"03-{day} {at}" for day in ("09", "10") for at in ("11:00", "11:30", "17:00", "17:30")
    ]
    assert times(narrow, from_on="2026-03-10")[0] == "03-10 11:00"
    assert times(narrow, from_on="2026-03-11") == []
    assert times(narrow, is_wished=False)[0] == "03-04 11:00"
    assert "03-12 12:00" in times(narrow, is_wished=False, from_on="2026-03-11")
    only_until = ask(clinic, kind, latest_on="2026-03-05", parts_of_day=["afternoon"])
    assert (times(only_until)[0], times(only_until)[-1]) == ("03-04 12:00", "03-05 16:30")
    assert times(ask(clinic, kind))[0] == "03-04 11:00"
