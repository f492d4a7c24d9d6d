"""Which passwords are accepted."""

from __future__ import annotations

import unicodedata

import pytest

from services.contracts.errors import Refused
from services.identity.secrets import password_rules
from services.identity.secrets.passwords import at_once, hash_password, password_matches

GOOD = "tidal lantern violet meadow"


def reason_for(password: str, *context: str) -> str | None:
    """The reason of the refusal; None for a password that is accepted."""
    try:
        password_rules.check_password(password, context)
    except Refused as refused:
        refusal = refused
    else:
        return None
    assert refusal.code == "password_refused"
    assert password not in refusal.detail
    return str(refusal.more["reason"])


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "ganz ohne ziffern und großbuchstaben",
        "x7#kQ9!mP2$vL5&n",
        "日本語のとても長い合言葉です色々ある",
        "a" * 3 + GOOD * 4,
    ],
)
def test_length_is_enough_without_rules_of_composition(password: str) -> None:
    assert reason_for(password, "Harbor County", "ada@example.org") is None


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short but fine", "too_short"),
        (GOOD * 10, "too_long"),
        ("correct horse battery staple", "common"),
        ("Correct-Horse-Battery-Staple!", "common"),
        ("c0rr3ct h0rs3 b4tt3ry st4pl3", "common"),
        ("Welcome-Summer-2024!", "common"),
        ("Password-Password-99", "common"),
        ("aaaaaaaaaaaaaaaaaaa", "repeated"),
        ("red-blue-red-blue-red", "repeated"),
        ("k9!mpzk9!mpzk9!mpz", "repeated"),
        ("1234567890123456789", "sequence"),
        ("abcdefghijklmnopq", "sequence"),
        ("mnopqrstuvwxyzabcdef", "sequence"),
        ("poiuytrewqlkjhgfdsa", "sequence"),
        ("Harbor-County-2025", "context"),
        ("h4rb0r c0unty ada!", "context"),
        ("portico.portico1!", "context"),
    ],
)
def test_what_is_tried_first_is_refused_with_a_reason(password: str, reason: str) -> None:
    assert reason_for(password, "Harbor County", "ada@example.org") == reason


def test_every_listed_password_is_long_enough_to_need_listing() -> None:
    assert len(password_rules._blocklist()) >= 100


@pytest.mark.parametrize("password", sorted(password_rules._blocklist()))
def test_no_listed_password_is_accepted(password: str) -> None:
    assert reason_for(password) is not None


def test_a_hash_is_argon2id_with_the_agreed_cost() -> None:
    assert hash_password(GOOD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_same_letters_from_another_keyboard_match() -> None:
    composed = "crème brûlée à la carte"
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    assert password_matches(decomposed, hash_password(composed))
    assert not password_matches(composed + "!", hash_password(composed))


def test_an_account_without_password_matches_nothing() -> None:
    assert not password_matches("no account has this password", None)


@pytest.mark.parametrize(("cores", "hashes"), [(1, 1), (2, 1), (3, 2), (16, 2)])
def test_hashing_leaves_a_core_to_the_event_loop(cores: int, hashes: int) -> None:
    assert at_once(cores) == hashes
