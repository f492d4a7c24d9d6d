"""Takes out of an HSDS entry what cannot be stored or sent on: NUL, half of a surrogate pair, and numbers beyond the limit.

It looks at names and values at any depth, so that nothing that is read later has to.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from services.contracts.fields import LARGEST

NUL, HALF, NUMBER = "nul_character", "broken_character", "number_too_large"
MESSAGES = {
    NUL: "The value holds a NUL character.",
    HALF: "The value holds half of a character, which was replaced.",
    NUMBER: f"A number is beyond ±{LARGEST} and was left out.",
}
_MOST_DIGITS = len(str(LARGEST)) + 1  # with a sign
# Anything else is stored as it is. Whole surrogate pairs and long fractions look like these, and stay, too.
_SUSPECT = re.compile(r"\\u(?:0000|d[89a-f])|[0-9]{16}|Infinity|NaN|e\+")
_HALF = re.compile(r"[\ud800-\udfff]")
_LEFT_OUT = object()


def number_of(digits: str) -> int | float:
    """A whole number as JSON writes it. One beyond the limit by its length is infinite, which costs no computing."""
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf


def storable(entry: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The entry as it can be stored, and the code of each fault with the name of the member that had it.

    Raises RecursionError where values are nested too deeply.
    """
    if not _SUSPECT.search(json.dumps(entry)):
        return entry, []
    kept: dict[str, Any] = {}
    found: list[tuple[str, str]] = []
    for name, value in entry.items():
        codes: set[str] = set()
        member, held = storable_text(name, codes), _value(value, codes)
        if held is not _LEFT_OUT:
            kept[member] = held
        found += ((member, code) for code in sorted(codes))
    return kept, found


def storable_text(text: str, codes: set[str]) -> str:
    """The text as it can be stored. The codes of its faults are added to `codes`."""
    if "\0" in text:
        codes.add(NUL)
        text = text.replace("\0", "\ufffd")
    replaced = _HALF.sub("\ufffd", text)
    if replaced != text:
        codes.add(HALF)
    return replaced


def _value(value: Any, codes: set[str]) -> Any:
    if isinstance(value, str):
        return storable_text(value, codes)
    if isinstance(value, dict):
        pairs = ((storable_text(name, codes), _value(each, codes)) for name, each in value.items())
        return {name: each for name, each in pairs if each is not _LEFT_OUT}
    if isinstance(value, list):
        return [each for each in (_value(each, codes) for each in value) if each is not _LEFT_OUT]
    if isinstance(value, int | float) and not abs(value) <= LARGEST:
        codes.add(NUMBER)
        return _LEFT_OUT
    return value
