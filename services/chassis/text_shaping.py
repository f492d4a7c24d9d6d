"""Text in PDFs, measured, wrapped, cut and drawn in every script that a face has. Lengths are in points (1/72 inch).

HarfBuzz chooses and places the glyphs (joins, marks, conjuncts), python-bidi finds the direction, reportlab writes the
PDF. A character that no face has is drawn as U+FFFD. Glyphs that differ from their characters carry their text as
ActualText, so that all text can be searched and copied. Import this module only where a PDF is made: it needs much memory.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import accumulate, groupby

import uharfbuzz
from bidi import get_display
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import ShapeData, ShapedStr
from reportlab.pdfgen.canvas import Canvas
from reportlab.pdfgen.textobject import PDFTextObject

from services.chassis.fonts import BOLD, CODE, PLAIN, Face, face_for, first_face

__all__ = ["BOLD", "CODE", "PLAIN", "cleaned", "cut", "draw", "width_of", "wrapped"]

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
# Direction overrides, with which one name can be made to look like another.
_OVERRIDES = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
REPLACEMENT = "\ufffd"  # stands for a character that no face has
_LAST_OF_BASIC_PLANE = 0xFFFF
_VARIATION = re.compile("[\u034f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Latin, Greek and Cyrillic letters with their usual signs. Without combining marks, joins and kerning, a line of them is
# its characters side by side.
_UNSHAPED = re.compile(
    r"[ -~\u00a1-\u00ac\u00ae-\u02af\u0370-\u0482\u048a-\u052f\u1e00-\u1fff\u2010-\u2027\u2030-\u205e]*"
)
_ELLIPSIS = "…"


@dataclass(frozen=True)
class _Run:
    """A part of a line of one direction and in one face; `text` is in reading order.

    At an odd level it is read from right to left.
    """

    text: str
    face: Face
    level: int


class _Line(PDFTextObject):  # type: ignore[misc]  # reportlab has no types
    """One line of text on a page."""

    def spell(self, spelled: str, glyphs: ShapedStr) -> None:
        """Append glyphs with the text that they spell; empty if their characters already are that text."""
        if spelled:
            self._code.append(f"/Span<</ActualText<feff{spelled.encode('utf-16-be').hex()}>>>BDC")
        self.textOut(glyphs)
        if spelled:
            self._code.append("EMC")


def cleaned(text: str) -> str:
    """The text composed (NFC), without direction overrides and without control characters but line breaks and tabs."""
    composed = unicodedata.normalize("NFC", text)
    if composed.isascii() and composed.isprintable():
        return composed
    return "".join(
        REPLACEMENT if "\ud800" <= each <= "\udfff" else each
        for each in composed.translate(_OVERRIDES)
        if each in "\n\t" or unicodedata.category(each) != "Cc"
    )


def width_of(text: str, weight: str, size: float) -> float:
    """The width of one line of `cleaned` text."""
    if _is_side_by_side(text, weight):  # as most words are
        return float(pdfmetrics.stringWidth(text, first_face(weight).reportlab.fontName, size))
    return sum(_advance(run) for run in _parts(text, weight)) * size / 1000


def draw(canvas: Canvas, x: float, y: float, text: str, weight: str, size: float) -> None:
    """Draw one line of `cleaned` text; `x`, `y` is the left end of its base line."""
    line = _Line(canvas, x, y)
    if _is_side_by_side(text, weight):
        line.setFont(first_face(weight).reportlab.fontName, size)
        line.textOut(text)
    else:
        for run in _from_left(text, weight):
            for spelled, glyphs in _spans(run):
                line.setFont(
                    run.face.reportlab.fontName, size
                )  # for each span, as reportlab cannot begin a text with a raised glyph
                line.spell(spelled, glyphs)
    canvas.drawText(line)


def wrapped(text: str, weight: str, size: float, width: float) -> list[str]:
    """The text, `cleaned` and broken into lines that fit the width. A word longer than a line is split."""
    lines: list[str] = []
    blank = width_of(" ", weight, size)
    for paragraph in cleaned(text).splitlines():
        line, used = "", 0.0
        for word, room in _words(paragraph, weight, size, width):
            if line and used + blank + room > width:
                lines.append(line)
                line, used = word, room
            else:
                line, used = (f"{line} {word}", used + blank + room) if line else (word, room)
        lines.append(line)
    return lines or [""]


def cut(text: str, weight: str, size: float, width: float) -> str:
    """The line of `cleaned` text, shortened with an ellipsis if it does not fit the width."""
    if width_of(text, weight, size) <= width:
        return text
    room = width - width_of(_ELLIPSIS, weight, size)
    return next(_pieces(text.removesuffix(_ELLIPSIS), weight, size, room), "") + _ELLIPSIS


def _is_side_by_side(text: str, weight: str) -> bool:
    """Whether a text needs no shaping and is in the first face."""
    glyphs = first_face(weight).reportlab.face.charToGlyph
    return _UNSHAPED.fullmatch(text) is not None and all(ord(each) in glyphs for each in text)


def _words(paragraph: str, weight: str, size: float, width: float) -> Iterator[tuple[str, float]]:
    """The words with their widths. A word longer than a line comes in parts that fit."""
    for word in paragraph.split():
        room = width_of(word, weight, size)
        if room <= width:
            yield word, room
        else:
            yield from ((part, width_of(part, weight, size)) for part in _pieces(word, weight, size, width))


def _pieces(text: str, weight: str, size: float, width: float) -> Iterator[str]:
    """Parts of a line that fit the width. A letter and its marks stay together."""
    advances: dict[int, float] = {}  # by the start of each cluster: a letter with its marks, or a conjunct
    start = 0
    for run in _parts(text, weight):
        glyphs, scale = _glyphs(run), run.face.reportlab.pdfScale
        for glyph, position in zip(glyphs.glyph_infos, glyphs.glyph_positions, strict=True):
            place = start + glyph.cluster
            advances[place] = advances.get(place, 0.0) + scale(position.x_advance) * size / 1000
        start += len(run.text)
    places = [*sorted(advances), len(text)]
    first = 0
    while first < len(places) - 1:
        end, used = first + 1, advances[places[first]]
        while end < len(places) - 1 and used + advances[places[end]] <= width:
            used += advances[places[end]]
            end += 1
        # A letter at the end of a part may have a wider form than within the word.
        while end > first + 1 and width_of(text[places[first] : places[end]], weight, size) > width:
            end -= 1
        yield text[places[first] : places[end]]
        first = end


def _from_left(line: str, weight: str) -> list[_Run]:
    """The runs of a line from left to right."""
    runs = _parts(line, weight)
    # Rule L2 of the Unicode bidirectional algorithm, applied to runs. HarfBuzz reverses the letters within a run.
    for level in range(max((run.level for run in runs), default=0), 0, -1):
        turned: list[_Run] = []
        for is_deep, group in groupby(runs, partial(_is_as_deep_as, level)):
            members = list(group)
            turned += reversed(members) if is_deep else members
        runs = turned
    return runs


def _is_as_deep_as(level: int, run: _Run) -> bool:
    return run.level >= level


def _parts(line: str, weight: str) -> list[_Run]:
    """The runs of a line in reading order."""
    characters = zip(_levels(line), _set_characters(line, weight), strict=True)
    return [
        _Run("".join(character for _, (character, _) in group), face, level)
        for (level, face), group in groupby(characters, lambda each: (each[0], each[1][1]))
    ]


def _levels(line: str) -> list[int]:
    """The embedding level of each character (UAX #9). Odd levels run from right to left."""
    if not any(unicodedata.bidirectional(each) in _RIGHT_TO_LEFT for each in line):
        return [0] * len(line)
    # With `debug`, python-bidi returns the levels of the line's UTF-8 bytes, and after them its paragraph's.
    levels = [int(level) for level in re.findall(r"Level\(\s*(\d+)", get_display(line, debug=True))]
    starts = accumulate((len(each.encode()) for each in line[:-1]), initial=0)
    return [levels[start] for start in starts]


def _set_characters(line: str, weight: str) -> Iterator[tuple[str, Face]]:
    """Each character with its face. Marks, signs and spaces keep the face of the letter before them if it has them."""
    is_japanese = any("\u3040" <= each <= "\u30ff" for each in line)
    face = first_face(weight)
    for character in line:
        if _stays(character, face):
            yield character, face
            continue
        found = face_for(character, weight, is_japanese=is_japanese)
        face = found or first_face(weight)
        yield character, face


def _stays(character: str, face: Face) -> bool:
    category = unicodedata.category(character)
    if category == "Cf" or _VARIATION.match(character):  # HarfBuzz makes them invisible in any face
        return True
    is_neutral = character == " " or not (character.isascii() or category.startswith("L"))
    return is_neutral and face.has(character)


def _glyphs(run: _Run) -> uharfbuzz.Buffer:
    """The glyphs of a run from left to right, in units of the face."""
    buffer = uharfbuzz.Buffer()
    buffer.add_str(run.text)
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if run.level % 2 else "ltr"
    buffer.not_found_glyph = run.face.harfbuzz.get_nominal_glyph(ord(REPLACEMENT)) or 0
    # Without kerning, a line is as wide as its words. Text that is not shaped has no kerning either.
    uharfbuzz.shape(run.face.harfbuzz, buffer, {"kern": False})
    return buffer


@lru_cache(2048)  # Chinese and Japanese text has many runs of one character
def _advance(run: _Run) -> float:
    """The width of a run, in thousandths of the font size."""
    return float(run.face.reportlab.pdfScale(sum(each.x_advance for each in _glyphs(run).glyph_positions)))


@lru_cache(2048)
def _shaped(run: _Run) -> ShapedStr:
    """The glyphs of a run as reportlab draws them: by a character for each."""
    buffer = _glyphs(run)
    scale = run.face.reportlab.pdfScale
    characters, data = [], []
    for glyph, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        natural = scale(run.face.harfbuzz.get_glyph_h_advance(glyph.codepoint))
        characters.append(_stand_in(run.face, glyph.codepoint, natural))
        data.append(
            ShapeData(
                glyph.cluster,
                scale(position.x_advance),
                scale(position.y_advance),
                scale(position.x_offset),
                scale(position.y_offset),
                natural,
            )
        )
    return ShapedStr("".join(characters), data)


def _stand_in(face: Face, glyph: int, width: float) -> str:
    """The character by which reportlab knows a glyph: one with this glyph, or one of private use."""
    for code in face.reportlab.face.glyphToChar.get(glyph, ()):
        if code <= _LAST_OF_BASIC_PLANE:  # reportlab's font tables hold no other characters
            return chr(code)
    return chr(face.reportlab.hbAddPrivate(str(glyph), glyph, width))


def _spans(run: _Run) -> Iterator[tuple[str, ShapedStr]]:
    """The glyphs of a run from left to right, with the text that they spell where it differs from their characters."""
    glyphs = _shaped(run)
    clusters = [(cluster, len(list(group))) for cluster, group in groupby(glyphs.__shapeData__, _cluster_of)]
    starts = sorted(cluster for cluster, _ in clusters)
    ends = dict(zip(starts, [*starts[1:], len(run.text)], strict=True))
    first = last = 0
    for cluster, count in clusters:
        spelled = run.text[cluster : ends[cluster]]
        if glyphs[last : last + count] == spelled:
            last += count
            continue
        if first < last:
            yield "", glyphs[first:last]
        first = last = last + count
        yield spelled, glyphs[last - count : last]
    if first < last:
        yield "", glyphs[first:last]


def _cluster_of(datum: ShapeData) -> int:
    return int(datum.cluster)
