"""The font faces of PDFs, and which of them has a given character. deploy/setup.sh installs them as Debian packages.

Noto Sans is the first choice. A character that it lacks is looked up in the Noto face that is named like the character's
script, among symbols, and in the faces for Chinese, Japanese and Korean. Documents embed the glyphs that they use.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from io import BytesIO
from pathlib import Path

import uharfbuzz
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FOLDER = Path("/usr/share/fonts/truetype")
PLAIN, BOLD, CODE = "plain", "bold", "code"
_FIRST = {
    PLAIN: "noto/NotoSans-Regular.ttf",
    BOLD: "noto/NotoSans-Bold.ttf",
    CODE: "noto/NotoSansMono-Regular.ttf",
}
_SYMBOLS = (
    "noto/NotoSansSymbols-Regular.ttf",
    "noto/NotoSansSymbols2-Regular.ttf",
    "ancient-scripts/Symbola_hint.ttf",
)
_EAST_ASIAN = (
    "wqy/wqy-microhei.ttc",  # Chinese and Korean
    "vlgothic/VL-Gothic-Regular.ttf",  # Japanese
    "droid/DroidSansFallbackFull.ttf",  # rare Chinese characters
)
_JAPANESE_FIRST = (_EAST_ASIAN[1], _EAST_ASIAN[0], _EAST_ASIAN[2])


BLOCK = 1024


@dataclass(frozen=True, eq=False)
class Face:
    """A font file, given by its path below FOLDER, or its subset with one block of 1,024 characters."""

    file: str
    block: int | None = None

    @cached_property
    def harfbuzz(self) -> uharfbuzz.Font:
        """The face for shaping."""
        return _whole(self.file) if self.block is None else uharfbuzz.Font(self._part)

    @cached_property
    def reportlab(self) -> TTFont:
        """The face for drawing, registered with reportlab."""
        name = f"portico-{self.file}" if self.block is None else f"portico-{self.file}-{self.block}"
        source = str(FOLDER / self.file) if self.block is None else BytesIO(self._part.blob.data)
        font = TTFont(name, source)
        if self.block is not None:
            font.face.name += b"-%d" % self.block  # reportlab identifies faces by name
        font.hbFont()  # sets up `hbAddPrivate`
        pdfmetrics.registerFont(font)
        return font

    def has(self, character: str) -> bool:
        """Whether the face has a glyph for the character."""
        is_within = self.block is None or ord(character) // BLOCK == self.block
        return is_within and _whole(self.file).get_nominal_glyph(ord(character)) is not None

    @cached_property
    def _part(self) -> uharfbuzz.Face:
        assert self.block is not None  # noqa: S101 - for the type checker
        wanted = uharfbuzz.SubsetInput()
        wanted.unicode_set.add_range(self.block * BLOCK, self.block * BLOCK + BLOCK - 1)
        return uharfbuzz.subset(_whole(self.file).face, wanted)


def first_face(weight: str) -> Face:
    """The face of Latin, Greek and Cyrillic text."""
    return _face(_FIRST[weight])


@lru_cache(4096)
def face_for(character: str, weight: str, *, is_japanese: bool) -> Face | None:
    """The first face that has the character, or None. `is_japanese` prefers Japanese forms of Chinese characters."""
    return next((face for face in _faces(character, weight, is_japanese) if face.has(character)), None)


def _faces(character: str, weight: str, is_japanese: bool) -> Iterator[Face]:
    yield first_face(weight)
    # A character's name begins with its script: DEVANAGARI LETTER KA, EXTENDED ARABIC-INDIC DIGIT ONE.
    for word in unicodedata.name(character, "").replace("-", " ").split()[:2]:
        yield from map(_face, _of_script(word, weight))
    is_wide = unicodedata.east_asian_width(character) in {"W", "F", "H"}
    east_asian = _JAPANESE_FIRST if is_japanese else _EAST_ASIAN
    # Emoji are wide as well, but they are symbols.
    is_symbol = not is_wide or unicodedata.category(character).startswith("S")
    # In blocks, because reportlab needs 20 MB and 0.2 s for one of these faces as a whole.
    for file in (*_SYMBOLS, *east_asian) if is_symbol else (*east_asian, *_SYMBOLS):
        yield _face(file, ord(character) // BLOCK)


@cache
def _of_script(word: str, weight: str) -> tuple[str, ...]:
    """The Noto faces of a script, by their file names: bold where there is a bold one, sans before serif."""
    found = []
    for name in _noto_faces():
        if name.endswith("-Regular.ttf") and name.lower().startswith(
            (f"notosans{word}".lower(), f"notoserif{word}".lower())
        ):
            bold = name.replace("-Regular", "-Bold")
            found.append(f"noto/{bold if weight == BOLD and bold in _noto_faces() else name}")
    return tuple(found)


@cache
def _noto_faces() -> tuple[str, ...]:
    return tuple(sorted(path.name for path in (FOLDER / "noto").iterdir()))


@cache
def _face(file: str, block: int | None = None) -> Face:
    return Face(file, block)


@cache
def _whole(file: str) -> uharfbuzz.Font:
    """The font file, mapped into memory."""
    return uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(FOLDER / file))))
