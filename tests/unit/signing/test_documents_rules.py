"""The rules of documents: each condition decides alone."""

from __future__ import annotations

import datetime

import pytest

from services.contracts.errors import Refused
from services.signing.documents import rules

NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
A_SECOND = datetime.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("held_by", "until", "is_leased"),
    [
        ("other", NOW + A_SECOND, True),
        ("other", NOW, False),  # it ends with its last moment
        ("other", NOW - A_SECOND, False),
        ("other", None, False),
        ("ours", NOW + A_SECOND, False),  # a request goes on with its own lease
        (None, NOW + A_SECOND, False),
    ],
)
def test_a_document_is_leased_to_one_request_until_its_time(
    held_by: str | None, until: datetime.datetime | None, *, is_leased: bool
):
    assert rules.is_leased(held_by, until, asked_by="ours", now=NOW) is is_leased


@pytest.mark.parametrize(
    ("state", "realm", "can_sign", "is_accepted"),
    [
        ("active", "provider", True, True),
        ("invited", "staff", True, True),
        ("disabled", "provider", True, False),
        ("active", "patient", True, False),
        ("active", "family", True, False),
        ("active", "provider", False, False),
    ],
)
def test_a_recipient_is_able_to_sign(state: str, realm: str, can_sign: bool, *, is_accepted: bool):
    if is_accepted:
        rules.require_recipient(state, realm, can_sign=can_sign, field="recipients.0.email")
        return
    with pytest.raises(Refused) as refused:
        rules.require_recipient(state, realm, can_sign=can_sign, field="recipients.0.email")
    assert (refused.value.code, refused.value.field) == ("recipient_refused", "recipients.0.email")


@pytest.mark.parametrize("state", ["sent", "signed", "declined", "returned"])
def test_only_what_was_sent_is_decided_and_only_what_was_signed_is_returned(state: str):
    for require, code, accepted in (
        (rules.require_undecided, "already_decided", "sent"),
        (rules.require_signed, "not_signed", "signed"),
    ):
        if state == accepted:
            require(state)
            continue
        with pytest.raises(Refused) as refused:
            require(state)
        assert (refused.value.code, refused.value.more["state"]) == (code, state)


def test_nothing_is_signed_while_the_feature_is_off():
    rules.require_feature(["referralq", "electronic_signature"])
    with pytest.raises(Refused) as refused:
        rules.require_feature(["referralq"])
    assert refused.value.code == "feature_is_off"


@pytest.mark.parametrize(
    ("first", "last", "printed"),
    [
        ("Ana", "Ruiz", "Ana Ruiz"),
        (" Ana ", None, "Ana"),
        (None, " Ruiz", "Ruiz"),
        (" ", "", "ana@clinic.example"),
        (None, None, "ana@clinic.example"),
    ],
)
def test_a_signer_is_printed_by_name_or_by_address(first: str | None, last: str | None, printed: str):
    assert rules.printed_name(first, last, "ana@clinic.example") == printed


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Plan of care", "Plan of care.pdf"),
        ("../etc/passwd", "etc_passwd.pdf"),
        (".hidden.", "hidden.pdf"),
        ("...", "document.pdf"),
        ("a" * 101, "a" * 100 + ".pdf"),
        ("a" * 99 + ". tail", "a" * 99 + ".pdf"),
    ],
)
def test_a_file_is_saved_under_a_plain_name(title: str, name: str):
    assert rules.file_name(title) == name
