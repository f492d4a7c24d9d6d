"""What a statement about capacity leaves out stays; who changed a line is named; If-Match is honoured."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine
from sqlalchemy import update

from services.contracts.errors import Refused
from services.contracts.referrals import capacity
from services.contracts.referrals.capacity import capacity_changed
from services.referrals.capacity.due_lines import settle_due
from services.referrals.capacity.models import Term
from tests.integration.referrals.builders import STAFF, Desk, refusal
from tests.support.in_process import HARBOR, a_caller

NOON = datetime.datetime(2026, 3, 4, 12, tzinfo=datetime.UTC)
HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
SHELTER = "Night Shelter"
MEMBERS = (
    "unit", "note", "mode", "period", "time_zone", "valid_until", "has_waitlist", "needs_assessment",
)  # fmt: skip
STATED = {
    "unit": "beds",
    "note": "Women only this week.",
    "mode": "period",
    "period": "week",
    "time_zone": "America/Los_Angeles",
    "valid_until": (NOON + 30 * DAY).isoformat(),
    "has_waitlist": True,
    "needs_assessment": True,
}


def at(instant: datetime.datetime) -> Any:
    return time_machine.travel(instant, tick=False)


def members(view: Any) -> dict[str, Any]:
    return {name: view[name] for name in MEMBERS}


def schedule(desk: Desk, starts_at: datetime.datetime, caller: Any = STAFF, **more: Any) -> Any:
    return desk(
        capacity.schedule_capacity,
        caller,
        program_id=desk.resource[SHELTER],
        starts_at=starts_at.isoformat(),
        **more,
    )


def read(desk: Desk) -> Any:
    return desk(capacity.get_capacity, program_id=desk.resource[SHELTER])


def history(desk: Desk) -> list[Any]:
    items = desk(capacity.list_capacity_history, program_id=desk.resource[SHELTER])["items"]
    return list(reversed(items))


@pytest.mark.seed("S0-9")
def test_a_new_total_leaves_unit_note_zone_and_all_else_as_they_were(desk: Desk) -> None:
    with at(NOON):
        line = desk.set_capacity(SHELTER, 20, **STATED)
        assert members(desk.set_capacity(SHELTER, 12)) == STATED
        edited = desk(capacity.edit_capacity_line, line_id=line["line_id"], name="Beds")
        assert (edited["name"], edited["total"], members(edited)) == ("Beds", 12, STATED)
        renamed = desk(capacity.edit_capacity_line, line_id=line["line_id"], total=3)
        assert (renamed["name"], renamed["total"], members(renamed)) == ("Beds", 3, STATED)
        cleared = desk.set_capacity(SHELTER, 3, note=None, mode="occupancy")
        assert (cleared["note"], cleared["mode"], cleared["period"]) == (None, "occupancy", None)
        assert (cleared["unit"], cleared["time_zone"]) == ("beds", "America/Los_Angeles")


def test_the_target_population_of_a_line_stays_unless_it_is_given(desk: Desk) -> None:
    line = desk(
        capacity.add_capacity_line,
        program_id=desk.resource[SHELTER],
        name="Family rooms",
        target_population="Families",
        total=2,
        unit="rooms",
    )
    edit = {"line_id": line["line_id"], "total": 1}
    assert desk(capacity.edit_capacity_line, **edit)["target_population"] == "Families"
    assert desk(capacity.edit_capacity_line, **edit, target_population=None)["target_population"] is None


def test_a_new_line_counts_referrals_in_utc_where_nothing_is_said(desk: Desk) -> None:
    assert members(desk.set_capacity(SHELTER, 5)) == {
        "unit": "referrals",
        "note": None,
        "mode": "occupancy",
        "period": None,
        "time_zone": "UTC",
        "valid_until": None,
        "has_waitlist": False,
        "needs_assessment": False,
    }


def test_numbers_set_after_their_end_of_validity_hold_as_long_as_before(desk: Desk) -> None:
    with at(NOON):
        desk.set_capacity(SHELTER, 5, valid_until=(NOON + 2 * DAY).isoformat())
    with at(NOON + 5 * DAY):
        assert desk.set_capacity(SHELTER, 4)["valid_until"] == (NOON + 7 * DAY).isoformat()
        assert desk.set_capacity(SHELTER, 4, valid_until=None)["valid_until"] is None


def test_numbers_set_anew_hold_as_long_as_the_organisation_says(desk: Desk) -> None:
    desk(capacity.set_capacity_settings, confirm_after_days=3)
    with at(NOON):
        assert desk.set_capacity(SHELTER, 5)["valid_until"] == (NOON + 3 * DAY).isoformat()
    with at(NOON + DAY):
        assert desk.set_capacity(SHELTER, 4)["valid_until"] == (NOON + 4 * DAY).isoformat()


@pytest.mark.seed("S0-8")
def test_a_schedule_takes_unit_note_and_zone_from_the_line(desk: Desk) -> None:
    kept = {**STATED, "valid_until": None}
    with at(NOON):
        desk.set_capacity(SHELTER, 20, **STATED)
        scheduled = schedule(desk, NOON + DAY, total=7)
        assert members(scheduled) == kept
        edited = desk(
            capacity.edit_scheduled_capacity,
            schedule_id=scheduled["id"],
            version=scheduled["version"],
            note="cold night",
        )
        kept["note"] = "cold night"
        assert (edited["total"], edited["starts_at"]) == (7, (NOON + DAY).isoformat())
        assert members(edited) == kept
    with at(NOON + DAY + HOUR):
        assert (read(desk)["total"], members(read(desk))) == (7, kept)


@pytest.mark.seed("S0-8", "S0-10")
@pytest.mark.parametrize("is_named", [False, True])
def test_a_schedule_changes_only_what_it_states_when_it_falls_due(desk: Desk, is_named: bool) -> None:
    """What was edited after the schedule was made stays, unless the schedule itself says otherwise."""
    edited = {"note": "Families first.", "has_waitlist": True, "needs_assessment": True}
    own = {"note": "Cold night.", "has_waitlist": False, "needs_assessment": False} if is_named else edited
    with at(NOON):
        desk.set_capacity(SHELTER, 20, unit="beds", note="As always.", has_waitlist=False)
        scheduled = schedule(desk, NOON + DAY, total=7, **(own if is_named else {}))
        desk.set_capacity(SHELTER, 21, **edited, unit="cots")
        (shown,) = read(desk)["scheduled"]
        assert shown["version"] == scheduled["version"] + 1
    with at(NOON + DAY):
        settle_due(desk.service.runtime)
        now = read(desk)
    assert {name: now[name] for name in own} == own
    assert (now["total"], now["unit"]) == (7, "cots")


def test_a_schedule_follows_the_schedule_before_it(desk: Desk) -> None:
    with at(NOON):
        desk.set_capacity(SHELTER, 20, note="As always.", unit="beds")
        later = schedule(desk, NOON + 2 * DAY, total=8)
        sooner = schedule(desk, NOON + DAY, total=7, note="Cold night.")
        notes = [each["note"] for each in read(desk)["scheduled"]]
        assert notes == ["Cold night.", "Cold night."]
        stated = {"schedule_id": sooner["id"], "version": sooner["version"], "note": "Freezing."}
        desk(capacity.edit_scheduled_capacity, **stated)
        version = next(each for each in read(desk)["scheduled"] if each["id"] == later["id"])["version"]
        desk(capacity.edit_scheduled_capacity, schedule_id=later["id"], version=version, unit="cots")
        assert [(each["note"], each["unit"]) for each in read(desk)["scheduled"]] == [
            ("Freezing.", "beds"),
            ("Freezing.", "cots"),
        ]
        version = next(each for each in read(desk)["scheduled"] if each["id"] == sooner["id"])["version"]
        desk(capacity.cancel_scheduled_capacity, schedule_id=sooner["id"], version=version)
        assert [(each["note"], each["unit"]) for each in read(desk)["scheduled"]] == [("As always.", "cots")]
        desk.set_capacity(SHELTER, 20, mode="period", period="week")
        assert [(each["mode"], each["period"]) for each in read(desk)["scheduled"]] == [("period", "week")]


@pytest.mark.seed("S0-8")
@pytest.mark.parametrize("who_comes_first", ["the loop", "a referral"])
def test_a_schedule_takes_effect_under_the_name_of_its_author(desk: Desk, who_comes_first: str) -> None:
    """Whoever settles the line is not the author of what was scheduled, and time has no author among people."""
    author = a_caller(*STAFF.permissions, id="8" * 32)
    queue_id = desk.a_queue(SHELTER)

    def settle() -> None:
        if who_comes_first == "the loop":
            settle_due(desk.service.runtime)
        else:
            desk.assign(queue_id, SHELTER)

    with at(NOON):
        desk.set_capacity(SHELTER, 20, unit="beds")
        schedule(desk, NOON + DAY, author, ends_at=(NOON + 2 * DAY).isoformat(), total=7)
    for day in (1, 2):
        with at(NOON + day * DAY + HOUR):
            settle()
    effects = [one for one in history(desk) if one["kind"] == "took_effect"]
    assert [(one["total"], one["actor_id"], one["actor_realm"]) for one in effects] == [
        (7, author.id, "staff"),
        (20, author.id, "staff"),
    ]
    assert {one["actor"]["side"] for one in effects} == {"partner"}


@pytest.mark.parametrize("unknown", [{"said_by": None}, {"said_by_realm": None}])
def test_a_schedule_whose_author_is_not_known_takes_effect_by_the_system(
    desk: Desk, unknown: dict[str, Any]
) -> None:
    with at(NOON):
        desk.set_capacity(SHELTER, 20)
        schedule(desk, NOON + DAY, total=7)
    desk.service.database.write(HARBOR[0], lambda session: session.execute(update(Term).values(**unknown)))
    with at(NOON + DAY):
        settle_due(desk.service.runtime)
    assert (history(desk)[-1]["kind"], history(desk)[-1]["actor_id"]) == ("took_effect", "referrals")


def test_who_cancels_a_schedule_that_has_begun_is_named(desk: Desk) -> None:
    canceller = a_caller(*STAFF.permissions, id="8" * 32)
    with at(NOON):
        desk.set_capacity(SHELTER, 20)
        scheduled = schedule(desk, NOON + DAY, total=7)
    with at(NOON + DAY):
        one = {"schedule_id": scheduled["id"], "version": scheduled["version"]}
        desk(capacity.cancel_scheduled_capacity, canceller, **one)
    effects = [(one["total"], one["actor_id"]) for one in history(desk) if one["kind"] == "took_effect"]
    assert effects == [(7, STAFF.id), (20, canceller.id)]


def test_what_time_alone_brings_is_the_systems(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    week = {"mode": "period", "period": "day"}
    with at(NOON):
        desk.set_capacity(SHELTER, 5, **week, valid_until=(NOON + 2 * DAY).isoformat())
        desk.assign(queue_id, SHELTER)
    with at(NOON + 3 * DAY):
        desk.assign(queue_id, SHELTER)
    told = {one["kind"]: (one["actor_id"], one["actor"]["side"]) for one in history(desk)}
    assert told["new_window"] == told["lapsed"] == ("referrals", "system")
    assert told["claimed"] == (STAFF.id, "partner")


def test_a_window_in_which_nothing_was_used_is_no_change(desk: Desk) -> None:
    with at(NOON):
        desk.set_capacity(SHELTER, 5, mode="period", period="day")
    with at(NOON + 3 * DAY):
        settle_due(desk.service.runtime)
    assert [one["kind"] for one in history(desk)] == ["set"]
    assert len(desk.service.events(capacity_changed)) == 1


def _changes(desk: Desk) -> dict[str, Any]:
    """Each change of a line, as a call with a version."""
    line_id = desk.set_capacity(SHELTER, 5)["line_id"]
    return {
        "set": lambda version: desk.set_capacity(SHELTER, 6, version=version),
        "edit": lambda version: desk(
            capacity.edit_capacity_line, line_id=line_id, version=version, name="Beds"
        ),
        "confirm": lambda version: desk(capacity.confirm_capacity, line_id=line_id, version=version),
        "remove": lambda version: desk(capacity.remove_capacity_line, line_id=line_id, version=version),
    }


@pytest.mark.parametrize("change", ["set", "edit", "confirm", "remove"])
def test_who_read_an_older_version_of_a_line_changes_nothing(desk: Desk, change: str) -> None:
    call = _changes(desk)[change]
    now = read(desk)
    for stale in (now["version"] - 1, now["version"] + 1):
        with pytest.raises(Refused) as refused:
            call(stale)
        assert (refused.value.code, refused.value.more) == (
            "version_conflict",
            {"current_version": now["version"]},
        )
    assert read(desk) == now
    call(now["version"])
    assert change == "remove" or read(desk)["version"] == now["version"] + 1


def test_without_a_version_a_line_is_changed_as_it_is(desk: Desk) -> None:
    calls = _changes(desk)
    for change in ("set", "edit", "confirm", "remove"):
        calls[change](None)
    assert refusal(lambda: read(desk)) == "not_found"


def test_a_line_that_is_not_there_yet_has_version_nought(desk: Desk) -> None:
    assert refusal(lambda: desk.set_capacity(SHELTER, 6, version=1)) == "version_conflict"
    assert desk.set_capacity(SHELTER, 6, version=0)["version"] == 1


@pytest.mark.seed("S0-38")
def test_a_provider_learns_that_its_program_is_in_no_queue(desk: Desk) -> None:
    program_id = desk.resource[SHELTER]
    desk.set_capacity(SHELTER, 5)
    own, others = desk.provider(SHELTER), desk.provider("St. Mary's Café & Pantry")
    agencys = desk.provider("Harbor Shelter Alliance")

    def words(caller: Any, operation: Any, **more: Any) -> str:
        with pytest.raises(Refused) as refused:
            desk(operation, caller, program_id=program_id, **more)
        assert (refused.value.code, refused.value.field) == ("not_found", "program_id")
        return refused.value.detail

    tomorrow = (NOON + 36_500 * DAY).isoformat()
    asks = (
        (capacity.get_capacity, {}),
        (capacity.get_capacity, {"as_of": NOON.isoformat()}),
        (capacity.list_capacity_history, {}),
        (capacity.set_capacity, {"total": 1}),
        (capacity.schedule_capacity, {"total": 1, "starts_at": tomorrow}),
    )
    for operation, more in asks:
        for caller in (own, agencys):
            assert "in no ReferralQ" in words(caller, operation, **more)
        assert "in no ReferralQ" not in words(others, operation, **more)
    line_id = desk.set_capacity(SHELTER, 5)["line_id"]
    scheduled = schedule(desk, NOON + 36_500 * DAY, total=1)
    of_lines = (
        ("line_id", line_id, capacity.edit_capacity_line, {"total": 1}),
        ("line_id", line_id, capacity.confirm_capacity, {}),
        ("line_id", line_id, capacity.remove_capacity_line, {}),
        ("schedule_id", scheduled["id"], capacity.cancel_scheduled_capacity, {"version": 1}),
    )
    for member, value, operation, more in of_lines:
        for caller, learns in ((own, True), (agencys, True), (others, False)):
            with pytest.raises(Refused) as refused:
                desk(operation, caller, **{member: value, **more})
            assert (refused.value.code, refused.value.field) == ("not_found", member)
            assert ("in no ReferralQ" in refused.value.detail) == learns
    # In a ReferralQ it is reached, and without a line the old words are right.
    desk.a_queue(SHELTER, "Family Housing First")
    assert desk(capacity.get_capacity, own, program_id=program_id)["total"] == 5
    program_id = desk.resource["Family Housing First"]
    assert "in no ReferralQ" not in words(desk.provider("Family Housing First"), capacity.get_capacity)
