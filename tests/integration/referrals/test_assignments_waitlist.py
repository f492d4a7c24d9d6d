"""Referrals to a full program: refused, confirmed or waiting; and the order in which free places are given."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.referrals import assignments, capacity, offers, status_changes
from services.contracts.referrals.capacity import capacity_changed
from services.referrals.capacity.due_lines import settle_due
from tests.integration.referrals.builders import Desk, refusal
from tests.support.in_process import HARBOR

HERE = "Night Shelter"
HOUR = datetime.timedelta(hours=1)


def a_full_house(desk: Desk, when_full: str, beds: int = 1) -> tuple[str, list[Any]]:
    """A queue, and the referrals that hold all beds of its program."""
    queue_id = desk.a_queue(HERE, settings={"when_full": when_full})
    desk.set_capacity(HERE, beds)
    return queue_id, [desk.assign(queue_id, HERE) for _ in range(beds)]


def waiting(desk: Desk) -> list[str]:
    return [each["id"] for each in desk(assignments.list_referrals, sort="waitlist")["items"]]


def promoted(desk: Desk) -> list[str]:
    return [event["subject"] for event in desk.service.events(assignments.referral_promoted)]


def test_a_queue_that_warns_asks_once_and_goes_on_when_confirmed(desk: Desk) -> None:
    queue_id, _ = a_full_house(desk, "warn")
    with pytest.raises(Refused) as refused:
        desk.assign(queue_id, HERE)
    assert (refused.value.code, refused.value.more) == ("capacity_exhausted", {"may_confirm": True})
    assert "confirm" in refused.value.detail
    over = desk.assign(queue_id, HERE, confirm=True)
    assert not over["progress"]["is_waitlisted"]
    assert desk.numbers(HERE) == (1, 1, 0)
    desk.move(over, "completed")
    assert desk.numbers(HERE) == (1, 1, 0)


def test_confirming_does_not_open_a_queue_that_blocks(desk: Desk) -> None:
    queue_id, _ = a_full_house(desk, "block")
    assert refusal(lambda: desk.assign(queue_id, HERE, confirm=True)) == "capacity_exhausted"


def test_a_referral_waits_without_a_place_and_without_being_due(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, settings={"when_full": "waitlist", "due_hours": 4})
    desk.set_capacity(HERE, 1)
    first, second = desk.assign(queue_id, HERE), desk.assign(queue_id, HERE)
    progress = second["progress"]
    assert (progress["is_waitlisted"], progress["due_at"]) == (True, None)
    assert desk.numbers(HERE) == (1, 1, 0)
    assert [each["id"] for each in desk(assignments.list_referrals, is_waitlisted=False)["items"]] == [
        first["id"]
    ]
    (event,) = desk.service.events(assignments.referral_waitlisted)
    assert event["subject"] == second["id"]
    desk.deliver_own()
    assert promoted(desk) == []
    desk.move(second, "completed")
    assert desk.numbers(HERE) == (1, 1, 0)
    assert waiting(desk) == []


def test_a_place_that_becomes_free_goes_to_the_most_urgent_then_to_the_longest_waiting(desk: Desk) -> None:
    queue_id, housed = a_full_house(desk, "waitlist", beds=3)
    early, late = desk.assign(queue_id, HERE), desk.assign(queue_id, HERE)
    urgent = desk.assign(queue_id, HERE, priority="urgent")
    for referral in housed:
        desk.move(referral, "completed")
        desk.deliver_own()
    assert promoted(desk) == [urgent["id"], early["id"], late["id"]]
    assert desk.numbers(HERE) == (3, 3, 0)
    now = desk.read(urgent)
    assert (now["progress"]["is_waitlisted"], now["version"]) == (False, 2)
    lines = desk(assignments.list_referral_history, referral_id=urgent["id"])["items"]
    assert [(line["kind"], line["actor"]["side"]) for line in lines] == [
        ("waitlisted", "partner"),
        ("promoted", "system"),
    ]


def test_more_places_let_as_many_in_and_no_more(desk: Desk) -> None:
    queue_id, _ = a_full_house(desk, "waitlist")
    ids = [desk.assign(queue_id, HERE)["id"] for _ in range(5)]
    desk.set_capacity(HERE, 4)
    desk.deliver_own()
    assert promoted(desk) == ids[:3]
    assert waiting(desk) == ids[3:]
    assert desk.numbers(HERE) == (4, 4, 0)


def test_who_comes_later_does_not_overtake_who_waits(desk: Desk) -> None:
    queue_id, housed = a_full_house(desk, "waitlist")
    other_queue = desk.a_queue(HERE, name="Winter")
    first = desk.assign(queue_id, HERE)
    desk.move(housed[0], "completed")
    assert desk.numbers(HERE) == (1, 0, 1)
    second = desk.assign(queue_id, HERE)
    assert second["progress"]["is_waitlisted"]
    assert refusal(lambda: desk.assign(other_queue, HERE)) == "capacity_exhausted"
    desk.deliver_own()
    assert promoted(desk) == [first["id"]]


@pytest.mark.parametrize("names_its_line", [True, False])
def test_who_waits_for_one_line_keeps_nobody_from_another(desk: Desk, names_its_line: bool) -> None:
    queue_id = desk.a_queue("Night Shelter", settings={"when_full": "waitlist"})
    beds = desk.set_capacity("Night Shelter", 1, unit="beds")["line_id"]
    desk.assign(queue_id, "Night Shelter", line_id=beds)
    slots = desk(
        capacity.add_capacity_line,
        program_id=desk.resource["Night Shelter"],
        name="Intake slots",
        total=2,
        unit="slots",
    )["line_id"]
    waiting = desk.assign(queue_id, "Night Shelter", line_id=beds)
    assert waiting["progress"]["is_waitlisted"]
    taken = desk.assign(queue_id, "Night Shelter", **({"line_id": slots} if names_its_line else {}))
    assert not taken["progress"]["is_waitlisted"]
    lines = desk(capacity.list_capacities)["items"]
    assert [(line["line_id"], line["used"]) for line in lines] == [(beds, 1), (slots, 1)]


@pytest.mark.parametrize("end", ["removed", "switched off", "over"])
@pytest.mark.parametrize("names_its_line", [True, False])
def test_nobody_waits_where_nothing_limits_the_program_any_more(
    desk: Desk, end: str, names_its_line: bool
) -> None:
    queue_id = desk.a_queue(HERE, settings={"when_full": "waitlist"})
    if end == "over":
        starts_at = utc_now() + datetime.timedelta(seconds=1)
        schedule = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + HOUR).isoformat(), "total": 1}
        line_id = desk(capacity.schedule_capacity, program_id=desk.resource[HERE], **schedule)["line_id"]
        now = starts_at
    else:
        line_id, now = desk.set_capacity(HERE, 1)["line_id"], utc_now()
    with time_machine.travel(now, tick=False):
        desk.assign(queue_id, HERE)
        wish = {"line_id": line_id} if names_its_line else {}
        waits = [desk.assign(queue_id, HERE, **wish) for _ in range(2)]
        desk.deliver_own()
        assert {desk.read(each)["progress"]["is_waitlisted"] for each in waits} == {True}
    with time_machine.travel(now + HOUR, tick=False):
        if end == "removed":
            desk(capacity.remove_capacity_line, line_id=line_id)
        elif end == "switched off":
            desk(capacity.set_capacity_settings, is_on=False)
        else:
            settle_due(desk.service.runtime)
        desk.deliver_own()
        assert {desk.read(each)["progress"]["is_waitlisted"] for each in waits} == {False}
        assert not desk.assign(queue_id, HERE)["progress"]["is_waitlisted"]


def test_capacity_that_was_off_already_lets_nobody_in_again(desk: Desk) -> None:
    queue_id, _ = a_full_house(desk, "waitlist")
    desk.assign(queue_id, HERE)
    told = len(desk.service.events(capacity_changed))
    for _ in range(2):
        desk(capacity.set_capacity_settings, is_on=False)
        assert len(desk.service.events(capacity_changed)) == told + 1


def test_who_waits_for_a_line_that_is_removed_waits_for_any(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, settings={"when_full": "waitlist"})
    desk.set_capacity(HERE, 1, unit="beds")
    first = desk.assign(queue_id, HERE)
    new_line = {"program_id": desk.resource[HERE], "name": "Cots", "total": 0, "unit": "cots"}
    cots = desk(capacity.add_capacity_line, **new_line)["line_id"]
    waits = desk.assign(queue_id, HERE, line_id=cots)
    desk(capacity.remove_capacity_line, line_id=cots)
    desk.deliver_own()
    assert desk.read(waits)["progress"]["is_waitlisted"]
    desk.move(first, "completed")
    desk.deliver_own()
    assert not desk.read(waits)["progress"]["is_waitlisted"]
    assert desk.numbers(HERE) == (1, 1, 0)


@pytest.mark.parametrize("waits_for", ["the line", "any line"])
@pytest.mark.parametrize("comes", ["new", "reopened", "of an offer"])
def test_a_place_that_has_just_become_free_is_left_to_who_waits_for_it(
    desk: Desk, waits_for: str, comes: str
) -> None:
    """Before the waitlist was served: the events of the place that became free are not delivered yet."""
    queue_id = desk.a_queue(HERE, "Family Housing First", settings={"when_full": "waitlist"})
    beds = desk.set_capacity(HERE, 2, unit="beds")["line_id"]
    ended, other = desk.assign(queue_id, HERE), desk.assign(queue_id, HERE)
    ended = desk.move(ended, "completed")
    last = desk.assign(queue_id, HERE)
    program_ids = [desk.resource[name] for name in (HERE, "Family Housing First")]
    offer = {"contact_record_id": desk.a_record(), "queue_id": queue_id, "program_ids": program_ids}
    programs = desk(offers.create_offer, **offer)["programs"]
    asked = next(each["referral_id"] for each in programs if each["program_id"] == program_ids[0])
    wish = {"line_id": beds} if waits_for == "the line" else {}
    waits = desk.assign(queue_id, HERE, **wish)
    assert waits["progress"]["is_waitlisted"]
    desk.move(other, "completed")
    if comes == "new":
        assert desk.assign(queue_id, HERE)["progress"]["is_waitlisted"]
    elif comes == "reopened":
        assert refusal(lambda: desk.move(ended, "enrolled")) == "capacity_exhausted"
    else:
        take = {"referral_id": asked, "version": 1}
        assert refusal(lambda: desk(status_changes.accept_referral, **take)) == "capacity_exhausted"
    assert desk.numbers(HERE) == (2, 1, 1)
    desk.deliver_own()
    assert not desk.read(waits)["progress"]["is_waitlisted"]
    desk.move(last, "completed")
    desk.deliver_own()
    again = desk.read(ended)
    assert comes == "new" or desk.move(again, "enrolled")["progress"]["status_key"] == "enrolled"


def test_a_place_that_became_free_while_somebody_was_put_on_the_waitlist_is_not_lost(desk: Desk) -> None:
    queue_id, housed = a_full_house(desk, "waitlist")
    first = desk.assign(queue_id, HERE)
    desk.move(housed[0], "completed")
    # The event of the freed place was handled before anybody waited, so only the other event leads to the waitlist.
    (freed,) = [event for event in desk.service.events(capacity_changed) if event["data"]["free"]][-1:]
    desk.ignore(freed["id"])
    desk.deliver_own()
    assert promoted(desk) == [first["id"]]


def test_who_waits_is_moved_on_only_with_a_place(desk: Desk) -> None:
    queue_id, housed = a_full_house(desk, "waitlist")
    referral = desk.assign(queue_id, HERE)
    with pytest.raises(Refused) as refused:
        desk.move(referral, "enrolled")
    assert (refused.value.code, refused.value.field) == ("capacity_exhausted", "referral_id")
    assert "raise the capacity" in refused.value.detail  # a move cannot choose another program
    desk.move(housed[0], "completed")
    taken = desk.move(referral, "enrolled")
    assert not taken["progress"]["is_waitlisted"]
    assert desk.numbers(HERE) == (1, 1, 0)
    desk.deliver_own()
    assert promoted(desk) == []


def test_a_change_of_priority_changes_the_order_of_the_waitlist(desk: Desk) -> None:
    queue_id, housed = a_full_house(desk, "waitlist")
    _, second = desk.assign(queue_id, HERE), desk.assign(queue_id, HERE)
    raised = desk(assignments.change_priority, referral_id=second["id"], priority="stat", version=1)
    assert (raised["version"], raised["progress"]["priority"]) == (2, "stat")
    again = desk(assignments.change_priority, referral_id=second["id"], priority="stat", version=2)
    assert again["version"] == 2  # as urgent as it was
    desk.move(housed[0], "completed")
    desk.deliver_own()
    assert promoted(desk) == [second["id"]]


def test_of_many_places_that_become_free_at_once_each_is_given_once(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id, housed = a_full_house(desk, "waitlist", beds=6)
    ids = [desk.assign(queue_id, HERE)["id"] for _ in range(8)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda referral: desk.move(referral, "completed"), housed))
        freed = [event for event in desk.service.events(capacity_changed) if event["data"]["free"]]
        # The worst case of a broker: all events at once, and each twice.
        list(pool.map(lambda event: deliver(desk, event), [*freed, *freed]))
    desk.deliver_own()
    assert sorted(promoted(desk)) == sorted(ids[:6])
    assert desk.numbers(HERE) == (6, 6, 0)
    assert waiting(desk) == ids[6:]


def deliver(desk: Desk, event: Any) -> None:
    desk.service.deliver(capacity_changed, event["data"], organisation=HARBOR, event_id=event["id"])
