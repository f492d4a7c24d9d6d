"""Referrals that their sender sends elsewhere or takes back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.referrals import assignments, status_changes
from services.contracts.referrals.assignments import referral_assigned
from services.referrals.access.rules import UNAVAILABLE
from services.referrals.models import Referral
from tests.integration.referrals.builders import OTHER_STAFF, STAFF_MAY, Desk, refusal
from tests.support.in_process import HARBOR

HERE, THERE = "Night Shelter", "Family Housing First"
TAKEN_BACK = [
    {"label": "Sent"},
    {"label": "Done", "is_terminal": True, "category": "enrolled"},
    {"label": "Cancelled", "is_terminal": True, "fhir_status": "cancelled"},
]


def reassign(desk: Desk, referral: Any, program: str = THERE, **more: Any) -> Any:
    more.setdefault("version", referral["version"])
    return desk(
        status_changes.reassign_referral,
        referral_id=referral["id"],
        program_id=desk.resource[program],
        **more,
    )


def withdraw(desk: Desk, referral: Any, **more: Any) -> Any:
    more.setdefault("version", referral["version"])
    return desk(
        status_changes.withdraw_referral,
        **{"referral_id": referral["id"], "reason_code": "no_longer_needed", **more},
    )


def words_of(call: Any) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.code, refused.value.detail


def history(desk: Desk, referral: Any) -> list[Any]:
    lines: list[Any] = desk(assignments.list_referral_history, referral_id=referral["id"])["items"]
    return lines


@pytest.mark.seed("S0-46")
def test_after_a_reassignment_the_old_provider_is_told_no_more_than_whom_to_ask(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(HERE, THERE)
    old_provider, new_provider = desk.provider(HERE, details=True), desk.provider(THERE)
    referral = desk.assign(queue_id, HERE)
    number = referral["limited"]["contact_record_number"]
    assert [each["id"] for each in desk(assignments.list_referrals, old_provider)["items"]] == [
        referral["id"]
    ]

    new = reassign(desk, referral)

    one = {"referral_id": referral["id"]}
    assert desk(assignments.list_referrals, old_provider) == {"items": [], "next": None}
    for look in (
        lambda: desk(assignments.list_referrals, old_provider, number=number),
        lambda: desk(assignments.list_referrals, old_provider, number="CR-00099999"),
        lambda: desk(assignments.get_referral, old_provider, **one),
        lambda: desk(assignments.get_referral, old_provider, referral_id="0" * 32),
        lambda: desk(assignments.list_referral_history, old_provider, **one),
        lambda: desk(assignments.list_referral_notes, old_provider, **one),
        lambda: desk(assignments.add_referral_note, old_provider, note="Where is it?", **one),
        lambda: desk(status_changes.change_status, old_provider, status="enrolled", version=2, **one),
        lambda: desk(status_changes.accept_referral, old_provider, version=2, **one),
    ):
        assert words_of(look) == ("not_found", UNAVAILABLE)
    assert [each["id"] for each in desk(assignments.list_referrals, new_provider)["items"]] == [new["id"]]
    kept = desk.read(referral)
    assert (kept["progress"]["ended_by"], kept["progress"]["replaced_by_id"]) == ("sender", new["id"])
    assert [line["kind"] for line in history(desk, referral)] == ["assigned", "reassigned"]


def test_a_reassignment_is_no_decline_and_is_told_as_what_it_is(desk: Desk) -> None:
    referral = desk.assign(desk.a_queue(HERE, THERE), HERE)
    new = reassign(desk, referral)
    assert desk.service.events(status_changes.referral_declined) == []
    (event,) = desk.service.events(status_changes.referral_reassigned)
    assert (event["subject"], event["data"]["replaced_by_id"]) == (referral["id"], new["id"])
    assert event["data"]["new_program_id"] == desk.resource[THERE]
    assert desk.service.events(referral_assigned)[-1]["data"]["replaces_id"] == referral["id"]
    (row,) = desk.service.audit("referral.reassigned")
    assert (row.object_id, row.facts["replaced_by_id"]) == (referral["id"], new["id"])


def test_a_reassignment_takes_a_place_there_and_frees_the_one_here(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(HERE, THERE)
    for program in (HERE, THERE):
        desk.set_capacity(program, 1)
    reassign(desk, desk.assign(queue_id, HERE))
    assert (desk.numbers(HERE), desk.numbers(THERE)) == ((1, 0, 1), (1, 1, 0))


def test_where_the_new_program_is_full_nothing_has_changed(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(HERE, THERE)
    for program in (HERE, THERE):
        desk.set_capacity(program, 1)
    referral, _ = desk.assign(queue_id, HERE), desk.assign(queue_id, THERE)
    before = desk.service.events()
    assert refusal(lambda: reassign(desk, referral)) == "capacity_exhausted"
    assert (desk.numbers(HERE), desk.numbers(THERE)) == ((1, 1, 0), (1, 1, 0))
    assert (desk.read(referral)["version"], desk.service.events()) == (1, before)


def test_the_last_place_goes_along_into_another_queue_of_the_same_program(desk: Desk) -> None:
    first, second = desk.a_queue(HERE), desk.a_queue(HERE, name="Winter")
    desk.set_capacity(HERE, 1)
    new = reassign(desk, desk.assign(first, HERE), HERE, queue_id=second)
    assert new["limited"]["referralq_name"] == "Winter"
    assert desk.numbers(HERE) == (1, 1, 0)
    desk.move(new, "completed")
    assert desk.numbers(HERE) == (1, 0, 1)


@pytest.fixture
def noted(desk: Desk) -> Any:
    """A referral with two shared notes and an internal one."""
    referral = desk.assign(desk.a_queue(HERE, THERE), HERE, note="Has a dog.")
    one = {"referral_id": referral["id"]}
    desk(assignments.add_referral_note, desk.provider(HERE), note="No dogs here.", **one)
    return desk(assignments.add_referral_note, note="Try the other one.", is_internal=True, **one)


def notes_of(desk: Desk, referral: Any) -> list[tuple[str, str]]:
    notes = desk(assignments.list_referral_notes, referral_id=referral["id"])["items"]
    return [(note["note"], note["author"]["side"]) for note in notes]


ALL_SHARED = [("Has a dog.", "partner"), ("No dogs here.", "provider")]


def test_a_new_provider_reads_no_note_unless_it_is_passed_on(desk: Desk, noted: Any) -> None:
    new = reassign(desk, noted)
    assert (notes_of(desk, new), new["limited"]["note"]) == ([], None)
    seen = desk(assignments.list_referral_history, desk.provider(THERE), referral_id=new["id"])["items"]
    assert [line["note"] for line in seen] == [None]
    said = reassign(desk, new, HERE, note="With a dog, as agreed.")
    assert notes_of(desk, said) == [("With a dog, as agreed.", "partner")]


def test_shared_notes_go_along_if_wanted_with_their_authors_and_internal_ones_never(
    desk: Desk, noted: Any
) -> None:
    new = reassign(desk, noted, note="With a dog, as agreed.", carries_notes=True)
    assert notes_of(desk, new) == [*ALL_SHARED, ("With a dog, as agreed.", "partner")]
    assert new["limited"]["note"] == "With a dog, as agreed."


def test_staff_choose_the_notes_that_are_passed_on(desk: Desk, noted: Any) -> None:
    notes = desk(assignments.list_referral_notes, referral_id=noted["id"])["items"]
    ids = {note["note"]: note["id"] for note in notes}
    for unshared in (ids["Try the other one."], "0" * 32):
        with pytest.raises(Refused) as refused:
            reassign(desk, noted, note_ids=[ids["Has a dog."], unshared])
        assert (refused.value.code, refused.value.field) == ("not_found", "note_ids.1")
    new = reassign(desk, noted, note_ids=[ids["Has a dog."]])
    assert (notes_of(desk, new), new["limited"]["note"]) == (ALL_SHARED[:1], "Has a dog.")


def test_in_another_queue_the_program_keeps_its_notes_unless_they_are_left_behind(
    desk: Desk, noted: Any
) -> None:
    winter, spring = desk.a_queue(HERE, name="Winter"), desk.a_queue(HERE, name="Spring")
    new = reassign(desk, noted, HERE, queue_id=winter)
    assert notes_of(desk, new) == ALL_SHARED
    assert notes_of(desk, reassign(desk, new, HERE, queue_id=spring, carries_notes=False)) == []


@pytest.mark.parametrize(("program", "more"), [(HERE, {}), (THERE, {"carries_notes": True})])
def test_where_notes_would_all_go_along_those_that_are_chosen_go_alone(
    desk: Desk, noted: Any, program: str, more: dict[str, Any]
) -> None:
    notes = desk(assignments.list_referral_notes, referral_id=noted["id"])["items"]
    chosen = [note["id"] for note in notes if note["note"] == "Has a dog."]
    queue_id = desk.a_queue(HERE, THERE, name="Winter")
    new = reassign(desk, noted, program, queue_id=queue_id, note_ids=chosen, **more)
    assert notes_of(desk, new) == ALL_SHARED[:1]


def test_in_another_queue_of_its_program_a_referral_keeps_its_place_and_one_without_takes_one(
    desk: Desk,
) -> None:
    winter, spring = desk.a_queue(HERE, name="Winter"), desk.a_queue(HERE, name="Spring")
    desk.set_capacity(HERE, 2)
    held = reassign(desk, desk.assign(winter, HERE), HERE, queue_id=spring)
    assert desk.numbers(HERE) == (2, 1, 1)
    declined = desk(
        status_changes.decline_referral,
        referral_id=held["id"],
        version=held["version"],
        reason_code="no_capacity",
    )
    assert desk.numbers(HERE) == (2, 0, 2)
    reassign(desk, declined, HERE, queue_id=winter)
    assert desk.numbers(HERE) == (2, 1, 1)


def test_a_declined_referral_goes_to_another_program_and_stays_declined_in_its_history(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, THERE)
    referral = desk.assign(queue_id, HERE, priority="urgent")
    declined = desk(
        status_changes.decline_referral, referral_id=referral["id"], version=1, reason_code="no_capacity"
    )
    new = reassign(desk, declined)
    assert (new["limited"]["status"], new["progress"]["priority"]) == ("Referred", "urgent")
    assert desk.read(referral)["progress"]["reason_code"] == "no_capacity"
    assert [line["kind"] for line in history(desk, referral)] == ["assigned", "declined", "reassigned"]


def test_what_cannot_be_reassigned_is_refused_by_name(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, THERE)
    referral = desk.assign(queue_id, HERE)
    assert refusal(lambda: reassign(desk, referral, HERE)) == "already_assigned"
    assert refusal(lambda: reassign(desk, referral, "Winter Shelter")) == "program_not_in_queue"
    assert refusal(lambda: reassign(desk, referral, version=7)) == "version_conflict"
    assert refusal(lambda: reassign(desk, referral, queue_id="0" * 32)) == "not_found"
    reassign(desk, referral)
    gone = desk.read(referral)
    assert refusal(lambda: reassign(desk, gone, HERE)) == "move_not_allowed"
    assert refusal(lambda: desk.move(gone, "enrolled")) == "move_not_allowed"
    assert refusal(lambda: withdraw(desk, gone)) == "move_not_allowed"
    assert gone["progress"]["is_terminal"]
    assert desk.read(gone)["progress"]["next_statuses"] == []
    assert desk.read(gone)["progress"]["actions"] == []


def test_of_many_who_reassign_at_once_one_succeeds(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(HERE, THERE)
    for program in (HERE, THERE):
        desk.set_capacity(program, 5)
    referral = desk.assign(queue_id, HERE)

    def attempt(_: int) -> str:
        try:
            reassign(desk, referral)
        except Refused as refused:
            return refused.code
        return "accepted"

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(attempt, range(8)))
    assert outcomes == ["accepted", *["version_conflict"] * 7]
    assert (desk.numbers(HERE), desk.numbers(THERE)) == ((5, 0, 5), (5, 1, 4))


def test_a_withdrawn_referral_is_out_of_the_providers_sight_and_frees_its_bed(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE)
    desk.set_capacity(HERE, 1)
    provider = desk.provider(HERE)
    referral = desk.assign(queue_id, HERE)
    gone = withdraw(desk, referral, note="Found a flat.")
    assert desk(assignments.list_referrals, provider)["items"] == []
    assert words_of(lambda: desk.read(referral, provider)) == ("not_found", UNAVAILABLE)
    assert (gone["progress"]["ended_by"], gone["progress"]["reason_code"]) == ("sender", "no_longer_needed")
    assert desk.numbers(HERE) == (1, 0, 1)
    (event,) = desk.service.events(assignments.referral_withdrawn)
    assert event["data"]["reason_code"] == "no_longer_needed"
    assert "Found a flat." not in str(desk.service.events()) + str(
        [row.facts for row in desk.service.audit()]
    )
    record_id = gone["progress"]["contact_record_id"]
    assert desk.assign(queue_id, HERE, record_id)["version"] == 1


def test_what_was_taken_back_is_due_no_more(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, THERE, settings={"due_hours": 1})
    withdrawn, reassigned = desk.assign(queue_id, HERE), desk.assign(queue_id, HERE)
    assert withdrawn["progress"]["due_at"] is not None
    withdraw(desk, withdrawn)
    reassign(desk, reassigned)
    with desk.service.database.reading(HARBOR[0]) as session:
        assert [session.get_one(Referral, each["id"]).due_at for each in (withdrawn, reassigned)] == [
            None
        ] * 2


def test_a_declined_referral_is_withdrawn_with_its_reason_kept(desk: Desk) -> None:
    referral = desk.assign(desk.a_queue(HERE), HERE)
    declined = desk.move(referral, "declined", reason_code="no_capacity")
    gone = withdraw(desk, declined)["progress"]
    assert (gone["reason_code"], gone["ended_at"]) == ("no_capacity", declined["progress"]["ended_at"])
    assert (gone["ended_by"], gone["status_key"]) == ("sender", "declined")


def test_a_withdrawal_goes_to_the_queues_cancelled_status_and_needs_a_reason(desk: Desk) -> None:
    referral = desk.assign(desk.a_queue(HERE, statuses=TAKEN_BACK), HERE)
    assert refusal(lambda: withdraw(desk, referral, reason_code="no_idea")) == "invalid_request"
    assert withdraw(desk, referral)["limited"]["status"] == "Cancelled"
    last = history(desk, referral)[-1]
    assert (last["kind"], last["from_status"], last["to_status"]) == ("withdrawn", "Sent", "Cancelled")


def test_only_the_partner_of_the_organisation_takes_a_referral_back(desk: Desk) -> None:
    referral = desk.assign(desk.a_queue(HERE, THERE), HERE)
    provider = desk.provider(HERE, may=STAFF_MAY)
    one = {"referral_id": referral["id"], "version": 1}
    for caller, code in ((provider, "forbidden"), (OTHER_STAFF, "not_found")):
        for call in (
            lambda: desk(status_changes.withdraw_referral, caller, reason_code="other", **one),  # noqa: B023
            lambda: desk(status_changes.reassign_referral, caller, program_id=desk.resource[THERE], **one),  # noqa: B023
            lambda: desk(assignments.change_priority, caller, priority="stat", **one),  # noqa: B023
        ):
            assert refusal(call) == code
    assert desk.read(referral)["version"] == 1
