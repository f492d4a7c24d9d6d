"""Scheduled capacity: it takes effect exactly at its instant, also without a reader (S0-8)."""

from __future__ import annotations

import datetime
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine

from services.contracts.errors import Refused
from services.contracts.referrals import capacity
from services.contracts.referrals.capacity import capacity_changed
from services.referrals.capacity import due_lines as settling
from services.referrals.capacity.due_lines import settle_due
from tests.integration.referrals.builders import Desk, refusal

NOON = datetime.datetime(2026, 3, 4, 12, tzinfo=datetime.UTC)
DAY, TICK = datetime.timedelta(days=1), datetime.timedelta(microseconds=1)
SHELTER = "Night Shelter"


def at(instant: datetime.datetime) -> Any:
    """Stop the clock at this instant."""
    return time_machine.travel(instant, tick=False)


def schedule(desk: Desk, starts_at: datetime.datetime, total: int, **more: Any) -> Any:
    ends_at = more.pop("ends_at", None)
    return desk(
        capacity.schedule_capacity,
        starts_at=starts_at.isoformat(),
        ends_at=ends_at.isoformat() if ends_at else None,
        total=total,
        **{"program_id": desk.resource[SHELTER], "unit": "beds", **more},
    )


def read(desk: Desk, **more: Any) -> Any:
    return desk(capacity.get_capacity, program_id=desk.resource[SHELTER], **more)


def refused_field(call: Any) -> tuple[str, str | None]:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.code, refused.value.field


@pytest.mark.seed("S0-8")
@pytest.mark.parametrize("is_settled_by_the_loop", [False, True])
def test_scheduled_beds_hold_from_their_instant_to_their_end_and_then_the_ones_before_again(
    desk_on_both: Desk, is_settled_by_the_loop: bool
) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(SHELTER)

    def look() -> None:
        if is_settled_by_the_loop:
            settle_due(desk.service.runtime)

    with at(NOON):
        desk.set_capacity(SHELTER, 1, unit="beds", note="as always")
        desk.assign(queue_id, SHELTER)
        schedule(desk, NOON + DAY, 3, ends_at=NOON + 2 * DAY, note="cold night")
        assert [one["total"] for one in read(desk)["scheduled"]] == [3]
    with at(NOON + DAY - TICK):
        look()
        assert desk.numbers(SHELTER) == (1, 1, 0)
        assert refusal(lambda: desk.assign(queue_id, SHELTER)) == "capacity_exhausted"
    with at(NOON + DAY):
        look()
        view = read(desk)
        assert (view["total"], view["used"], view["note"]) == (3, 1, "cold night")
        assert (view["scheduled"], view["ends_at"]) == ([], (NOON + 2 * DAY).isoformat())
        taken = [desk.assign(queue_id, SHELTER) for _ in range(2)]
        assert refusal(lambda: desk.assign(queue_id, SHELTER)) == "capacity_exhausted"
    with at(NOON + 2 * DAY):
        look()
        view = read(desk)
        # No referral loses its bed: the line is over its total until two have ended.
        assert (view["total"], view["used"], view["free"], view["planned_total"]) == (3, 3, 0, 1)
        assert (view["note"], view["schedule_id"]) == ("as always", None)
        for referral in taken:
            desk.move(referral, "completed")
        assert desk.numbers(SHELTER) == (1, 1, 0)
        look()
    told = [(one["data"]["total"], one["data"]["used"]) for one in desk.service.events(capacity_changed)]
    assert told == [(1, 0), (1, 1), (3, 1), (3, 2), (3, 3), (3, 3), (2, 2), (1, 1)]
    history = desk(capacity.list_capacity_history, program_id=desk.resource[SHELTER])["items"]
    effects = [one["at"] for one in history if one["kind"] == "took_effect"]
    assert effects == [(NOON + 2 * DAY).isoformat(), (NOON + DAY).isoformat()]


def test_the_loop_tells_each_change_that_nobody_was_there_for_at_its_own_time(desk: Desk) -> None:
    with at(NOON):
        desk.set_capacity(SHELTER, 1, unit="beds")
        for day in (1, 2, 3):
            schedule(desk, NOON + day * DAY, 10 * day, ends_at=NOON + (day + 1) * DAY - TICK)
    with at(NOON + 10 * DAY):
        settle_due(desk.service.runtime)
        settle_due(desk.service.runtime)
        history = desk(capacity.list_capacity_history, program_id=desk.resource[SHELTER])["items"]
        assert [one["total"] for one in reversed(history)] == [1, 10, 1, 20, 1, 30, 1]
        assert history[1]["at"] == (NOON + 3 * DAY).isoformat()
        assert read(desk, as_of=(NOON + 2.5 * DAY).isoformat())["total"] == 20
    assert len(desk.service.events(capacity_changed)) == 7
    assert desk.service.audit("capacity.scheduled")


