"""Referrals: a contact record is assigned to a program through a ReferralQ."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.contracts.referrals import assignments
from services.contracts.referrals.assignments import referral_assigned
from tests.integration.referrals.builders import Desk, outcome, refusal
from tests.support.eventually import eventually

SUBMITTED = "2026-01-05T08:00:00+00:00"


@pytest.mark.seed("S0-48")
@pytest.mark.seed("S0-49")
def test_a_record_is_assigned_to_a_program_through_a_queue(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    record_id = desk.a_record(postal_code="20001", submitted_at=SUBMITTED)
    referral = desk.assign(queue_id, "Night Shelter", record_id, note="Prefers mornings.")
    progress = referral.pop("progress")
    assert {name for name, value in progress.items() if value} == {
        *(
            "queue_id",
            "program_id",
            "contact_record_id",
            "status_key",
            "status_since",
            "priority",
            "assigned_at",
        ),
    }
    assert (progress["status_key"], progress["priority"], progress["contact_record_id"]) == (
        "referred",
        "routine",
        record_id,
    )
    assert referral == {
        "id": referral["id"],
        "version": 1,
        "withheld": [],
        "details": None,
        "limited": {
            "referralq_name": "Housing",
            "assigned_resource": "Night Shelter",
            "contact_record_number": "CR-00000001",
            "status": "Referred",
            "note": "Prefers mornings.",
            "contact_name": "Ana Vega",
            "contact_date": SUBMITTED,
            "postal_code": "20001",
        },
    }
    (event,) = desk.service.events(referral_assigned)
    assert event["subject"] == referral["id"]
    assert event["data"] == {
        "referral_id": referral["id"],
        "contact_record_id": record_id,
        "contact_record_number": "CR-00000001",
        "queue_id": queue_id,
        "program_id": desk.resource["Night Shelter"],
        "agency_id": desk.resource["Harbor Shelter Alliance"],
        "status": "referred",
        "priority": "routine",
        "is_waitlisted": False,
    }
    assert [row.object_id for row in desk.service.audit("referral.assigned")] == [referral["id"]]


@pytest.mark.seed("S0-34")
def test_the_contact_date_is_the_day_of_submission_and_not_of_referral(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    referral = desk.assign(queue_id, "Night Shelter", desk.a_record(submitted_at=SUBMITTED))
    (line,) = desk(assignments.list_referral_history, referral_id=referral["id"])["items"]
    assert referral["limited"]["contact_date"] == SUBMITTED
    assert datetime.datetime.fromisoformat(line["at"]) > datetime.datetime.fromisoformat(SUBMITTED)


@pytest.mark.seed("S0-33")
@pytest.mark.seed("S0-35")
def test_a_name_and_a_postal_code_that_nobody_gave_are_null(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    referral = desk.assign(queue_id, "Night Shelter", desk.a_record(first_name=None, last_name=None))
    assert (referral["limited"]["contact_name"], referral["limited"]["postal_code"]) == (None, None)


def test_what_cannot_be_assigned_is_refused_by_name(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter", "Family Housing First")
    record_id = desk.a_record()
    assert refusal(lambda: desk.assign(queue_id, "Winter Shelter", record_id)) == "program_not_in_queue"
    assert refusal(lambda: desk.assign("0" * 32, "Night Shelter", record_id)) == "not_found"
    assert refusal(lambda: desk.assign(queue_id, "Night Shelter", "0" * 32)) == "not_found"
    assert refusal(lambda: desk.assign(queue_id, "Harbor Shelter Alliance", record_id)) == "not_a_program"
    desk.assign(queue_id, "Night Shelter", record_id)
    assert refusal(lambda: desk.assign(queue_id, "Night Shelter", record_id)) == "already_assigned"
    desk.assign(queue_id, "Family Housing First", record_id)


def test_a_full_program_does_not_hide_that_a_record_is_assigned_already(desk: Desk) -> None:
    queue_id, record_id = desk.a_queue("Night Shelter"), desk.a_record()
    desk.set_capacity("Night Shelter", 1)
    desk.assign(queue_id, "Night Shelter", record_id)
    assert refusal(lambda: desk.assign(queue_id, "Night Shelter", record_id)) == "already_assigned"


def test_who_wants_a_place_of_a_program_waits_for_those_who_came_before_and_not_for_another_program(
    desk: Desk,
) -> None:
    queue_id = desk.a_queue("Night Shelter", "Family Housing First")
    shelter, housing = desk.resource["Night Shelter"], desk.resource["Family Housing First"]
    locks = desk.service.runtime.keyed_lock
    wanted = {"contact_record_id": desk.a_record(), "queue_id": queue_id}

    def somebody_waits() -> None:
        assert locks._queues[shelter].length == 2

    with ThreadPoolExecutor(1) as another:
        with locks.hold(shelter):
            waiting = another.submit(desk, assignments.assign_referral, **wanted, program_id=shelter)
            eventually(somebody_waits)
            assert (
                desk(assignments.assign_referral, **wanted, program_id=housing)["progress"]["program_id"]
                == housing
            )
            assert not waiting.done()
        assert waiting.result(10)["progress"]["program_id"] == shelter


def test_of_many_who_assign_one_record_at_once_one_succeeds(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id, record_id = desk.a_queue("Night Shelter"), desk.a_record()
    desk.set_capacity("Night Shelter", 5)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(
            pool.map(lambda _: outcome(lambda: desk.assign(queue_id, "Night Shelter", record_id)), range(8))
        )
    assert sorted(outcomes) == ["accepted", *["already_assigned"] * 7]
    assert desk.numbers("Night Shelter") == (5, 1, 4)
