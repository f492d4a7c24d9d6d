"""In which languages words are looked for, and what differs between two versions. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

USUAL = "en"  # the language of the product's words, and of whoever has chosen none
MOST_LINES = 2_000  # of a text that is compared


def chain(language: str | None) -> list[str]:
    """The languages to look in, the first first: `pt-BR`, `pt`, then the usual one."""
    wanted = [language, language.partition("-")[0]] if language else []
    return list(dict.fromkeys([*wanted, USUAL]))


def differences(before: str, after: str) -> Iterator[tuple[str, str]]:
    """The lines of two texts in order, each with `same`, `gone` or `new`."""
    old, new = before.splitlines()[:MOST_LINES], after.splitlines()[:MOST_LINES]
    for kind, begin, end, new_begin, new_end in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            yield from (("same", line) for line in old[begin:end])
        else:
            yield from (("gone", line) for line in old[begin:end])
            yield from (("new", line) for line in new[new_begin:new_end])
