"""How a line of text is set where the drawing library only puts glyph after glyph from left to right.

Arabic letters are joined, right-to-left runs are turned around, and what a face lacks is shown by its nearest. A plain
reading of the Unicode bidirectional algorithm (UAX #9) without explicit embeddings: enough for names, notes and forms.
Pure: standard library only.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from functools import cache

_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_TATWEEL = "\u0640"
_LAM = "\u0644"
_RIGHT_TO_LEFT = frozenset({"R", "AL"})
_NUMBERS = frozenset({"EN", "AN"})
_SEPARATORS = frozenset({"ES", "CS", "ET"})
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def lettered(text: str, glyphs: Collection[int]) -> str:
    """The text in reading order, joined, with what is not among `glyphs` (code points) replaced by its nearest."""
    composed = unicodedata.normalize("NFC", text)
    if composed.isascii():
        return composed
    joined = _joined(composed)
    return "".join(_nearest(character, glyphs) for character in joined)


def visual(line: str) -> str:
    """One line in the order in which its glyphs stand on the paper, from left to right."""
    if line.isascii():
        return line
    kinds = [unicodedata.bidirectional(character) for character in line]
    if not any(kind in _RIGHT_TO_LEFT or kind == "AN" for kind in kinds):
        return line
    levels = _levels(kinds)
    characters = [
        character.translate(_MIRRORED) if level % 2 else character
        for character, level in zip(line, levels, strict=True)
    ]
    for level in range(max(levels), 0, -1):
        _reverse_runs(characters, levels, level)
    return "".join(characters)


def _levels(kinds: list[str]) -> list[int]:
    """An embedding level for each character: even runs from left to right, odd from right to left."""
    base = next((1 if kind != "L" else 0 for kind in kinds if kind == "L" or kind in _RIGHT_TO_LEFT), 0)
    to_right, directions = base + base % 2, _directions(kinds)
    levels: list[int] = []
    for position, kind in enumerate(kinds):
        direction = directions[position] or _between(directions, position, base)
        # A number within right-to-left text is still read from left to right, one level deeper.
        is_number = kind in _NUMBERS or (kind in _SEPARATORS and _is_within_number(kinds, position))
        levels.append(2 if is_number and direction == "R" else 1 if direction == "R" else to_right)
    return levels


def _directions(kinds: list[str]) -> list[str]:
    """L or R for letters, and for numbers that of the letters before them; empty for all that is neutral."""
    directions, last = [], ""
    for kind in kinds:
        if kind == "L" or kind in _RIGHT_TO_LEFT:
            last = "L" if kind == "L" else "R"
            directions.append(last)
        else:
            directions.append((last or "L") if kind in _NUMBERS else "")
    return directions


def _between(directions: list[str], position: int, base: int) -> str:
    own = "R" if base else "L"
    before = next((each for each in reversed(directions[:position]) if each), own)
    after = next((each for each in directions[position + 1 :] if each), own)
    return before if before == after else own


def _is_within_number(kinds: list[str], position: int) -> bool:
    return 0 < position < len(kinds) - 1 and {kinds[position - 1], kinds[position + 1]} <= _NUMBERS


def _reverse_runs(characters: list[str], levels: list[int], level: int) -> None:
    start = 0
    while start < len(levels):
        end = start
        while end < len(levels) and levels[end] >= level:
            end += 1
        if end > start:
            characters[start:end] = reversed(characters[start:end])
            levels[start:end] = reversed(levels[start:end])
        start = end + 1


def _joined(text: str) -> str:
    """Arabic letters in the forms they take beside each other; vowel signs are left out, which no face places well here."""
    forms, ligatures = _arabic_forms()
    if not any(character in forms for character in text):
        return text
    letters = [each for each in text if not ("\u064b" <= each <= "\u065f" or each == "\u0670")]
    joined: list[str] = []
    position = 0
    while position < len(letters):
        letter = letters[position]
        before = letters[position - 1] if position else ""
        pair = letter + letters[position + 1] if position + 1 < len(letters) else ""
        if letter == _LAM and pair in ligatures:
            form = "final" if _joins_onward(before, forms) else "isolated"
            joined.append(ligatures[pair].get(form, letter))
            position += 2
            continue
        joined.append(_form(letter, before, pair[1:], forms))
        position += 1
    return "".join(joined)


def _form(letter: str, before: str, after: str, forms: dict[str, dict[str, str]]) -> str:
    own = forms.get(letter)
    if own is None:
        return letter
    to_before = "final" in own and _joins_onward(before, forms)
    to_after = "initial" in own and (after == _TATWEEL or "final" in forms.get(after, {}))
    name = {(True, True): "medial", (True, False): "final", (False, True): "initial"}.get(
        (to_before, to_after)
    )
    return own.get(name or "isolated", letter)


def _joins_onward(letter: str, forms: dict[str, dict[str, str]]) -> bool:
    return letter == _TATWEEL or "initial" in forms.get(letter, {})


@cache
def _arabic_forms() -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """Letter -> name of form -> presentation form, and the same for the ligatures of lam and alef."""
    forms: dict[str, dict[str, str]] = {}
    ligatures: dict[str, dict[str, str]] = {}
    for code in (
        *range(0xFB50, 0xFBB2),
        *range(0xFBD3, 0xFBEA),
        *range(0xFBFC, 0xFC00),
        *range(0xFE80, 0xFEFD),
    ):
        name, *parts = unicodedata.decomposition(chr(code)).split()
        source = "".join(chr(int(part, 16)) for part in parts)
        table = forms if len(source) == 1 else ligatures
        table.setdefault(source, {})[name.strip("<>")] = chr(code)
    return forms, ligatures


def _nearest(character: str, glyphs: Collection[int]) -> str:
    if ord(character) in glyphs or character in "\n\t":
        return character
    if unicodedata.category(character) in _INVISIBLE or unicodedata.category(character) == "Mn":
        return ""
    base = unicodedata.normalize("NFKD", character)[0]
    return base if ord(base) in glyphs else "?"
