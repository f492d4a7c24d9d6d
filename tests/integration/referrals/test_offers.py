"""One record offered to several programs: the first to accept takes it, and the others are withdrawn."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.referrals import assignments, directory, offers, status_changes
from services.referrals.access.rules import UNAVAILABLE
from services.referrals.models import QueueProgram
from services.referrals.offers.expiry import expire
from services.referrals.offers.models import Offer
from services.referrals.status_changes.expiry import expire as expire_referrals
from tests.integration.referrals.builders import (
    OTHER_STAFF,
    SMALL_DIRECTORY,
    Desk,
    an_export,
    refusal,
)
from tests.support.in_process import HARBOR

HERE, THERE, ELSEWHERE = "Night Shelter", "Family Housing First", "St. Mary's Café & Pantry"
ASKED = (HERE, THERE, ELSEWHERE)


def offer(desk: Desk, *programs: str, queue_id: str | None = None, **more: Any) -> Any:
    programs = programs or ASKED
    queue_id = queue_id or desk.a_queue(*programs)
    record_id = more.pop("record_id", None) or desk.a_record()
    return desk(
        offers.create_offer,
        contact_record_id=record_id,
        queue_id=queue_id,
        program_ids=[desk.resource[each] for each in programs],
        **more,
    )


def asked(desk: Desk, made: Any, program: str) -> Any:
    """The referral of an offer to this program."""
    one = next(each for each in made["programs"] if each["program_name"] == program)
    return desk.read({"id": one["referral_id"]})


def accept(desk: Desk, referral: Any, caller: Any = None, **more: Any) -> Any:
    more.setdefault("version", referral["version"])
    extra = [caller] if caller else []
    return desk(status_changes.accept_referral, *extra, referral_id=referral["id"], **more)


def decline(desk: Desk, referral: Any) -> Any:
    one = {"referral_id": referral["id"], "reason_code": "not_eligible"}
    return desk(status_changes.decline_referral, version=referral["version"], **one)


def now_of(desk: Desk, made: Any) -> Any:
    return desk(offers.get_offer, offer_id=made["id"])


def answers(desk: Desk, made: Any) -> dict[str, str]:
    return {each["program_name"]: each["answer"] for each in now_of(desk, made)["programs"]}


def make_due(desk: Desk, made: Any) -> None:
    def write(session: Any) -> None:
        row = session.get_one(Offer, made["id"])
        row.expires_at = row.created_at - datetime.timedelta(seconds=1)

    desk.service.database.write(HARBOR[0], write)


def test_an_offer_takes_no_place_until_somebody_accepts(desk: Desk) -> None:
    for program in ASKED:
        desk.set_capacity(program, 1)
    made = offer(desk, note="Two adults, one child.", priority="urgent")
    assert (made["state"], made["asked"], made["waiting"], made["declined"]) == ("open", 3, 3, 0)
    assert {desk.numbers(program) for program in ASKED} == {(1, 0, 1)}
    taken = accept(desk, asked(desk, made, THERE), desk.provider(THERE))
    assert (taken["progress"]["status_key"], taken["progress"]["priority"]) == (
        "attempting_contact",
        "urgent",
    )
    assert [desk.numbers(program)[1] for program in ASKED] == [0, 1, 0]
    now = now_of(desk, made)
    assert (now["state"], now["accepted_referral_id"], now["waiting"]) == ("accepted", taken["id"], 0)
    assert answers(desk, made) == {HERE: "withdrawn", THERE: "accepted", ELSEWHERE: "withdrawn"}


def test_each_provider_sees_its_own_referral_and_nothing_of_the_offer(desk: Desk) -> None:
    made = offer(desk)
    provider = desk.provider(HERE)
    (own,) = desk(assignments.list_referrals, provider)["items"]
    assert own["progress"]["program_id"] == desk.resource[HERE]
    assert own["progress"]["offer_id"] is None
    assert desk.read(own)["progress"]["offer_id"] == made["id"]
    assert refusal(lambda: desk(offers.get_offer, provider, offer_id=made["id"])) == "forbidden"
    assert refusal(lambda: desk(offers.list_offers, provider)) == "forbidden"
    assert refusal(lambda: desk(offers.get_offer, OTHER_STAFF, offer_id=made["id"])) == "not_found"


@pytest.mark.seed("S0-46")
def test_who_was_too_late_is_told_as_after_a_reassignment(desk: Desk) -> None:
    made = offer(desk)
    late, slow = asked(desk, made, HERE), desk.provider(HERE)
    accept(desk, asked(desk, made, THERE))
    with pytest.raises(Refused) as refused:
        accept(desk, late, slow)
    assert (refused.value.code, refused.value.detail) == ("not_found", UNAVAILABLE)
    assert desk(assignments.list_referrals, slow)["items"] == []
    lost = desk.read(late)
    assert (lost["progress"]["ended_by"], lost["progress"]["reason_code"]) == ("sender", "accepted_elsewhere")
    lines = desk(assignments.list_referral_history, referral_id=late["id"])["items"]
    assert [line["kind"] for line in lines] == ["assigned", "withdrawn"]
    assert refusal(lambda: desk.move(lost, "enrolled")) == "move_not_allowed"


def test_every_program_that_was_not_needed_is_told_once(desk: Desk) -> None:
    made = offer(desk)
    decline(desk, asked(desk, made, ELSEWHERE))
    accept(desk, asked(desk, made, THERE))
    (withdrawn,) = desk.service.events(assignments.referral_withdrawn)
    assert withdrawn["data"]["program_id"] == desk.resource[HERE]
    assert withdrawn["data"]["reason_code"] == "accepted_elsewhere"
    (accepted,) = desk.service.events(offers.offer_accepted)
    assert (accepted["subject"], accepted["data"]["withdrawn"]) == (made["id"], 1)
    assert [row.facts["withdrawn"] for row in desk.service.audit("offer.accepted")] == [1]


def test_of_fifty_acceptances_at_once_exactly_one_takes_the_offer(desk_on_both: Desk) -> None:
    desk = desk_on_both
    rows = [(str(100 + n), f"Shelter {n}", "Program", "1", "Active", "") for n in range(50)]
    desk.import_file(an_export((SMALL_DIRECTORY[0], *rows)))
    queue_id = desk.a_queue()
    found = desk(directory.search_resources, q="Shelter", limit=100)["items"]
    desk.resource |= {each["name"]: each["id"] for each in found}
    names = [row[1] for row in rows]

    def link(session: Any) -> None:
        for name in names:
            session.add(QueueProgram(queue_id=queue_id, program_id=desk.resource[name], added_at=utc_now()))

    desk.service.database.write(HARBOR[0], link)
    made = offer(desk, *names, queue_id=queue_id)
    referrals = [{"id": each["referral_id"], "version": 1} for each in made["programs"]]
    staff_and_providers = [None, desk.provider(*["Harbor Shelter Alliance"])]

    def one(n: int) -> str:
        try:
            accept(desk, referrals[n], staff_and_providers[n % 2])
        except Refused as refused:
            return refused.code
        return "accepted"

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(one, range(50)))
    assert outcomes.count("accepted") == 1
    assert set(outcomes) <= {"accepted", "not_found", "version_conflict", "move_not_allowed"}
    now = now_of(desk, made)
    assert [each["answer"] for each in now["programs"]].count("accepted") == 1
    assert (now["state"], now["waiting"]) == ("accepted", 0)
    assert len(desk.service.events(offers.offer_accepted)) == 1
    assert len(desk.service.events(assignments.referral_withdrawn)) == 49


def test_an_acceptance_without_a_free_place_is_refused_and_the_offer_stays_open(desk: Desk) -> None:
    desk.set_capacity(HERE, 0)
    made = offer(desk)
    assert refusal(lambda: accept(desk, asked(desk, made, HERE))) == "capacity_exhausted"
    assert set(answers(desk, made).values()) == {"none"}
    assert desk.service.events(assignments.referral_withdrawn) == []
    accept(desk, asked(desk, made, THERE))
    assert now_of(desk, made)["state"] == "accepted"


def test_a_free_place_belongs_to_who_waits_for_it(desk: Desk) -> None:
    desk.set_capacity(HERE, 0)
    queue_id = desk.a_queue(*ASKED, settings={"when_full": "waitlist"})
    desk.assign(queue_id, HERE)
    made = offer(desk, queue_id=queue_id)
    desk.set_capacity(HERE, 1)  # the waiting referral has not got it yet
    assert refusal(lambda: accept(desk, asked(desk, made, HERE))) == "capacity_exhausted"


@pytest.mark.parametrize("status", ["enrolled", "completed"])
def test_any_status_beyond_an_offer_takes_it(desk: Desk, status: str) -> None:
    desk.set_capacity(HERE, 1)
    made = offer(desk)
    desk.move(asked(desk, made, HERE), status)
    assert now_of(desk, made)["state"] == "accepted"
    assert desk.numbers(HERE)[1] == (1 if status == "enrolled" else 0)


def test_a_decline_ends_only_that_one_and_the_last_one_exhausts_the_offer(desk: Desk) -> None:
    made = offer(desk)
    decline(desk, asked(desk, made, HERE))
    now = now_of(desk, made)
    assert (now["state"], now["waiting"], now["declined"]) == ("open", 2, 1)
    assert desk.service.events(offers.offer_exhausted) == []
    decline(desk, asked(desk, made, THERE))
    decline(desk, asked(desk, made, ELSEWHERE))
    now = now_of(desk, made)
    assert (now["state"], now["declined"], now["closed_at"] is not None) == ("exhausted", 3, True)
    (told,) = desk.service.events(offers.offer_exhausted)
    assert told["data"]["offer_id"] == made["id"]
    assert [each["id"] for each in desk(offers.list_offers, state="exhausted")["items"]] == [made["id"]]


def test_declines_at_once_exhaust_the_offer_once(desk_on_both: Desk) -> None:
    desk = desk_on_both
    made = offer(desk)
    referrals = [asked(desk, made, program) for program in ASKED]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda each: decline(desk, each), referrals))
    assert now_of(desk, made)["state"] == "exhausted"
    assert len(desk.service.events(offers.offer_exhausted)) == 1


def test_a_decline_by_mistake_opens_the_exhausted_offer_again_without_a_place(desk: Desk) -> None:
    desk.set_capacity(HERE, 1)
    made = offer(desk, HERE, THERE)
    decline(desk, asked(desk, made, THERE))
    decline(desk, asked(desk, made, HERE))
    desk.move(asked(desk, made, HERE), "referred")
    assert (now_of(desk, made)["state"], desk.numbers(HERE)) == ("open", (1, 0, 1))
    accept(desk, asked(desk, made, HERE))
    assert (now_of(desk, made)["state"], desk.numbers(HERE)) == ("accepted", (1, 1, 0))


def test_a_referral_that_ends_otherwise_leaves_the_exhausted_offer_closed(desk: Desk) -> None:
    made = offer(desk, HERE, THERE)
    decline(desk, asked(desk, made, THERE))
    decline(desk, asked(desk, made, HERE))
    desk.move(asked(desk, made, HERE), "completed")
    assert now_of(desk, made)["state"] == "exhausted"


def test_who_declined_cannot_come_back_when_another_has_taken_it(desk: Desk) -> None:
    made = offer(desk)
    decline(desk, asked(desk, made, HERE))
    accept(desk, asked(desk, made, THERE))
    assert refusal(lambda: desk.move(asked(desk, made, HERE), "referred")) == "offer_closed"


def test_what_was_accepted_is_an_ordinary_referral_from_then_on(desk: Desk) -> None:
    desk.set_capacity(HERE, 1)
    made = offer(desk)
    taken = accept(desk, asked(desk, made, HERE))
    ended = desk.move(taken, "completed")
    assert desk.numbers(HERE) == (1, 0, 1)
    again = desk.move(ended, "enrolled")
    assert desk.numbers(HERE) == (1, 1, 0)
    elsewhere = desk(
        status_changes.reassign_referral,
        referral_id=again["id"],
        program_id=desk.resource[THERE],
        version=again["version"],
    )
    assert desk.read(elsewhere)["progress"]["offer_id"] is None
    assert now_of(desk, made)["state"] == "accepted"


def test_one_that_is_asked_may_be_sent_on_within_the_offer(desk: Desk) -> None:
    queue_id = desk.a_queue(*ASKED)
    desk.set_capacity(ELSEWHERE, 0)
    made = offer(desk, HERE, THERE, queue_id=queue_id)
    old = asked(desk, made, HERE)
    new = desk(
        status_changes.reassign_referral,
        referral_id=old["id"],
        program_id=desk.resource[ELSEWHERE],
        version=old["version"],
    )
    assert answers(desk, made) == {HERE: "withdrawn", THERE: "none", ELSEWHERE: "none"}
    desk.set_capacity(ELSEWHERE, 1)
    accept(desk, new)
    assert answers(desk, made)[ELSEWHERE] == "accepted"
    assert desk.numbers(ELSEWHERE) == (1, 1, 0)


def test_the_sender_takes_an_open_offer_back_once(desk: Desk) -> None:
    made = offer(desk)
    decline(desk, asked(desk, made, HERE))
    wish = {"offer_id": made["id"], "reason_code": "found_elsewhere"}
    assert refusal(lambda: desk(offers.withdraw_offer, **wish)) == "version_required"
    back = desk(offers.withdraw_offer, version=made["version"], **wish)
    assert (back["state"], back["declined"], back["waiting"]) == ("withdrawn", 1, 0)
    assert {each["data"]["reason_code"] for each in desk.service.events(assignments.referral_withdrawn)} == {
        "found_elsewhere"
    }
    assert len(desk.service.events(offers.offer_withdrawn)) == 1
    again = {"version": back["version"], **wish}
    assert refusal(lambda: desk(offers.withdraw_offer, **again)) == "offer_closed"


def test_taking_back_the_last_referral_of_an_offer_closes_it(desk: Desk) -> None:
    made = offer(desk, HERE, THERE)
    for program in (HERE, THERE):
        one = asked(desk, made, program)
        wish = {"referral_id": one["id"], "reason_code": "no_answer"}
        desk(status_changes.withdraw_referral, version=one["version"], **wish)
    assert now_of(desk, made)["state"] == "exhausted"


def test_an_offer_expires_once_and_nobody_can_take_it_even_before_the_loop_came(desk_on_both: Desk) -> None:
    desk = desk_on_both
    made = offer(desk, expires_in_hours=48)
    assert made["expires_at"] is not None
    expire(desk.service.runtime)
    assert now_of(desk, made)["state"] == "open"
    make_due(desk, made)
    assert refusal(lambda: accept(desk, asked(desk, made, HERE))) == "offer_closed"
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: expire(desk.service.runtime), range(3)))
    now = now_of(desk, made)
    assert (now["state"], now["waiting"]) == ("expired", 0)
    (told,) = desk.service.events(offers.offer_expired)
    assert told["organisationkey"] == "harbor"
    assert len(desk.service.events(assignments.referral_withdrawn)) == 3
    assert {each["reason_code"] for each in now["programs"]} == {"offer_expired"}


def test_offers_that_ended_before_hold_up_none_that_is_due(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.referrals.offers.expiry.MOST_AT_ONCE", 1)
    queue_id = desk.a_queue(*ASKED)
    ended, due = (offer(desk, queue_id=queue_id, expires_in_hours=48) for _ in range(2))
    wish = {"offer_id": ended["id"], "reason_code": "found_elsewhere"}
    desk(offers.withdraw_offer, version=ended["version"], **wish)
    for each in (ended, due):
        make_due(desk, each)
    assert not expire(desk.service.runtime)  # more may be due
    assert expire(desk.service.runtime)
    assert [now_of(desk, each)["state"] for each in (ended, due)] == ["withdrawn", "expired"]


def test_unanswered_referrals_that_expire_exhaust_their_offer(desk: Desk) -> None:
    queue_id = desk.a_queue(*ASKED, settings={"expire_after_days": 7})
    made = offer(desk, queue_id=queue_id)
    for each in made["programs"]:
        desk.shift(each["referral_id"], datetime.timedelta(days=8))
    expire_referrals(desk.service.runtime)
    assert now_of(desk, made)["state"] == "exhausted"


def test_an_offer_is_made_to_all_or_to_nobody(desk: Desk) -> None:
    queue_id, record_id = desk.a_queue(HERE, THERE), desk.a_record()
    desk.assign(queue_id, THERE, record_id)
    with pytest.raises(Refused) as refused:
        offer(desk, HERE, THERE, queue_id=queue_id, record_id=record_id)
    assert (refused.value.code, refused.value.field) == ("already_assigned", "program_ids.1")
    assert refusal(lambda: offer(desk, HERE, ELSEWHERE, queue_id=queue_id)) == "program_not_in_queue"
    assert desk(offers.list_offers)["items"] == []
    assert len(desk(assignments.list_referrals)["items"]) == 1


@pytest.mark.parametrize(
    "wish",
    [
        {"expires_at": "2020-01-01T00:00:00+00:00"},
        {"expires_at": "2090-01-01T00:00:00+00:00", "expires_in_hours": 4},
    ],
)
def test_the_end_of_an_offer_lies_ahead_and_is_said_once(desk: Desk, wish: dict[str, Any]) -> None:
    assert refusal(lambda: offer(desk, **wish)) == "invalid_request"


def test_a_program_is_asked_once_and_at_least_two_are(desk: Desk) -> None:
    assert refusal(lambda: offer(desk, HERE, HERE, queue_id=desk.a_queue(HERE))) == "invalid_request"
    assert refusal(lambda: offer(desk, HERE, queue_id=desk.a_queue(HERE, name="B"))) == "invalid_request"


def test_the_same_request_makes_one_offer(desk: Desk) -> None:
    queue_id, record_id = desk.a_queue(*ASKED), desk.a_record()
    wish = {"queue_id": queue_id, "record_id": record_id, "key": "one"}
    assert offer(desk, **wish) == offer(desk, **wish)
    assert len(desk(offers.list_offers)["items"]) == 1


def test_offers_are_listed_newest_first_by_pages(desk: Desk) -> None:
    queue_id = desk.a_queue(*ASKED)
    made = [offer(desk, queue_id=queue_id)["id"] for _ in range(3)]
    first = desk(offers.list_offers, limit=2)
    rest = desk(offers.list_offers, limit=2, after=first["next"])
    assert [each["id"] for each in (*first["items"], *rest["items"])] == made[::-1]
    assert rest["next"] is None
    record_id = first["items"][0]["contact_record_id"]
    assert len(desk(offers.list_offers, contact_record_id=record_id)["items"]) == 1
