"""Capacity in several lines, by period, with validity, history and settings, for providers and staff."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine

from services.contracts.referrals import capacity
from services.contracts.referrals.capacity import capacity_changed, capacity_stale
from services.referrals.capacity.due_lines import settle_due
from services.referrals.hsds.capacities import hsds_capacity_of
from tests.integration.referrals.builders import OTHER_STAFF, STAFF, Desk, refusal
from tests.support.in_process import HARBOR, a_caller

MONDAY = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)
DAY, HOUR = datetime.timedelta(days=1), datetime.timedelta(hours=1)
SHELTER = "Night Shelter"
WEEKLY = {"unit": "referrals", "mode": "period", "period": "week"}
MANAGER = a_caller("queue.manage", "capacity.read", "capacity.edit", id="8" * 32)


def at(instant: datetime.datetime) -> Any:
    """Stop the clock at this instant."""
    return time_machine.travel(instant, tick=False)


def read(desk: Desk, program: str = SHELTER, **more: Any) -> Any:
    return desk(capacity.get_capacity, program_id=desk.resource[program], **more)


def numbers(view: Any) -> tuple[int, int, int]:
    return view["total"], view["used"], view["free"]


def a_line(desk: Desk, name: str, total: int, **more: Any) -> str:
    """A further line of the shelter; its id."""
    line = desk(
        capacity.add_capacity_line,
        program_id=desk.resource[SHELTER],
        **{"name": name, "total": total, "unit": "slots", **more},
    )
    return str(line["line_id"])


def kinds(desk: Desk) -> list[str]:
    """The history, oldest first."""
    history = desk(capacity.list_capacity_history, program_id=desk.resource[SHELTER])["items"]
    return [change["kind"] for change in reversed(history)]


@pytest.mark.seed("S0-9")
def test_five_new_referrals_a_week_are_replenished_on_monday_whatever_became_of_the_last_ones(
    desk_on_both: Desk,
) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(SHELTER)
    with at(MONDAY):
        desk.set_capacity(SHELTER, 2, **WEEKLY)
        first = desk.assign(queue_id, SHELTER)
        desk.assign(queue_id, SHELTER)
        assert refusal(lambda: desk.assign(queue_id, SHELTER)) == "capacity_exhausted"
        desk.move(first, "completed")
        assert desk.numbers(SHELTER) == (2, 2, 0)
        assert refusal(lambda: desk.assign(queue_id, SHELTER)) == "capacity_exhausted"
    next_monday = MONDAY.replace(hour=0) + 7 * DAY
    with at(next_monday - datetime.timedelta(microseconds=1)):
        assert refusal(lambda: desk.assign(queue_id, SHELTER)) == "capacity_exhausted"
    with at(next_monday):
        assert numbers(read(desk)) == (2, 0, 2)
        assert read(desk)["window_starts_at"] == next_monday.isoformat()
        desk.assign(queue_id, SHELTER)
        assert desk.numbers(SHELTER) == (2, 1, 1)


def test_the_week_of_a_program_begins_at_its_own_midnight(desk: Desk) -> None:
    with at(MONDAY):
        desk.set_capacity(SHELTER, 2, **WEEKLY, time_zone="America/New_York")
        assert read(desk)["window_starts_at"] == "2026-03-02T05:00:00+00:00"
        for wrong in (
            {"mode": "occupancy", "period": "day"},
            {"period": None},
            {"time_zone": "Mars/Olympus"},
        ):
            code = refusal(lambda wrong=wrong: desk.set_capacity(SHELTER, 2, **wrong))
            assert code == "invalid_capacity"
        for wrong in ({"mode": "period"}, {"period": "day"}):
            code = refusal(lambda wrong=wrong: desk.set_capacity("Family Housing First", 2, **wrong))
            assert code == "invalid_capacity"


def test_a_program_has_several_lines_and_the_first_with_a_free_place_is_counted(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(SHELTER)
    beds = desk.set_capacity(SHELTER, 1, unit="beds")["line_id"]
    slots = a_line(desk, "Intake slots", 1, target_population="Families with children")
    taken = [desk.assign(queue_id, SHELTER) for _ in range(2)]
    assert refusal(lambda: desk.assign(queue_id, SHELTER)) == "capacity_exhausted"
    lines = desk(capacity.list_capacities, program_id=desk.resource[SHELTER])["items"]
    assert [(line["line_id"], line["name"], line["used"]) for line in lines] == [
        (beds, "beds", 1),
        (slots, "Intake slots", 1),
    ]
    assert lines[1]["target_population"] == "Families with children"
    desk.move(taken[1], "completed")
    lines = desk(capacity.list_capacities, program_id=desk.resource[SHELTER])["items"]
    assert [line["used"] for line in lines] == [1, 0]


def test_a_line_is_renamed_and_its_name_is_its_own(desk: Desk) -> None:
    desk.set_capacity(SHELTER, 1, unit="beds")
    slots = a_line(desk, "Intake slots", 1)
    edited = desk(capacity.edit_capacity_line, line_id=slots, name="Assessments", total=3, unit="hours")
    assert (edited["name"], edited["total"], edited["unit"]) == ("Assessments", 3, "hours")
    assert refusal(lambda: a_line(desk, "BEDS", 1)) == "conflict"
    taken = {"line_id": slots, "name": "beds", "total": 3, "unit": "hours"}
    assert refusal(lambda: desk(capacity.edit_capacity_line, **taken)) == "conflict"


def test_a_line_that_is_taken_away_counts_no_more_and_its_places_can_still_be_given_back(
    desk: Desk,
) -> None:
    queue_id = desk.a_queue(SHELTER)
    line_id = desk.set_capacity(SHELTER, 1)["line_id"]
    referral = desk.assign(queue_id, SHELTER)
    desk(capacity.remove_capacity_line, line_id=line_id)
    assert refusal(lambda: read(desk)) == "not_found"
    assert refusal(lambda: desk(capacity.remove_capacity_line, line_id=line_id)) == "not_found"
    desk.assign(queue_id, SHELTER)
    desk.move(referral, "completed")
    assert kinds(desk) == ["set", "claimed", "removed"]
    assert numbers(desk.set_capacity(SHELTER, 4)) == (
        4,
        1,
        3,
    )  # the one that came while nothing limited the program


def test_a_line_set_anew_after_it_was_taken_away_knows_who_is_still_there(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    line_id = desk.set_capacity(SHELTER, 2)["line_id"]
    referral = desk.assign(queue_id, SHELTER)
    desk(capacity.remove_capacity_line, line_id=line_id)
    assert refusal(lambda: desk.set_capacity(SHELTER, 0)) == "capacity_below_use"
    assert numbers(desk.set_capacity(SHELTER, 3)) == (3, 1, 2)
    desk.move(referral, "completed")
    assert desk.numbers(SHELTER) == (3, 0, 3)


def test_people_who_came_by_the_week_occupy_beds_when_the_line_counts_beds(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    with at(MONDAY):
        desk.set_capacity(SHELTER, 5, **WEEKLY)
        referrals = [desk.assign(queue_id, SHELTER) for _ in range(3)]
    with at(MONDAY + 7 * DAY):
        assert desk.numbers(SHELTER) == (5, 0, 5)
        assert refusal(lambda: desk.set_capacity(SHELTER, 2, mode="occupancy")) == "capacity_below_use"
        assert numbers(desk.set_capacity(SHELTER, 4, mode="occupancy")) == (4, 3, 1)
        desk.move(referrals[0], "completed")
        assert desk.numbers(SHELTER) == (4, 2, 2)


def test_each_capacity_reads_as_one_of_the_four_gravity_statuses_with_its_note(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    said = {"note": "Women only. Waitlist: 12 people, about three weeks."}
    assert desk.set_capacity(SHELTER, 1, **said)["capacity_status"] == "has_capacity"
    assessed = desk.set_capacity(SHELTER, 1, needs_assessment=True, has_waitlist=True, **said)
    assert assessed["capacity_status"] == "additional_assessment_required"
    desk.assign(queue_id, SHELTER)
    assert read(desk)["capacity_status"] == "no_capacity_has_waitlist"
    full = desk.set_capacity(SHELTER, 1, needs_assessment=False, has_waitlist=False, note=None)
    assert (full["capacity_status"], full["note"]) == ("no_capacity", None)
    told = [event["data"]["status"] for event in desk.service.events(capacity_changed)]
    assert told == [
        "has_capacity",
        "additional_assessment_required",
        "no_capacity_has_waitlist",
        "no_capacity",
    ]
    notes = desk(capacity.list_capacity_history, program_id=desk.resource[SHELTER])["items"]
    assert [change["note"] for change in notes] == [None, said["note"], said["note"], said["note"]]


def test_numbers_nobody_confirms_read_as_unknown_and_still_count(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    with at(MONDAY):
        line_id = desk.set_capacity(SHELTER, 1, valid_until=(MONDAY + DAY).isoformat())["line_id"]
    with at(MONDAY + DAY):
        view = read(desk)
        assert (view["capacity_status"], view["is_stale"], numbers(view)) == ("unknown", True, (1, 0, 1))
        desk.assign(queue_id, SHELTER)
        assert refusal(lambda: desk.assign(queue_id, SHELTER)) == "capacity_exhausted"
        confirmed = desk(capacity.confirm_capacity, line_id=line_id)
        assert (confirmed["capacity_status"], confirmed["is_stale"]) == ("no_capacity", False)
        assert confirmed["valid_until"] == (MONDAY + 2 * DAY).isoformat()
        assert numbers(confirmed) == (1, 1, 0)
        sooner = {"line_id": line_id, "valid_until": MONDAY.isoformat()}
        assert refusal(lambda: desk(capacity.confirm_capacity, **sooner)) == "invalid_capacity"
    assert kinds(desk) == ["set", "lapsed", "claimed", "confirmed"]


def test_providers_are_asked_to_confirm_once_and_the_end_is_told_by_itself(desk: Desk) -> None:
    runtime = desk.service.runtime
    with at(MONDAY):
        line_id = desk.set_capacity(SHELTER, 3, valid_until=(MONDAY + 7 * DAY).isoformat())["line_id"]
    with at(MONDAY + 6 * DAY - HOUR):
        settle_due(runtime)
        assert desk.service.events(capacity_stale) == []
    for instant in (MONDAY + 6 * DAY, MONDAY + 6 * DAY + HOUR):
        with at(instant):
            settle_due(runtime)
    (asked,) = desk.service.events(capacity_stale)
    assert asked["data"] == {
        "program_id": desk.resource[SHELTER],
        "agency_id": desk.resource["Harbor Shelter Alliance"],
        "line_id": line_id,
        "valid_until": (MONDAY + 7 * DAY).isoformat(),
    }
    with at(MONDAY + 6 * DAY + HOUR):
        desk(capacity.confirm_capacity, line_id=line_id)
    with at(MONDAY + 20 * DAY):
        settle_due(runtime)
        settle_due(runtime)
    told = [event["data"]["status"] for event in desk.service.events(capacity_changed)]
    assert told == ["has_capacity", "has_capacity", "unknown"]
    assert desk.service.runtime.relay.woken > 0


def test_a_short_validity_is_not_asked_about_at_once(desk: Desk) -> None:
    with at(MONDAY):
        desk.set_capacity(SHELTER, 3, valid_until=(MONDAY + 10 * HOUR).isoformat())
        settle_due(desk.service.runtime)
        assert desk.service.events(capacity_stale) == []
    with at(MONDAY + 5 * HOUR):
        settle_due(desk.service.runtime)
        assert len(desk.service.events(capacity_stale)) == 1


def test_an_organisation_says_how_long_numbers_hold_and_when_to_ask(desk: Desk) -> None:
    with at(MONDAY):
        desk(capacity.set_capacity_settings, MANAGER, confirm_after_days=3, remind_hours=48)
        view = desk.set_capacity(SHELTER, 3)
        assert view["valid_until"] == (MONDAY + 3 * DAY).isoformat()
    with at(MONDAY + 2 * DAY):
        settle_due(desk.service.runtime)
        assert len(desk.service.events(capacity_stale)) == 1
        confirmed = desk(capacity.confirm_capacity, line_id=view["line_id"])
        assert confirmed["valid_until"] == (MONDAY + 5 * DAY).isoformat()
    shown = desk(capacity.get_capacity_settings, desk.provider(SHELTER))
    assert shown == {"is_on": True, "remind_hours": 48, "confirm_after_days": 3}


def test_with_capacity_switched_off_nobody_edits_it_and_nothing_is_counted(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    line_id = desk.set_capacity(SHELTER, 1)["line_id"]
    referral = desk.assign(queue_id, SHELTER)
    desk(capacity.set_capacity_settings, MANAGER, is_on=False)
    for call in (
        lambda: desk.set_capacity(SHELTER, 2, desk.provider(SHELTER)),
        lambda: desk(capacity.confirm_capacity, line_id=line_id),
    ):
        assert refusal(call) == "feature_is_off"
    desk.assign(queue_id, SHELTER)
    desk(capacity.set_capacity_settings, MANAGER)
    assert desk.numbers(SHELTER) == (1, 1, 0)
    desk.move(referral, "completed")
    assert desk.numbers(SHELTER) == (1, 0, 1)
    provider = desk.provider(SHELTER, may=("queue.manage",))
    assert refusal(lambda: desk(capacity.set_capacity_settings, provider, is_on=False)) == "forbidden"
    elsewhere = a_caller("capacity.read", organisation=("b" * 32, "bayside"))
    assert desk(capacity.get_capacity_settings, elsewhere)["is_on"] is True


def test_history_says_who_when_and_what_and_is_read_by_pages(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    provider = desk.provider(SHELTER)
    desk.set_capacity(SHELTER, 2, provider, unit="beds", note="Two bunks")
    referral = desk.assign(queue_id, SHELTER)
    desk.move(referral, "completed")
    seen, after = [], None
    while True:
        page = desk(capacity.list_capacity_history, program_id=desk.resource[SHELTER], limit=2, after=after)
        seen += page["items"]
        after = page["next"]
        if after is None:
            break
    assert [(one["kind"], one["used"], one["free"], one["actor_realm"]) for one in seen] == [
        ("released", 0, 2, "staff"),
        ("claimed", 1, 1, "staff"),
        ("set", 0, 2, "provider"),
    ]
    assert (seen[2]["actor_id"], seen[2]["note"], seen[2]["unit"]) == (provider.id, "Two bunks", "beds")
    for bad in ("x", "W10", "WzEsMiwzXQ"):
        asked = {"program_id": desk.resource[SHELTER], "after": bad}
        assert refusal(lambda asked=asked: desk(capacity.list_capacity_history, **asked)) == "invalid_request"
    theirs = {"program_id": desk.resource[SHELTER]}
    for caller in (OTHER_STAFF, desk.provider("St. Mary's Café & Pantry")):
        code = refusal(lambda caller=caller: desk(capacity.list_capacity_history, caller, **theirs))
        assert code == "not_found"


def test_capacity_is_told_as_it_was(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    with at(MONDAY):
        desk.set_capacity(SHELTER, 5, unit="beds", note="first")
    with at(MONDAY + HOUR):
        desk.assign(queue_id, SHELTER)
    with at(MONDAY + 2 * HOUR):
        desk.set_capacity(SHELTER, 8, unit="beds")
        then = read(desk, as_of=(MONDAY + HOUR / 2).isoformat())
        assert (numbers(then), then["note"], then["mode"]) == ((5, 0, 5), "first", "occupancy")
        assert numbers(read(desk, as_of=(MONDAY + HOUR).isoformat())) == (5, 1, 4)
        assert numbers(read(desk, as_of=(MONDAY + 2 * HOUR).isoformat())) == (8, 1, 7)
        before = (MONDAY - HOUR).isoformat()
        assert refusal(lambda: read(desk, as_of=before)) == "not_found"
        assert refusal(lambda: read(desk, as_of="2099-01-01T00:00:00Z")) == "invalid_request"


def test_a_line_that_was_taken_away_is_told_as_it_was(desk: Desk) -> None:
    with at(MONDAY):
        desk.set_capacity(SHELTER, 5, unit="beds")
    with at(MONDAY + HOUR):
        desk(capacity.add_capacity_line, program_id=desk.resource[SHELTER], name="Cots", total=3, unit="cots")
    with at(MONDAY + 2 * HOUR):
        desk(capacity.remove_capacity_line, line_id=desk.resource[SHELTER])
    with at(MONDAY + 4 * HOUR):
        told = [read(desk, as_of=(MONDAY + hours * HOUR).isoformat()) for hours in (1, 3, 4)]
        assert [(view["name"], view["total"]) for view in told] == [("beds", 5), ("Cots", 3), ("Cots", 3)]
        desk.set_capacity(SHELTER, 7, unit="beds")
    with at(MONDAY + 5 * HOUR):
        assert read(desk, as_of=(MONDAY + 3 * HOUR).isoformat())["name"] == "Cots"
        assert read(desk)["total"] == 7


@pytest.mark.seed("S0-52")
def test_the_resource_capacity_screen_filters_and_pages(desk_on_both: Desk) -> None:
    desk = desk_on_both
    pantry, housing = "St. Mary's Café & Pantry", "Family Housing First"
    queue_id = desk.a_queue(SHELTER, housing)
    desk.a_queue(pantry, name="Food")
    with at(MONDAY):
        desk.set_capacity(SHELTER, 1, valid_until=(MONDAY + DAY).isoformat())
        desk.set_capacity(housing, 1)
        desk.set_capacity(pantry, 0, has_waitlist=True)
        desk.assign(queue_id, housing)

    def names(**filters: Any) -> list[str]:
        return [one["program_name"] for one in desk(capacity.list_capacities, **filters)["items"]]

    with at(MONDAY):
        assert names() == [housing, SHELTER, pantry]
        assert names(status="has_capacity") == [SHELTER]
        assert names(status="no_capacity") == [housing]
        assert names(status="no_capacity_has_waitlist") == [pantry]
        assert names(queue_id=queue_id) == [housing, SHELTER]
        assert names(agency_id=desk.resource["Bayside Food Network"]) == [pantry]
        assert names(stale=True) == []
    for settle in (False, True):
        with at(MONDAY + DAY):
            if settle:
                settle_due(desk.service.runtime)
            assert names(stale=True) == names(status="unknown") == [SHELTER]
            assert names(status="has_capacity") == []
            assert names(stale=False) == [housing, pantry]
    first = desk(capacity.list_capacities, limit=2)
    assert [one["program_name"] for one in first["items"]] == [housing, SHELTER]
    assert [(one["agency_name"], one["queues"]) for one in first["items"]] == [
        ("Harbor Shelter Alliance", [{"id": queue_id, "name": "Housing"}])
    ] * 2
    rest = desk(capacity.list_capacities, limit=2, after=first["next"])
    assert ([one["program_name"] for one in rest["items"]], rest["next"]) == ([pantry], None)
    assert refusal(lambda: desk(capacity.list_capacities, after="WzFd")) == "invalid_request"


@pytest.mark.seed("S0-38")
def test_a_provider_reaches_lines_and_schedules_of_the_own_programs_only(desk: Desk) -> None:
    desk.a_queue(SHELTER, "St. Mary's Café & Pantry")
    line_id = desk.set_capacity(SHELTER, 3)["line_id"]
    scheduled = desk(
        capacity.schedule_capacity,
        program_id=desk.resource[SHELTER],
        starts_at="2099-01-01T00:00:00Z",
        total=9,
    )
    own, other = desk.provider("Harbor Shelter Alliance"), desk.provider("St. Mary's Café & Pantry")
    line = {"line_id": line_id, "name": "Beds", "total": 4, "unit": "beds"}
    calls = (
        (capacity.confirm_capacity, {"line_id": line_id}),
        (capacity.cancel_scheduled_capacity, {"schedule_id": scheduled["id"], "version": 1}),
        (capacity.edit_capacity_line, line),
        (capacity.remove_capacity_line, {"line_id": line_id}),
    )
    for operation, request in calls:
        code = refusal(lambda op=operation, asked=request: desk(op, other, **asked))
        assert code == "not_found"
    for operation, request in calls:
        desk(operation, own, **request)


def test_capacity_is_published_as_hsds_and_stale_numbers_are_not(desk: Desk) -> None:
    with at(MONDAY):
        desk.set_capacity(SHELTER, 5, unit="beds", note="Ring the bell.")
        a_line(desk, "Intake slots", 2, valid_until=(MONDAY + DAY).isoformat())
    program_id = desk.resource[SHELTER]

    def published() -> Any:
        with desk.service.database.reading(HARBOR[0]) as session:
            return hsds_capacity_of(session, [program_id, "0" * 32])

    with at(MONDAY + HOUR):
        found = published()
    assert list(found) == [program_id]
    assert [(one["available"], one["maximum"], one["unit"]["name"]) for one in found[program_id]] == [
        (5, 5, "beds"),
        (2, 2, "slots"),
    ]
    assert found[program_id][0] == {
        "id": program_id,
        "service_id": program_id,
        "unit": {"id": f"{program_id}-unit", "name": "beds"},
        "available": 5,
        "maximum": 5,
        "description": "beds. Ring the bell",
        "updated": MONDAY.isoformat(),
    }
    with at(MONDAY + DAY):
        assert [one["unit"]["name"] for one in published()[program_id]] == ["beds"]


def test_a_choice_of_line_must_be_the_programs(desk: Desk) -> None:
    desk.a_queue(SHELTER, "Family Housing First")
    desk.set_capacity("Family Housing First", 3)
    desk.set_capacity(SHELTER, 3)
    elsewhere = desk.resource["Family Housing First"]
    asked = {"program_id": desk.resource[SHELTER], "line_id": elsewhere, "total": 1}
    late = {"starts_at": "2099-01-01T00:00:00Z", **asked}
    assert refusal(lambda: desk(capacity.schedule_capacity, STAFF, **late)) == "not_found"


def test_a_line_that_a_full_program_does_not_have_is_named_as_what_is_wrong(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER, settings={"when_full": "warn"})
    desk.set_capacity(SHELTER, 0)
    assert refusal(lambda: desk.assign(queue_id, SHELTER, line_id="0" * 32)) == "not_found"
