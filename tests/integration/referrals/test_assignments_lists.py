"""Lists of referrals: filters, order, pages."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.referrals import assignments, status_changes
from tests.integration.referrals.builders import STAFF, Desk, refusal

SHELTER, HOUSING, FOOD = "Night Shelter", "Family Housing First", "St. Mary's Café & Pantry"
DAY = datetime.timedelta(days=1)


def five_referrals(desk: Desk) -> dict[str, Any]:
    """`day4` assigned today and `day0` four days ago, in two queues to three programs."""
    settings = {"due_hours": 36, "when_full": "waitlist"}
    first = desk.a_queue(SHELTER, HOUSING, settings=settings)
    second = desk.a_queue(SHELTER, FOOD, name="Food")
    made = {
        "day0": desk.assign(first, SHELTER),
        "day1": desk.assign(first, HOUSING, priority="urgent"),
        "day2": desk.assign(second, FOOD),
        "day3": desk.assign(second, SHELTER),
    }
    desk.set_capacity(SHELTER, 0)
    made["day4"] = desk.assign(first, SHELTER)
    desk.move(made["day0"], "completed")
    desk.move(made["day2"], "enrolled")
    for days, referral in enumerate(reversed(list(made.values()))):
        desk.shift(referral["id"], days * DAY)
    return {"first": first, "second": second, **made}


def seen(desk: Desk, made: dict[str, Any], caller: Any = STAFF, **more: Any) -> list[str]:
    names = {referral["id"]: name for name, referral in made.items() if name.startswith("day")}
    return [names[item["id"]] for item in desk(assignments.list_referrals, caller, **more)["items"]]


def test_a_list_is_narrowed_by_each_filter_and_by_several(desk_on_both: Desk) -> None:
    desk = desk_on_both
    lists = five_referrals(desk)
    today = datetime.datetime.fromisoformat(lists["day4"]["progress"]["assigned_at"])
    alliance = desk.resource["Harbor Shelter Alliance"]
    for wanted, filters in (
        (["day4", "day1", "day0"], {"queue_id": lists["first"]}),
        (["day4", "day3", "day0"], {"program_id": desk.resource[SHELTER]}),
        (["day4", "day3", "day1", "day0"], {"agency_id": alliance}),
        (["day2"], {"status": "enrolled"}),
        (["day4", "day3", "day2", "day1"], {"is_open": True}),
        (["day0"], {"is_open": False}),
        (["day4"], {"is_waitlisted": True}),
        (["day1"], {"is_overdue": True}),
        (["day4", "day3", "day2", "day0"], {"is_overdue": False}),
        (["day1"], {"priority": "urgent"}),
        (
            ["day3", "day2"],
            {"assigned_from": str(today - 2.5 * DAY), "assigned_before": str(today - DAY / 2)},
        ),
        (["day3"], {"queue_id": lists["second"], "status": "referred"}),
        (["day3"], {"contact_record_id": lists["day3"]["progress"]["contact_record_id"]}),
        (["day0"], {"number": "1"}),
        ([], {"number": "no number"}),
        ([], {"agency_id": alliance, "program_id": desk.resource[FOOD]}),
    ):
        assert seen(desk, lists, **filters) == wanted, filters


def test_a_provider_narrows_only_what_is_in_sight(desk: Desk) -> None:
    lists = five_referrals(desk)
    provider = desk.provider(HOUSING)
    assert seen(desk, lists, provider) == ["day1"]
    assert seen(desk, lists, provider, program_id=desk.resource[SHELTER]) == []
    assert seen(desk, lists, provider, queue_id=lists["first"], is_overdue=True) == ["day1"]


def test_a_list_is_ordered_as_asked(desk_on_both: Desk) -> None:
    desk = desk_on_both
    lists = five_referrals(desk)
    newest = ["day4", "day3", "day2", "day1", "day0"]
    assert seen(desk, lists) == newest
    assert seen(desk, lists, sort="oldest") == newest[::-1]
    assert seen(desk, lists, sort="due") == ["day1"]
    assert seen(desk, lists, sort="waitlist") == ["day4"]
    assert refusal(lambda: seen(desk, lists, sort="name")) == "invalid_request"


@pytest.mark.parametrize("sort", ["newest", "oldest", "due", "waitlist"])
def test_pages_stay_where_they_are_while_referrals_come_in(desk: Desk, sort: str) -> None:
    queue_id = desk.a_queue(SHELTER, settings={"when_full": "waitlist", "due_hours": 8})
    if sort == "waitlist":
        desk.set_capacity(SHELTER, 0)
    made = [desk.assign(queue_id, SHELTER)["id"] for _ in range(5)]
    wanted = made[::-1] if sort == "newest" else made
    found: list[str] = []
    after = None
    while len(found) < 5:
        page = desk(assignments.list_referrals, after=after, limit=2, sort=sort)
        found += [item["id"] for item in page["items"]]
        after = page["next"]
        late = desk.assign(queue_id, SHELTER)["id"]
    assert found[:5] == wanted
    assert sort == "newest" or late not in found[:5]


def test_the_last_page_says_so(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    for _ in range(4):
        desk.assign(queue_id, SHELTER)
    page = desk(assignments.list_referrals, limit=2)
    assert desk(assignments.list_referrals, limit=2, after=page["next"])["next"] is None


def test_a_page_goes_on_in_its_own_order_only(desk: Desk) -> None:
    queue_id = desk.a_queue(SHELTER)
    for _ in range(2):
        desk.assign(queue_id, SHELTER)
    cursor = desk(assignments.list_referrals, limit=1)["next"]
    with pytest.raises(Refused) as refused:
        desk(assignments.list_referrals, limit=1, sort="oldest", after=cursor)
    assert (refused.value.code, refused.value.field) == ("invalid_request", "after")
    assert "another order" in refused.value.detail


def test_history_tells_a_provider_what_happened_and_who_did_it(desk: Desk) -> None:
    provider = desk.provider(SHELTER)
    referral = desk.assign(desk.a_queue(SHELTER), SHELTER, note="Hello.")
    desk(
        status_changes.decline_referral,
        provider,
        referral_id=referral["id"],
        version=1,
        reason_code="not_eligible",
        note="Too young.",
    )
    first, second = desk(assignments.list_referral_history, provider, referral_id=referral["id"])["items"]
    assert (first["kind"], first["note"], first["actor"]["side"]) == ("assigned", "Hello.", "partner")
    assert (second["kind"], second["from_status"], second["to_status"]) == (
        "declined",
        "Referred",
        "Declined",
    )
    assert (second["reason_code"], second["note"]) == ("not_eligible", "Too young.")
    assert (second["actor"]["id"], second["actor"]["side"]) == (provider.id, "provider")
