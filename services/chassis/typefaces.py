"""The faces that PDFs are set in, and text in them: measured, wrapped, drawn. Lengths are in points (1/72 inch).

DejaVu Sans where the machine has it, else the Vera faces that come with reportlab. Chinese, Japanese and Korean are set in
faces that PDF readers bring along: they are named in the file, not part of it. Imported only where a PDF is made: reportlab
is memory that a service at rest does not need.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont, TTFontFace
from reportlab.pdfgen.canvas import Canvas

from services.chassis.lettering import lettered, runs, visual

DEJAVU = Path("/usr/share/fonts/truetype/dejavu")
PLAIN, BOLD, CODE = "plain", "bold", "code"
# By the script of a run of text. The names are those of Adobe's Asian fonts, which every reader has or replaces. Traditional
# Chinese, too, is in the first one: reportlab names the wrong encoding with MSung-Light.
_READERS_OWN = {"chinese": "STSong-Light", "japanese": "HeiseiKakuGo-W5", "korean": "HYGothic-Medium"}


def shown(text: str, weight: str) -> str:
    """The text in reading order, with what no face has replaced by its nearest, or by a question mark."""
    return lettered(text, _glyphs(weight))


def width_of(text: str, weight: str, size: float) -> float:
    """How wide a text is that has been through `shown`."""
    if text.isascii():  # most words are
        return float(pdfmetrics.stringWidth(text, _faces()[weight], size))
    return sum(float(pdfmetrics.stringWidth(part, face, size)) for face, part in _parts(text, weight))


def draw(canvas: Canvas, x: float, y: float, text: str, weight: str, size: float) -> None:
    """Draw one line that has been through `shown`; `x`, `y` is the left end of its base line."""
    for face, part in _parts(visual(text), weight):
        canvas.setFont(face, size)
        canvas.drawString(x, y, part)
        x += float(pdfmetrics.stringWidth(part, face, size))


def wrapped(text: str, weight: str, size: float, width: float) -> list[str]:
    """The text, as `shown`, in lines that fit the width; a word that is longer than a line is cut."""
    lines: list[str] = []
    for paragraph in shown(text, weight).splitlines():
        line, used = "", 0.0
        blank = width_of(" ", weight, size)
        for word in _words(paragraph, weight, size, width):
            room = width_of(word, weight, size)
            if line and used + blank + room > width:
                lines.append(line)
                line, used = word, room
            else:
                line, used = (f"{line} {word}", used + blank + room) if line else (word, room)
        lines.append(line)
    return lines or [""]


def _words(paragraph: str, weight: str, size: float, width: float) -> Iterator[str]:
    for word in paragraph.split():
        rest = word
        while width_of(rest, weight, size) > width:
            cut = max(1, _how_many_fit(rest, weight, size, width))
            yield rest[:cut]
            rest = rest[cut:]
        if rest:
            yield rest


def _how_many_fit(text: str, weight: str, size: float, width: float) -> int:
    used = 0.0
    for count, character in enumerate(text):
        used += width_of(character, weight, size)
        if used > width:
            return count
    return len(text)


def _parts(text: str, weight: str) -> Iterator[tuple[str, str]]:
    """Parts of a line with the registered name of the face that each is set in."""
    own = _faces()[weight]
    if text.isascii():
        yield own, text
        return
    for script, part in runs(text, _glyphs(weight)):
        yield (_readers_own(script) if script else own), part


@cache
def _readers_own(script: str) -> str:
    name = _READERS_OWN[script]
    pdfmetrics.registerFont(UnicodeCIDFont(name))
    return name


@cache
def _faces() -> dict[str, str]:
    """Registers the faces once per process; weight -> registered name."""
    has_dejavu = (DEJAVU / "DejaVuSans.ttf").is_file() and (DEJAVU / "DejaVuSans-Bold.ttf").is_file()
    plain, bold = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf") if has_dejavu else ("Vera.ttf", "VeraBd.ttf")
    mono = "DejaVuSansMono.ttf" if has_dejavu and (DEJAVU / "DejaVuSansMono.ttf").is_file() else plain
    names: dict[str, str] = {}
    for weight, file in ((PLAIN, plain), (BOLD, bold), (CODE, mono)):
        names[weight] = f"portico-{weight}"
        pdfmetrics.registerFont(TTFont(names[weight], str(DEJAVU / file) if has_dejavu else file))
    return names


@cache
def _glyphs(weight: str) -> frozenset[int]:
    face = pdfmetrics.getFont(_faces()[weight]).face
    return frozenset(face.charToGlyph) if isinstance(face, TTFontFace) else frozenset(range(32, 127))
