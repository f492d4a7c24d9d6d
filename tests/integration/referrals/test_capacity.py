"""Capacity: setting it, claiming it, and the crowd that wants the last beds."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.contracts.errors import Refused
from services.contracts.referrals import capacity as capacity_contract
from services.contracts.referrals.capacity import capacity_changed
from tests.integration.referrals.builders import OTHER_STAFF, PROVIDER_MAY, Desk, refusal


@pytest.mark.seed("S0-2")
@pytest.mark.seed("S0-9")
def test_a_provider_says_how_much_a_program_can_take(desk_on_both: Desk) -> None:
    desk = desk_on_both
    desk.a_queue("Night Shelter")
    provider = desk.provider("Night Shelter")
    answer = desk.set_capacity("Night Shelter", 20, provider, unit="beds", note="Women only this week.")
    assert (answer["total"], answer["used"], answer["free"], answer["unit"]) == (20, 0, 20, "beds")
    seen = desk(capacity_contract.get_capacity, program_id=desk.resource["Night Shelter"])
    assert seen == answer
    assert (seen["program_name"], seen["note"], seen["version"]) == (
        "Night Shelter",
        "Women only this week.",
        1,
    )
    (event,) = desk.service.events(capacity_changed)
    program_id = desk.resource["Night Shelter"]
    counts = {"total": 20, "used": 0, "free": 20}
    line_id = seen["line_id"]
    assert event["data"] == {"program_id": program_id, "line_id": line_id, "status": "has_capacity", **counts}
    assert desk.service.audit("capacity.set")[0].facts == {"line_id": line_id, "total": 20, "used": 0}


@pytest.mark.seed("S0-10")
def test_each_update_takes_a_short_note_that_the_partner_reads(desk: Desk) -> None:
    desk.a_queue("Night Shelter")
    provider, program_id = desk.provider("Night Shelter"), desk.resource["Night Shelter"]

    def seen() -> str | None:
        note: str | None = desk(capacity_contract.get_capacity, program_id=program_id)["note"]
        return note

    said = ["Women only this week.", "x" * 500, None, "Bring an ID — “any” will do."]
    for total, note in enumerate(said, 3):
        assert desk.set_capacity("Night Shelter", total, provider, note=note)["note"] == note == seen()
    line_id = desk.set_capacity("Night Shelter", 9, provider)["line_id"]  # without a word on the note
    for too_long in ("x" * 501, "x" * 100_000):
        asked = {"line_id": line_id, "note": too_long}
        refused = refusal(lambda ask=asked: desk(capacity_contract.edit_capacity_line, provider, **ask))
        assert refused == "invalid_request"
        long = {"note": too_long}
        assert (
            refusal(lambda ask=long: desk.set_capacity("Night Shelter", 1, provider, **ask))
            == "invalid_request"
        )
    assert seen() == said[-1]
    kept = desk(capacity_contract.list_capacity_history, program_id=program_id)["items"]
    assert [(change["note"], change["actor_realm"]) for change in kept] == [
        (note, "provider") for note in (said[-1], *reversed(said))
    ]
    for stranger in (desk.provider("Family Housing First"), OTHER_STAFF):
        for operation in (capacity_contract.get_capacity, capacity_contract.list_capacity_history):
            refused = refusal(lambda ask=operation, by=stranger: desk(ask, by, program_id=program_id))
            assert refused == "not_found"


def test_setting_it_again_counts_a_version_and_keeps_what_is_used(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    desk.set_capacity("Night Shelter", 3)
    desk.assign(queue_id, "Night Shelter")
    answer = desk.set_capacity("Night Shelter", 5)
    assert (answer["total"], answer["used"], answer["free"], answer["version"]) == (5, 1, 4, 3)
    assert refusal(lambda: desk.set_capacity("Night Shelter", 0)) == "capacity_below_use"
    assert desk.numbers("Night Shelter") == (5, 1, 4)


@pytest.mark.seed("S0-38")
def test_an_agencys_provider_edits_its_queued_programs_only(desk: Desk) -> None:
    desk.a_queue("Night Shelter", "St. Mary's Café & Pantry")
    for program in ("Night Shelter", "Family Housing First", "St. Mary's Café & Pantry"):
        desk.set_capacity(program, 4)
    provider = desk.provider("Harbor Shelter Alliance")
    assert desk.set_capacity("Night Shelter", 6, provider)["total"] == 6
    listed = desk(capacity_contract.list_capacities, provider)["items"]
    assert [capacity["program_name"] for capacity in listed] == ["Night Shelter"]
    for program in ("Family Housing First", "St. Mary's Café & Pantry"):
        assert refusal(lambda name=program: desk.set_capacity(name, 1, provider)) == "not_found"
        program_id = desk.resource[program]
        assert (
            refusal(lambda one=program_id: desk(capacity_contract.get_capacity, provider, program_id=one))
            == "not_found"
        )


def test_a_provider_whose_own_program_is_in_no_queue_has_no_capacity_to_edit(desk: Desk) -> None:
    provider = desk.provider("Night Shelter")
    assert refusal(lambda: desk.set_capacity("Night Shelter", 1, provider)) == "not_found"
    desk.a_queue("Night Shelter")
    assert desk.set_capacity("Night Shelter", 1, provider)["free"] == 1


@pytest.mark.seed("S0-22")
def test_a_provider_without_the_switch_reads_and_cannot_edit(desk: Desk) -> None:
    desk.a_queue("Night Shelter")
    program_id = desk.resource["Night Shelter"]
    line_id = desk.set_capacity("Night Shelter", 4)["line_id"]
    reader = desk.provider(
        "Night Shelter", may=tuple(name for name in PROVIDER_MAY if name != "capacity.edit")
    )
    assert refusal(lambda: desk.set_capacity("Night Shelter", 1, reader)) == "forbidden"
    assert refusal(lambda: desk(capacity_contract.confirm_capacity, reader, line_id=line_id)) == "forbidden"
    tomorrow = {"starts_at": "2099-01-01T00:00:00Z", "total": 9}
    schedule = {"program_id": program_id, **tomorrow}
    assert refusal(lambda: desk(capacity_contract.schedule_capacity, reader, **schedule)) == "forbidden"
    assert desk(capacity_contract.get_capacity, reader, program_id=program_id)["total"] == 4


@pytest.mark.seed("S0-52")
def test_staff_sees_and_edits_every_capacity(desk: Desk) -> None:
    desk.set_capacity("Night Shelter", 4)
    desk.set_capacity("Family Housing First", 2)
    listed = desk(capacity_contract.list_capacities)["items"]
    assert [(one["program_name"], one["total"]) for one in listed] == [
        ("Family Housing First", 2),
        ("Night Shelter", 4),
    ]
    assert refusal(lambda: desk.set_capacity("Harbor Shelter Alliance", 1)) == "not_a_program"
    assert refusal(lambda: desk(capacity_contract.set_capacity, program_id="0" * 32, total=1)) == "not_found"


def test_another_organisation_reaches_no_capacity(desk: Desk) -> None:
    desk.set_capacity("Night Shelter", 4)
    program_id = desk.resource["Night Shelter"]
    assert desk(capacity_contract.list_capacities, OTHER_STAFF)["items"] == []
    assert refusal(lambda: desk.set_capacity("Night Shelter", 9, OTHER_STAFF)) == "not_found"
    assert (
        refusal(lambda: desk(capacity_contract.get_capacity, OTHER_STAFF, program_id=program_id))
        == "not_found"
    )
    assert desk.numbers("Night Shelter") == (4, 0, 4)


def test_the_database_itself_refuses_more_use_than_total(desk_on_both: Desk) -> None:
    desk_on_both.set_capacity("Night Shelter", 1)
    for lie in ("used = 2, held = 2", "used = 1", "held = -1, used = -1", "mode = 'period', held = -1"):
        with pytest.raises(IntegrityError), desk_on_both.service.database.engine.begin() as connection:
            connection.execute(text(f"UPDATE capacity_lines SET {lie}"))


def test_without_a_capacity_assignments_are_not_limited(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    for _ in range(3):
        desk.assign(queue_id, "Night Shelter")
    desk.set_capacity("Night Shelter", 1)
    assert desk.numbers("Night Shelter") == (
        1,
        1,
        0,
    )  # open referrals count with the first capacity, up to its total


def test_the_last_place_is_given_once(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    desk.set_capacity("Night Shelter", 1)
    referral = desk.assign(queue_id, "Night Shelter")
    assert refusal(lambda: desk.assign(queue_id, "Night Shelter")) == "capacity_exhausted"
    desk.move(referral, "completed")
    desk.assign(queue_id, "Night Shelter")
    assert desk.numbers("Night Shelter") == (1, 1, 0)
    told = [(event["data"]["used"], event["data"]["free"]) for event in desk.service.events(capacity_changed)]
    assert told == [(0, 1), (1, 0), (0, 1), (1, 0)]


def test_a_repeated_assignment_has_its_answer_although_nothing_is_free_any_more(desk: Desk) -> None:
    queue_id, record_id = desk.a_queue("Night Shelter"), desk.a_record()
    desk.set_capacity("Night Shelter", 1)
    first = desk.assign(queue_id, "Night Shelter", record_id, key="once")
    assert desk.assign(queue_id, "Night Shelter", record_id, key="once") == first
    assert desk.numbers("Night Shelter") == (1, 1, 0)


@pytest.mark.fault("F17")
def test_a_crowd_of_claims_on_twenty_beds_fills_exactly_twenty(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter")
    desk.set_capacity("Night Shelter", 20, unit="beds")
    waiting = desk.many_records(300)
    taken: list[dict[str, object]] = []

    def claim(record_id: str) -> str:
        # Fifty threads of one Python starve the holder of SQLite's write turn, which cannot happen in an event loop. So
        # a refused thread tries again, as the refusal's `retry_after_s` asks of any client.
        for _ in range(20):
            try:
                taken.append(desk.assign(queue_id, "Night Shelter", record_id))
            except Refused as refused:
                if refused.code != "service_unavailable":
                    return refused.code
            else:
                return "accepted"
        return "service_unavailable"

    def crowd() -> Counter[str]:
        with ThreadPoolExecutor(50) as pool:
            return Counter(pool.map(claim, waiting))

    assert crowd() == {"accepted": 20, "capacity_exhausted": 280}
    assert desk.numbers("Night Shelter") == (20, 20, 0)
    for referral in taken[:5]:
        desk.move(referral, "completed")
    assert desk.numbers("Night Shelter") == (20, 15, 5)
    waiting = desk.many_records(200)
    assert crowd() == {"accepted": 5, "capacity_exhausted": 195}
    assert desk.numbers("Night Shelter") == (20, 20, 0)
