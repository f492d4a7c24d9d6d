"""Dashboard: counts per ReferralQ, status and program, capacity beside demand, the same for staff and providers."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event, select

from services.contracts.referrals import assignments, capacity, reports, status_changes
from services.referrals.reports.folding import fold_all
from services.referrals.reports.models import ReportCount, ReportDelta
from tests.integration.referrals.builders import OTHER_STAFF, Desk, refusal

NUMBERS = ("open", "ended", "waiting", "urgent", "overdue")


def numbers(part: Any) -> tuple[int, ...]:
    return tuple(part[name] for name in NUMBERS)


def by_status(part: Any) -> dict[str, int]:
    return {each["status"]: each["count"] for each in part["statuses"] if each["count"]}


@pytest.mark.seed("S0-53")
def test_the_dashboard_counts_by_queue_and_status_with_capacity_beside(desk_on_both: Desk) -> None:
    desk = desk_on_both
    housing = desk.a_queue("Night Shelter", "Family Housing First")
    food = desk.a_queue("St. Mary's Café & Pantry", name="Food")
    desk.set_capacity("Night Shelter", 5)
    first, second = (
        desk.assign(housing, "Night Shelter"),
        desk.assign(housing, "Night Shelter", priority="urgent"),
    )
    desk.assign(housing, "Family Housing First")
    desk.move(first, "enrolled")
    desk.move(second, "completed")
    desk.assign(food, "St. Mary's Café & Pantry")

    seen = desk(reports.get_dashboard)

    assert [queue["name"] for queue in seen["queues"]] == ["Food", "Housing"]
    assert numbers(seen["totals"]) == (3, 1, 0, 0, 0)
    of_housing = seen["queues"][1]
    assert numbers(of_housing) == (2, 1, 0, 0, 0)
    assert by_status(of_housing) == {"referred": 1, "enrolled": 1, "completed": 1}
    assert of_housing["capacity"] == [{"unit": "referrals", "total": 5, "used": 1, "free": 4}]
    assert seen["queues"][0]["capacity"] == []
    assert desk(reports.get_dashboard, queue_id=food)["queues"] == [seen["queues"][0]]


def test_the_dashboard_adds_no_beds_to_pickups(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter", "Family Housing First", "St. Mary's Café & Pantry")
    desk.set_capacity("Night Shelter", 20, unit="Beds")
    desk.set_capacity("Family Housing First", 5, unit="beds")
    desk.set_capacity("St. Mary's Café & Pantry", 12, unit="pickups")
    desk.assign(queue_id, "St. Mary's Café & Pantry")
    desk.assign(queue_id, "Family Housing First")
    line_id = desk(
        capacity.add_capacity_line,
        program_id=desk.resource["Night Shelter"],
        name="Removed",
        total=7,
        unit="beds",
    )["line_id"]
    desk(capacity.remove_capacity_line, line_id=line_id)
    (queue,) = desk(reports.get_dashboard)["queues"]
    assert queue["capacity"] == [
        {"unit": "Beds", "total": 25, "used": 1, "free": 24},
        {"unit": "pickups", "total": 12, "used": 1, "free": 11},
    ]
    (seen,) = desk(reports.get_dashboard, desk.provider("Night Shelter"))["queues"]
    assert seen["capacity"] == [{"unit": "Beds", "total": 20, "used": 0, "free": 20}]


def test_programs_show_their_demand_beside_their_capacity_page_by_page(desk: Desk) -> None:
    housing = desk.a_queue("Night Shelter", "Family Housing First")
    other = desk.a_queue("Night Shelter", name="Winter")
    desk.set_capacity("Night Shelter", 2, note="Ground floor only")
    desk.assign(housing, "Night Shelter")
    desk.assign(other, "Night Shelter", priority="stat")

    whole = desk(reports.list_program_demand)["items"]

    shown = [(item["program_name"], item["queue_name"], numbers(item)) for item in whole]
    assert shown[0] == ("Family Housing First", "Housing", (0, 0, 0, 0, 0))
    assert sorted(shown[1:]) == [
        ("Night Shelter", "Housing", (1, 0, 0, 0, 0)),
        ("Night Shelter", "Winter", (1, 0, 0, 1, 0)),
    ]
    (line,) = whole[1]["capacity"]
    assert (line["total"], line["used"], line["free"]) == (2, 2, 0)
    assert (line["capacity_status"], line["note"]) == ("no_capacity", "Ground floor only")
    assert by_status(whole[1]) == {"referred": 1}
    pages, after = [], None
    while after is not None or not pages:
        page = desk(reports.list_program_demand, limit=1, after=after)
        pages += page["items"]
        after = page["next"]
    assert pages == whole
    assert len(desk(reports.list_program_demand, queue_id=other)["items"]) == 1
    assert refusal(lambda: desk(reports.list_program_demand, after="nonsense")) == "invalid_request"


@pytest.mark.seed("S0-1")
@pytest.mark.seed("S0-50")
def test_a_provider_sees_the_numbers_that_staff_sees_of_the_own_programs_only(desk: Desk) -> None:
    housing = desk.a_queue("Night Shelter", "Family Housing First")
    food = desk.a_queue("St. Mary's Café & Pantry", name="Food")
    desk.set_capacity("Night Shelter", 5, unit="beds", note="Ground floor only")
    desk.set_capacity("Family Housing First", 3, unit="beds")
    for program in ("Night Shelter", "Night Shelter", "Family Housing First"):
        last = desk.assign(housing, program)
    desk.move(last, "enrolled")
    desk.assign(food, "St. Mary's Café & Pantry")
    provider = desk.provider("Night Shelter")

    (queue,) = desk(reports.get_dashboard, provider)["queues"]
    assert (queue["name"], numbers(queue), by_status(queue)) == ("Housing", (2, 0, 0, 0, 0), {"referred": 2})
    assert queue["capacity"] == [{"unit": "beds", "total": 5, "used": 2, "free": 3}]
    theirs = desk(reports.list_program_demand, provider)["items"]
    ours = desk(reports.list_program_demand)["items"]
    assert theirs == [item for item in ours if item["program_name"] == "Night Shelter"]
    (line,) = theirs[0]["capacity"]
    assert (by_status(theirs[0]), line["free"], line["note"]) == ({"referred": 2}, 3, "Ground floor only")
    assert refusal(lambda: desk(reports.get_dashboard, provider, queue_id=food)) == "not_found"
    agency = desk.provider("Harbor Shelter Alliance")
    whole = desk(reports.get_dashboard)["queues"]
    assert [each["name"] for each in whole] == ["Food", "Housing"]
    seen = desk(reports.get_dashboard, agency)
    assert (numbers(seen["totals"]), seen["queues"]) == ((3, 0, 0, 0, 0), whole[1:])
    assert by_status(whole[1]) == {"referred": 2, "enrolled": 1}
    assert whole[1]["capacity"] == [{"unit": "beds", "total": 8, "used": 3, "free": 5}]
    nobody = desk.provider()
    assert desk(reports.get_dashboard, nobody)["queues"] == []


def test_another_organisation_sees_none_of_it(desk: Desk) -> None:
    desk.assign(desk.a_queue("Night Shelter"), "Night Shelter")

    seen = desk(reports.get_dashboard, OTHER_STAFF)

    assert (seen["queues"], numbers(seen["totals"])) == ([], (0, 0, 0, 0, 0))
    assert desk(reports.list_program_demand, OTHER_STAFF)["items"] == []


def test_waiting_overdue_and_urgent_referrals_are_counted_until_they_end(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter", settings={"when_full": "waitlist", "due_hours": 2})
    desk.set_capacity("Night Shelter", 1)
    first = desk.assign(queue_id, "Night Shelter", priority="urgent")
    desk.assign(queue_id, "Night Shelter")
    assert numbers(desk(reports.get_dashboard)["totals"]) == (2, 0, 1, 1, 0)

    desk.shift(first["id"], datetime.timedelta(hours=3))
    assert numbers(desk(reports.get_dashboard)["totals"]) == (2, 0, 1, 1, 1)
    (only,) = desk(reports.list_program_demand, desk.provider("Night Shelter"))["items"]
    assert numbers(only) == (2, 0, 1, 1, 1)

    first = desk(
        assignments.change_priority, referral_id=first["id"], priority="routine", version=first["version"]
    )
    assert numbers(desk(reports.get_dashboard)["totals"]) == (2, 0, 1, 0, 1)
    desk.move(first, "completed")
    assert numbers(desk(reports.get_dashboard)["totals"]) == (1, 1, 1, 0, 0)
    desk.deliver_own()
    assert numbers(desk(reports.get_dashboard)["totals"]) == (1, 1, 0, 0, 0)


def test_a_referral_that_was_taken_back_counts_as_ended_and_at_no_open_status(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    referral = desk.assign(queue_id, "Night Shelter")

    desk(
        status_changes.withdraw_referral,
        referral_id=referral["id"],
        reason_code="no_longer_needed",
        version=referral["version"],
    )

    (queue,) = desk(reports.get_dashboard)["queues"]
    assert (numbers(queue), by_status(queue)) == ((0, 1, 0, 0, 0), {})


def test_folding_changes_no_number_and_leaves_no_delta(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter")
    moved = desk.assign(queue_id, "Night Shelter")
    desk.assign(queue_id, "Night Shelter", priority="urgent")
    fold_all(desk.service.database)
    desk.move(moved, "completed")
    before = desk(reports.get_dashboard)

    fold_all(desk.service.database)

    after = desk(reports.get_dashboard)
    assert (after["totals"], after["queues"]) == (before["totals"], before["queues"])
    assert numbers(after["totals"]) == (1, 1, 0, 1, 0)
    with desk.service.database.reading(None) as session:
        assert session.scalars(select(ReportDelta)).all() == []
        assert sum(row.total for row in session.scalars(select(ReportCount))) == 2


def test_many_queues_take_no_more_statements_than_one(desk: Desk) -> None:
    def statements() -> int:
        seen: list[str] = []
        engine = desk.service.database.engine
        event.listen(engine, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
        desk(reports.get_dashboard)
        desk(reports.list_program_demand)
        return len(seen)

    desk.assign(desk.a_queue("Night Shelter"), "Night Shelter")
    one = statements()
    for number in range(5):
        desk.assign(desk.a_queue("Night Shelter", "Family Housing First", name=f"Q{number}"), "Night Shelter")
    assert statements() == one


def test_counts_stay_exact_while_many_write_and_two_fold(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter", "Family Housing First")
    records = desk.many_records(40)
    programs = ("Night Shelter", "Family Housing First")

    def write(number: int) -> None:
        referral = desk.assign(queue_id, programs[number % 2], records[number])
        if number % 4 == 0:
            desk.move(referral, "completed")

    with ThreadPoolExecutor(8) as pool:
        work = [pool.submit(write, number) for number in range(len(records))]
        work += [pool.submit(fold_all, desk.service.database) for _ in range(10)]
        for each in work:
            each.result()

    (queue,) = desk(reports.get_dashboard)["queues"]
    assert by_status(queue) == {"referred": 30, "completed": 10}
    fold_all(desk.service.database)
    assert by_status(desk(reports.get_dashboard)["queues"][0]) == {"referred": 30, "completed": 10}
