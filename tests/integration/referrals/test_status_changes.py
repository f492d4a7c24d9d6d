"""The way of a referral through its statuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from services.contracts.referrals import assignments
from services.contracts.referrals.status_changes import referral_status_changed
from tests.integration.referrals.builders import Desk, outcome, refusal


@pytest.mark.seed("S0-4")
@pytest.mark.seed("S0-11")
@pytest.mark.seed("S0-13")
def test_a_referral_goes_its_way_and_every_step_is_kept_with_author_and_note(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    provider = desk.provider("Night Shelter")
    referral = desk.assign(queue_id, "Night Shelter", note="Please call.")
    referral = desk.move(referral, "attempting_contact", provider, note="No answer yet.")
    assert (referral["version"], referral["limited"]["note"]) == (2, "No answer yet.")
    referral = desk.move(referral, "enrolled", provider)
    assert (referral["limited"]["status"], referral["limited"]["note"]) == ("Enrolled", "No answer yet.")
    referral = desk.move(referral, "completed", note="Moved on.")
    history = desk(assignments.list_referral_history, provider, referral_id=referral["id"])["items"]
    assert [(line["from_status"], line["to_status"], line["note"], line["actor_id"]) for line in history] == [
        (None, "Referred", "Please call.", "5" * 32),
        ("Referred", "Attempting Contact", "No answer yet.", "7" * 32),
        ("Attempting Contact", "Enrolled", None, "7" * 32),
        ("Enrolled", "Completed", "Moved on.", "5" * 32),
    ]
    moves = [event["data"] for event in desk.service.events(referral_status_changed)]
    assert [(move["from_status"], move["to_status"], move["is_terminal"]) for move in moves] == [
        ("referred", "attempting_contact", False),
        ("attempting_contact", "enrolled", False),
        ("enrolled", "completed", True),
    ]
    assert "Moved on." not in str(desk.service.events()) + str([row.facts for row in desk.service.audit()])


@pytest.mark.seed("S0-12")
def test_a_status_of_another_queue_is_refused(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    desk.a_queue(
        name="Food",
        statuses=[{"label": "Picked up"}, {"label": "Eaten", "is_terminal": True, "category": "enrolled"}],
    )
    referral = desk.assign(queue_id, "Night Shelter")
    assert refusal(lambda: desk.move(referral, "picked_up")) == "status_not_in_queue"
    assert refusal(lambda: desk.move(referral, "referred")) == "status_unchanged"
    assert refusal(lambda: desk.move(referral, "declined")) == "reason_required"
    assert desk.move(referral, "declined", note="No space for pets. " * 60)["limited"]["status"] == "Declined"


def test_a_terminal_referral_frees_its_bed_exactly_once(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    desk.set_capacity("Night Shelter", 2)
    referral, other = desk.assign(queue_id, "Night Shelter"), desk.assign(queue_id, "Night Shelter")
    referral = desk.move(referral, "completed")
    assert desk.numbers("Night Shelter") == (2, 1, 1)
    desk.move(referral, "declined", note="It was declined in truth.")
    assert desk.numbers("Night Shelter") == (2, 1, 1)
    desk.move(other, "completed")
    assert desk.numbers("Night Shelter") == (2, 0, 2)


def test_a_reopened_referral_needs_a_bed_again(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter")
    desk.set_capacity("Night Shelter", 1)
    ended = desk.move(desk.assign(queue_id, "Night Shelter"), "completed")
    other = desk.assign(queue_id, "Night Shelter")
    assert refusal(lambda: desk.move(ended, "enrolled")) == "capacity_exhausted"
    assert desk(assignments.get_referral, referral_id=ended["id"])["limited"]["status"] == "Completed"
    desk.move(other, "completed")
    desk.move(ended, "enrolled")
    assert desk.numbers("Night Shelter") == (1, 1, 0)


def test_a_referral_without_a_bed_frees_none(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    desk.assign(queue_id, "Night Shelter")
    one_too_many = desk.assign(queue_id, "Night Shelter")
    desk.set_capacity("Night Shelter", 1)
    desk.move(one_too_many, "completed")
    assert desk.numbers("Night Shelter") == (1, 1, 0)


def test_an_ended_referral_is_not_reopened_beside_a_new_one(desk: Desk) -> None:
    queue_id, record_id = desk.a_queue("Night Shelter"), desk.a_record()
    ended = desk.move(desk.assign(queue_id, "Night Shelter", record_id), "completed")
    desk.assign(queue_id, "Night Shelter", record_id)
    assert refusal(lambda: desk.move(ended, "enrolled")) == "already_assigned"


def test_a_change_says_which_version_it_has_read(desk: Desk) -> None:
    referral = desk.assign(desk.a_queue("Night Shelter"), "Night Shelter")
    assert refusal(lambda: desk.move(referral, "enrolled", version=None)) == "version_required"
    desk.move(referral, "attempting_contact")
    assert refusal(lambda: desk.move(referral, "enrolled")) == "version_conflict"


def test_of_many_changes_at_once_one_counts_and_the_others_are_told(desk_on_both: Desk) -> None:
    desk = desk_on_both
    desk.set_capacity("Night Shelter", 3)
    queue_id = desk.a_queue("Night Shelter")
    referral, _ = desk.assign(queue_id, "Night Shelter"), desk.assign(queue_id, "Night Shelter")
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: outcome(lambda: desk.move(referral, "completed")), range(8)))
    assert sorted(outcomes) == ["accepted", *["version_conflict"] * 7]
    assert desk.numbers("Night Shelter") == (3, 1, 2)
    assert len(desk(assignments.list_referral_history, referral_id=referral["id"])["items"]) == 2
