"""What is changed, added or taken away in a signed PDF is detected."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from reportlab.pdfgen.canvas import Canvas

from services.signing.pdf.certificates import Authority
from services.signing.pdf.signature import (
    Verification,
    verify,
)

Build = Callable[..., bytes]
FLIPS = int(os.environ.get("SIGNATURE_FLIPS", "60"))


@pytest.fixture
def checked(authority: Authority) -> Callable[[bytes], Verification]:
    """Verifies against the test authority."""
    return lambda pdf: verify(pdf, trust_roots=[authority.certificate])


def test_every_flipped_bit_in_the_signed_ranges_is_detected(
    document: Build, signed_by: Build, checked: Callable[[bytes], Verification]
) -> None:
    signed = signed_by(document())
    start, length, second_start, second_length = _byte_range(signed)
    chance = random.Random(17)
    places = [*range(start, start + length), *range(second_start, second_start + second_length)]
    for _ in range(FLIPS):
        place, bit = chance.choice(places), chance.randrange(8)
        tampered = bytearray(signed)
        tampered[place] ^= 1 << bit
        assert not checked(bytes(tampered)).is_valid, f"bit {bit} of byte {place} went unnoticed"


def _add_page(writer: IncrementalPdfFileWriter) -> None:
    page = generic.DictionaryObject({generic.pdf_name("/Type"): generic.pdf_name("/Page")})
    box = generic.ArrayObject(generic.NumberObject(each) for each in (0, 0, 300, 300))
    page[generic.pdf_name("/MediaBox")] = box
    writer.insert_page(page)


def _replace_content(writer: IncrementalPdfFileWriter) -> None:
    page = writer.find_page_for_modification(0)[0].get_object()
    page[generic.pdf_name("/Contents")] = writer.add_object(
        generic.StreamObject(stream_data=b"0 0 200 200 re f")
    )
    writer.update_container(page)


def _cover_with_annotation(writer: IncrementalPdfFileWriter) -> None:
    page = writer.find_page_for_modification(0)[0].get_object()
    names = {"/Type": "/Annot", "/Subtype": "/FreeText"}
    note = generic.DictionaryObject(
        {generic.pdf_name(key): generic.pdf_name(each) for key, each in names.items()}
    )
    note[generic.pdf_name("/Rect")] = generic.ArrayObject(
        generic.NumberObject(each) for each in (0, 0, 99, 99)
    )
    page[generic.pdf_name("/Annots")] = generic.ArrayObject([writer.add_object(note)])
    writer.update_container(page)


def _rotate_page(writer: IncrementalPdfFileWriter) -> None:
    page = writer.find_page_for_modification(0)[0].get_object()
    page[generic.pdf_name("/Rotate")] = generic.NumberObject(180)
    writer.update_container(page)


def _drop_page(writer: IncrementalPdfFileWriter) -> None:
    tree = writer.root["/Pages"]
    tree["/Kids"].pop(0)
    tree[generic.pdf_name("/Count")] = generic.NumberObject(len(tree["/Kids"]))
    writer.update_container(tree)


def _open_action(writer: IncrementalPdfFileWriter) -> None:
    action = generic.DictionaryObject({generic.pdf_name("/S"): generic.pdf_name("/JavaScript")})
    writer.root[generic.pdf_name("/OpenAction")] = action
    writer.update_root()


def _change_stamp(writer: IncrementalPdfFileWriter) -> None:
    field = writer.root["/AcroForm"]["/Fields"][0]
    field["/AP"][generic.pdf_name("/N")] = writer.add_object(generic.StreamObject(stream_data=b"n"))
    writer.update_container(field["/AP"])


def _move_stamp(writer: IncrementalPdfFileWriter) -> None:
    field = writer.root["/AcroForm"]["/Fields"][0]
    field[generic.pdf_name("/Rect")] = generic.ArrayObject(generic.NumberObject(0) for _ in range(4))
    writer.update_container(field)


def _drop_field(writer: IncrementalPdfFileWriter) -> None:
    writer.root["/AcroForm"]["/Fields"].pop(0)
    writer.update_container(writer.root["/AcroForm"])


def _change_claim(writer: IncrementalPdfFileWriter) -> None:
    claim = writer.root["/AcroForm"]["/Fields"][0]["/V"]
    claim[generic.pdf_name("/Name")] = generic.pdf_string("Somebody Else")
    writer.update_container(claim)


ATTACKS = [
    _add_page,
    _replace_content,
    _cover_with_annotation,
    _rotate_page,
    _drop_page,
    _open_action,
    _change_stamp,
    _move_stamp,
    _drop_field,
    _change_claim,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each.__name__.strip("_"))
@pytest.mark.parametrize("signed_again", [False, True], ids=["left", "signed_again"])
def test_an_incremental_update_after_signing_is_detected(
    attack: Callable[[IncrementalPdfFileWriter], None],
    signed_again: bool,
    document: Build,
    signed_by: Build,
    checked: Callable[[bytes], Verification],
) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(signed_by(document())))
    attack(writer)
    output = io.BytesIO()
    writer.write(output)
    # A later honest signature over the changed document must not hide the change.
    pdf = signed_by(output.getvalue(), "sig-2") if signed_again else output.getvalue()
    result = checked(pdf)
    assert not result.is_valid
    assert result.modified_after_signing


def test_a_form_field_filled_in_after_signing_is_detected(
    signed_by: Build, checked: Callable[[bytes], Verification]
) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.acroForm.textfield(name="dose", value="5 mg", x=72, y=700)
    canvas.showPage()
    canvas.save()
    writer = IncrementalPdfFileWriter(io.BytesIO(signed_by(buffer.getvalue())))
    (dose,) = [
        each.get_object() for each in writer.root["/AcroForm"]["/Fields"] if each.get_object()["/T"] == "dose"
    ]
    dose[generic.pdf_name("/V")] = generic.pdf_string("50 mg")
    writer.update_container(dose)
    output = io.BytesIO()
    writer.write(output)
    result = checked(signed_by(output.getvalue(), "sig-2"))
    assert not result.is_valid
    assert result.modified_after_signing


def test_bytes_added_behind_the_end_are_detected(
    document: Build, signed_by: Build, checked: Callable[[bytes], Verification]
) -> None:
    result = checked(signed_by(document()) + b"\n% more")
    assert not result.is_valid
    assert result.modified_after_signing


def _byte_range(pdf: bytes) -> list[int]:
    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures
    return [int(each) for each in signature.byte_range]
