"""Staff who are away: who stands in, what people read before they write, and where new items go; on both databases."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.contracts.identity import accounts
from services.contracts.portals import absences as contract
from services.contracts.portals import inbox, messages, portal_queue, staff_groups
from tests.support.in_process import BAYSIDE, a_caller
from tests.support.portal_desk import OTHER_STAFF, STAFF, PortalDesk, a_person

CONFIGURES = a_caller("portal.manage_chart_tabs", "portal.view_preliminary_documents")
DAYS = {"from_on": "2026-03-01", "until_on": "2026-03-06"}
TEXT = "I am at a conference. Please call the desk."
DAY = datetime.timedelta(days=1)


def is_away(desk: PortalDesk, caller: Any = STAFF, **members: Any) -> Any:
    version = desk(contract.get_my_absence, caller)["version"]
    return desk(contract.set_my_absence, caller, version=version, **DAYS | members)


def test_an_absence_is_set_changed_and_ended(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    group = {"name": "Nurses", "member_ids": [STAFF.id], "supervisor_id": OTHER_STAFF.id}
    desk(staff_groups.create_staff_group, CONFIGURES, **group)
    before = desk(contract.get_my_absence)
    assert (before["version"], before["from_on"], before["surrogate_id"]) == (1, None, None)
    assert before["colleagues"] == [{"account_id": OTHER_STAFF.id, "account_id_name": "Kim L."}]
    away = is_away(desk, text=TEXT, surrogate_id=OTHER_STAFF.id)
    assert {name: away[name] for name in ("version", "from_on", "until_on", "text")} == {
        "version": 2,
        "text": TEXT,
        **DAYS,
    }
    assert desk(contract.get_my_absence)["surrogate_id_name"] == "Kim L."
    assert desk(contract.get_my_absence, OTHER_STAFF)["from_on"] is None
    assert desk.refused(lambda: desk(contract.end_my_absence, version=1))[0] == "version_conflict"
    ended = desk(contract.end_my_absence, version=2)
    names = ("from_on", "until_on", "text", "surrogate_id")
    assert [ended[name] for name in names] == [None] * 4
    assert len(desk.portals.audit("absence.changed")) == 2


@pytest.mark.parametrize(
    ("members", "refused"),
    [
        ({"until_on": "2026-02-27"}, ("invalid_request", "until_on")),
        ({"from_on": "2026-02-01", "until_on": "2026-03-02"}, ("invalid_request", "until_on")),
        ({"surrogate_id": STAFF.id}, ("invalid_request", "surrogate_id")),
        ({"surrogate_id": "7" * 32}, ("not_found", "surrogate_id")),
    ],
)
def test_what_is_no_absence(
    portal_desk: PortalDesk, members: dict[str, Any], refused: tuple[str, str]
) -> None:
    assert portal_desk.refused(lambda: is_away(portal_desk, **members)) == refused


def test_an_absence_may_end_on_the_day_that_it_still_is_somewhere(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    desk.clock.move_to(datetime.datetime(2026, 3, 5, 11, 59, tzinfo=datetime.UTC))
    assert is_away(desk, until_on="2026-03-04")["until_on"] == "2026-03-04"
    assert desk.refused(lambda: is_away(desk, until_on="2026-03-03")) == ("invalid_request", "until_on")


def test_only_people_of_the_staff_are_away(portal_desk: PortalDesk) -> None:
    for caller in (a_person(), a_caller(), a_caller(messages.WORK, realm="api")):
        refused = portal_desk.refused(lambda caller=caller: portal_desk(contract.get_my_absence, caller))
        assert refused[0] == "forbidden"


def test_what_is_given_to_somebody_away_goes_to_who_stands_in(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    give = lambda item: desk.change(portal_queue.assign_queue_item, item, OTHER_STAFF, account_id=STAFF.id)  # noqa: E731
    before = give(desk.send())
    assert before["assigned_to"] == STAFF.id
    is_away(desk, surrogate_id=OTHER_STAFF.id)
    assert give(desk.send())["assigned_to"] == OTHER_STAFF.id
    assert desk.item(before)["assigned_to"] == STAFF.id, "what somebody has stays"
    is_away(desk)  # without a surrogate
    assert give(desk.send())["assigned_to"] == STAFF.id
    is_away(desk, surrogate_id=OTHER_STAFF.id)
    desk.clock.shift(3 * DAY)  # Saturday
    assert give(desk.send())["assigned_to"] == STAFF.id, "the last day has passed"


def test_who_writes_on_reads_that_somebody_is_away_and_the_surrogate_gets_it(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    item = desk.change(portal_queue.claim_queue_item, desk.send())
    thread = desk(inbox.list_my_threads, a_person())["items"][0]["id"]
    read = lambda: desk(inbox.get_my_thread, a_person(), thread_id=thread)["away"]  # noqa: E731
    assert read() is None
    is_away(desk, text=TEXT, surrogate_id=OTHER_STAFF.id)
    assert read() == {"until_on": "2026-03-06", "text": TEXT}
    desk(inbox.reply_in_my_thread, a_person(), thread_id=thread, text="Please.")
    shown = desk.item(item)
    assert shown["assigned_to"] == OTHER_STAFF.id
    assert desk.steps(item) == ["received", "claimed", "message_received", "assigned"]
    assert read() is None
    desk.dismiss(shown)
    is_away(desk, OTHER_STAFF)
    assert read() is None, "nobody has a closed item"


def test_a_group_that_is_away_as_a_whole_is_told_before_and_its_items_go_to_who_stands_in(
    portal_desk: PortalDesk,
) -> None:
    desk = portal_desk
    third = a_caller(messages.WORK, id="9" * 32)
    desk.workers.add(third.id)
    members = [STAFF.id, OTHER_STAFF.id]
    desk(staff_groups.create_staff_group, CONFIGURES, name="Clinical", member_ids=members)
    rules = lambda: {  # noqa: E731
        each["code"]: each["away"]
        for each in desk(inbox.get_writing_rules, a_person(), portal="patient")["types"]
    }
    is_away(desk, text=TEXT, surrogate_id=third.id, until_on="2026-03-05")
    assert rules()["refill_request"] is None, "one of them is there"
    assert desk.send()["assigned_to"] is None
    is_away(desk, OTHER_STAFF)
    assert rules()["refill_request"] == {"until_on": "2026-03-05", "text": TEXT}
    assert rules()["my_medical_information"] is None, "another department"
    sent = desk.send()
    assert sent["assigned_to"] == third.id
    assert desk.steps(sent) == ["received", "assigned"]
    assert (
        desk(inbox.get_writing_rules, a_person(organisation=BAYSIDE), portal="patient")["types"][0]["away"]
        is None
    )


def test_an_account_that_was_disabled_stands_in_for_nobody(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    third = a_caller(messages.WORK, id="9" * 32)
    desk.workers.add(third.id)
    version = is_away(desk, surrogate_id=third.id)["version"]
    is_away(desk, third, surrogate_id=OTHER_STAFF.id)
    give = lambda: desk.change(portal_queue.assign_queue_item, desk.send(), OTHER_STAFF, account_id=STAFF.id)  # noqa: E731
    desk.portals.deliver(accounts.account_disabled, {"account_id": third.id}, organisation=BAYSIDE)
    assert desk(contract.get_my_absence)["surrogate_id"] == third.id, (
        "an account of somebody else's organisation"
    )
    for _ in range(2):
        desk.portals.deliver(accounts.account_disabled, {"account_id": third.id})
    mine = desk(contract.get_my_absence)
    assert (mine["version"], mine["from_on"], mine["surrogate_id"]) == (version + 1, DAYS["from_on"], None)
    assert desk(contract.get_my_absence, third)["surrogate_id"] == OTHER_STAFF.id
    assert give()["assigned_to"] == STAFF.id
