"""Drawing, within the limited child process: pictures of pages, or their texts.

Asked for pictures from a page on (`page`), the answer is a line of JSON with the length of each PNG, and these one after
another: `[]` if there is no such page. To start the child takes longer than to draw a page, so it draws some pages ahead.
Otherwise the answer is JSON: `{"pages": 3, "texts": [{"number": 1, "width": 909, "height": 1286, "text": "…", "is_cut": false}]}`.
"""

from __future__ import annotations

import io
import json
import time
from typing import Any, BinaryIO

import pypdfium2
from pypdfium2 import raw

DOTS_PER_INCH = 110
POINTS_PER_INCH = 72
LONGEST_SIDE = 2000  # pixels
AHEAD_UNTIL_S = 1.5  # of processor time
JOINERS = "\u200c\u200d"  # between letters of Persian and Indian scripts


def answer(file: BinaryIO, limits: dict[str, Any]) -> bytes:
    """The answer as the module says."""
    document = pypdfium2.PdfDocument(file)
    if "page" in limits:
        pictures = _pictures(document, limits["page"], limits["ahead"], limits["most_bytes_ahead"])
        return b"\n".join((json.dumps([len(each) for each in pictures]).encode(), b"".join(pictures)))
    return json.dumps({"pages": len(document), "texts": _texts(document, limits)}).encode()


def _pictures(document: pypdfium2.PdfDocument, first: int, ahead: int, most_bytes: int) -> list[bytes]:
    drawn: list[bytes] = []
    for number in range(first, min(first + ahead, len(document)) + 1):
        if drawn and (time.process_time() > AHEAD_UNTIL_S or sum(map(len, drawn)) > most_bytes):
            break
        page = _page(document, number)
        drawn.append(_picture(page))
        page.close()
    return drawn


def _picture(page: pypdfium2.PdfPage) -> bytes:
    image = page.render(scale=_scale(page), rev_byteorder=True).to_pil()
    red, *others = (channel.tobytes() for channel in image.split())
    if all(each == red for each in others):
        image = image.convert("L")  # a third of the size
    output = io.BytesIO()
    image.save(output, "PNG")
    return output.getvalue()


def _texts(document: pypdfium2.PdfDocument, limits: dict[str, Any]) -> list[dict[str, Any]]:
    """The texts of the pages after `after`: at most `most_pages`, and fewer where these have many characters."""
    found: list[dict[str, Any]] = []
    left = limits["most_characters"]
    for number in range(limits["after"] + 1, min(limits["after"] + limits["most_pages"], len(document)) + 1):
        page = _page(document, number)
        whole = _clean(page.get_textpage().get_text_range())
        text = whole[: limits["most_characters_of_a_page"]]
        if found and len(text) > left:
            break
        left -= len(text)
        scale = _scale(page)
        width, height = (max(1, round(side * scale)) for side in page.get_size())
        is_cut = len(text) < len(whole)
        found.append({"number": number, "width": width, "height": height, "text": text, "is_cut": is_cut})
        page.close()
    return found


def _page(document: pypdfium2.PdfDocument, number: int) -> pypdfium2.PdfPage:
    """A page on which fields and annotations, such as signatures, are part of the content."""
    page = document[number - 1]
    raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY)
    page.close()
    return document[number - 1]


def _scale(page: pypdfium2.PdfPage) -> float:
    """Pixels to a point, fewer for a page of unusual size."""
    return float(min(DOTS_PER_INCH / POINTS_PER_INCH, LONGEST_SIDE / max(*page.get_size(), 1.0)))


def _clean(text: str) -> str:
    """The text without control characters and marks that change the direction of what follows."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(each for each in lines if each == "\n" or each.isprintable() or each in JOINERS).strip()
