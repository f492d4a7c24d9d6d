"""Groups of staff: kept by name, offered by message types, chosen by people, with service times of their own; on both databases."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.contracts.portals import inbox, message_types, messages, portal_queue
from services.contracts.portals import staff_groups as contract
from services.portals.staff_groups import handlers
from tests.support.in_process import BAYSIDE, a_caller
from tests.support.portal_desk import OTHER_STAFF, STAFF, START, PortalDesk, a_person

PERMISSIONS = ("portal.manage_chart_tabs", "portal.view_preliminary_documents")
CONFIGURES = a_caller(*PERMISSIONS)
ELSEWHERE = a_caller(*PERMISSIONS, organisation=BAYSIDE)
HOUR = datetime.timedelta(hours=1)


def create(desk: PortalDesk, name: str = "Nurses", caller: Any = CONFIGURES, **members: Any) -> Any:
    return desk(contract.create_staff_group, caller, name=name, **members)


def names(desk: PortalDesk, caller: Any = CONFIGURES) -> list[str]:
    return [each["name"] for each in desk(contract.list_staff_groups, caller)["items"]]


def offers(desk: PortalDesk, *group_ids: str, **changed: Any) -> Any:
    """Let refill requests offer these groups."""
    now = desk(message_types.get_message_type, CONFIGURES, code="refill_request")
    now |= {"group_ids": list(group_ids)} | changed
    return desk(message_types.change_message_type, CONFIGURES, **now)


def test_groups_are_kept_by_name(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    made = create(desk, member_ids=[STAFF.id, OTHER_STAFF.id, STAFF.id], supervisor_id=OTHER_STAFF.id)
    assert [
        each["account_id_name"]
        for each in desk(contract.list_staff_groups, CONFIGURES)["items"][0]["members"]
    ] == [
        "Sam F.",
        "Kim L.",
    ]
    create(desk, "Billing")
    assert names(desk) == ["Billing", "Nurses"]
    assert desk.refused(lambda: create(desk, "NURSES")) == ("staff_group_taken", "name")
    one = {"staff_group_id": made["id"]}
    change = lambda **more: desk(contract.change_staff_group, CONFIGURES, **one, **more)  # noqa: E731
    assert desk.refused(lambda: change(name="Billing", version=1)) == ("staff_group_taken", "name")
    assert desk.refused(lambda: change(name="Nurses", version=2))[0] == "version_conflict"
    changed = change(name="nurses", version=1, service_hours=8)
    assert (changed["version"], changed["members"], changed["supervisor_id"], changed["service_hours"]) == (
        2,
        [],
        None,
        8,
    )
    assert names(desk, ELSEWHERE) == []
    for operation, more in ((contract.get_staff_group, {}), (contract.remove_staff_group, {"version": 2})):
        refused = desk.refused(
            lambda operation=operation, more=more: desk(operation, ELSEWHERE, **one, **more)
        )
        assert refused == ("not_found", "staff_group_id")
    desk(contract.remove_staff_group, CONFIGURES, version=2, **one)
    assert names(desk) == ["Billing"]
    actions = ("staff_group.created", "staff_group.changed", "staff_group.removed")
    assert [len(desk.portals.audit(each)) for each in actions] == [2, 1, 1]


def test_members_and_supervisor_work_on_the_queue(portal_desk: PortalDesk) -> None:
    stranger = "7" * 32
    for member, given in (
        ("member_ids.1", {"member_ids": [STAFF.id, stranger]}),
        ("supervisor_id", {"supervisor_id": stranger}),
    ):
        refused = portal_desk.refused(lambda given=given: create(portal_desk, **given))
        assert refused == ("not_found", member)


def test_there_is_an_end_to_groups_and_to_who_keeps_them(
    portal_desk: PortalDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = portal_desk
    monkeypatch.setattr(handlers, "MOST_GROUPS", 1)
    create(desk)
    assert desk.refused(lambda: create(desk, "Billing")) == ("conflict", "name")
    viewer = a_caller("portal.view_preliminary_documents")
    assert names(desk, viewer) == ["Nurses"]
    assert desk.refused(lambda: create(desk, "Billing", viewer))[0] == "forbidden"
    assert desk.refused(lambda: names(desk, a_caller(messages.WORK)))[0] == "forbidden"


def test_people_choose_among_the_groups_that_a_type_offers(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    nurses, doctors, others = (create(desk, name)["id"] for name in ("Nurses", "Doctors", "Others"))
    assert desk.refused(lambda: offers(desk, nurses, "8" * 32)) == ("not_found", "group_ids.1")
    strange = create(desk, caller=ELSEWHERE)["id"]
    assert desk.refused(lambda: offers(desk, strange)) == ("not_found", "group_ids.0")
    assert offers(desk, nurses, doctors)["group_ids"] == [nurses, doctors]
    rules = desk(inbox.get_writing_rules, a_person(), portal="patient")["types"]
    groups = {each["code"]: [group["name"] for group in each["groups"]] for each in rules}
    assert groups["refill_request"] == ["Doctors", "Nurses"]
    assert groups["ask_a_clinical_question"] == []
    assert desk.send(group_id=doctors)["department"] == "Doctors"
    assert desk.send()["department"] == "Clinical"
    for group_id in (others, "8" * 32):
        assert desk.refused(lambda group_id=group_id: desk.send(group_id=group_id)) == (
            "not_found",
            "group_id",
        )
    assert desk.refused(lambda: desk.send(type="ask_a_clinical_question", group_id=doctors))[1] == "group_id"
    desk(contract.remove_staff_group, CONFIGURES, version=1, staff_group_id=doctors)
    rules = desk(inbox.get_writing_rules, a_person(), portal="patient")["types"]
    assert [len(each["groups"]) for each in rules if each["code"] == "refill_request"] == [1]
    assert len(desk.queue(department="Doctors")) == 1, "what is in the queue stays"


def test_a_department_has_a_service_time_of_its_own(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    due = lambda item: datetime.datetime.fromisoformat(item["due_at"]) - START  # noqa: E731
    assert due(desk.send()) == 48 * HOUR
    group = create(desk, "clinical")
    assert due(desk.send()) == 48 * HOUR, "the group has none of its own"
    offers(desk, service_hours=10)
    assert due(desk.send()) == 10 * HOUR
    change = {"staff_group_id": group["id"], "name": "clinical", "version": 1, "service_hours": 4}
    desk(contract.change_staff_group, CONFIGURES, **change)
    assert due(desk.send()) == 4 * HOUR
    assert (
        due(
            desk(
                portal_queue.enter_request,
                person_id=a_person().scope["person_id"],
                type="refill_request",
                text="Ring.",
            )
        )
        == 4 * HOUR
    )
