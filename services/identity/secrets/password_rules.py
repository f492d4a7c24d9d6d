"""Which passwords are accepted (NIST SP 800-63B-4): by length and a blocklist, without rules of composition."""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from services.contracts.errors import Refused

LEAST_CHARACTERS = 15
LEAST_BESIDE_SECOND_FACTOR = 8
MOST_BYTES = 256
_LEAST_OWN_CHARACTERS = 8
_LEAST_DISTINCT = 5
_PRODUCT_WORDS = ("portico",)
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
)
_LOOKALIKES = str.maketrans(
    {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"}
)
# Words that people build a long but guessable password from ("Welcome-Summer-2024").
_STOCK_WORDS = frozenset(
    {
        "password",
        "passwort",
        "passphrase",
        "welcome",
        "letmein",
        "changeme",
        "qwerty",
        "admin",
        "administrator",
        "login",
        "secret",
        "default",
        "temporary",
        "hospital",
        "clinic",
        "nurse",
        "doctor",
        "spring",
        "summer",
        "autumn",
        "winter",
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "iloveyou",
        "sunshine",
        "princess",
        "football",
        "baseball",
        "superman",
        "batman",
        "dragon",
        "monkey",
    }
)


def normal_password(password: str) -> str:
    """The password as it is measured and hashed: in Unicode NFKC it has the same bytes from every keyboard."""
    return unicodedata.normalize("NFKC", password)


def stands_alone(password: str) -> bool:
    """Whether the password is long enough to be used without a second factor."""
    return len(normal_password(password)) >= LEAST_CHARACTERS


def check_password(
    password: str,
    context: Iterable[str] = (),
    *,
    least: int = LEAST_CHARACTERS,
    field: str = "password",
) -> None:
    """Raise Refused(password_refused) with a `reason` unless the password may be used.

    `least`: how many characters it must have; LEAST_BESIDE_SECOND_FACTOR where a second factor is demanded.
    `context`: words that an attacker would try first: names of the organisation and of the person, the login.
    `field`: the request's name of the password.
    """
    text = normal_password(password)
    if len(text) < least:
        raise _refused(field, "too_short", f"Use at least {least} characters; a few unrelated words do well.")
    if len(text.encode()) > MOST_BYTES:
        raise _refused(field, "too_long", f"Use at most {MOST_BYTES} bytes.")
    plain = text.casefold()
    forms = {_letters(plain), _letters(plain.translate(_LOOKALIKES))}
    if forms & _blocklist():
        raise _refused(field, "common", "This is one of the passwords that are tried first.")
    if len(set(plain)) < _LEAST_DISTINCT or _is_repeated(plain):
        raise _refused(field, "repeated", "It repeats one short piece.")
    if _is_sequence(plain):
        raise _refused(field, "sequence", "It follows the keyboard, the alphabet or the numbers.")
    words = {word for name in context for word in _words(name)} | set(_PRODUCT_WORDS)
    if any(_is_mostly(form, words) for form in forms):
        raise _refused(
            field,
            "context",
            "Besides names of the organisation, the product or yourself there is too little in it.",
        )
    if any(_is_mostly(form, words | _STOCK_WORDS) for form in forms):
        raise _refused(field, "common", "Besides words that are tried first there is too little in it.")


def _refused(field: str, reason: str, detail: str) -> Refused:
    return Refused("password_refused", detail, field=field, reason=reason)


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _words(name: str) -> list[str]:
    """The words of a name with four or more characters: shorter ones occur by chance."""
    return [word for word in re.split(r"[^\w]+|_", name.casefold()) if len(word) >= 4]


@functools.cache
def _blocklist() -> frozenset[str]:
    lines = (Path(__file__).parent / "blocklist.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(_letters(line.casefold()) for line in lines if line and not line.startswith("#"))


def _is_repeated(text: str) -> bool:
    """Whether the text repeats one piece of at most half its length (the last may be cut off)."""
    return any(text[:-period] == text[period:] for period in range(1, len(text) // 2 + 1))


def _is_sequence(text: str) -> bool:
    """Whether most neighbouring characters are neighbours on a keyboard row, in the alphabet or among the digits."""
    followers = {pair for row in _ROWS for path in (row, row[::-1]) for pair in itertools.pairwise(path)}
    steps = list(itertools.pairwise(text))
    return sum(step in followers for step in steps) >= 0.75 * len(steps)


def _is_mostly(text: str, words: Iterable[str]) -> bool:
    """Whether fewer than eight letters are left once these words and all digits are taken out."""
    rest, found = text, False
    for word in sorted(words, key=len, reverse=True):
        found = found or word in rest
        rest = rest.replace(word, "")
    left = sum(not char.isdigit() for char in rest)
    return found and left < _LEAST_OWN_CHARACTERS
