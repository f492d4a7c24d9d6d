"""Where the next stamp goes: on the page of signatures, or into the bottom margin of a document that arrived signed.

Margins are those of the page as shown: the crop box (ISO 32000-2, 14.11.2.1), turned by /Rotate. Every value of a document may be
a reference to another object, and is read through one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.rw_common import PdfHandler

from services.contracts.errors import Refused
from services.signing.pdf import pages

PAGE_MARK = "/PorticoSignaturePage"
LETTER = (612.0, 792.0)
SMALLEST_SIGNATURE_PAGE = (400.0, 500.0)
MARGIN_STAMPS = 3
MARGIN_STAMP_HEIGHT = 46.0
SIDE, BELOW, BETWEEN = 24.0, 8.0, 6.0
NARROWEST_STAMP = 90.0
_NUMBERS = (generic.NumberObject, generic.FloatObject)
_UNSEEN = 2 | 32  # Hidden and NoView, ISO 32000-2, table 167
# What turns upright content with a page that is shown turned clockwise by these degrees.
_TURNS = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


@dataclass(frozen=True)
class Place:
    """Room for one stamp: its box on the page, in the page's own directions, and by how many degrees the page is shown turned."""

    page: int
    box: pages.Box
    turned: int = 0

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the stamp as shown."""
        left, bottom, right, top = self.box
        across, up = right - left, top - bottom
        return (up, across) if self.turned in (90, 270) else (across, up)

    @property
    def matrix(self) -> tuple[int, int, int, int]:
        """What turns the upright stamp as the page is turned."""
        return _TURNS[self.turned]


@dataclass(frozen=True)
class Shown:
    """A page as shown: its visible box in the page's own directions, and by how many degrees clockwise it is turned."""

    box: pages.Box
    turned: int

    @property
    def size(self) -> tuple[float, float]:
        """Width and height as shown."""
        return Place(0, self.box, self.turned).size

    def placed(self, box: pages.Box) -> pages.Box:
        """A box measured from the lower left corner as shown, in the page's own directions."""
        corners = [self._own(box[0], box[1]), self._own(box[2], box[3])]
        xs, ys = zip(*corners, strict=True)
        return (min(xs), min(ys), max(xs), max(ys))

    def _own(self, x: float, y: float) -> tuple[float, float]:
        left, bottom, right, top = self.box
        match self.turned:
            case 90:
                return right - y, bottom + x
            case 180:
                return right - x, top - y
            case 270:
                return left + y, top - x
            case _:
                return left + x, bottom + y


def take_place(writer: IncrementalPdfFileWriter, *, is_signed: bool) -> Place:
    """The place of the next stamp. Adds the page of signatures if the document is unsigned and has none.

    Raises Refused(document_signatures_full).
    """
    if not is_signed and not _has_signature_page(writer):
        width, height = _signature_page_size(shown(_last_page(writer)))
        _add_signature_page(writer, width, height)
    free = free_places(writer)
    if not free:
        raise Refused(
            "document_signatures_full", "The last page of the document has no room for a signature."
        )
    return free[0]


def free_places(document: PdfHandler) -> list[Place]:
    """The places on the last page that no visible signature takes."""
    count = int(document.root["/Pages"]["/Count"])
    last = _last_page(document)
    seen = shown(last)
    if _has_signature_page(document):
        width, height = seen.size
        boxes = [pages.slot(number, width, height) for number in range(pages.SLOTS)]
    else:
        boxes = _margin_boxes(*seen.size)
    taken = list(_visible_signatures(last))
    placed = [Place(count - 1, seen.placed(box), seen.turned) for box in boxes]
    return [each for each in placed if not any(_overlap(each.box, box) for box in taken)]


def _has_signature_page(document: PdfHandler) -> bool:
    return bool(_value(_last_page(document), PAGE_MARK))


def shown(page: generic.DictionaryObject) -> Shown:
    """How a page is shown. US Letter without a usable media box."""
    media = _box(_inherited(page, "/MediaBox")) or (0.0, 0.0, *LETTER)
    crop = _box(_inherited(page, "/CropBox")) or media
    cut = (max(media[0], crop[0]), max(media[1], crop[1]), min(media[2], crop[2]), min(media[3], crop[3]))
    turned = _inherited(page, "/Rotate")
    turned = int(turned) % 360 if isinstance(turned, _NUMBERS) else 0
    return Shown(cut if cut[2] > cut[0] and cut[3] > cut[1] else media, turned if turned in _TURNS else 0)


