"""Pictures and texts of a document's pages, made in the limited child process (`drawing_child`)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from pathlib import Path

from services.chassis import untrusted_files
from services.contracts.errors import Refused

PAGES_AHEAD = 7
PICTURE_LIMIT_BYTES = 16 * 1024 * 1024
TEXT_LIMIT_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What drawing may cost: bytes of the document, CPU and wall seconds, memory; characters of an answer and of a page."""

    max_bytes: int = 110 * 1024 * 1024
    cpu_s: int = 5
    wall_s: float = 10.0
    memory_bytes: int = 768 * 1024 * 1024
    most_characters: int = 150_000
    most_characters_of_a_page: int = 20_000


@dataclass(frozen=True)
class PageText:
    """The text of a page, cut if it is very long, and the size of its picture in pixels."""

    number: int
    width: int
    height: int
    text: str
    is_cut: bool


@dataclass(frozen=True)
class Texts:
    """The texts of some pages of a document that has `pages` in all."""

    pages: int
    texts: list[PageText]

    @property
    def next(self) -> int | None:
        """The number of the last page here, None if no page comes after it."""
        last = self.texts[-1].number if self.texts else self.pages
        return last if last < self.pages else None


DEFAULT_LIMITS = Limits()
_CHILD = Path(__file__).with_name("drawing_child.py")


def pictures(path: Path, first: int, *, limits: Limits = DEFAULT_LIMITS) -> list[bytes]:
    """A page as a PNG, and some pages after it.

    Raises Refused: not_found without such a page, document_unreadable if it cannot be drawn within the limits.
    """
    drawn = _drawn(path, first, PAGES_AHEAD, limits)
    if drawn is None:  # perhaps because of a page ahead
        drawn = _drawn(path, first, 0, limits)
    if drawn is None:
        raise _unreadable()
    if not drawn:
        raise Refused("not_found", "The document has no such page.", "number")
    return drawn


def _drawn(path: Path, first: int, ahead: int, limits: Limits) -> list[bytes] | None:
    order = asdict(limits) | {"page": first, "ahead": ahead, "most_bytes_ahead": PICTURE_LIMIT_BYTES}
    with path.open("rb") as file:
        said = untrusted_files.answer_of(_CHILD, file, order, 2 * PICTURE_LIMIT_BYTES)
    if said is None:
        return None
    lengths, _, rest = said.partition(b"\n")
    ends = list(accumulate(json.loads(lengths), initial=0))
    return [rest[start:end] for start, end in pairwise(ends)]


def texts(path: Path, after: int, most_pages: int, *, limits: Limits = DEFAULT_LIMITS) -> Texts:
    """The texts of the pages after this one. Raises Refused(document_unreadable)."""
    order = asdict(limits) | {"after": after, "most_pages": most_pages}
    with path.open("rb") as file:
        said = untrusted_files.answer_of(_CHILD, file, order, TEXT_LIMIT_BYTES)
    if said is None:
        raise _unreadable()
    found = json.loads(said)
    return Texts(found["pages"], [PageText(**each) for each in found["texts"]])


def _unreadable() -> Refused:
    return Refused(
        "document_unreadable",
        "The pages of this document cannot be shown here. Download the file to read it.",
    )
