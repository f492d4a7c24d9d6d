"""What is sent can be signed: documents of odd shapes, the page as it is shown, and those that admit no signature."""

from __future__ import annotations

import io
import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from pyhanko.sign.fields import MDPPerm
from pypdfium2 import raw

from services.chassis import pdf_screening, pdf_screening_child
from services.contracts.errors import Refused
from services.signing.pdf import rehearsal, trial
from services.signing.pdf.certificates import Authority
from services.signing.pdf.placement import Shown, _margin_boxes, _signature_page_size
from services.signing.pdf.validity import verify
from tests.support.odd_documents import ODD, PLAIN, certified, shown_as, signed_outside, written

Sign = Callable[..., bytes]
LIMITS = {"max_pages": 1, "max_decoded_bytes": 1000, "max_image_pixels": 0}


def try_on(pdf: bytes, signatures: int) -> None:
    rehearsal.try_on(io.BytesIO(pdf), signatures)


@pytest.mark.seed("S4-14")
@pytest.mark.parametrize("shape", ODD)
def test_a_document_of_any_shape_that_is_let_in_is_signed(
    shape: str, signed_by: Sign, authority: Authority, tmp_path: Path
) -> None:
    pdf = ODD[shape]()
    assert pdf_screening_child.judge(io.BytesIO(pdf), LIMITS) == 1
    try_on(pdf, 12)

    signed = signed_by(pdf)

    assert verify(signed, trust_roots=[authority.certificate]).is_valid
    (path := tmp_path / "signed.pdf").write_bytes(signed)
    said = subprocess.run(["pdfsig", path], capture_output=True, text=True, check=False, timeout=30).stdout
    assert said.count("Signature Validation: Signature is Valid.") == 1
    with pypdfium2.PdfDocument(signed) as shown:
        assert len(shown) == 2
        assert "Care plan" in shown[0].get_textpage().get_text_range()


@pytest.mark.parametrize(
    ("content", "filters"),
    [
        (b"\x81A" * 4_000_000, b"/Filter/RunLengthDecode"),
        (b"8141" * 4_000_000 + b">", b"/Filter[/AHx/RL]"),
        (b"\x7f" + b"A" * 128, b"/Filter[/DCTDecode/RunLengthDecode]"),
    ],
)
def test_what_grows_beyond_the_limit_is_refused(content: bytes, filters: bytes) -> None:
    body = b"<</Length %d%s>>\nstream\n" % (len(content), filters) + content + b"\nendstream"
    with pytest.raises(Refused):
        pdf_screening.screen(written(PLAIN | {6: body}))


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, "[40 100 560 800]"])
def test_a_stamp_stands_upright_at_the_visible_bottom_edge(
    turned: int, crop: str | None, signed_by: Sign
) -> None:
    theirs = signed_outside(shown_as(turned, crop), ["theirs"])

    page = _with_stamps(signed_by(signed_by(theirs, "one"), "two", signer_name="Ben Cole"))

    width, height = page.get_size()
    assert (width, height) == pytest.approx(_shown_size(turned, crop))
    left, bottom, right, top = _place_of(page, "Ana Ruiz, MD", turned)
    assert 24 <= left < right < width / 2
    assert 8 <= bottom < top <= 54
    assert right - left > 2 * (top - bottom)  # upright: the words are wider than high
    assert _place_of(page, "Ben Cole", turned)[0] > right


def _shown_size(turned: int, crop: str | None) -> tuple[float, float]:
    size = (520.0, 700.0) if crop else (595.0, 842.0)
    return (size[1], size[0]) if turned in (90, 270) else size


def _with_stamps(pdf: bytes) -> pypdfium2.PdfPage:
    document = pypdfium2.PdfDocument(pdf)
    raw.FPDFPage_Flatten(page := document[0], raw.FLAT_NORMALDISPLAY)
    page.close()
    return document[0]


def _place_of(page: pypdfium2.PdfPage, words: str, turned: int) -> tuple[float, ...]:
    """Where words are, measured from the lower left corner of the page as shown."""
    texts = page.get_textpage()
    found = texts.search(words).get_next()
    assert found is not None, words
    boxes = [texts.get_charbox(found[0] + each) for each in range(len(words))]
    left, bottom = min(each[0] for each in boxes), min(each[1] for each in boxes)
    right, top = max(each[2] for each in boxes), max(each[3] for each in boxes)
    x0, y0, x1, y1 = page.get_cropbox()
    return {
        0: (left - x0, bottom - y0, right - x0, top - y0),
        90: (bottom - y0, x1 - right, top - y0, x1 - left),
        180: (x1 - right, y1 - top, x1 - left, y1 - bottom),
        270: (y1 - top, left - x0, y1 - bottom, right - x0),
    }[turned]


def test_signatures_that_nobody_sees_take_no_room(signed_by: Sign) -> None:
    theirs = signed_outside(written(PLAIN), ["a", "b", "c"])
    try_on(theirs, 3)

    signed = signed_by(signed_by(signed_by(theirs, "one"), "two"), "three")

    assert all(
        each.is_intact and not each.is_modified_after for each in verify(signed, trust_roots=()).signatures
    )
    with pytest.raises(Refused, match="document_signatures_full"):
        signed_by(signed, "four")


