"""Types, providers, schedules in process: what is kept, what is refused, which times follow from it."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.portals import appointments, schedules
from tests.integration.portals.clinic import NEW_YORK, Clinic, a_clinic, local, refusal

clinic = pytest.fixture(params=["sqlite", "postgresql"])(a_clinic)


def free(clinic: Clinic, kind: Any, **request: Any) -> list[str]:
    days = clinic(appointments.list_free_times, type_id=kind["id"], **request)["days"]
    return [local(each) for day in days for each in day["times"]]


def test_a_type_is_named_by_a_code_that_nothing_else_has(clinic: Clinic) -> None:
    kind = clinic.a_type(preparation="Come sober.")
    assert kind["realms"] == ["patient", "family", "employee"]
    assert clinic(schedules.get_appointment_type, type_id=kind["id"]) == kind
    assert refusal(clinic.a_type) == "appointment_type_taken"
    changed = clinic(
        schedules.change_appointment_type, type_id=kind["id"], version=1, name="Yearly", minutes=45
    )
    assert (changed["code"], changed["name"], changed["minutes"], changed["version"]) == (
        "check_up",
        "Yearly",
        45,
        2,
    )
    assert clinic(schedules.list_appointment_types)["items"] == [changed]
    stale = {"type_id": kind["id"], "version": 1, "name": "Other", "minutes": 45}
    assert refusal(lambda: clinic(schedules.change_appointment_type, **stale)) == "version_conflict"


@pytest.mark.parametrize("minutes", [0, 4, 7, 485])
def test_lengths_lie_on_the_grid_of_five_minutes(clinic: Clinic, minutes: int) -> None:
    assert refusal(lambda: clinic.a_type(minutes=minutes)) == "invalid_request"


def test_all_that_is_wrong_with_a_schedule_is_told_at_once(clinic: Clinic) -> None:
    provider = clinic.a_provider(clinic.a_type())
    wrong: Any = {
        "hours": [{"weekdays": [1], "opens": "11:00", "closes": "09:00"}],
        "exceptions": [
            {"first_on": "2026-03-06", "last_on": "2026-03-05"},
            {"first_on": "2026-03-06", "opens": "09:00"},
            {"first_on": "2026-03-06", "opens": "09:00", "closes": "08:00"},
        ],
        "holidays": "XX",
        "from_on": "2026-03-06",
        "until_on": "2026-03-05",
    }
    with pytest.raises(Refused) as refused:
        clinic(schedules.create_schedule, provider_id=provider["id"], place="X", time_zone=NEW_YORK, **wrong)
    paths = [each["field"] for each in refused.value.more["errors"]]
    assert paths == [
        "hours.0.closes",
        "exceptions.0.last_on",
        "exceptions.1.closes",
        "exceptions.2.closes",
        "until_on",
        "holidays",
    ]


def test_times_follow_from_hours_exceptions_holidays_and_the_period(clinic: Clinic) -> None:
    kind = clinic.a_type(minutes=60)
    provider = clinic.a_provider(kind)
    weekly = {"weekdays": [4], "opens": "09:00", "closes": "11:00"}
    fortnightly = {
        "weekdays": [5],
        "opens": "14:00",
        "closes": "15:00",
        "every_weeks": 2,
        "starting_on": "2026-03-06",
    }
    exceptions = [
        {"first_on": "2026-03-12", "last_on": "2026-03-19"},
        {"first_on": "2026-03-14", "opens": "10:00", "closes": "11:00"},
    ]
    plan = clinic.a_schedule(
        provider, weekly, fortnightly, exceptions=exceptions, until_on="2026-04-03", holidays="US"
    )
    expected = [
        "03-05 09:00", "03-05 10:00", "03-06 14:00", "03-14 10:00", "03-20 14:00", "03-26 09:00", "03-26 10:00",
    ]  # fmt: skip
    assert free(clinic, kind) == expected
    assert free(clinic, kind, from_on="2026-03-27") == ["04-02 09:00", "04-02 10:00", "04-03 14:00"]
    members = {name: plan[name] for name in ("place", "time_zone", "hours", "exceptions")}
    clinic(schedules.change_schedule, schedule_id=plan["id"], version=1, **members, from_on="2026-12-24")
    # The exceptions lie before the period now.
    assert free(clinic, kind) == []
    assert free(clinic, kind, from_on="2026-12-01")[:2] == ["12-24 09:00", "12-24 10:00"]


@pytest.mark.parametrize(("holidays", "is_seen"), [("US", False), ("DE", True), (None, True)])
def test_nobody_is_seen_on_a_holiday_of_the_region(
    clinic: Clinic, holidays: str | None, is_seen: bool
) -> None:
    kind = clinic.a_type()
    hours = {"weekdays": [4], "opens": "09:00", "closes": "09:30"}
    thanksgiving = "2026-11-26"
    clinic.a_schedule(clinic.a_provider(kind), hours, holidays=holidays, from_on=thanksgiving)
    assert ("11-26 09:00" in free(clinic, kind, from_on=thanksgiving)) is is_seen


def test_an_inactive_provider_has_no_free_times(clinic: Clinic) -> None:
    kind, plan = clinic.open()
    assert free(clinic, kind)
    provider = clinic(schedules.get_appointment_provider, provider_id=plan["provider_id"])
    members = {"name": provider["name"], "type_ids": provider["type_ids"], "is_active": False}
    clinic(schedules.change_appointment_provider, provider_id=provider["id"], version=1, **members)
    assert free(clinic, kind) == []
    assert clinic(schedules.list_schedules, provider_id=provider["id"])["items"] == [plan]


def test_a_provider_takes_only_types_that_are_there(clinic: Clinic) -> None:
    missing = {"id": "0" * 32}
    assert refusal(lambda: clinic.a_provider(missing)) == "not_found"


def test_a_provider_has_at_most_twenty_schedules(clinic: Clinic) -> None:
    provider = clinic.a_provider(clinic.a_type())
    for _ in range(20):
        clinic.a_schedule(provider)
    assert refusal(lambda: clinic.a_schedule(provider)) == "conflict"