def test_a_line_that_cannot_be_settled_keeps_no_other_from_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "Family Housing First"
    with at(NOON):
        desk.set_capacity(SHELTER, 1)
        schedule(desk, NOON + DAY, 5)
        schedule(desk, NOON + DAY, 6, program_id=desk.resource[other])
    settle = settling.settled

    def fails_for_one(unit: Any, line_id: str, **more: Any) -> Any:
        if line_id == desk.resource[SHELTER]:
            raise ValueError(line_id)
        return settle(unit, line_id, **more)

    monkeypatch.setattr(settling, "settled", fails_for_one)
    monkeypatch.setattr(settling, "MOST_AT_ONCE", 2)
    with at(NOON + DAY):
        assert settle_due(desk.service.runtime) is False
        monkeypatch.undo()
        told = [event["data"]["program_id"] for event in desk.service.events(capacity_changed)]
        assert told[-1] == desk.resource[other]
        assert settle_due(desk.service.runtime) is True


def test_a_week_that_was_interrupted_is_counted_on_where_it_was_left(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    weekly = {"unit": "referrals", "mode": "period", "period": "week"}
    with at(NOON):
        desk.set_capacity(SHELTER, 2, **weekly)
        for _ in range(2):
            desk.assign(queue_id, SHELTER)
        schedule(desk, NOON + DAY, 1, ends_at=NOON + 2 * DAY, **{**weekly, "period": "day"})
    with at(NOON + DAY):
        desk.assign(queue_id, SHELTER)
        assert refusal(lambda: desk.assign(queue_id, SHELTER)) == "capacity_exhausted"
    with at(NOON + 2 * DAY):
        assert refusal(lambda: desk.assign(queue_id, SHELTER)) == "capacity_exhausted"
        assert desk.numbers(SHELTER) == (2, 2, 0)


def test_a_crowd_at_the_first_instant_of_a_new_window_gets_exactly_its_places(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(SHELTER)
    with at(NOON):
        desk.set_capacity(SHELTER, 5, unit="pickups", mode="period", period="day")
        for _ in range(5):
            desk.assign(queue_id, SHELTER)
    waiting = desk.many_records(24)

    def claim(record_id: str) -> str:
        try:
            desk.assign(queue_id, SHELTER, record_id)
        except Refused as refused:
            return refused.code
        return "accepted"

    with at(NOON.replace(hour=0) + DAY), ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(claim, waiting))
        assert outcomes == {"accepted": 5, "capacity_exhausted": 19}
        assert desk.numbers(SHELTER) == (5, 5, 0)
        history = desk(capacity.list_capacity_history, program_id=desk.resource[SHELTER])["items"]
    assert [one["kind"] for one in history].count("new_window") == 1
    assert [one["used"] for one in history[:6]] == [5, 4, 3, 2, 1, 0]


def test_what_will_hold_can_be_asked_for(desk: Desk) -> None:
    with at(NOON):
        desk.set_capacity(SHELTER, 4, unit="beds")
        schedule(desk, NOON + DAY, 9)
        later = read(desk, as_of=(NOON + 2 * DAY).isoformat())
        assert (later["total"], later["scheduled"]) == (9, [])
        assert read(desk)["total"] == 4


@pytest.mark.seed("S0-8")
def test_a_scheduled_change_is_edited_and_cancelled_before_it_begins(desk: Desk) -> None:
    with at(NOON):
        desk.set_capacity(SHELTER, 1, unit="beds")
        first, second = schedule(desk, NOON + DAY, 5), schedule(desk, NOON + 2 * DAY, 7)
        edited = desk(
            capacity.edit_scheduled_capacity,
            schedule_id=first["id"],
            version=first["version"],
            starts_at=(NOON + 1.5 * DAY).isoformat(),
            total=6,
            unit="beds",
        )
        assert (edited["total"], edited["version"]) == (6, 2)
        again = {"schedule_id": first["id"], "version": first["version"]}
        assert refusal(lambda: desk(capacity.cancel_scheduled_capacity, **again)) == "version_conflict"
        desk(capacity.cancel_scheduled_capacity, schedule_id=second["id"], version=1)
        gone = {"schedule_id": second["id"], "version": 1}
        assert refusal(lambda: desk(capacity.cancel_scheduled_capacity, **gone)) == "not_found"
    for days, total in ((1, 1), (1.5, 6), (2, 6)):
        with at(NOON + days * DAY):
            assert desk.numbers(SHELTER)[0] == total


def test_one_that_has_begun_is_cancelled_and_what_held_before_holds_again(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    with at(NOON):
        desk.set_capacity(SHELTER, 1, unit="beds")
        begun = schedule(desk, NOON + DAY, 5)
    with at(NOON + DAY):
        desk.assign(queue_id, SHELTER)
        late = {"schedule_id": begun["id"], "version": 1, "total": 2}
        late["starts_at"] = (NOON + 2 * DAY).isoformat()
        assert refusal(lambda: desk(capacity.edit_scheduled_capacity, **late)) == "conflict"
        desk(capacity.cancel_scheduled_capacity, schedule_id=begun["id"], version=1)
        assert desk.numbers(SHELTER) == (1, 1, 0)


def test_an_edit_changes_what_is_in_effect_and_not_what_comes_back(desk: Desk) -> None:
    with at(NOON):
        desk.set_capacity(SHELTER, 4, unit="beds")
        schedule(desk, NOON + DAY, 9, ends_at=NOON + 2 * DAY)
    with at(NOON + DAY):
        assert desk.set_capacity(SHELTER, 8, unit="beds")["schedule_id"] is not None
        assert desk.numbers(SHELTER) == (8, 0, 8)
    with at(NOON + 2 * DAY):
        assert desk.numbers(SHELTER) == (4, 0, 4)


def test_before_its_first_schedule_a_program_is_not_limited_and_reads_unknown(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    with at(NOON):
        schedule(desk, NOON + DAY, 1)
        view = read(desk)
        assert (view["capacity_status"], view["total"], view["free"]) == ("unknown", 0, 0)
        early = desk.assign(queue_id, SHELTER)
    with at(NOON + DAY):
        # Who came before the first schedule has the one place.
        assert refusal(lambda: desk.assign(queue_id, SHELTER)) == "capacity_exhausted"
        settle_due(desk.service.runtime)
        assert desk.numbers(SHELTER) == (1, 1, 0)
        desk.move(early, "completed")
        assert desk.numbers(SHELTER) == (1, 0, 1)


def test_a_schedule_lies_ahead_and_starts_alone(desk: Desk) -> None:
    with at(NOON):
        schedule(desk, NOON + DAY, 5)
        assert refused_field(lambda: schedule(desk, NOON + DAY, 6)) == (
            "capacity_schedule_clash",
            "starts_at",
        )
        assert refused_field(lambda: schedule(desk, NOON, 6)) == ("invalid_capacity", "starts_at")
        backwards = {"ends_at": NOON + DAY}
        assert refused_field(lambda: schedule(desk, NOON + 2 * DAY, 6, **backwards)) == (
            "invalid_capacity",
            "ends_at",
        )
        stale = {"valid_until": (NOON + DAY).isoformat()}
        assert refused_field(lambda: schedule(desk, NOON + 2 * DAY, 6, **stale)) == (
            "invalid_capacity",
            "valid_until",
        )
        assert refused_field(lambda: schedule(desk, NOON + 2 * DAY, -1))[0] == "invalid_request"


def test_a_schedule_in_another_zone_is_the_same_instant(desk: Desk) -> None:
    with at(NOON):
        view = schedule(desk, NOON.astimezone(datetime.timezone(5 * DAY / 24)) + DAY, 5)
        assert view["starts_at"] == (NOON + DAY).isoformat()


@pytest.mark.parametrize("has_capacity_now", [True, False])
def test_a_thousand_things_scheduled_are_too_many(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, has_capacity_now: bool
) -> None:
    monkeypatch.setattr("services.referrals.capacity.handlers.MOST_SCHEDULED", 2)
    with at(NOON):
        if has_capacity_now:
            desk.set_capacity(SHELTER, 1)
        for day in (1, 2):
            schedule(desk, NOON + day * DAY, 5)
        assert refused_field(lambda: schedule(desk, NOON + 3 * DAY, 5)) == ("invalid_capacity", "starts_at")
    with at(NOON + DAY):  # one of them has begun, so it is not to come any more
        assert schedule(desk, NOON + 3 * DAY, 5)["total"] == 5
