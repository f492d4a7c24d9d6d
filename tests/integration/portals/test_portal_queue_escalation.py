"""What nobody answers in its time is told to one after another, and nothing is ever closed by that; on both databases."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.identity import organisations
from services.contracts.portals import absences, inbox, messages, portal_queue, staff_groups
from services.portals.configuration import time_zones
from services.portals.portal_queue import escalation
from tests.support.in_process import BAYSIDE, HARBOR, a_caller
from tests.support.portal_desk import OTHER_STAFF, STAFF, START, PortalDesk, a_person

HOUR = datetime.timedelta(hours=1)
SUPERVISOR = a_caller(messages.WORK, id="9" * 32)
CONFIGURES = a_caller("portal.manage_chart_tabs", "portal.view_preliminary_documents")
MANAGER = a_caller("portal.configure")
DUE = START + 48 * HOUR  # a refill request: Wednesday to Friday


@pytest.fixture
def desk(portal_desk: PortalDesk) -> PortalDesk:
    for organisation in (HARBOR, BAYSIDE):
        data = {"organisation_id": organisation[0]}
        portal_desk.portals.deliver(organisations.organisation_created, data, organisation=organisation)
    portal_desk.workers.add(SUPERVISOR.id)
    return portal_desk


def a_group(desk: PortalDesk, name: str = "Clinical", **members: Any) -> Any:
    return desk(staff_groups.create_staff_group, CONFIGURES, name=name, **members)


def is_away(desk: PortalDesk, caller: Any, surrogate: Any = None, **members: Any) -> Any:
    request = {"from_on": "2026-03-01", "until_on": "2026-03-31", "version": 1} | members
    surrogate_id = surrogate.id if surrogate else None
    return desk(absences.set_my_absence, caller, surrogate_id=surrogate_id, **request)


def told(desk: PortalDesk) -> list[tuple[str, list[str]]]:
    """What was told since the start, after all that is due now."""
    assert escalation.tell_due(desk.portals.runtime)
    return [(each["level"], each["account_ids"]) for each in desk.events(portal_queue.item_escalated)]


def test_holder_surrogate_and_supervisor_are_told_one_after_another(desk: PortalDesk) -> None:
    a_group(desk, supervisor_id=SUPERVISOR.id)
    item = desk.change(portal_queue.claim_queue_item, desk.send())
    is_away(desk, STAFF, OTHER_STAFF)
    assert datetime.datetime.fromisoformat(item["due_at"]) == DUE
    desk.clock.move_to(DUE - HOUR / 60)
    assert told(desk) == []
    expected = [("holder", [STAFF.id]), ("surrogate", [OTHER_STAFF.id]), ("supervisor", [SUPERVISOR.id])]
    for number in range(3):
        desk.clock.move_to(DUE + 4 * number * HOUR)
        assert told(desk) == told(desk) == expected[: number + 1]
        assert desk.item(item)["escalated_to"] == expected[number][0]
    desk.clock.move_to(DUE + 400 * HOUR)
    assert told(desk) == expected, "nobody is told twice"
    shown = desk.item(item)
    assert (shown["state"], shown["is_waiting"], shown["assigned_to"]) == ("open", True, STAFF.id)
    assert shown["version"] == item["version"], "who has the page open loses nothing"
    assert [each["level"] for each in shown["escalations"]] == ["holder", "surrogate", "supervisor"]
    assert shown["escalations"][1]["accounts"][0]["account_id_name"] == "Kim L."
    (event, *_) = desk.events(portal_queue.item_escalated)
    assert set(event) == {"item_id", "type", "version", "level", "account_ids", "due_at"}
    assert len(desk.portals.audit("queue_item.escalated")) == 3


def test_the_next_is_told_on_a_day_on_which_the_organisation_works(desk: PortalDesk) -> None:
    a_group(desk, supervisor_id=SUPERVISOR.id)
    desk(
        portal_queue.change_queue_settings,
        MANAGER,
        version=1,
        escalation_hours=24,
        closed_on=["2026-03-09"],
        time_zone="Europe/Berlin",
    )
    desk.change(portal_queue.claim_queue_item, desk.send())
    desk.clock.move_to(DUE)  # Friday
    assert len(told(desk)) == 1
    desk.clock.move_to(datetime.datetime(2026, 3, 10, 11, 59, tzinfo=datetime.UTC))
    assert len(told(desk)) == 1, "neither at the weekend nor on the Monday that is closed"
    desk.clock.shift(HOUR)
    assert told(desk)[1:] == [("supervisor", [SUPERVISOR.id])]


def test_without_a_holder_those_of_the_group_who_are_there_are_told(desk: PortalDesk) -> None:
    a_group(desk, member_ids=[STAFF.id, OTHER_STAFF.id])
    item = desk.send()
    nobody = desk.send(type="request_an_accommodation", portal="employee", caller=a_person(realm="employee"))
    is_away(desk, STAFF)
    desk.clock.move_to(DUE + 400 * HOUR)
    assert told(desk) == [("holder", [OTHER_STAFF.id])]
    assert desk.item(item)["escalated_to"] == "holder"
    assert desk.item(nobody)["escalated_to"] is None, "its department has no group"
    assert desk.queue(is_escalated=True) == [item["id"]]
    assert desk.queue(is_escalated=False) == [nobody["id"]]
    counts = desk(portal_queue.count_queue)
    assert (counts["escalated"], counts["overdue"], counts["waiting"]) == (1, 2, 2)
    assert [(each["name"], each["waiting"]) for each in counts["departments"]] == [
        ("Clinical", 1),
        ("Front desk", 1),
    ]


@pytest.mark.parametrize("way", ["answered", "dismissed"])
def test_what_is_answered_or_dismissed_is_told_to_nobody(desk: PortalDesk, way: str) -> None:
    a_group(desk, member_ids=[STAFF.id], supervisor_id=SUPERVISOR.id)
    item = desk.send()
    desk.clock.move_to(DUE)
    assert len(told(desk)) == 1
    ended = desk.answer(item, outcome="left_open") if way == "answered" else desk.dismiss(item)
    assert ended["escalated_to"] is None
    desk.clock.shift(400 * HOUR)
    assert len(told(desk)) == 1
    assert desk(portal_queue.count_queue)["escalated"] == 0


def test_the_time_begins_anew_when_the_person_writes_again_or_the_item_comes_back(desk: PortalDesk) -> None:
    a_group(desk, member_ids=[STAFF.id])
    item = desk.send()
    thread = desk(inbox.list_my_threads, a_person())["items"][0]["id"]
    desk.clock.shift(HOUR)
    desk(inbox.reply_in_my_thread, a_person(), thread_id=thread, text="Please.")
    waiting = desk.item(item)
    assert datetime.datetime.fromisoformat(waiting["due_at"]) == DUE, "it waits for its first answer"
    answered = desk.answer(waiting, outcome="left_open")
    desk.clock.move_to(DUE + 72 * HOUR)  # Monday
    desk(inbox.reply_in_my_thread, a_person(), thread_id=thread, text="Thank you, and?")
    again = desk.item(answered)
    assert datetime.datetime.fromisoformat(again["due_at"]) == DUE + 120 * HOUR
    assert told(desk) == []
    closed = desk.dismiss(again)
    desk.clock.shift(HOUR)
    back = desk.change(portal_queue.unarchive_queue_item, closed, confirm=True)
    assert datetime.datetime.fromisoformat(back["due_at"]) == DUE + 121 * HOUR
    desk.clock.move_to(DUE + 121 * HOUR)
    assert told(desk) == [("holder", [STAFF.id])]


def test_another_due_time_lets_all_be_told_anew_unless_it_is_answered(desk: PortalDesk) -> None:
    a_group(desk, member_ids=[STAFF.id])
    item = desk.send()
    desk.clock.move_to(DUE)
    assert len(told(desk)) == 1
    later = (DUE + HOUR).isoformat()
    changed = desk.change(portal_queue.change_queue_item, item, due_at=later)
    assert changed["escalated_to"] is None
    desk.clock.move_to(DUE + HOUR)
    assert len(told(desk)) == 2
    answered = desk.answer(desk.item(item), outcome="left_open")
    desk.change(portal_queue.change_queue_item, answered, due_at=(DUE + 2 * HOUR).isoformat())
    desk.clock.shift(400 * HOUR)
    assert len(told(desk)) == 2


def test_more_than_one_round_is_told_by_and_by(desk: PortalDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(escalation, "_MOST_ITEMS", 2)
    a_group(desk, member_ids=[STAFF.id])
    for _ in range(3):
        desk.send()
    desk.clock.move_to(DUE)
    assert not escalation.tell_due(desk.portals.runtime)
    assert len(desk.events(portal_queue.item_escalated)) == 2
    assert len(told(desk)) == 3


def test_until_staff_set_a_zone_days_begin_in_that_of_the_organisation(desk: PortalDesk) -> None:
    zone = {"organisation_id": HARBOR[0], "time_zone": "America/New_York"}
    desk.portals.deliver(organisations.organisation_time_zone_set, zone, organisation=HARBOR)
    assert desk(portal_queue.get_queue_settings, MANAGER)["time_zone"] == "America/New_York"
    # Friday at nine in the evening there, and Saturday in UTC: two working days later it is Tuesday at nine.
    desk.clock.move_to(datetime.datetime(2026, 3, 7, 2, tzinfo=datetime.UTC))
    assert desk.item(desk.send())["due_at"] == "2026-03-11T01:00:00+00:00"
    other = a_caller("portal.configure", organisation=BAYSIDE)
    assert desk(portal_queue.get_queue_settings, other)["time_zone"] == "UTC"
    saved = desk(portal_queue.change_queue_settings, MANAGER, version=1, time_zone="Europe/Berlin")
    assert saved["time_zone"] == "Europe/Berlin"
    desk.portals.deliver(organisations.organisation_time_zone_set, zone, organisation=HARBOR)
    assert desk(portal_queue.get_queue_settings, MANAGER)["time_zone"] == "Europe/Berlin"


def test_a_zone_that_identity_never_told_is_asked_for_once(desk: PortalDesk) -> None:
    zones = {HARBOR[1]: "America/New_York"}

    def facts(asked: Any) -> Any:
        if asked["organisation"] not in zones:
            raise Refused("not_found", "There is no organisation of this name.")
        return {"key": asked["organisation"], "time_zone": zones[asked["organisation"]]}

    asked_for = organisations.get_public_organisation.address
    with pytest.raises(Refused, match="service_unavailable"):  # the loop tries again
        time_zones.ask_for_missing(desk.portals.runtime, set())
    desk.portals.answers[asked_for] = facts
    assert time_zones.ask_for_missing(desk.portals.runtime, set())
    assert desk(portal_queue.get_queue_settings, MANAGER)["time_zone"] == "America/New_York"
    # What is known is not asked for again, and what an event tells holds.
    desk.portals.asked.clear()
    zone = {"organisation_id": HARBOR[0], "time_zone": "Europe/Berlin"}
    desk.portals.deliver(organisations.organisation_time_zone_set, zone, organisation=HARBOR)
    zones[BAYSIDE[1]] = "UTC"
    for _ in range(2):
        assert time_zones.ask_for_missing(desk.portals.runtime, set())
    assert [each["organisation"] for address, each in desk.portals.asked if address == asked_for] == [
        BAYSIDE[1]
    ]
    assert desk(portal_queue.get_queue_settings, MANAGER)["time_zone"] == "Europe/Berlin"


@pytest.mark.parametrize("known", [HARBOR, BAYSIDE])
def test_an_organisation_that_identity_does_not_know_is_asked_for_once_and_keeps_none_back(
    desk: PortalDesk, known: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def facts(asked: Any) -> Any:
        if asked["organisation"] != known[1]:
            raise Refused("not_found", "There is no organisation of this name.")
        return {"time_zone": "America/New_York"}

    monkeypatch.setattr(time_zones, "_MOST_AT_ONCE", 1)
    asked_for = organisations.get_public_organisation.address
    desk.portals.answers[asked_for] = facts
    unknown: set[str] = set()
    for _ in range(2):
        assert time_zones.ask_for_missing(desk.portals.runtime, unknown)
    asked = [each["organisation"] for address, each in desk.portals.asked if address == asked_for]
    assert sorted(asked) == sorted([HARBOR[1], BAYSIDE[1]])
    manager = a_caller("portal.configure", organisation=known)
    assert desk(portal_queue.get_queue_settings, manager)["time_zone"] == "America/New_York"


def test_what_an_event_tells_while_identity_is_asked_is_newer(desk: PortalDesk) -> None:
    def facts(asked: Any) -> Any:
        zone = {"organisation_id": HARBOR[0], "time_zone": "Europe/Berlin"}
        if asked["organisation"] == HARBOR[1]:
            desk.portals.deliver(organisations.organisation_time_zone_set, zone, organisation=HARBOR)
        return {"time_zone": "America/New_York"}

    desk.portals.answers[organisations.get_public_organisation.address] = facts
    assert time_zones.ask_for_missing(desk.portals.runtime, set())
    assert desk(portal_queue.get_queue_settings, MANAGER)["time_zone"] == "Europe/Berlin"


def test_settings_of_working_days(desk: PortalDesk) -> None:
    change = portal_queue.change_queue_settings
    usual = desk(portal_queue.get_queue_settings, MANAGER)
    assert (usual["working_days"], usual["time_zone"], usual["escalation_hours"]) == (
        [1, 2, 3, 4, 5],
        "UTC",
        4,
    )
    assert (usual["holidays"], usual["closed_on"]) == (None, [])
    days = ["2026-12-31", "2026-12-24", "2026-12-24"]
    saved = desk(change, MANAGER, version=1, working_days=[7, 1, 1], closed_on=days, holidays="US-CA")
    assert (saved["working_days"], saved["closed_on"]) == ([1, 7], ["2026-12-24", "2026-12-31"])
    assert desk(portal_queue.get_queue_settings, MANAGER)["holidays"] == "US-CA"
    for name, wrong in (
        ("holidays", "XX"),
        ("working_days", []),
        ("time_zone", "Moon"),
        ("escalation_hours", 0),
    ):
        refused = desk.refused(
            lambda name=name, wrong=wrong: desk(change, MANAGER, version=2, **{name: wrong})
        )
        assert (refused[0], (refused[1] or "").partition(".")[0]) == ("invalid_request", name)
