"""Referrals: answers of a program, endings, and when an answer is due."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine

from services.contracts.referrals import assignments, status_changes
from services.contracts.referrals.status_changes import referral_status_changed
from tests.integration.referrals.builders import Desk, refusal

STATUSES = [
    {"label": "Sent"},
    {"label": "Taken", "fhir_status": "accepted"},
    {"label": "Paused", "fhir_status": "on-hold", "category": "enrolled", "reason_required": True},
    {"label": "Served", "is_terminal": True, "category": "enrolled", "outcome_required": True},
    {"label": "Refused", "is_terminal": True, "fhir_status": "rejected", "reason_required": True},
    {"label": "Taken back", "is_terminal": True, "fhir_status": "cancelled", "reason_required": True},
]


def step(desk: Desk, operation: Any, referral: Any, caller: Any = None, **more: Any) -> Any:
    caller = caller or desk.provider("Night Shelter")
    more.setdefault("version", referral["version"])
    return desk(operation, caller, referral_id=referral["id"], **more)


def a_referral(desk: Desk, **queue: Any) -> Any:
    return desk.assign(desk.a_queue("Night Shelter", **queue), "Night Shelter")


def kinds(desk: Desk, referral: Any) -> list[str]:
    return [
        line["kind"] for line in desk(assignments.list_referral_history, referral_id=referral["id"])["items"]
    ]


@pytest.mark.seed("S0-13")
@pytest.mark.seed("S0-53")
def test_a_program_accepts_and_takes_it_back_while_the_referral_is_open(desk: Desk) -> None:
    referral = a_referral(desk)
    desk.set_capacity("Night Shelter", 1)
    accepted = step(desk, status_changes.accept_referral, referral, note="Thursday at nine.")
    assert accepted["limited"]["status"] == "Attempting Contact"
    assert accepted["progress"]["accepted_at"] is not None
    offered = step(desk, status_changes.unaccept_referral, accepted)
    assert (offered["limited"]["status"], offered["progress"]["accepted_at"]) == ("Referred", None)
    assert refusal(lambda: step(desk, status_changes.unaccept_referral, offered)) == "move_not_allowed"
    assert kinds(desk, referral) == ["assigned", "accepted", "status"]
    (event,) = desk.service.events(status_changes.referral_accepted)
    assert event["data"]["status"] == "attempting_contact"


@pytest.mark.parametrize(
    ("reason", "by"), [("no_capacity", "provider"), ("client_declined", "client"), ("other", "provider")]
)
def test_a_decline_has_a_coded_reason_of_the_provider_or_of_the_client(
    desk: Desk, reason: str, by: str
) -> None:
    queue_id = desk.a_queue("Night Shelter")
    desk.set_capacity("Night Shelter", 1)
    referral = desk.assign(queue_id, "Night Shelter")
    declined = step(
        desk, status_changes.decline_referral, referral, reason_code=reason, note="Ask the depot."
    )
    progress = declined["progress"]
    assert (progress["status_key"], progress["is_terminal"]) == ("declined", True)
    assert (progress["reason_code"], progress["ended_by"]) == (reason, by)
    assert desk.numbers("Night Shelter") == (1, 0, 1)
    (event,) = desk.service.events(status_changes.referral_declined)
    assert (event["data"]["reason_code"], event["data"]["declined_by"]) == (reason, by)
    (moved,) = desk.service.events(referral_status_changed)
    assert moved["data"]["to_status"] == "declined"


def test_a_decline_without_a_reason_of_the_queues_list_is_refused(desk: Desk) -> None:
    referral = a_referral(desk, settings={"decline_reasons": [{"code": "no_beds", "label": "No beds"}]})
    decline = lambda **more: step(desk, status_changes.decline_referral, referral, **more)  # noqa: E731
    assert refusal(lambda: decline(note="Because.")) == "invalid_request"
    assert refusal(lambda: decline(reason_code="no_capacity")) == "reason_not_in_queue"
    assert refusal(lambda: decline(reason_code="no_beds", status="completed")) == "move_not_allowed"
    assert decline(reason_code="no_beds")["limited"]["status"] == "Declined"


def test_a_declined_referral_is_sent_again(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter", "Family Housing First")
    desk.set_capacity("Night Shelter", 1)
    declined = step(
        desk,
        status_changes.decline_referral,
        desk.assign(queue_id, "Night Shelter"),
        reason_code="no_capacity",
    )
    again = desk.move(declined, "referred")
    assert again["progress"]["ended_by"] is again["progress"]["reason_code"] is None
    assert desk.numbers("Night Shelter") == (1, 1, 0)
    assert kinds(desk, again) == ["assigned", "declined", "reopened"]


@pytest.mark.seed("S0-53")
def test_a_status_that_asks_for_an_outcome_gets_one_of_the_queues_list(desk: Desk) -> None:
    referral = a_referral(desk, statuses=STATUSES)
    assert refusal(lambda: desk.move(referral, "served")) == "outcome_required"
    assert refusal(lambda: desk.move(referral, "served", outcome_code="healed")) == "outcome_not_in_queue"
    served = desk.move(referral, "served", outcome_code="service_received")
    assert served["progress"]["outcome_code"] == "service_received"
    last = desk(assignments.list_referral_history, referral_id=referral["id"])["items"][-1]
    assert last["outcome_code"] == "service_received"


def test_a_reason_code_stands_for_the_note_that_a_status_asks_for(desk: Desk) -> None:
    referral = a_referral(desk, statuses=STATUSES)
    assert refusal(lambda: desk.move(referral, "paused")) == "reason_required"
    assert desk.move(referral, "paused", reason_code="missing_documentation")["limited"]["note"] is None


def test_only_the_moves_of_the_queue_are_allowed_and_the_referral_names_them(desk: Desk) -> None:
    moves = {"sent": ["taken", "refused"], "taken": ["served"], "served": ["sent"]}
    referral = a_referral(desk, statuses=STATUSES, settings={"allowed_moves": moves, "may_reopen": False})
    assert desk.read(referral)["progress"]["next_statuses"] == ["taken", "refused"]
    may = ["change_status", "accept", "decline", "change_priority", "withdraw", "reassign"]
    assert desk.read(referral)["progress"]["actions"] == may
    assert refusal(lambda: desk.move(referral, "served", outcome_code="other")) == "move_not_allowed"
    taken = desk.move(referral, "taken")
    may = ["change_status", "change_priority", "withdraw", "reassign"]
    assert desk.read(taken)["progress"]["actions"] == may
    served = desk.move(taken, "served", outcome_code="other")
    assert refusal(lambda: desk.move(served, "sent")) == "move_not_allowed"
    assert desk.read(served)["progress"]["actions"] == ["withdraw", "reassign"]
    assert desk.read(served)["progress"]["next_statuses"] == []


def test_an_answer_is_due_and_then_overdue(desk: Desk) -> None:
    settings = {"due_hours": 4, "status_due_hours": {"taken": 48}}
    referral = a_referral(desk, statuses=STATUSES, settings=settings)
    assert hours_until_due(referral) == 4
    taken = desk.move(referral, "taken")
    assert hours_until_due(taken) == 48
    assert not taken["progress"]["is_overdue"]
    desk.shift(taken["id"], datetime.timedelta(hours=49))
    assert desk.read(taken)["progress"]["is_overdue"]
    assert [each["id"] for each in desk(assignments.list_referrals, is_overdue=True)["items"]] == [
        taken["id"]
    ]
    assert desk(assignments.list_referrals, is_overdue=False)["items"] == []
    served = desk.move(taken, "served", outcome_code="other")
    assert (served["progress"]["due_at"], served["progress"]["is_overdue"]) == (None, False)


def test_a_provider_without_the_switch_answers_nothing(desk: Desk) -> None:
    referral = a_referral(desk)
    reader = desk.provider("Night Shelter", may=("referral.read",))
    for operation, more in (
        (status_changes.accept_referral, {}),
        (status_changes.unaccept_referral, {}),
        (status_changes.decline_referral, {"reason_code": "other"}),
        (status_changes.reassign_referral, {"program_id": desk.resource["Night Shelter"]}),
        (status_changes.withdraw_referral, {"reason_code": "other"}),
        (assignments.change_priority, {"priority": "stat"}),
    ):
        assert refusal(lambda: step(desk, operation, referral, reader, **more)) == "forbidden"  # noqa: B023


def test_an_answer_says_which_version_it_has_read(desk: Desk) -> None:
    referral = a_referral(desk)
    step(desk, status_changes.accept_referral, referral)
    assert refusal(lambda: step(desk, status_changes.accept_referral, referral)) == "version_conflict"
    assert (
        refusal(lambda: step(desk, status_changes.accept_referral, referral, version=None))
        == "version_required"
    )
    decline = {"reason_code": "other", "version": 1}
    assert (
        refusal(lambda: step(desk, status_changes.decline_referral, referral, **decline))
        == "version_conflict"
    )


def hours_until_due(referral: Any) -> int:
    progress = referral["progress"]
    due, since = (datetime.datetime.fromisoformat(progress[name]) for name in ("due_at", "status_since"))
    return round((due - since).total_seconds() / 3600)


def test_a_referral_is_overdue_after_the_moment_at_which_it_was_due(desk: Desk) -> None:
    referral = a_referral(desk, statuses=STATUSES, settings={"due_hours": 4})
    due_at = datetime.datetime.fromisoformat(referral["progress"]["due_at"])
    for moment, is_overdue in ((due_at, False), (due_at + datetime.timedelta(microseconds=1), True)):
        with time_machine.travel(moment, tick=False):
            assert desk.read(referral)["progress"]["is_overdue"] is is_overdue
            for wanted in (True, False):
                found = desk(assignments.list_referrals, is_overdue=wanted)["items"]
                assert len(found) == (wanted is is_overdue)
