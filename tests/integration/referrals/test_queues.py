"""ReferralQs."""

from __future__ import annotations

import threading

import pytest

from services.contracts.referrals import queues
from services.contracts.referrals.queues import queue_created
from tests.integration.referrals.builders import OTHER_STAFF, Desk, refusal


@pytest.mark.seed("S0-13")
@pytest.mark.seed("S0-47")
def test_a_queue_starts_with_the_default_statuses(desk_on_both: Desk) -> None:
    queue = desk_on_both(queues.create_queue, name="  Housing   Queue ")
    assert (queue["name"], queue["version"], queue["is_active"], queue["programs"]) == (
        "Housing Queue",
        1,
        True,
        [],
    )
    assert [(status["key"], status["label"], status["is_terminal"]) for status in queue["statuses"]] == [
        ("referred", "Referred", False),
        ("attempting_contact", "Attempting Contact", False),
        ("enrolled", "Enrolled", False),
        ("completed", "Completed", True),
        ("declined", "Declined", True),
    ]
    (event,) = desk_on_both.service.events(queue_created)
    assert event["data"] == {"queue_id": queue["id"]}


@pytest.mark.seed("S0-12")
def test_a_queue_may_have_statuses_of_its_own(desk: Desk) -> None:
    statuses = [
        {"label": "24h call"},
        {"label": "Moved in", "category": "enrolled"},
        {"label": "Moved out", "is_terminal": True, "category": "accepted"},
        {"label": "Refused", "is_terminal": True, "fhir_status": "rejected"},
    ]
    queue = desk(queues.create_queue, name="Beds", statuses=statuses)
    assert [(status["key"], status["position"], status["fhir_status"]) for status in queue["statuses"]] == [
        ("status_24h_call", 0, "requested"),
        ("moved_in", 1, "in-progress"),
        ("moved_out", 2, "completed"),
        ("refused", 3, "rejected"),
    ]
    assert desk(queues.get_queue, queue_id=queue["id"]) == queue


@pytest.mark.parametrize(
    "statuses",
    [
        [],
        [{"label": "Only"}],
        [{"label": "A", "is_terminal": True, "category": "enrolled"}, {"label": "B", "category": "enrolled"}],
        [{"label": "A"}, {"label": "a", "is_terminal": True, "category": "enrolled"}],
        [{"label": "A"}, {"label": "B", "is_terminal": True, "fhir_status": "nonsense"}],
    ],
)
def test_a_list_of_statuses_that_cannot_work_is_refused(desk: Desk, statuses: list[object]) -> None:
    assert refusal(lambda: desk(queues.create_queue, name="Beds", statuses=statuses)) == "invalid_status_list"


def test_two_queues_never_share_a_name(desk_on_both: Desk) -> None:
    desk_on_both.a_queue(name="Housing")
    assert refusal(lambda: desk_on_both(queues.create_queue, name="HOUSING")) == "queue_name_taken"
    desk_on_both(queues.create_queue, OTHER_STAFF, name="Housing")


def test_of_two_who_take_a_name_at_once_one_is_refused(desk_on_both: Desk) -> None:
    outcomes: list[str] = []

    def create() -> None:
        try:
            desk_on_both.a_queue(name="Housing")
            outcomes.append("created")
        except Exception as error:
            outcomes.append(getattr(error, "code", repr(error)))

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["created", *["queue_name_taken"] * 5]


def test_only_an_active_program_joins_a_queue(desk: Desk) -> None:
    queue_id = desk.a_queue()

    def code_for(resource_id: str) -> str:
        return refusal(lambda: desk(queues.add_program_to_queue, queue_id=queue_id, program_id=resource_id))

    assert code_for(desk.resource["Winter Shelter"]) == "resource_not_referable"
    assert code_for(desk.resource["Old Shelter"]) == "resource_inactive"
    assert code_for(desk.resource["Harbor Shelter Alliance"]) == "not_a_program"
    assert code_for("0" * 32) == "resource_not_found"


def test_adding_a_program_again_changes_nothing(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter")
    before = desk(queues.get_queue, queue_id=queue_id)
    again = desk(queues.add_program_to_queue, queue_id=queue_id, program_id=desk.resource["Night Shelter"])
    assert again == before
    assert (before["version"], [program["name"] for program in before["programs"]]) == (2, ["Night Shelter"])
    assert len(desk.service.audit("queue.program_added")) == 1


def test_a_provider_sees_the_queues_of_the_own_programs_only(desk: Desk) -> None:
    housing = desk.a_queue("Night Shelter", "St. Mary's Café & Pantry")
    food = desk.a_queue("St. Mary's Café & Pantry", name="Food")
    provider = desk.provider("Night Shelter")
    (seen,) = desk(queues.list_queues, provider)["items"]
    assert (seen["id"], [program["name"] for program in seen["programs"]]) == (housing, ["Night Shelter"])
    assert refusal(lambda: desk(queues.get_queue, provider, queue_id=food)) == "not_found"
    assert [queue["name"] for queue in desk(queues.list_queues)["items"]] == ["Food", "Housing"]


def test_another_organisations_queue_is_not_found(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    program_id = desk.resource["Family Housing First"]
    assert desk(queues.list_queues, OTHER_STAFF) == {"items": []}
    assert refusal(lambda: desk(queues.get_queue, OTHER_STAFF, queue_id=queue_id)) == "not_found"

    def foreign() -> object:
        return desk(queues.add_program_to_queue, OTHER_STAFF, queue_id=queue_id, program_id=program_id)

    assert refusal(foreign) == "not_found"


def test_the_programs_of_a_queue_are_in_the_order_of_their_names(desk: Desk) -> None:
    names = ["Family Housing First", "Night Shelter", "St. Mary's Café & Pantry"]
    for turn, programs in enumerate((names, names[::-1])):
        queue = desk.a_queue(*programs, name=f"Queue {turn}")
        listed = desk(queues.get_queue, queue_id=queue)["programs"]
        assert [each["name"] for each in listed] == names
