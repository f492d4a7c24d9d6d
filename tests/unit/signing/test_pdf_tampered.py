"""A17: bits of a signed file are turned round, and updates are appended to it. Verifying finds each."""

from __future__ import annotations

import io
import random
from collections.abc import Callable

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader

from services.signing.pdf.certificates import Authority
from services.signing.pdf.validity import Verification, verify

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800), pytest.mark.fault("A17")]
FLIPS = 1000
NAME = generic.pdf_name
Build = Callable[..., bytes]
Update = Callable[[IncrementalPdfFileWriter], None]


def _first_page(writer: IncrementalPdfFileWriter) -> generic.DictionaryObject:
    found = writer.find_page_for_modification(0)[0].get_object()
    assert isinstance(found, generic.DictionaryObject)
    return found


def _new(writer: IncrementalPdfFileWriter, **entries: generic.PdfObject) -> generic.IndirectObject:
    return writer.add_object(
        generic.DictionaryObject({NAME(f"/{name}"): each for name, each in entries.items()})
    )


def _page_entry(name: str, value: Callable[[IncrementalPdfFileWriter], generic.PdfObject]) -> Update:
    def update(writer: IncrementalPdfFileWriter) -> None:
        page = _first_page(writer)
        page[NAME(name)] = value(writer)
        writer.update_container(page)

    return update


def _root_entry(name: str, value: Callable[[IncrementalPdfFileWriter], generic.PdfObject]) -> Update:
    def update(writer: IncrementalPdfFileWriter) -> None:
        writer.root[NAME(name)] = value(writer)
        writer.update_root()

    return update


def _content(text: bytes) -> Callable[[IncrementalPdfFileWriter], generic.PdfObject]:
    return lambda writer: writer.add_object(generic.StreamObject(stream_data=text))


def _annotations(subtype: str) -> Callable[[IncrementalPdfFileWriter], generic.PdfObject]:
    box = generic.ArrayObject([generic.NumberObject(each) for each in (0, 0, 300, 300)])
    return lambda writer: generic.ArrayObject(
        [_new(writer, Type=NAME("/Annot"), Subtype=NAME(subtype), Rect=box, Contents=generic.pdf_string("x"))]
    )


def _without_form(writer: IncrementalPdfFileWriter) -> None:
    del writer.root["/AcroForm"]
    writer.update_root()


UPDATES: dict[str, Update] = {
    "other words on the page": _page_entry("/Contents", _content(b"BT (I agree to pay) Tj ET")),
    "another size of the page": _page_entry(
        "/MediaBox",
        lambda _: generic.ArrayObject([generic.NumberObject(each) for each in (0, 0, 9, 9)]),
    ),
    "the page turned": _page_entry("/Rotate", lambda _: generic.NumberObject(180)),
    "other fonts": _page_entry("/Resources", lambda _: generic.DictionaryObject()),
    "a note over the words": _page_entry("/Annots", _annotations("/FreeText")),
    "a stamp over the words": _page_entry("/Annots", _annotations("/Stamp")),
    "a link": _page_entry("/Annots", _annotations("/Link")),
    "a script on opening": _root_entry(
        "/OpenAction", lambda writer: _new(writer, S=NAME("/JavaScript"), JS=generic.pdf_string("x"))
    ),
    "another first page": _root_entry(
        "/Pages",
        lambda writer: _new(
            writer, Type=NAME("/Pages"), Count=generic.NumberObject(0), Kids=generic.ArrayObject()
        ),
    ),
    "no form any more": _without_form,
}


def updated(pdf: bytes, update: Update) -> bytes:
    """The file with an update appended: what was signed is in it, byte by byte."""
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    update(writer)
    output = io.BytesIO()
    writer.write(output)
    assert output.getvalue().startswith(pdf)
    return output.getvalue()


def is_sound(found: Verification) -> bool:
    """Whether somebody would rely on the file."""
    return found.is_valid and not found.modified_after_signing


def verdict(pdf: bytes, authority: Authority) -> bool:
    """The same of a file that may be so broken that it cannot be read."""
    return is_sound(verify(pdf, trust_roots=[authority.certificate]))


def test_every_flipped_bit_and_every_update_is_found(
    document: Build, signed_by: Build, authority: Authority
) -> None:
    pdf = signed_by(document())
    assert verdict(pdf, authority)
    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures
    first, length, second, rest = (int(each) for each in signature.byte_range)
    signed = [*range(first, first + length), *range(second, second + rest)]
    unnoticed = []
    chance = random.Random(17)  # the same places in each run
    for _ in range(FLIPS):
        place, bit = chance.choice(signed), chance.randrange(8)
        flipped = bytearray(pdf)
        flipped[place] ^= 1 << bit
        if verdict(bytes(flipped), authority):
            unnoticed.append((place, bit))
    taken = [name for name, update in UPDATES.items() if verdict(updated(pdf, update), authority)]
    print(
        f"A17: attempted {FLIPS} flipped bits and {len(UPDATES)} updates, not found {len(unnoticed)} and {len(taken)}"
    )
    assert (unnoticed, taken) == ([], [])
