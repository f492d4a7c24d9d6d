"""Appointments in process as people book them, and each option of the module, where it alone decides."""

from __future__ import annotations

import datetime
import functools
from typing import Any

import pytest
from sqlalchemy import event

from services.contracts.portals import appointments, configuration, schedules
from services.contracts.portals import my_appointments as contract
from services.portals.appointments import free_times
from services.portals.my_appointments import rules
from tests.integration.portals.clinic import (
    BOOK,
    COLLEAGUE,
    NEW_YORK,
    STAFF,
    WORKER,
    Clinic,
    a_clinic,
    local,
    refusal,
    somebody,
    utc,
)
from tests.support.at_once import at_once

clinic = pytest.fixture(params=["sqlite", "postgresql"])(a_clinic)
PERSON = {"person_id": "7" * 32, "role": "family"}


@pytest.mark.seed("S2-16")
@pytest.mark.seed("S2-66")
@pytest.mark.seed("S2-127")
def test_an_employee_signs_up_for_a_slot_of_a_type_by_its_schedules(clinic: Clinic) -> None:
    kind, _ = clinic.open(preparation="Come sober.")
    clinic.configure()
    shown = clinic.scheduling()
    assert (shown["mode"], shown["can_book"], shown["can_ask"]) == ("self_scheduling", True, False)
    assert [each["name"] for each in shown["types"]] == ["Check Up"]
    # Five days a page: seven in the morning of a Wednesday, so today as well, and no weekend.
    first = clinic.free(kind)
    assert [each["on"] for each in first["days"]] == [
        "2026-03-04", "2026-03-05", "2026-03-06", "2026-03-09", "2026-03-10",
    ]  # fmt: skip
    assert first["next_from_on"] == "2026-03-11"
    assert [local(each) for each in first["days"][0]["times"]] == [
        "03-04 09:00", "03-04 09:30", "03-04 10:00", "03-04 10:30",
    ]  # fmt: skip
    assert clinic.times(kind, from_on="2026-03-11")[0] == "03-11 09:00"
    made = clinic.book(kind, "03-06 09:30")
    assert (made["state"], made["place"], made["time_zone"], made["on"]) == (
        "booked", "Main Street 1", NEW_YORK, "2026-03-06",
    )  # fmt: skip
    assert made["preparation"] == "Come sober."
    assert clinic.mine()["coming"] == [made]
    assert clinic.mine(COLLEAGUE)["coming"] == []
    assert "03-06 09:30" not in clinic.times(kind, COLLEAGUE)
    wanted = {"type_id": kind["id"], "schedule_id": first["days"][0]["times"][0]["schedule_id"]}
    # What was taken meanwhile, what lies outside the hours, and what is no slot.
    for at in ("03-06 09:30", "03-06 12:00", "03-06 09:15"):
        taken = {**wanted, "starts_at": utc(at)}
        assert refusal(lambda one=taken: clinic(contract.book_my_appointment, COLLEAGUE, **one)) == "slot_taken"  # fmt: skip
    (event,) = clinic.events(appointments.appointment_booked)
    assert (event["person_id"], event["account_id"]) == ("9" * 32, WORKER.id)


@pytest.mark.seed("S2-128")
@pytest.mark.parametrize(
    ("mode", "can_book", "can_ask"),
    [("self_scheduling", True, False), ("request_only", False, True), ("none", False, False)],
)
def test_a_portal_has_one_of_three_modes(clinic: Clinic, mode: str, can_book: bool, can_ask: bool) -> None:
    kind, plan = clinic.open()
    clinic.configure(booking_mode=mode)
    shown = clinic.scheduling()
    assert (shown["mode"], shown["can_book"], shown["can_ask"]) == (mode, can_book, can_ask)
    when = {"type_id": kind["id"], "schedule_id": plan["id"], "starts_at": utc("03-05 09:00")}
    if can_book:
        clinic(contract.book_my_appointment, WORKER, **when)
    else:
        book = lambda: clinic(contract.book_my_appointment, WORKER, **when)  # noqa: E731 - refused below
        assert refusal(book) == "scheduling_not_offered"
        assert refusal(lambda: clinic.free(kind)) == "scheduling_not_offered"
    # Whatever the mode: what staff have booked is shown, and can be cancelled.
    made = clinic.staff_book(kind, plan, "03-06 09:00", "9" * 32)
    shown = next(each for each in clinic.mine()["coming"] if each["id"] == made["id"])
    assert "cancel" in shown["actions"]
    assert ("move" in shown["actions"]) is can_book


