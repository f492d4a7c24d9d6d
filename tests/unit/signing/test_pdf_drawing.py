"""Pictures and texts of pages, also of documents that try to harm who draws them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from services.contracts.errors import Refused
from services.signing.pdf import drawing
from services.signing.pdf.drawing import Limits


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[bytes], Path]:
    def store(pdf: bytes) -> Path:
        path = tmp_path / "document.pdf"
        path.write_bytes(pdf)
        return path

    return store


def with_page(content: bytes, box: tuple[int, int] = (300, 300), **resources: Any) -> bytes:
    """A one-page document with this content stream."""
    output = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=box)
        pdf.pages[0].obj.Contents = pdf.make_stream(content)
        if resources:
            pdf.pages[0].obj.Resources = pikepdf.Dictionary(
                {f"/{name}": value(pdf) for name, value in resources.items()}
            )
        pdf.save(output)
    return output.getvalue()


def endless_forms(pdf: pikepdf.Pdf) -> pikepdf.Dictionary:
    """Forms that each draw the next one thirty times: 30^12 drawings."""
    inner = pdf.make_stream(b"0 0 300 300 re f", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form)
    inner.BBox = pikepdf.Array([0, 0, 300, 300])
    for _ in range(12):
        outer = pdf.make_stream(b"/Fm Do " * 30, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form)
        outer.BBox = pikepdf.Array([0, 0, 300, 300])
        outer.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Fm=inner))
        inner = outer
    return pikepdf.Dictionary(Fm=inner)


def test_a_page_that_takes_for_ever_is_given_up(stored: Callable[[bytes], Path]) -> None:
    path = stored(with_page(b"/Fm Do", XObject=endless_forms))
    with pytest.raises(Refused) as refused:
        drawing.pictures(path, 1, limits=Limits(cpu_s=1))
    assert refused.value.code == "document_unreadable"


@pytest.mark.parametrize("change", [{"memory_bytes": 1024 * 1024}, {"wall_s": 0.001}])
def test_a_child_beyond_its_limits_is_a_refusal(
    stored: Callable[[bytes], Path], document: Callable[..., bytes], change: Any
) -> None:
    path = stored(document())
    for ask in (drawing.pictures, lambda *given, **more: drawing.texts(*given, 50, **more)):
        with pytest.raises(Refused) as refused:
            ask(path, 1, limits=Limits(**change))
        assert refused.value.code == "document_unreadable"


def test_what_is_no_document_is_a_refusal(stored: Callable[[bytes], Path]) -> None:
    for content in (b"", b"%PDF-1.7\nnothing", b"\x89PNG\r\n\x1a\n" + bytes(99)):
        with pytest.raises(Refused):
            drawing.pictures(stored(content), 1)


@pytest.mark.parametrize(
    ("box", "size"), [((14_400, 14_400), (2000, 2000)), ((14_400, 3), (2000, 1)), ((3, 3), (5, 5))]
)
def test_pictures_have_a_bounded_size(
    stored: Callable[[bytes], Path], box: tuple[int, int], size: tuple[int, int]
) -> None:
    (drawn,) = drawing.pictures(stored(with_page(b"", box)), 1)
    assert Image.open(io.BytesIO(drawn)).size == size


def test_pages_are_drawn_some_ahead_but_not_beyond_the_end(
    stored: Callable[[bytes], Path], document: Callable[..., bytes]
) -> None:
    path = stored(document(pages=10))
    assert [len(drawing.pictures(path, first)) for first in (1, 9, 10)] == [8, 2, 1]
    with pytest.raises(Refused) as refused:
        drawing.pictures(path, 11)
    assert (refused.value.code, refused.value.field) == ("not_found", "number")


def test_long_texts_are_told_in_parts_and_cut(stored: Callable[[bytes], Path]) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for _ in range(3):
        canvas.drawString(9, 700, "word " * 40)
        canvas.showPage()
    canvas.save()
    path = stored(buffer.getvalue())
    told = drawing.texts(path, 0, 50, limits=Limits(most_characters=250))
    assert ([each.number for each in told.texts], told.next) == ([1], 1)
    cut = drawing.texts(path, 1, 50, limits=Limits(most_characters_of_a_page=20))
    assert [(len(each.text), each.is_cut) for each in cut.texts] == [(20, True), (20, True)]
    assert cut.next is None
