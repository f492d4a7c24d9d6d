"""Reading QR codes, within the limited child process. The answer is a JSON list of their texts, page by page."""

from __future__ import annotations

import json
from typing import Any, BinaryIO

import pypdfium2
import zxingcpp

_DOTS_PER_INCH = 200
_POINTS_PER_INCH = 72
_LONGEST_SIDE = 3000  # pixels
_MOST_CODES = 50
_LONGEST_TEXT = 200


def answer(file: BinaryIO, limits: dict[str, Any]) -> bytes:
    """The answer as the module says."""
    document = pypdfium2.PdfDocument(file)
    found: list[str] = []
    for number in range(min(limits["most_pages"], len(document))):
        page = document[number]
        scale = min(_DOTS_PER_INCH / _POINTS_PER_INCH, _LONGEST_SIDE / max(*page.get_size(), 1.0))
        picture = page.render(scale=scale, grayscale=True).to_pil().convert("L")
        codes = zxingcpp.read_barcodes(
            picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
        )
        found += [each.text for each in codes if len(each.text) <= _LONGEST_TEXT]
        page.close()
    return json.dumps(found[:_MOST_CODES]).encode()