def _margin_boxes(width: float, height: float) -> list[pages.Box]:
    """The boxes side by side at the bottom, as shown; fewer on a narrow page, none on a tiny one."""
    room = width - 2 * SIDE
    count = min(MARGIN_STAMPS, int((room + BETWEEN) // (NARROWEST_STAMP + BETWEEN)))
    if count < 1 or height < MARGIN_STAMP_HEIGHT + 2 * BELOW:
        return []
    across = (room - (count - 1) * BETWEEN) / count
    lefts = [SIDE + number * (across + BETWEEN) for number in range(count)]
    return [(left, BELOW, left + across, BELOW + MARGIN_STAMP_HEIGHT) for left in lefts]


def _visible_signatures(page: generic.DictionaryObject) -> Iterator[pages.Box]:
    """The boxes of signatures on a page that can be seen. One without a size, or a hidden one, takes no room."""
    for each in _items(_value(page, "/Annots")):
        if not isinstance(each, generic.DictionaryObject) or _inherited(each, "/FT") != "/Sig":
            continue
        flags = _value(each, "/F")
        box = _box(_value(each, "/Rect"))
        if box and not (isinstance(flags, int) and flags & _UNSEEN):
            yield box


def _signature_page_size(last: Shown) -> tuple[float, float]:
    width, height = last.size
    fits = SMALLEST_SIGNATURE_PAGE[0] <= width <= 1000 and SMALLEST_SIGNATURE_PAGE[1] <= height <= 1400
    return (width, height) if fits else LETTER


def _add_signature_page(writer: IncrementalPdfFileWriter, width: float, height: float) -> None:
    drawn = _last_page(PdfFileReader(io.BytesIO(pages.signature_page(width, height))))
    page = generic.DictionaryObject()
    for name in drawn:
        if name != "/Parent":
            page[name] = writer.import_object(drawn.raw_get(name))
    page[generic.pdf_name(PAGE_MARK)] = generic.BooleanObject(True)
    # Set explicitly: otherwise the page would inherit both from the document's page tree.
    page[generic.pdf_name("/Rotate")] = generic.NumberObject(0)
    page[generic.pdf_name("/CropBox")] = generic.ArrayObject(
        generic.FloatObject(each) for each in (0, 0, width, height)
    )
    writer.insert_page(page)


def _last_page(document: PdfHandler) -> generic.DictionaryObject:
    reference, _ = document.find_page_for_modification(-1)
    page = reference.get_object()
    if not isinstance(page, generic.DictionaryObject):
        raise PdfError("a page is not a dictionary")
    return page


def _value(dictionary: generic.DictionaryObject, key: str) -> Any:
    try:
        return dictionary[key]
    except KeyError:
        return None


def _inherited(node: Any, key: str) -> Any:
    """A value of a page or field, its own or one from above. Raises PdfError for a circle."""
    seen: set[int] = set()
    while isinstance(node, generic.DictionaryObject):
        if id(node) in seen:
            raise PdfError("a page lies within itself")
        seen.add(id(node))
        if (found := _value(node, key)) is not None:
            return found
        node = _value(node, "/Parent")
    return None


def _items(value: Any) -> list[Any]:
    return [value[index] for index in range(len(value))] if isinstance(value, generic.ArrayObject) else []


def _box(value: Any) -> pages.Box | None:
    """Four numbers as left, bottom, right, top; None if they are not, or enclose nothing."""
    sides = _items(value)
    if len(sides) != 4 or not all(isinstance(each, _NUMBERS) for each in sides):
        return None
    xs, ys = sorted((float(sides[0]), float(sides[2]))), sorted((float(sides[1]), float(sides[3])))
    return (xs[0], ys[0], xs[1], ys[1]) if xs[0] < xs[1] and ys[0] < ys[1] else None


def _overlap(one: pages.Box, other: pages.Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
