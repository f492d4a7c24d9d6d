"""How a line of text is set where the drawing library only puts glyph after glyph from left to right.

Arabic letters are joined, right-to-left runs are turned around, and what a face lacks is set in a face of Chinese, Japanese
or Korean, or shown by its nearest. Scripts of which letters change places or merge (Devanagari, Thai and others) are not set
at all: a reader sees question marks rather than a word that says something else. A plain
reading of the Unicode bidirectional algorithm (UAX #9) without explicit embeddings: enough for names, notes and forms.
Pure: standard library only.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from functools import cache
from itertools import groupby

_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_TATWEEL = "\u0640"
_LAM = "\u0644"
_RIGHT_TO_LEFT = frozenset({"R", "AL"})
_NUMBERS = frozenset({"EN", "AN"})
_SEPARATORS = frozenset({"ES", "CS", "ET"})
# Chinese, Japanese, Korean: from the first radical to the last Hangul syllable, and the forms of full width.
_EAST_ASIAN = ((0x2E80, 0xA4CF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF))
# What a face of a script is sure to have is what the script's old encoding has.
_ENCODINGS = {"chinese": "gbk", "japanese": "cp932", "korean": "cp949"}
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def lettered(text: str, glyphs: Collection[int]) -> str:
    """The text in reading order, joined, with what is not among `glyphs` (code points) replaced by its nearest."""
    composed = unicodedata.normalize("NFC", text)
    if composed.isascii():
        return composed
    joined = _joined(composed)
    return "".join(_nearest(character, glyphs) for character in joined)


def runs(line: str, glyphs: Collection[int]) -> Iterator[tuple[str | None, str]]:
    """The line in parts, each with the script it is set in: chinese, japanese, korean; None: the own face."""
    for is_east_asian, group in groupby(line, lambda each: ord(each) not in glyphs and _is_east_asian(each)):
        part = "".join(group)
        script = _script_of(part) if is_east_asian else None
        if is_east_asian and script is None:  # no face has all of it
            yield from ((_script_of(each), each) for each in part)
        else:
            yield script, part


def _script_of(text: str) -> str | None:
    has_kana = any("\u3040" <= each <= "\u30ff" for each in text)
    order = ("japanese", *_ENCODINGS) if has_kana else tuple(_ENCODINGS)
    return next((script for script in order if _has_all(script, text)), None)


def _has_all(script: str, text: str) -> bool:
    try:
        text.encode(_ENCODINGS[script])
    except UnicodeEncodeError:
        return False
    return True


def _is_east_asian(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _EAST_ASIAN)


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
    if _is_east_asian(character) and _script_of(character):
        return character
    base = unicodedata.normalize("NFKD", character)[0]
    return base if ord(base) in glyphs else "?"
