"""Rules of referrals: moves, what they require, when an answer is due."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.referrals import assignments
from services.referrals.access.rules import SENDER
from services.referrals.assignments.rules import (
    ACCEPTING,
    EXPIRING,
    PRIORITIES,
    TAKING_BACK,
    Step,
    check_move_allowed,
    check_step,
    due_at_status,
    due_when_new,
    kind_of_move,
    next_statuses,
    possible_actions,
    status_for,
)
from services.referrals.queues.rules import (
    DEFAULT_DECLINE_REASONS,
    DEFAULT_OUTCOMES,
    DEFAULT_STATUSES,
    QueueSettings,
    Status,
    get_status,
)

REFERRED, ATTEMPTING, ENROLLED, COMPLETED, DECLINED = DEFAULT_STATUSES
REASONS = {reason.code: reason for reason in DEFAULT_DECLINE_REASONS}
OUTCOMES = {outcome.code: outcome for outcome in DEFAULT_OUTCOMES}
NOW = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)
READY = Status("ready", "Ready", 6, False, "ready")
SERVED = Status("served", "Served", 5, True, "completed", outcome_required=True)


def refusal_of(action: Callable[[], object]) -> tuple[str, str | None]:
    """Code and field of the refusal that this raises."""
    with pytest.raises(Refused) as refusal:
        action()
    return refusal.value.code, refusal.value.field


def may_move(origin: Status, target: Status, ended_by: str | None = None, **more: object) -> None:
    settings = QueueSettings(**more)  # type: ignore[arg-type]  # keywords
    check_move_allowed(settings, origin, target, is_ended=origin.is_terminal, ended_by=ended_by)


def refused_move(origin: Status, target: Status) -> str | None:
    """The code of the refusal; None for a move that is allowed."""
    try:
        may_move(origin, target)
    except Refused as refusal:
        return refusal.code
    return None


def test_rules_and_contract_use_the_same_words() -> None:
    assert sorted(PRIORITIES) == sorted(assignments.PRIORITIES)


@pytest.mark.seed("S0-4")
@pytest.mark.seed("S0-13")
def test_a_referral_may_go_on_changing_after_enrolled_and_back() -> None:
    path = ["referred", "attempting_contact", "enrolled", "attempting_contact", "enrolled", "completed"]

    statuses = [get_status(DEFAULT_STATUSES, key) for key in path]
    assert [refused_move(origin, target) for origin, target in pairwise(statuses)] == [None] * 5


def test_the_same_status_again_is_refused_aloud() -> None:
    assert refusal_of(lambda: may_move(ENROLLED, ENROLLED)) == ("status_unchanged", "status")


@pytest.mark.parametrize(("origin", "target"), [(REFERRED, COMPLETED), (ENROLLED, COMPLETED)])
def test_a_queue_that_lists_its_moves_allows_no_other(origin: Status, target: Status) -> None:
    moves = {"referred": ["enrolled"]}

    may_move(REFERRED, ENROLLED, allowed_moves=moves)
    refused = refusal_of(lambda: may_move(origin, target, allowed_moves=moves))
    assert refused == ("move_not_allowed", "status")


def test_a_queue_can_refuse_to_reopen_and_still_mend_how_a_referral_ended() -> None:
    may_move(COMPLETED, ENROLLED)
    reopen = refusal_of(lambda: may_move(COMPLETED, ENROLLED, may_reopen=False))

    assert reopen == ("move_not_allowed", "status")
    may_move(REFERRED, ENROLLED, may_reopen=False)  # it has not ended
    may_move(COMPLETED, DECLINED, may_reopen=False)


@pytest.mark.parametrize("target", DEFAULT_STATUSES)
def test_what_its_sender_took_back_goes_nowhere(target: Status) -> None:
    assert refusal_of(lambda: may_move(REFERRED, target, SENDER)) == ("move_not_allowed", "referral_id")


def test_next_statuses_are_those_to_which_a_move_is_allowed() -> None:
    def after(status: Status, **more: object) -> list[str]:
        settings = QueueSettings(**more)  # type: ignore[arg-type]  # keywords
        return next_statuses(
            settings, DEFAULT_STATUSES, status.key, is_ended=status.is_terminal, ended_by=None
        )

    assert after(ENROLLED) == ["referred", "attempting_contact", "completed", "declined"]
    assert after(COMPLETED, may_reopen=False) == ["declined"]
    assert after(REFERRED, allowed_moves={"referred": ["enrolled"]}) == ["enrolled"]


@pytest.mark.parametrize("note", [None, ""])
def test_a_status_that_asks_for_a_reason_needs_a_note_or_a_code(note: str | None) -> None:
    refused = refusal_of(lambda: check_step(DECLINED, Step(note), REASONS, OUTCOMES))

    assert refused == ("reason_required", "note")
    assert check_step(DECLINED, Step("Out of area."), REASONS, OUTCOMES).reason_by is None
    assert check_step(DECLINED, Step(reason_code="no_capacity"), REASONS, OUTCOMES).reason_by == "provider"
    assert check_step(DECLINED, Step(reason_code="client_declined"), REASONS, OUTCOMES).reason_by == "client"
    assert check_step(COMPLETED, Step(reason_code="no_capacity"), REASONS, OUTCOMES).reason_by is None
    assert check_step(COMPLETED, Step(), REASONS, OUTCOMES) == Step()


@pytest.mark.seed("S0-53")
def test_a_status_that_asks_for_an_outcome_needs_one_of_the_list() -> None:
    assert refusal_of(lambda: check_step(SERVED, Step(), REASONS, OUTCOMES)) == (
        "outcome_required",
        "outcome_code",
    )
    unknown = refusal_of(lambda: check_step(SERVED, Step(outcome_code="x"), REASONS, OUTCOMES))
    assert unknown == ("outcome_not_in_queue", "outcome_code")
    assert check_step(SERVED, Step(outcome_code="service_received"), REASONS, OUTCOMES)


def test_an_unknown_reason_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(Refused) as refusal:
        check_step(DECLINED, Step(reason_code="mood"), REASONS, OUTCOMES)

    assert (refusal.value.code, refusal.value.field) == ("reason_not_in_queue", "reason_code")
    assert "no_capacity" in refusal.value.detail


@pytest.mark.parametrize(
    ("origin", "target", "was_ended", "kind"),
    [
        (REFERRED, ATTEMPTING, False, "accepted"),
        (REFERRED, ENROLLED, False, "status"),
        (ENROLLED, ATTEMPTING, False, "status"),
        (ATTEMPTING, REFERRED, False, "status"),
        (ENROLLED, COMPLETED, False, "status"),
        (ENROLLED, DECLINED, False, "declined"),
        (COMPLETED, DECLINED, True, "declined"),
        (REFERRED, READY, False, "accepted"),
        (DECLINED, COMPLETED, True, "status"),
        (DECLINED, REFERRED, True, "reopened"),
        (DECLINED, ATTEMPTING, True, "reopened"),
    ],
)
def test_history_calls_a_move_what_it_is(origin: Status, target: Status, was_ended: bool, kind: str) -> None:
    assert kind_of_move(origin, target, was_ended=was_ended) == kind


def test_a_step_that_names_no_status_goes_to_the_first_that_fits() -> None:
    assert status_for(DEFAULT_STATUSES, ACCEPTING) is ATTEMPTING
    assert status_for(DEFAULT_STATUSES, EXPIRING) is DECLINED
    assert status_for(DEFAULT_STATUSES, TAKING_BACK) is None


def test_a_first_answer_and_then_each_status_is_due_by_the_queues_hours() -> None:
    settings = QueueSettings(due_hours=4, status_due_hours={"enrolled": 48, "completed": 1})

    assert due_when_new(settings, DEFAULT_STATUSES, NOW) == NOW + datetime.timedelta(hours=4)
    both = QueueSettings(due_hours=4, status_due_hours={"referred": 2})
    assert due_when_new(both, DEFAULT_STATUSES, NOW) == NOW + datetime.timedelta(hours=4)
    assert due_at_status(settings, ENROLLED, NOW) == NOW + datetime.timedelta(hours=48)
    assert due_at_status(settings, ATTEMPTING, NOW) is None
    assert due_at_status(settings, COMPLETED, NOW) is None
    assert due_when_new(QueueSettings(), DEFAULT_STATUSES, NOW) is None
    by_status = QueueSettings(status_due_hours={"referred": 2})
    assert due_when_new(by_status, DEFAULT_STATUSES, NOW) == NOW + datetime.timedelta(hours=2)


def test_who_tries_a_move_that_is_not_allowed_reads_which_ones_are() -> None:
    moves = {"referred": ("attempting_contact", "declined")}
    with pytest.raises(Refused) as refused:
        may_move(REFERRED, COMPLETED, allowed_moves=moves)
    assert "from there it goes on to: attempting_contact, declined." in refused.value.detail
    with pytest.raises(Refused) as refused:
        may_move(ENROLLED, COMPLETED, allowed_moves=moves)
    assert "from there it goes nowhere." in refused.value.detail


@pytest.mark.parametrize(
    ("onwards", "given", "actions"),
    [
        ("attempting_contact declined", {}, "change_status accept decline"),
        ("attempting_contact", {}, "change_status accept"),
        ("declined", {}, "change_status decline"),
        ("referred", {}, "change_status"),
        ("", {}, ""),
        ("attempting_contact", {"is_accepted": True}, "change_status"),
        ("referred declined", {"is_accepted": True}, "change_status take_acceptance_back decline"),
        ("attempting_contact referred declined", {"is_ended": True}, "change_status"),
        ("referred", {"is_ended": True, "is_accepted": True}, "change_status"),
        ("", {"for_sender": True}, "change_priority withdraw reassign"),
        ("", {"for_sender": True, "is_ended": True}, "withdraw reassign"),
        ("", {"for_sender": True, "is_ended": True, "ended_by": SENDER}, ""),
        ("", {"for_sender": True, "is_ended": True, "ended_by": "recipient"}, "withdraw reassign"),
    ],
)
def test_what_may_be_done_follows_from_where_a_referral_may_go(
    onwards: str, given: dict[str, Any], actions: str
) -> None:
    usual = {"is_ended": False, "ended_by": None, "is_accepted": False, "for_sender": False}
    possible = possible_actions(DEFAULT_STATUSES, onwards.split(), **usual | given)
    assert possible == actions.split()


def test_a_queue_without_a_status_of_acceptance_or_decline_offers_neither() -> None:
    statuses = (REFERRED, COMPLETED)
    onwards = [each.key for each in DEFAULT_STATUSES]
    usual = {"is_ended": False, "ended_by": None, "is_accepted": False, "for_sender": False}
    assert possible_actions(statuses, onwards, **usual) == ["change_status"]
