"""How a document reaches its signers, their turns and their last days: each condition decides alone, on both sides of each limit."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.signing.documents import rules
from services.signing.documents.rules import Standing, Way

TODAY = datetime.date(2026, 3, 1)
NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
SECOND = datetime.timedelta(seconds=1)
ANA, BEN = "a" * 32, "b" * 32


def recipient(**given: Any) -> dict[str, Any]:
    return {"account_id": None, "email": None, "expires_on": None, "role": "signer"} | given


def many(count: int, role: str = "signer") -> list[dict[str, Any]]:
    return [recipient(email=f"{number}@clinic.example", role=role) for number in range(count)]


def problems(way: Way) -> list[str]:
    try:
        rules.require_way(way, TODAY)
    except Refused as refused:
        return [each["field"] for each in refused.more["errors"]]
    return []


def code_of(rule: Any, *given: Any, **named: Any) -> str | None:
    try:
        rule(*given, **named)
    except Refused as refused:
        return refused.code
    return None


@pytest.mark.parametrize(
    ("way", "wrong"),
    [
        (Way("email", ANA), []),
        (Way("email", recipients=[recipient(account_id=ANA)]), []),
        (Way("print", addressee="Dr. Ruiz"), []),
        (Way("fax", addressee="Dr. Ruiz", fax_number="+14155550100"), []),
        (Way("email"), ["recipient_account_id"]),
        (Way("email", ANA, [recipient(account_id=BEN)]), ["recipient_account_id"]),
        (Way("email", ANA, addressee="Dr. Ruiz"), ["addressee"]),
        (Way("email", ANA, fax_number="+14155550100"), ["fax_number"]),
        (Way("print", addressee="Dr. Ruiz", recipients=[recipient(account_id=ANA)]), ["recipients"]),
        (Way("print", ANA, addressee="Dr. Ruiz"), ["recipient_account_id"]),
        (Way("print"), ["addressee"]),
        (Way("print", addressee="Dr. Ruiz", fax_number="+14155550100"), ["fax_number"]),
        (Way("fax", addressee="Dr. Ruiz"), ["fax_number"]),
    ],
)
def test_each_channel_takes_what_belongs_to_it(way: Way, wrong: list[str]):
    assert problems(way) == wrong


@pytest.mark.parametrize(
    ("recipients", "wrong"),
    [
        ([recipient(account_id=ANA, email="ana@clinic.example")], ["recipients.0.email"]),
        ([recipient(account_id=ANA), recipient()], ["recipients.1.email"]),
        ([recipient(account_id=ANA, expires_on=TODAY - DAY)], []),
        ([recipient(account_id=ANA, expires_on=TODAY - 2 * DAY)], ["recipients.0.expires_on"]),
        ([recipient(account_id=ANA), recipient(account_id=ANA)], ["recipients"]),
        ([recipient(email="ana@clinic.example"), recipient(email="Ana@clinic.example")], ["recipients"]),
        ([recipient(account_id=ANA), recipient(account_id=BEN), *many(2)], []),
        (many(2, "viewer"), ["recipients"]),
        ([*many(2, "copy"), recipient(account_id=ANA, role="approver")], []),
        (many(rules.MOST_SIGNERS), []),
        (many(rules.MOST_SIGNERS + 1), ["recipients"]),
        ([*many(rules.MOST_SIGNERS), recipient(account_id=ANA, role="viewer")], []),
    ],
)
def test_recipients_are_named_once_and_somebody_signs(recipients: list[dict[str, Any]], wrong: list[str]):
    assert problems(Way("email", recipients=recipients)) == wrong


@pytest.mark.parametrize(
    ("kind", "began_on", "respond_by", "wrong"),
    [
        ("plan_of_care", TODAY + DAY, None, []),
        ("plan_of_care", TODAY + 2 * DAY, None, ["care_began_on"]),
        ("plan_of_care", None, None, ["care_began_on"]),
        ("document", TODAY, None, ["care_began_on"]),
        ("document", None, TODAY - DAY, []),
        ("document", None, TODAY - 2 * DAY, ["respond_by"]),
    ],
)
def test_a_plan_of_care_has_the_day_on_which_care_began(
    kind: str, began_on: datetime.date | None, respond_by: datetime.date | None, wrong: list[str]
):
    way = Way("email", ANA, kind=kind, care_began_on=began_on, respond_by=respond_by)
    assert problems(way) == wrong


def test_the_lowest_turn_with_somebody_who_still_decides_is_asked():
    assert rules.turn_now([]) is None
    assert rules.turn_now([Standing("signer", 2, "asked"), Standing("approver", 1, "waiting")]) == 1
    assert rules.turn_now([Standing("signer", 2, "asked"), Standing("signer", 1, "signed")]) == 2
    assert rules.turn_now([Standing("signer", 2, "asked"), Standing("signer", 1, "delegated")]) == 2
    assert rules.turn_now([Standing("signer", 2, "asked"), Standing("viewer", 1, "waiting")]) == 2


@pytest.mark.parametrize(
    ("standing", "turn", "due"),
    [
        (Standing("signer", 1, "waiting"), 1, True),
        (Standing("signer", 1, "waiting"), 2, True),
        (Standing("signer", 2, "waiting"), 1, False),
        (Standing("signer", 1, "asked"), 1, False),
        (Standing("signer", 1, "asked"), None, False),
        (Standing("viewer", 1, "waiting"), 1, True),
        (Standing("copy", 1, "waiting"), 1, False),
        (Standing("copy", 1, "waiting"), None, True),
    ],
)
def test_who_waits_is_asked_in_their_turn_and_copies_go_out_at_the_end(
    standing: Standing, turn: int | None, *, due: bool
):
    assert rules.is_due(standing, turn) is due


def test_an_approver_approves_and_a_signer_chooses():
    assert code_of(rules.require_meaning, "approver", "approval") is None
    assert code_of(rules.require_meaning, "approver", "review") == "invalid_request"
    assert code_of(rules.require_meaning, "signer", "review") is None


def test_pages_are_seen_first_where_the_sender_wants_it():
    assert code_of(rules.require_pages_seen, must_see=True, pages=3, seen=3) is None
    assert code_of(rules.require_pages_seen, must_see=True, pages=3, seen=2) == "pages_unseen"
    assert code_of(rules.require_pages_seen, must_see=False, pages=3, seen=2) is None


@pytest.mark.parametrize(
    ("role", "state", "expires_on", "told"),
    [
        ("signer", "asked", None, None),
        ("approver", "asked", TODAY - DAY, None),
        ("signer", "asked", TODAY - 2 * DAY, ("already_decided", "expired")),
        ("signer", "expired", None, ("already_decided", "expired")),
        ("signer", "delegated", None, ("already_decided", "delegated")),
        ("signer", "signed", None, ("already_decided", "signed")),
        ("signer", "signed", TODAY - 2 * DAY, ("already_decided", "signed")),
        ("signer", "waiting", None, ("already_decided", "waiting")),
        ("viewer", "asked", None, ("forbidden", None)),
        ("copy", "delegated", None, ("forbidden", None)),
    ],
)
def test_a_recipient_decides_in_their_own_turn(
    role: str, state: str, expires_on: datetime.date | None, told: tuple[str, str | None] | None
):
    if told is None:
        rules.require_own_turn(role, state, expires_on, TODAY)
        return
    with pytest.raises(Refused) as caught:
        rules.require_own_turn(role, state, expires_on, TODAY)
    assert (caught.value.code, caught.value.more.get("state")) == told


@pytest.mark.parametrize(
    ("document", "own", "standing"),
    [
        ("sent", "asked", "to_sign"),
        ("sent", "signed", "signed_by_you"),
        ("signed", "asked", "signed"),
        ("declined", "signed", "declined"),
        ("sent", "delegated", "handed_on"),
        ("sent", "expired", "late"),
        ("signed", "ended", "done_without_you"),
        ("sent", "told", "to_read"),
    ],
)
def test_a_document_stands_for_a_recipient_as_their_own_part_does(document: str, own: str, standing: str):
    assert rules.own_standing(document, Standing("signer", 1, own)) == standing


def test_a_signature_is_handed_on_once_and_where_the_sender_lets():
    assert code_of(rules.require_delegable, may_delegate=True, is_delegate=False) is None
    assert code_of(rules.require_delegable, may_delegate=False, is_delegate=False) == "forbidden"
    assert code_of(rules.require_delegable, may_delegate=True, is_delegate=True) == "forbidden"


@pytest.mark.parametrize(
    ("again", "is_known", "refused"),
    [
        ("1", False, None),
        ("1", True, None),
        (None, True, None),
        (None, False, "invalid_request"),
        ("2", True, "invalid_request"),
        ("2", False, "invalid_request"),
    ],
)
def test_a_number_that_is_not_known_is_entered_twice(
    again: str | None, refused: str | None, *, is_known: bool
):
    assert code_of(rules.require_number_twice, "1", again, is_known=is_known) == refused


def test_the_thirty_days_of_a_plan_count_from_the_beginning_of_care_until_it_is_signed():
    began = TODAY - 31 * DAY
    assert rules.days_left("plan_of_care", "sent", TODAY, TODAY) == 30
    assert rules.days_left("plan_of_care", "declined", began, TODAY) == -1
    assert rules.days_left("plan_of_care", "signed", began, TODAY) is None
    assert rules.days_left("plan_of_care", "returned", began, TODAY) is None
    assert rules.days_left("plan_of_care", "sent", None, TODAY) is None
    assert rules.days_left("document", "sent", began, TODAY) is None


def test_a_document_is_overdue_on_the_day_after_the_last_one():
    assert rules.is_overdue("sent", TODAY - DAY, TODAY)
    assert not rules.is_overdue("sent", TODAY, TODAY)
    assert not rules.is_overdue("sent", None, TODAY)
    assert not rules.is_overdue("signed", TODAY - DAY, TODAY)


def test_a_mail_is_repeated_on_its_days_and_never_after_the_last():
    sent = NOW - 3 * DAY
    assert rules.next_reminder("email", NOW, NOW) == NOW + 3 * DAY
    assert rules.next_reminder("email", sent + SECOND, NOW) == NOW + SECOND
    assert rules.next_reminder("email", sent, NOW) == sent + 7 * DAY
    assert rules.next_reminder("email", NOW - 28 * DAY, NOW) is None
    assert rules.next_reminder("print", NOW, NOW) is None


def test_staff_remind_again_after_an_hour_and_never_of_paper():
    hour = datetime.timedelta(hours=1)
    assert code_of(rules.require_remindable, "email", NOW - hour, NOW) is None
    assert code_of(rules.require_remindable, "fax", NOW - hour, NOW) is None
    assert code_of(rules.require_remindable, "email", NOW - hour + SECOND, NOW) == "reminded_lately"
    assert code_of(rules.require_remindable, "print", NOW - hour, NOW) == "on_paper"


def test_a_fax_has_at_most_ten_megabytes():
    most = 10 * 1024 * 1024
    assert code_of(rules.require_faxable, most) is None
    with pytest.raises(Refused) as caught:
        rules.require_faxable(most + 1)
    assert caught.value.code == "document_too_large"
    assert "10 MB" in caught.value.detail


def test_paper_is_signed_between_the_day_of_sending_and_today():
    sent = TODAY - 5 * DAY
    for day, refused in ((-7, True), (-6, False), (0, False), (1, False), (2, True)):
        told = code_of(rules.require_day_of_signature, TODAY + day * DAY, sent, TODAY)
        assert told == ("invalid_request" if refused else None), day


def test_only_paper_is_decided_by_staff():
    assert code_of(rules.require_on_paper, "email") == "not_on_paper"
    assert [code_of(rules.require_on_paper, each) for each in ("fax", "print")] == [None, None]


def test_only_what_was_declined_is_replaced_and_once():
    assert code_of(rules.require_replaceable, "declined", None) is None
    assert code_of(rules.require_replaceable, "declined", ANA) == "not_declined"
    assert code_of(rules.require_replaceable, "signed", None) == "not_declined"


def test_a_reason_is_a_code_or_words():
    for code, note, refused in (
        ("other", None, True),
        (None, None, True),
        (None, "No.", False),
        ("other", "No.", False),
        ("not_my_patient", None, False),
    ):
        assert code_of(rules.require_reason, code, note) == ("invalid_request" if refused else None)


@pytest.mark.parametrize(
    ("state", "given", "actions"),
    [
        ("sent", {"may_decide": True}, ["sign", "decline"]),
        ("sent", {"may_decide": True, "may_delegate": True}, ["sign", "decline", "delegate"]),
        ("sent", {"may_delegate": True}, []),
        ("signed", {"may_decide": True, "may_delegate": True}, []),
        ("sent", {"may_send": True}, ["attach", "remind"]),
        ("sent", {"may_send": True, "may_decide": True}, ["sign", "decline", "attach", "remind"]),
        ("sent", {"may_send": True, "channel": "print"}, ["attach", "refuse"]),
        ("sent", {"may_send": True, "channel": "fax"}, ["attach", "remind", "refuse"]),
        ("signed", {"may_send": True}, ["return"]),
        ("declined", {"may_send": True}, ["replace"]),
        ("declined", {"may_send": True, "is_replaced": True}, []),
        ("declined", {}, []),
        ("returned", {"may_send": True}, []),
    ],
)
def test_what_may_be_done_depends_on_the_state_and_on_who_asks(
    state: str, given: dict[str, Any], actions: list[str]
):
    usual = {"channel": "email", "is_replaced": False, "may_decide": False, "may_delegate": False}
    assert rules.possible_actions(state, **usual | {"may_send": False} | given) == actions


def test_a_drawing_is_read_line_by_line_and_point_by_point():
    assert rules.strokes("12,40 13,41;20,9") == (((12, 40), (13, 41)), ((20, 9),))
    assert rules.strokes("") == rules.strokes(None) == ()


def test_a_picture_of_a_page_is_named_after_its_document():
    assert rules.picture_name("Plan of care", 2) == "Plan of care-2.png"
