"""Notes: shared ones, internal ones, and lists of them."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine

from services.contracts.referrals import assignments
from tests.integration.referrals.builders import OTHER_STAFF, STAFF, Desk, refusal

START = datetime.datetime(2031, 3, 3, 9, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def referral(desk: Desk) -> Any:
    """A referral to the Night Shelter, without a note."""
    return desk.assign(desk.a_queue("Night Shelter"), "Night Shelter")


def write(desk: Desk, referral: Any, text: str, caller: Any = STAFF, **more: Any) -> Any:
    return desk(assignments.add_referral_note, caller, referral_id=referral["id"], note=text, **more)


def notes(desk: Desk, referral: Any, caller: Any = STAFF) -> list[tuple[str, str, str]]:
    items = desk(assignments.list_referral_notes, caller, referral_id=referral["id"])["items"]
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)
    return [(item["note"], item["author"]["side"], item["author"]["id"]) for item in items]


@pytest.mark.seed("S0-32")
def test_both_sides_write_notes_and_read_each_others_with_author_and_time(desk: Desk, referral: Any) -> None:
    provider = desk.provider("Night Shelter")
    assert desk.read(referral, provider)["limited"]["note"] is None
    with time_machine.travel(START, tick=False) as clock:
        first = write(desk, referral, "Please call before noon.")
        assert first["limited"]["note"] == "Please call before noon."
        clock.shift(HOUR)
        write(desk, referral, "Called, no answer.", provider)
        assert desk.read(referral)["limited"]["note"] == "Called, no answer."
        clock.shift(HOUR)
        moved = desk.move(desk.read(referral), "attempting_contact", provider, note="Second try on Monday.")
    expected = [
        ("Please call before noon.", "partner", STAFF.id),
        ("Called, no answer.", "provider", provider.id),
        ("Second try on Monday.", "provider", provider.id),
    ]
    assert notes(desk, referral) == notes(desk, referral, provider) == expected
    assert moved["limited"]["note"] == "Second try on Monday."
    items = desk(assignments.list_referral_notes, provider, referral_id=referral["id"])["items"]
    assert [item["at"] for item in items] == [(START + at * HOUR).isoformat() for at in range(3)]
    for stranger in (desk.provider("Family Housing First"), OTHER_STAFF):
        assert refusal(lambda: write(desk, referral, "Hello.", stranger)) == "not_found"  # noqa: B023
        assert refusal(lambda: notes(desk, referral, stranger)) == "not_found"  # noqa: B023
    reader = desk.provider("Night Shelter", may=("referral.read",))
    assert refusal(lambda: write(desk, referral, "Hello.", reader)) == "forbidden"
    assert notes(desk, referral) == expected


def test_an_internal_note_is_read_by_the_partner_only(desk: Desk, referral: Any) -> None:
    provider = desk.provider("Night Shelter")
    write(desk, referral, "Shared.")
    answer = write(desk, referral, "Between us.", is_internal=True)
    assert answer["limited"]["note"] == "Shared."
    assert [text for text, *_ in notes(desk, referral, provider)] == ["Shared."]
    seen = desk(assignments.list_referral_history, provider, referral_id=referral["id"])
    assert "Between us." not in str(seen) + str(desk.read(referral, provider))
    assert [text for text, *_ in notes(desk, referral)] == ["Shared.", "Between us."]
    assert refusal(lambda: write(desk, referral, "Mine.", provider, is_internal=True)) == "forbidden"


def test_a_note_is_audited_and_told_without_what_it_says(desk: Desk, referral: Any) -> None:
    write(desk, referral, "Speaks Tigrinya.", desk.provider("Night Shelter"))
    (event,) = desk.service.events(assignments.referral_note_added)
    assert (event["data"]["author_side"], event["data"]["is_internal"]) == ("provider", False)
    (row,) = desk.service.audit("referral.note_added")
    assert row.facts == {"side": "provider", "is_internal": False}
    assert "Tigrinya" not in str(desk.service.events()) + str([row.facts for row in desk.service.audit()])


def test_notes_of_many_at_once_are_all_kept(desk_on_both: Desk) -> None:
    desk = desk_on_both
    referral = desk.assign(desk.a_queue("Night Shelter"), "Night Shelter")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: write(desk, referral, f"Note {number}"), range(12)))
    assert sorted(text for text, *_ in notes(desk, referral)) == sorted(f"Note {n}" for n in range(12))
    assert desk.read(referral)["version"] == 13


def test_an_ended_referral_still_takes_notes(desk: Desk, referral: Any) -> None:
    desk.move(referral, "completed")
    assert write(desk, referral, "Came back to say thanks.")["progress"]["is_terminal"]


def test_nobody_else_writes_or_reads_notes(desk: Desk, referral: Any) -> None:
    reader = desk.provider("Night Shelter", may=("referral.read",))
    assert refusal(lambda: write(desk, referral, "Hello.", reader)) == "forbidden"
    for stranger in (desk.provider("Family Housing First"), OTHER_STAFF):
        assert refusal(lambda: write(desk, referral, "Hello.", stranger)) == "not_found"  # noqa: B023
        assert refusal(lambda: notes(desk, referral, stranger)) == "not_found"  # noqa: B023
    assert refusal(lambda: write(desk, referral, "   ")) == "invalid_request"
    assert refusal(lambda: write(desk, referral, "x" * 2001)) == "invalid_request"
    assert notes(desk, referral) == []
