"""Referrals that were assigned while nothing limited their program count as soon as a capacity limits it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine

from services.contracts.referrals import capacity, offers
from services.referrals.capacity.due_lines import settle_due
from services.referrals.models import Referral
from tests.integration.referrals.builders import STAFF, Desk, refusal
from tests.support.in_process import HARBOR, a_caller

MONDAY = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
SHELTER, OTHER = "Night Shelter", "Family Housing First"
MANAGER = a_caller(*STAFF.permissions, id="5" * 32)


def at(instant: datetime.datetime) -> Any:
    return time_machine.travel(instant, tick=False)


def holds(desk: Desk, *referrals: Any) -> list[bool]:
    with desk.service.database.reading(HARBOR[0]) as session:
        return [session.get_one(Referral, each["id"]).holds_capacity for each in referrals]


@pytest.mark.seed("S0-9")
def test_the_first_capacity_of_a_program_counts_who_is_there_already(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(SHELTER, OTHER)
    ended, here, too = (desk.assign(queue_id, SHELTER) for _ in range(3))
    desk.assign(queue_id, OTHER)
    desk.move(ended, "completed")

    desk.set_capacity(SHELTER, 20)

    assert desk.numbers(SHELTER) == (20, 2, 18)
    assert holds(desk, ended, here, too) == [False, True, True]
    desk.move(here, "completed")
    assert desk.numbers(SHELTER) == (20, 1, 19)


def test_more_than_there_is_room_for_fill_it_the_first_assigned_first(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    came = [desk.assign(queue_id, SHELTER) for _ in range(3)]
    for days, referral in zip((1, 3, 2), came, strict=True):
        desk.shift(referral["id"], days * DAY)

    desk.set_capacity(SHELTER, 2)

    assert desk.numbers(SHELTER) == (2, 2, 0)
    assert holds(desk, *came) == [False, True, True]
    assert refusal(lambda: desk.assign(queue_id, SHELTER)) == "capacity_exhausted"


@pytest.mark.seed("S0-9")
def test_five_new_referrals_a_week_count_those_of_this_week(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    with at(MONDAY - 3 * DAY):
        before = desk.assign(queue_id, SHELTER)
    with at(MONDAY):
        this_week = [desk.assign(queue_id, SHELTER) for _ in range(2)]
    with at(MONDAY + DAY):
        desk.set_capacity(SHELTER, 5, mode="period", period="week")
        assert desk.numbers(SHELTER) == (5, 2, 3)
        desk.move(before, "completed")
        desk.move(this_week[0], "completed")
        assert desk.numbers(SHELTER) == (5, 2, 3)
    with at(MONDAY + 7 * DAY):
        assert desk.numbers(SHELTER) == (5, 0, 5)


def test_a_program_that_is_only_asked_takes_no_place_until_it_accepts(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER, OTHER)
    ids = [desk.resource[SHELTER], desk.resource[OTHER]]
    wish = {"contact_record_id": desk.a_record(), "queue_id": queue_id, "program_ids": ids}
    desk(offers.create_offer, **wish)
    desk.set_capacity(SHELTER, 3)
    assert desk.numbers(SHELTER) == (3, 0, 3)


def test_a_second_line_takes_nobody_in_who_came_in_spite_of_the_first(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER, settings={"when_full": "warn"})
    desk.set_capacity(SHELTER, 0)
    desk.assign(queue_id, SHELTER, confirm=True)
    line = {"program_id": desk.resource[SHELTER], "name": "Cots", "total": 4, "unit": "cots"}
    assert desk(capacity.add_capacity_line, **line)["used"] == 0


def test_who_came_while_capacity_was_off_counts_when_it_is_on_again(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    desk.set_capacity(SHELTER, 5)
    desk.assign(queue_id, SHELTER)
    desk(capacity.set_capacity_settings, MANAGER, is_on=False)
    late = desk.assign(queue_id, SHELTER)
    desk(capacity.set_capacity_settings, MANAGER)
    assert desk.numbers(SHELTER) == (5, 2, 3)
    desk.move(late, "completed")
    assert desk.numbers(SHELTER) == (5, 1, 4)


def test_a_schedule_that_begins_after_a_gap_counts_who_came_meanwhile(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    times = {"program_id": desk.resource[SHELTER], "unit": "beds"}
    with at(MONDAY):
        for start, end, total in ((1, 2, 4), (3, 4, 4), (4, 5, 1)):
            starts, ends = (MONDAY + start * DAY).isoformat(), (MONDAY + end * DAY).isoformat()
            desk(capacity.schedule_capacity, starts_at=starts, ends_at=ends, total=total, **times)
    with at(MONDAY + 2.5 * DAY):
        desk.assign(queue_id, SHELTER)
        desk.assign(queue_id, SHELTER)
    with at(MONDAY + 3.5 * DAY):
        settle_due(desk.service.runtime)
        assert desk.numbers(SHELTER) == (4, 2, 2)
    with at(MONDAY + 4.5 * DAY):
        settle_due(desk.service.runtime)
        assert desk.numbers(SHELTER) == (2, 2, 0)
