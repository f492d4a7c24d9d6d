"""Work on many records or referrals at once: progress, failures with reasons, and no line done twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.referrals import assignments, bulk, offers
from services.referrals.bulk import executors, work
from services.referrals.bulk.rules import MOST_LINES
from tests.integration.referrals.builders import OTHER_STAFF, PROVIDER_MAY, STAFF, Desk, refusal
from tests.support.in_process import a_caller

HERE, THERE, ELSEWHERE = "Night Shelter", "Family Housing First", "St. Mary's Café & Pantry"
NOBODY = "0" * 32


def assign_many(desk: Desk, queue_id: str, ids: list[str] | None, *programs: str, **more: Any) -> Any:
    wish = {
        "queue_id": queue_id,
        "program_ids": [desk.resource[each] for each in programs or (HERE,)],
        "contact_record_ids": ids,
        **more,
    }
    return desk(bulk.start_bulk_assignment, **wish)


def worked(desk: Desk, job: Any) -> Any:
    work.work(desk.service.runtime)
    return desk(bulk.get_bulk_job, bulk_job_id=job["id"])


def lines(desk: Desk, job: Any, **more: Any) -> list[Any]:
    found: list[Any] = desk(bulk.list_bulk_job_lines, bulk_job_id=job["id"], limit=200, **more)["items"]
    return found


def referrals(desk: Desk, **more: Any) -> list[Any]:
    found: list[Any] = desk(assignments.list_referrals, limit=200, **more)["items"]
    return found


def counted(job: Any) -> tuple[int, int, int, int]:
    return job["waiting"], job["done"], job["failed"], job["cancelled"]


def test_many_records_are_assigned_in_the_background_and_failures_say_why(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(HERE)
    desk.set_capacity(HERE, 3)
    records = desk.many_records(5)
    desk.assign(queue_id, HERE, records[1])
    job = assign_many(desk, queue_id, [NOBODY, *records], note="From the old system.", priority="urgent")
    assert (job["state"], job["total"], counted(job)) == ("running", 6, (6, 0, 0, 0))
    assert len(referrals(desk)) == 1
    job = worked(desk, job)
    assert (job["state"], counted(job)) == ("done", (0, 2, 4, 0))
    assert {each["reason"]: each["count"] for each in job["reasons"]} == {
        "capacity_exhausted": 2,
        "not_found": 1,
        "already_assigned": 1,
    }
    assert job["finished_at"] is not None
    first, *_, last = lines(desk, job)
    assert (first["state"], first["position"], first["reason"], first["contact_record_number"]) == (
        "failed",
        0,
        "not_found",
        None,
    )
    assert last["state"] == "done"
    made = desk.read({"id": last["referral_id"]})
    assert (made["limited"]["note"], made["progress"]["priority"]) == ("From the old system.", "urgent")
    assert made["limited"]["contact_record_number"] == last["contact_record_number"]
    assert desk.numbers(HERE) == (3, 3, 0)


def test_each_record_goes_to_the_first_program_with_a_free_place(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, THERE, ELSEWHERE)
    desk.set_capacity(HERE, 1)
    desk.set_capacity(THERE, 2)
    desk.set_capacity(ELSEWHERE, 0)
    records = desk.many_records(4)
    job = worked(desk, assign_many(desk, queue_id, records, ELSEWHERE, HERE, THERE))
    assert counted(job) == (0, 3, 1, 0)
    assert [desk.numbers(each)[1] for each in (ELSEWHERE, HERE, THERE)] == [0, 1, 2]
    (failed,) = lines(desk, job, state="failed")
    assert (failed["subject_id"], failed["reason"]) == (records[3], "capacity_exhausted")


def test_who_is_referred_to_one_of_the_programs_is_not_referred_to_the_next(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, THERE)
    (record,) = desk.many_records(1)
    desk.assign(queue_id, THERE, record)
    job = worked(desk, assign_many(desk, queue_id, [record], HERE, THERE))
    assert job["reasons"] == [{"reason": "already_assigned", "count": 1}]


def test_when_all_programs_are_full_the_queue_says_what_happens(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, THERE, settings={"when_full": "waitlist"})
    for program in (HERE, THERE):
        desk.set_capacity(program, 0)
    job = worked(desk, assign_many(desk, queue_id, desk.many_records(2), HERE, THERE))
    assert counted(job) == (0, 2, 0, 0)
    assert {each["progress"]["program_id"] for each in referrals(desk, is_waitlisted=True)} == {
        desk.resource[HERE]
    }


def test_nobody_waits_for_one_program_while_another_has_a_place(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, THERE, settings={"when_full": "waitlist"})
    desk.set_capacity(HERE, 0)
    desk.set_capacity(THERE, 1)
    worked(desk, assign_many(desk, queue_id, desk.many_records(2), HERE, THERE))
    assert desk.numbers(THERE) == (1, 1, 0)
    assert len(referrals(desk, is_waitlisted=True)) == 1


def test_records_are_found_by_what_is_known_of_them(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE)
    wanted = desk.a_record(postal_code="20001")
    desk.a_record(postal_code="20002")
    desk.assign(queue_id, HERE, desk.a_record(postal_code="20001"))
    job = assign_many(desk, queue_id, None, records={"postal_code": "20001", "has_open_referral": False})
    assert [each["subject_id"] for each in lines(desk, job)] == [wanted]


@pytest.mark.parametrize(
    "wish",
    [
        {"contact_record_ids": None},
        {"contact_record_ids": ["1" * 32], "records": {"postal_code": "1"}},
        {"contact_record_ids": None, "records": {}},
    ],
)
def test_a_job_says_which_records_and_says_it_once(desk: Desk, wish: dict[str, Any]) -> None:
    queue_id = desk.a_queue(HERE)
    records = wish.pop("contact_record_ids")
    assert refusal(lambda: assign_many(desk, queue_id, records, **wish)) == "invalid_request"


def test_more_than_one_job_can_take_are_refused(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE)
    desk.many_records(MOST_LINES + 1)
    every = {"submitted_from": "2020-01-01T00:00:00+00:00"}
    assert refusal(lambda: assign_many(desk, queue_id, None, records=every)) == "selection_too_large"
    dry = assign_many(desk, queue_id, desk.many_records(MOST_LINES), dry_run=True)
    assert (dry["total"], dry["done"]) == (MOST_LINES, MOST_LINES)


def test_a_dry_run_counts_what_then_happens_and_changes_nothing(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, THERE)
    desk.set_capacity(HERE, 2)
    desk.set_capacity(THERE, 1)
    records = desk.many_records(6)
    desk.assign(queue_id, THERE, records[0])
    wish = [queue_id, [*records, NOBODY], HERE, THERE]
    dry = assign_many(desk, *wish, dry_run=True)
    assert (dry["id"], dry["state"]) == (None, "dry_run")
    assert desk(bulk.list_bulk_jobs)["items"] == []
    assert len(referrals(desk)) == 1
    job = worked(desk, assign_many(desk, *wish))
    assert (counted(dry), dry["reasons"]) == (counted(job), job["reasons"])
    assert counted(job) == (0, 2, 5, 0)


def test_the_same_request_starts_one_job(desk: Desk) -> None:
    queue_id, records = desk.a_queue(HERE), desk.many_records(2)
    one = assign_many(desk, queue_id, records, key="k")
    assert assign_many(desk, queue_id, records, key="k") == one
    assert [each["id"] for each in desk(bulk.list_bulk_jobs)["items"]] == [one["id"]]
    again = assign_many(desk, queue_id, [*records, records[0]])
    assert again["total"] == 2


def test_two_processes_do_each_line_once(desk_on_both: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desk_on_both
    monkeypatch.setattr(work, "LINES_IN_TURN", 6)
    queue_id = desk.a_queue(HERE)
    desk.set_capacity(HERE, 100)
    job = assign_many(desk, queue_id, desk.many_records(20))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: work.work(desk.service.runtime), range(2)))
    assert counted(worked(desk, job)) == (0, 20, 0, 0)
    assert desk.numbers(HERE) == (100, 20, 80)
    assert len(desk.service.events(bulk.bulk_job_finished)) == 1
    assert len(desk.service.events(assignments.referral_assigned)) == 20


class Killed(BaseException):
    """The process dies."""


def test_a_process_that_dies_in_the_middle_repeats_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_id, records = desk.a_queue(HERE), desk.many_records(4)
    job = assign_many(desk, queue_id, records)
    real = executors.carry_out

    def die_at_the_third(unit: Any, which: Any, subject_id: str) -> str:
        made = real(unit, which, subject_id)
        if subject_id == records[2]:
            raise Killed
        return made

    monkeypatch.setattr(work, "carry_out", die_at_the_third)
    with pytest.raises(Killed):
        work.work(desk.service.runtime)
    assert counted(desk(bulk.get_bulk_job, bulk_job_id=job["id"])) == (2, 2, 0, 0)
    assert len(referrals(desk)) == 2
    monkeypatch.setattr(work, "carry_out", real)
    assert counted(worked(desk, job)) == (0, 4, 0, 0)
    assert len(referrals(desk)) == 4


def test_a_line_that_breaks_does_not_stop_the_others(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    queue_id, records = desk.a_queue(HERE), desk.many_records(3)
    real = executors.carry_out

    def break_at_the_first(unit: Any, which: Any, subject_id: str) -> str:
        made = real(unit, which, subject_id)
        if subject_id == records[0]:
            raise RuntimeError
        return made

    monkeypatch.setattr(work, "carry_out", break_at_the_first)
    job = worked(desk, assign_many(desk, queue_id, records))
    assert (counted(job), job["reasons"]) == ((0, 2, 1, 0), [{"reason": "internal_error", "count": 1}])
    assert len(referrals(desk)) == 2


def test_a_busy_database_leaves_the_line_for_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: Any) -> str:
        raise Refused("service_unavailable", "The database is busy.")

    job = assign_many(desk, desk.a_queue(HERE), desk.many_records(1))
    with monkeypatch.context() as patch:
        patch.setattr(work, "carry_out", busy)
        assert work.work(desk.service.runtime) is False
    assert counted(worked(desk, job)) == (0, 1, 0, 0)


def test_a_cancelled_job_leaves_what_waits_and_keeps_what_was_done(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LINES_IN_TURN", 4)
    queue_id = desk.a_queue(HERE)
    job = assign_many(desk, queue_id, desk.many_records(12))
    turns = iter([False] * 8)
    work.work(desk.service.runtime, lambda: next(turns, True))
    stopped = desk(bulk.cancel_bulk_job, bulk_job_id=job["id"])
    assert stopped["state"] == "cancelled"
    assert stopped["done"] + stopped["cancelled"] == 12
    assert 4 < stopped["done"] < 12
    assert counted(worked(desk, job)) == counted(stopped)
    assert len(referrals(desk)) == stopped["done"]
    (told,) = desk.service.events(bulk.bulk_job_finished)
    assert told["data"]["cancelled"] == stopped["cancelled"]
    assert refusal(lambda: desk(bulk.cancel_bulk_job, bulk_job_id=job["id"])) == "job_finished"


def test_lines_are_read_by_pages_failures_first(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE)
    desk.set_capacity(HERE, 2)
    job = worked(desk, assign_many(desk, queue_id, desk.many_records(5)))
    seen, after = [], None
    while True:
        page = desk(bulk.list_bulk_job_lines, bulk_job_id=job["id"], limit=2, after=after)
        seen += [(each["state"], each["position"]) for each in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == [("failed", 2), ("failed", 3), ("failed", 4), ("done", 0), ("done", 1)]


def test_what_nobody_could_be_assigned_to_is_refused_at_once(desk: Desk) -> None:
    queue_id, records = desk.a_queue(HERE), desk.many_records(1)
    assert refusal(lambda: assign_many(desk, queue_id, records, THERE)) == "program_not_in_queue"
    assert refusal(lambda: assign_many(desk, NOBODY, records)) == "not_found"


def test_jobs_are_the_partners_own(desk: Desk) -> None:
    job = assign_many(desk, desk.a_queue(HERE), desk.many_records(1))
    provider = desk.provider(HERE, may=(*PROVIDER_MAY, "referral.assign"))
    one = {"bulk_job_id": job["id"]}
    for caller, code in ((provider, "forbidden"), (OTHER_STAFF, "not_found")):
        assert refusal(lambda who=caller: desk(bulk.get_bulk_job, who, **one)) == code
        assert refusal(lambda who=caller: desk(bulk.list_bulk_job_lines, who, **one)) == code
        assert refusal(lambda who=caller: desk(bulk.cancel_bulk_job, who, **one)) == code
    wish = {"status": "enrolled", "referral_ids": [NOBODY]}
    assert refusal(lambda: desk(bulk.start_bulk_status_change, provider, **wish)) == "forbidden"


def test_many_referrals_change_their_status(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE)
    desk.set_capacity(HERE, 5)
    made = [desk.assign(queue_id, HERE) for _ in range(3)]
    desk.move(made[0], "completed")
    wish = {"status": "completed", "referrals": {"queue_id": queue_id, "is_open": True}, "note": "Closed."}
    dry = desk(bulk.start_bulk_status_change, dry_run=True, **wish)
    job = worked(desk, desk(bulk.start_bulk_status_change, **wish))
    assert counted(dry) == counted(job) == (0, 2, 0, 0)
    assert desk.numbers(HERE) == (5, 0, 5)
    assert desk.read(made[1])["limited"]["note"] == "Closed."
    again = {"status": "completed", "referral_ids": [each["id"] for each in made] + [NOBODY]}
    dry = desk(bulk.start_bulk_status_change, dry_run=True, **again)
    job = worked(desk, desk(bulk.start_bulk_status_change, **again))
    assert dry["reasons"] == job["reasons"]
    assert dry["reasons"] == [
        {"reason": "status_unchanged", "count": 3},
        {"reason": "not_found", "count": 1},
    ]


def test_a_status_asks_for_a_reason_of_many_too(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE)
    made = desk.assign(queue_id, HERE)
    wish = {"status": "declined", "referral_ids": [made["id"]]}
    selected = {"status": "declined", "referrals": {"queue_id": queue_id}}
    for asked in (wish, selected, {**wish, "dry_run": True}):
        with pytest.raises(Refused) as refused:
            desk(bulk.start_bulk_status_change, **asked)
        assert (refused.value.code, refused.value.field) == ("reason_required", "note")
    assert desk(bulk.list_bulk_jobs)["items"] == []
    job = worked(desk, desk(bulk.start_bulk_status_change, reason_code="out_of_area", **wish))
    assert job["done"] == 1
    assert desk.read(made)["progress"]["reason_code"] == "out_of_area"


def test_an_offer_is_taken_by_the_first_of_many_acceptances(desk: Desk) -> None:
    queue_id, record = desk.a_queue(HERE, THERE), desk.a_record()
    programs = [desk.resource[HERE], desk.resource[THERE]]
    offer = desk(offers.create_offer, contact_record_id=record, queue_id=queue_id, program_ids=programs)
    both = [each["referral_id"] for each in offer["programs"]]
    job = desk(bulk.start_bulk_status_change, status="attempting_contact", referral_ids=both)
    assert worked(desk, job)["reasons"] == [{"reason": "move_not_allowed", "count": 1}]
    assert desk(offers.get_offer, offer_id=offer["id"])["state"] == "accepted"


@pytest.mark.parametrize("carries_notes", [None, True])
def test_the_open_referrals_of_a_program_that_closes_go_to_another(
    desk_on_both: Desk, carries_notes: bool | None
) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(HERE, THERE)
    desk.set_capacity(HERE, 5)
    desk.set_capacity(THERE, 2)
    made = [desk.assign(queue_id, HERE) for _ in range(4)]
    desk.move(made[0], "completed")
    desk(assignments.add_referral_note, referral_id=made[1]["id"], note="Has a dog.")
    wish = {
        "from_program_id": desk.resource[HERE],
        "to_program_id": desk.resource[THERE],
        "carries_notes": carries_notes,
    }
    dry = desk(bulk.start_bulk_reassignment, dry_run=True, **wish)
    job = worked(desk, desk(bulk.start_bulk_reassignment, **wish))
    assert (counted(dry), dry["reasons"]) == (counted(job), job["reasons"])
    assert (counted(job), job["reasons"]) == ((0, 2, 1, 0), [{"reason": "capacity_exhausted", "count": 1}])
    assert (desk.numbers(HERE), desk.numbers(THERE)) == ((5, 1, 4), (2, 2, 0))
    done = lines(desk, job, state="done")[0]
    new = desk.read({"id": done["referral_id"]})
    # Another program reads a note only where staff passes it on.
    note = "Has a dog." if carries_notes else None
    assert (new["progress"]["program_id"], new["limited"]["note"]) == (desk.resource[THERE], note)
    assert desk.read({"id": done["subject_id"]})["progress"]["replaced_by_id"] == new["id"]


def test_an_agency_closes(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, THERE, ELSEWHERE)
    twice = desk.a_record()
    for program, record in ((HERE, None), (THERE, twice), (ELSEWHERE, twice)):
        desk.assign(queue_id, program, record)
    wish = {
        "from_agency_id": desk.resource["Harbor Shelter Alliance"],
        "to_program_id": desk.resource[ELSEWHERE],
    }
    dry = desk(bulk.start_bulk_reassignment, dry_run=True, **wish)
    job = worked(desk, desk(bulk.start_bulk_reassignment, **wish))
    assert (counted(dry), dry["reasons"]) == (counted(job), job["reasons"])
    assert job["reasons"] == [{"reason": "already_assigned", "count": 1}]


def test_a_program_cannot_take_over_its_own_referrals(desk: Desk) -> None:
    here = desk.resource[HERE]
    wish = {"from_program_id": here, "to_program_id": here}
    assert refusal(lambda: desk(bulk.start_bulk_reassignment, **wish)) == "invalid_request"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"status": "shipped"}, "status_not_in_queue"),
        ({"status": "declined", "reason_code": "moon"}, "reason_not_in_queue"),
        ({"status": "completed", "outcome_code": "moon"}, "outcome_not_in_queue"),
        ({"status": "helped"}, "status_not_in_queue"),
    ],
)
def test_what_no_queue_of_the_selection_knows_is_refused_before_a_job_begins(
    desk: Desk, more: dict[str, Any], code: str
) -> None:
    queue_id = desk.a_queue(HERE)
    made = desk.assign(queue_id, HERE)
    wish = {"referral_ids": [made["id"]], **more}
    assert refusal(lambda: desk(bulk.start_bulk_status_change, **wish)) == code
    assert desk(bulk.list_bulk_jobs)["items"] == []


def test_what_one_queue_knows_is_tried_and_what_one_demands_is_asked_for(desk: Desk) -> None:
    housing = desk.a_queue(HERE)
    statuses = [
        {"label": "New"},
        {"label": "Gone", "is_terminal": True, "fhir_status": "cancelled"},
        {"label": "Declined", "is_terminal": True, "fhir_status": "rejected"},
    ]
    food = desk.a_queue(THERE, name="Food", statuses=statuses)
    both = [desk.assign(housing, HERE)["id"], desk.assign(food, THERE)["id"]]
    job = worked(desk, desk(bulk.start_bulk_status_change, status="gone", note="Moved.", referral_ids=both))
    assert (job["done"], job["reasons"]) == (1, [{"reason": "status_not_in_queue", "count": 1}])
    more = {"status": "declined", "referral_ids": both}
    assert refusal(lambda: desk(bulk.start_bulk_status_change, **more)) == "reason_required"


def test_a_program_that_no_queue_of_the_referrals_has_takes_none_over(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE)
    desk.assign(queue_id, HERE)
    wish = {"from_program_id": desk.resource[HERE], "to_program_id": desk.resource[THERE]}
    for more in ({}, {"queue_id": queue_id}, {"dry_run": True}):
        assert (
            refusal(lambda more=more: desk(bulk.start_bulk_reassignment, **wish, **more))
            == "program_not_in_queue"
        )
    assert desk(bulk.list_bulk_jobs)["items"] == []


def test_events_and_audit_of_a_job_hold_numbers_only(desk: Desk) -> None:
    job = worked(desk, assign_many(desk, desk.a_queue(HERE), desk.many_records(2), note="Private words"))
    (started,) = desk.service.events(bulk.bulk_job_started)
    assert started["data"] == {"bulk_job_id": job["id"], "kind": "assignment", "total": 2}
    assert [row.facts["done"] for row in desk.service.audit("bulk.finished")] == [2]
    assert "Private words" not in str([row.facts for row in desk.service.audit()])
    assert "Private words" not in str(desk.service.events())


def test_who_may_start_a_kind_of_job_may_stop_it_and_nobody_else(desk: Desk) -> None:
    movers = a_caller("referral.read", "referral.change_status", id="8" * 32)
    assigners = a_caller("referral.read", "referral.assign", id="9" * 32)
    queue_id = desk.a_queue(HERE)
    referral = desk.assign(queue_id, HERE)
    assignment = assign_many(desk, queue_id, desk.many_records(2))
    change = desk(bulk.start_bulk_status_change, status="attempting_contact", referral_ids=[referral["id"]])
    for job, other, own in ((assignment, movers, assigners), (change, assigners, movers)):
        one = {"bulk_job_id": job["id"]}
        assert refusal(lambda who=other, one=one: desk(bulk.cancel_bulk_job, who, **one)) == "forbidden"
        assert desk(bulk.cancel_bulk_job, own, **one)["state"] == "cancelled"


def test_a_job_stops_when_its_starter_may_not_do_it_any_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LINES_IN_TURN", 2)
    answers = iter((True, True, False))
    desk.service.answers["identity.check_permission"] = lambda _: {"is_allowed": next(answers)}
    job = worked(desk, assign_many(desk, desk.a_queue(HERE), desk.many_records(9)))
    assert (job["state"], job["stopped_because"], counted(job)) == (
        "cancelled",
        "starter_not_allowed",
        (0, 4, 0, 5),
    )
    asked = [request for name, request in desk.service.asked if name == "identity.check_permission"]
    assert asked == [{"account_id": STAFF.id, "permission": "referral.assign"}] * 3
    (stopped,) = desk.service.audit("bulk.stopped")
    assert (stopped.actor_kind, stopped.facts["cancelled"]) == ("service", 5)
    (told,) = [each["data"] for each in desk.service.events(bulk.bulk_job_finished)]
    assert (told["done"], told["cancelled"]) == (4, 5)


def test_a_job_waits_while_identity_cannot_be_asked(desk: Desk) -> None:
    def nobody_there(_: Any) -> Any:
        raise Refused("service_unavailable", "Nobody answers.")

    queue_id = desk.a_queue(HERE)
    desk.service.answers["identity.check_permission"] = nobody_there
    job = assign_many(desk, queue_id, desk.many_records(2))
    assert work.work(desk.service.runtime) is False
    assert counted(desk(bulk.get_bulk_job, bulk_job_id=job["id"])) == (2, 0, 0, 0)
    desk.service.answers["identity.check_permission"] = lambda _: {"is_allowed": True}
    assert counted(worked(desk, job)) == (0, 2, 0, 0)


def test_a_status_that_the_selected_queue_does_not_have_is_refused_before_a_job_begins(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE)
    desk.assign(queue_id, HERE)
    wish = {"status": "shipped", "referrals": {"queue_id": queue_id}}
    for is_dry in (True, False):
        refused = refusal(lambda is_dry=is_dry: desk(bulk.start_bulk_status_change, **wish, dry_run=is_dry))
        assert refused == "status_not_in_queue"
    assert desk(bulk.list_bulk_jobs)["items"] == []