def test_a_stamp_keeps_clear_of_one_that_is_seen(signed_by: Sign) -> None:
    theirs = signed_outside(written(PLAIN), ["theirs"], box=(210, 10, 380, 50))  # in the middle

    page = _with_stamps(signed_by(signed_by(theirs, "one"), "two", signer_name="Ben Cole"))

    assert _place_of(page, "Ana Ruiz, MD", 0)[2] < 210
    assert _place_of(page, "Ben Cole", 0)[0] > 380


@pytest.mark.parametrize(
    ("pdf", "signatures", "code"),
    [
        (lambda: certified(MDPPerm.NO_CHANGES), 1, "document_certified"),
        (lambda: certified(MDPPerm.FILL_FORMS), 1, None),
        (lambda: certified(MDPPerm.ANNOTATE), 3, None),
        (lambda: signed_outside(written(PLAIN), ["theirs"]), 3, None),
        (lambda: signed_outside(written(PLAIN), ["theirs"]), 4, "document_signatures_full"),
        (lambda: written(PLAIN), 12, None),
        (lambda: written(PLAIN), 13, "document_signatures_full"),
        (lambda: signed_outside(ODD["tiny page"](), ["theirs"]), 1, "document_signatures_full"),
        (lambda: signed_outside(written(PLAIN), ["theirs"]).replace(b"startxref", b"startxrex"), 1, "document_unreadable"),
        (lambda: b"%PDF-1.7 nothing", 1, "document_unreadable"),
    ],
)  # fmt: skip
def test_what_cannot_be_signed_is_refused_before_it_is_sent(
    pdf: Callable[[], bytes], signatures: int, code: str | None, signed_by: Sign
) -> None:
    content = pdf()
    if code is None:
        try_on(content, signatures)
        for number in range(signatures):
            content = signed_by(content, f"sig-{number}")
    else:
        with pytest.raises(Refused) as refused:
            try_on(content, signatures)
        assert refused.value.code == code


def test_the_trial_runs_in_the_limited_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path := tmp_path / "a.pdf").write_bytes(certified(MDPPerm.NO_CHANGES))
    with pytest.raises(Refused) as refused:
        trial.require_signable(path, 1, 1_000_000)
    assert (refused.value.code, refused.value.field) == ("document_certified", "document")

    path.write_bytes(written(PLAIN))
    trial.require_signable(path, 12, 1_000_000)

    monkeypatch.setitem(trial._LIMITS, "memory_bytes", 64 * 1024 * 1024)
    with pytest.raises(Refused) as refused:
        trial.require_signable(path, 1, 1_000_000)
    assert refused.value.code == "document_unreadable"


def test_an_earlier_signature_that_would_not_hold_is_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    sound: Any = iter([{"theirs"}, {rehearsal.FIELD}])
    monkeypatch.setattr(rehearsal, "_sound", lambda _: next(sound))
    with pytest.raises(Refused) as refused:
        try_on(written(PLAIN), 1)
    assert (refused.value.code, refused.value.detail) == ("document_certified", rehearsal.CLOSED)


def test_a_signature_that_does_not_hold_on_trial_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "_sound", lambda _: set())
    with pytest.raises(Refused, match="document_unreadable"):
        try_on(written(PLAIN), 1)


@pytest.mark.parametrize(
    ("width", "height", "fits"),
    [
        (400, 500, True),
        (450, 600, True),
        (1000, 1400, True),
        (399, 600, False),
        (450, 499, False),
        (1001, 600, False),
        (450, 1401, False),
    ],
)
def test_the_signature_page_is_as_large_as_the_last_page_is_shown_if_that_is_a_usual_size(
    width: float, height: float, fits: bool
) -> None:
    box = (10.0, 20.0, 10.0 + width, 20.0 + height)
    turned = (20.0, 10.0, 20.0 + height, 10.0 + width)
    expected = (width, height) if fits else (612.0, 792.0)
    assert _signature_page_size(Shown(box, 0)) == expected
    assert _signature_page_size(Shown(turned, 90)) == expected


@pytest.mark.parametrize(
    ("width", "height", "count"),
    [(600, 800, 3), (330, 800, 3), (329, 800, 2), (234, 800, 2), (233, 800, 1), (138, 62, 1), (137, 800, 0), (600, 61, 0)],
)  # fmt: skip
def test_stamps_share_the_margin_within_it(width: float, height: float, count: int) -> None:
    boxes = _margin_boxes(width, height)

    assert len(boxes) == count
    for left, right in itertools.pairwise(boxes):
        assert right[0] - left[2] == pytest.approx(6)
    if boxes:
        assert (boxes[0][0], round(boxes[-1][2], 6)) == (24, width - 24)


def test_a_page_that_lies_within_itself_is_no_page() -> None:
    circle = written(
        PLAIN
        | {
            2: b"<</Type/Pages/Kids[3 0 R]/Count 1/Parent 3 0 R>>",
            3: PLAIN[3].replace(b"/MediaBox[0 0 595 842]", b""),
        }
    )
    with pytest.raises(Refused, match="document_unreadable"):
        try_on(signed_outside(circle, ["theirs"]), 1)


def test_a_document_without_its_last_page_is_refused(signed_by: Sign) -> None:
    with pytest.raises(Refused, match="document_unreadable"):
        signed_by(written(PLAIN | {2: b"<</Type/Pages/Kids[]/Count 0>>"}))


def test_the_bytes_that_were_signed_elsewhere_stay(signed_by: Sign) -> None:
    theirs = signed_outside(written(PLAIN), ["theirs"])
    assert io.BytesIO(signed_by(theirs)).read(len(theirs)) == theirs