@pytest.mark.seed("S2-126")
def test_only_types_that_are_visible_in_the_portal_can_be_booked(clinic: Clinic) -> None:
    kind = clinic.a_type("check_up")
    hidden = clinic.a_type("drug_test")
    others = clinic.a_type("baby_visit", realms=["patient"])
    idle = clinic.a_type("old", is_active=False)
    clinic.a_schedule(clinic.a_provider(kind, hidden, others, idle))
    clinic.configure()
    assert [each["code"] for each in clinic.scheduling()["types"]] == ["check_up", "drug_test"]
    assert clinic.times(hidden)
    clinic.configure(visible_appointment_types=["check_up", "baby_visit", "old"])
    assert [each["code"] for each in clinic.scheduling()["types"]] == ["check_up"]
    for each in (hidden, others, idle):
        assert refusal(lambda one=each: clinic.free(one)) == "not_found"
    clinic.configure(visible_appointment_types=[])
    shown = clinic.scheduling()
    assert (shown["types"], shown["can_book"]) == ([], False)


@pytest.mark.seed("S2-69")
def test_past_due_appointments_are_scheduled_only_where_the_portal_allows_it(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    clinic.invite(kind, "2026-03-05")
    clinic.configure(past_due_scheduling=True)
    assert clinic.times(kind)[-1] == "03-10 10:30"
    clinic.configure(past_due_scheduling=False)
    assert clinic.times(kind)[-1] == "03-05 10:30"
    when = {"type_id": kind["id"], "schedule_id": plan["id"]}

    def book(at: str) -> Any:
        return clinic(contract.book_my_appointment, WORKER, **when, starts_at=utc(at))

    assert refusal(lambda: book("03-06 09:00")) == "past_due"
    clinic.clock.move_to(datetime.datetime(2026, 3, 6, 12, tzinfo=datetime.UTC))
    (due,) = clinic.scheduling()["due"]
    assert (due["is_past_due"], due["can_be_booked"]) == (True, False)
    assert refusal(lambda: clinic.free(kind)) == "past_due"
    assert clinic.times(kind, COLLEAGUE)
    clinic.configure(past_due_scheduling=True)
    assert clinic.scheduling()["due"][0]["can_be_booked"]
    book("03-06 09:00")
    assert clinic.scheduling()["due"] == []


@pytest.mark.seed("S2-70")
def test_the_warning_stands_next_to_a_date_that_is_past_and_cannot_be_booked(clinic: Clinic) -> None:
    kind, _ = clinic.open()
    later = clinic.a_type("later")
    clinic.invite(kind, "2026-03-03")
    clinic.invite(later, "2026-03-30")
    clinic.configure(past_due_scheduling=False, past_due_warning="Call the clinic.")
    shown = {each["type_name"]: each["warning"] for each in clinic.scheduling()["due"]}
    assert shown == {"Check Up": "Call the clinic.", "Later": None}
    # With S2-69 on there is no warning; the configuration refuses one.
    assert refusal(lambda: clinic.configure(past_due_warning="Call.")) == "invalid_request"
    clinic.configure(past_due_scheduling=True)
    assert {each["warning"] for each in clinic.scheduling()["due"]} == {None}


@pytest.mark.seed("S2-71")
def test_past_appointments_are_shown_for_as_many_days_as_the_portal_says(clinic: Clinic) -> None:
    kind, _ = clinic.open()
    clinic.configure(days_past=10)
    made = clinic.book(kind, "03-05 09:00")
    clinic.clock.move_to(datetime.datetime(2026, 3, 15, 14, tzinfo=datetime.UTC))
    (past,) = clinic.mine()["items"]
    assert (past["id"], past["is_over"], past["actions"]) == (made["id"], True, [])
    assert clinic.mine()["coming"] == []
    clinic.clock.shift(datetime.timedelta(days=1))
    assert clinic.mine()["items"] == []
    clinic.configure(days_past=11)
    assert [each["id"] for each in clinic.mine()["items"]] == [made["id"]]


@pytest.mark.seed("S2-72")
def test_days_are_searched_as_far_out_as_the_portal_says(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    clinic.configure(days_ahead=1)
    found = clinic.free(kind)
    assert [each["on"] for each in found["days"]] == ["2026-03-04", "2026-03-05"]
    assert found["next_from_on"] is None
    late = {"type_id": kind["id"], "schedule_id": plan["id"], "starts_at": utc("03-06 09:00")}
    assert refusal(lambda: clinic(contract.book_my_appointment, WORKER, **late)) == "slot_taken"
    clinic.configure(days_ahead=2)
    clinic(contract.book_my_appointment, WORKER, **late)


@pytest.mark.seed("S2-73")
def test_no_day_is_offered_before_as_many_days_as_the_portal_says(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    clinic.configure(lead_days=2)
    assert clinic.times(kind)[0] == "03-06 09:00"
    early = {"type_id": kind["id"], "schedule_id": plan["id"], "starts_at": utc("03-05 09:00")}
    assert refusal(lambda: clinic(contract.book_my_appointment, WORKER, **early)) == "slot_taken"
    clinic.configure(lead_days=1)
    clinic(contract.book_my_appointment, WORKER, **early)


@pytest.mark.seed("S2-72")
def test_days_are_searched_as_far_out_as_the_type_allows_it_too(clinic: Clinic) -> None:
    kind, plan = clinic.open(lead_days=1, days_ahead=2)
    clinic.configure(days_ahead=60)
    assert [each["on"] for each in clinic.free(kind)["days"]] == ["2026-03-05", "2026-03-06"]
    for at in ("03-04 09:00", "03-09 09:00"):
        other = {"type_id": kind["id"], "schedule_id": plan["id"], "starts_at": utc(at)}
        assert refusal(lambda one=other: clinic(contract.book_my_appointment, WORKER, **one)) == "slot_taken"  # fmt: skip
    clinic.configure(days_ahead=1)
    assert [each["on"] for each in clinic.free(kind)["days"]] == ["2026-03-05"]
    never = {"name": "Check Up", "minutes": 30, "lead_days": 3, "days_ahead": 2}
    assert refusal(lambda: clinic(schedules.create_appointment_type, code="never", **never)) == "invalid_request"  # fmt: skip


@pytest.mark.seed("S2-72")
def test_so_many_minutes_before_an_appointment_the_portal_refers_to_the_organisation(clinic: Clinic) -> None:
    """It is seven in the morning; the first time is at nine."""
    kind, plan = clinic.open(changes_until_hours=0)
    words = {"en": "Call 555 0100 for today.", "es": "Llame al 555 0100 para hoy."}
    clinic.configure(stop_minutes=120, stop_text=words)
    shown = clinic.scheduling(languages=["es"])
    assert (shown["stop_minutes"], shown["stop_text"]) == (120, words["es"])
    assert clinic.times(kind)[0] == "03-04 09:00", "at the last minute"
    made = clinic.book(kind, "03-04 10:00")
    assert (made["actions"], made["stop_text"]) == (["move", "cancel"], None)
    clinic.clock.shift(datetime.timedelta(minutes=1))
    assert clinic.times(kind)[0] == "03-04 09:30"
    soon = {"schedule_id": plan["id"], "starts_at": utc("03-04 09:00")}
    one = {"appointment_id": made["id"], "version": made["version"]}
    new = {**soon, "type_id": kind["id"]}
    assert refusal(lambda: clinic(contract.book_my_appointment, WORKER, **new)) == "too_late_to_change"
    assert refusal(lambda: clinic(contract.move_my_appointment, WORKER, **one, **soon)) == "too_late_to_change"  # fmt: skip
    clinic.clock.shift(datetime.timedelta(minutes=59))
    (seen,) = clinic.mine()["coming"]
    assert (seen["actions"], seen["stop_text"]) == ([], words["en"])
    later = {**one, "schedule_id": plan["id"], "starts_at": utc("03-05 09:00")}
    assert refusal(lambda: clinic(contract.move_my_appointment, WORKER, **later)) == "too_late_to_change"
    assert refusal(lambda: clinic(contract.cancel_my_appointment, WORKER, **one)) == "too_late_to_change"
    clinic.configure(stop_minutes=60)
    clinic(contract.cancel_my_appointment, WORKER, **one)


@pytest.mark.seed("S2-74")
def test_first_available_provider_is_a_choice_only_where_the_portal_offers_it(clinic: Clinic) -> None:
    kind = clinic.a_type()
    first, second = clinic.a_provider(kind, name="Dr A"), clinic.a_provider(kind, name="Dr B")
    plans = [clinic.a_schedule(each) for each in (first, second)]
    clinic.configure(first_available_provider=True)
    shown = clinic.scheduling()
    assert (shown["chooses_provider"], shown["offers_first_available"]) == (True, True)
    assert [each["name"] for each in shown["providers"]] == ["Dr A", "Dr B"]
    # A time of two free providers is offered once, and taken by two.
    assert clinic.times(kind).count("03-05 09:00") == 1
    made = [clinic.book(kind, "03-05 09:00", each) for each in (WORKER, COLLEAGUE)]
    assert sorted(each["provider_name"] for each in made) == ["Dr A", "Dr B"]
    assert "03-05 09:00" not in clinic.times(kind)
    clinic.configure(first_available_provider=False)
    assert clinic.scheduling()["offers_first_available"] is False
    assert refusal(lambda: clinic.free(kind)) == "invalid_request"
    chosen = {"type_id": kind["id"], "starts_at": utc("03-06 09:00"), "schedule_id": plans[1]["id"]}
    assert refusal(lambda: clinic(contract.book_my_appointment, WORKER, **chosen)) == "invalid_request"
    other = {**chosen, "provider_id": first["id"]}
    assert refusal(lambda: clinic(contract.book_my_appointment, WORKER, **other)) == "slot_taken"
    own = {**chosen, "provider_id": second["id"]}
    assert clinic(contract.book_my_appointment, WORKER, **own)["provider_name"] == "Dr B"


@pytest.mark.seed("S2-75")
def test_where_any_doctor_is_forced_nobody_chooses_or_learns_who_it_is(clinic: Clinic) -> None:
    kind = clinic.a_type()
    provider = clinic.a_provider(kind)
    clinic.a_schedule(provider)
    clinic.configure(any_provider=True, first_available_provider=False)
    shown = clinic.scheduling()
    assert (shown["chooses_provider"], shown["providers"]) == (False, [])
    assert refusal(lambda: clinic.free(kind, provider_id=provider["id"])) == "invalid_request"
    assert clinic.free(kind)["days"][0]["times"][0]["provider_name"] is None
    assert clinic.book(kind, "03-05 09:00")["provider_name"] is None
    clinic.configure(any_provider=False)
    assert clinic.free(kind, provider_id=provider["id"])["days"][0]["times"][0]["provider_name"] == "Dr Reed"


@pytest.mark.seed("S2-76")
def test_the_alert_stands_at_the_top_of_the_form(clinic: Clinic) -> None:
    clinic.open()
    clinic.configure()
    assert clinic.scheduling()["alert_text"] is None
    clinic.configure(alert_text="If this is a medical emergency, please dial 9-1-1.")
    assert clinic.scheduling()["alert_text"] == "If this is a medical emergency, please dial 9-1-1."


def test_an_appointment_is_moved_and_cancelled_until_a_day_before(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    clinic.configure()
    made = clinic.book(kind, "03-06 09:00")
    assert (made["actions"], made["changes_until"]) == (["move", "cancel"], utc("03-05 09:00"))
    to = {"appointment_id": made["id"], "schedule_id": plan["id"]}
    # Half an hour later it overlaps nobody but itself.
    moved = clinic(contract.move_my_appointment, WORKER, version=1, starts_at=utc("03-06 09:30"), **to)
    assert (local(moved), moved["version"]) == ("03-06 09:30", 2)
    assert "03-06 09:00" in clinic.times(kind)
    clinic.clock.move_to(datetime.datetime(2026, 3, 5, 14, 30, tzinfo=datetime.UTC))
    assert clinic.mine()["coming"][0]["actions"] == []
    late = {"appointment_id": made["id"], "version": 2}
    assert refusal(lambda: clinic(contract.cancel_my_appointment, WORKER, **late)) == "too_late_to_change"
    move = {**to, "starts_at": utc("03-10 09:00"), "version": 2}
    assert refusal(lambda: clinic(contract.move_my_appointment, WORKER, **move)) == "too_late_to_change"
    clinic.clock.shift(datetime.timedelta(minutes=-31))
    stranger = {"appointment_id": made["id"], "version": 2}
    assert refusal(lambda: clinic(contract.cancel_my_appointment, COLLEAGUE, **stranger)) == "not_found"
    gone = clinic(contract.cancel_my_appointment, WORKER, **late)
    assert gone["state"] == "cancelled"
    again = {"appointment_id": made["id"], "version": 3}
    assert refusal(lambda: clinic(contract.cancel_my_appointment, WORKER, **again)) == "appointment_closed"


def test_nobody_holds_many_times_or_moves_one_without_end(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    clinic.configure()
    made = [clinic.book(kind, f"03-{day:02} 09:00") for day in (5, 6, 9, 10)]
    clinic.book(kind, "03-05 10:00")
    assert refusal(lambda: clinic.book(kind, "03-06 10:00")) == "too_many_appointments"
    row = made[-1]
    for number in range(rules.MOST_MOVES):
        to = {"schedule_id": plan["id"], "starts_at": utc(f"03-{11 + number:02} 09:00")}
        row = clinic(contract.move_my_appointment, WORKER, appointment_id=row["id"], version=row["version"], **to)  # fmt: skip
    assert row["actions"] == ["cancel"]
    again = {"appointment_id": row["id"], "version": row["version"], "schedule_id": plan["id"]}
    move = lambda: clinic(contract.move_my_appointment, WORKER, **again, starts_at=utc("03-17 09:00"))  # noqa: E731
    assert refusal(move) == "too_many_appointments"


def test_the_family_books_for_a_person_where_the_role_allows_it(clinic: Clinic) -> None:
    kind, _ = clinic.open()
    clinic.configure("family")
    closed = somebody("a", realm="family", others=({**PERSON, "permissions": []},))
    seeing = somebody("b", realm="family", others=({**PERSON, "permissions": ["profile.view_schedule"]},))
    booking = somebody("c", realm="family", others=({**PERSON, "permissions": BOOK},))
    person = {"person_id": "7" * 32}
    made = clinic.book(kind, "03-06 09:00", booking, **person)
    assert made["person_id"] == "7" * 32
    assert clinic.mine(booking)["coming"] == []
    assert clinic.mine(seeing, **person)["coming"][0]["actions"] == []
    assert clinic.scheduling(seeing, **person)["can_book"] is False
    assert refusal(lambda: clinic.free(kind, seeing, **person)) == "not_found"
    own = {"appointment_id": made["id"], "version": 1}
    assert refusal(lambda: clinic(contract.cancel_my_appointment, seeing, **own)) == "not_found"
    assert refusal(lambda: clinic.mine(closed, **person)) == "not_found"
    clinic(contract.cancel_my_appointment, booking, **own)


def test_a_portal_without_the_module_offers_nothing(clinic: Clinic) -> None:
    kind, _ = clinic.open()
    version = clinic(configuration.get_portal_content, portal="employee")["version"]
    clinic(configuration.change_portal_content, portal="employee", version=version, modules=[])
    assert refusal(clinic.scheduling) == "scheduling_not_offered"
    assert refusal(lambda: clinic.free(kind)) == "scheduling_not_offered"


def test_the_settings_of_the_named_portal_hold(clinic: Clinic) -> None:
    clinic.open()
    clinic.configure(alert_text="One.")
    clinic.a_portal("region-b", "employee")
    clinic.configure("region-b", alert_text="Two.")
    assert len(clinic(configuration.list_my_portals, WORKER)["items"]) >= 2
    assert clinic.scheduling(portal="employee")["alert_text"] == "One."
    assert clinic.scheduling(portal="region-b")["alert_text"] == "Two."
    assert refusal(lambda: clinic.scheduling(portal="family")) == "not_found"


def test_looks_at_appointments_of_a_person_are_audited(clinic: Clinic) -> None:
    kind, _ = clinic.open()
    clinic.configure()
    made = clinic.book(kind, "03-06 09:00")
    clinic.mine()
    clinic(contract.get_my_appointment, WORKER, appointment_id=made["id"])
    looks = [each for each in clinic.portals.audit() if each.action.endswith(".read")]
    assert {each.person_id for each in looks} == {"9" * 32}
    assert len(looks) == 2


def test_who_books_many_times_at_once_gets_no_more_than_the_limit(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    clinic.configure()
    when = [utc(f"03-{day:02} {clock}") for day in (9, 10) for clock in ("09:00", "09:30", "10:00", "10:30")]
    clinic.scheduling()

    def book(at: str) -> Any:
        request = {"type_id": kind["id"], "schedule_id": plan["id"], "starts_at": at}
        return clinic(contract.book_my_appointment, WORKER, **request)["state"]

    told = at_once(*(functools.partial(book, at) for at in when))
    assert sorted(told) == ["booked"] * rules.MOST_COMING + ["too_many_appointments"] * 3
    assert len(clinic.mine()["coming"]) == rules.MOST_COMING


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_a_time_that_no_calendar_holds_is_refused(clinic: Clinic, year: str) -> None:
    kind, plan = clinic.open()
    clinic.configure()
    made = clinic.book(kind, "03-06 09:30")
    when = {"schedule_id": plan["id"], "starts_at": f"{year}-01-01T00:00:00Z"}
    for operation, caller, request in (
        (contract.book_my_appointment, WORKER, {"type_id": kind["id"]}),
        (contract.move_my_appointment, WORKER, {"appointment_id": made["id"], "version": 1}),
        (appointments.book_appointment, STAFF, {"type_id": kind["id"], "person_id": "7" * 32}),
        (appointments.move_appointment, STAFF, {"appointment_id": made["id"], "version": 1}),
    ):
        assert (
            refusal(lambda o=operation, c=caller, r=request: clinic(o, c, **r, **when)) == "invalid_request"
        )


def test_a_day_with_very_many_free_times_is_cut_and_says_so(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, _ = clinic.open()
    clinic.configure()
    assert [each["is_cut"] for each in clinic.free(kind)["days"]] == [False] * 5
    monkeypatch.setattr(free_times, "MOST_OF_DAY", 3)
    days = clinic.free(kind)["days"]
    assert [(len(each["times"]), each["is_cut"]) for each in days] == [(3, True)] * 5
    assert local(days[0]["times"][0]) == "03-04 09:00"


def test_a_list_of_appointments_takes_as_many_statements_however_long_it_is(clinic: Clinic) -> None:
    kind, _ = clinic.open()
    clinic.configure()
    counted: list[str] = []
    listen = lambda *args: counted.append(args[2])  # noqa: E731 - removed below

    def statements() -> int:
        counted.clear()
        clinic.mine()
        return len(counted)

    event.listen(clinic.portals.database.engine, "before_cursor_execute", listen)
    clinic.book(kind, "03-06 09:00")
    of_one = statements()
    for at in ("03-06 09:30", "03-06 10:00", "03-06 10:30"):
        clinic.book(kind, at)
    assert statements() == of_one
    event.remove(clinic.portals.database.engine, "before_cursor_execute", listen)
