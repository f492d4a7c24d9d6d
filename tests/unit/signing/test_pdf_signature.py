"""Signatures on PDFs: their content, and other verifiers."""

from __future__ import annotations

import dataclasses
import io
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pikepdf
import pytest
import time_machine
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation.status import SignatureCoverageLevel

from services.contracts.errors import Refused
from services.signing.pdf import pages, validity
from services.signing.pdf.certificates import Authority
from services.signing.pdf.validity import SignatureCheck, Verification, _check, _judged, verify
from tests.support.bars import hold_at_best

Build = Callable[..., bytes]

TPOOL = """
import eventlet
eventlet.monkey_patch()
import io, sys, time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from eventlet import tpool
from services.signing.pdf.certificates import Authority
from services.signing.pdf.signature import sign
from services.signing.pdf.timestamps import timestamper
from services.signing.pdf.validity import verify

authority = Authority(Path(sys.argv[1]), "a passphrase for tests")
pdf = Path(sys.argv[2]).read_bytes()
signer, clock = authority.signer_for("harbor", "Harbor House"), timestamper("local", authority)
beats = []

def beat():
    while True:
        beats.append(time.monotonic())
        eventlet.sleep(0.01)

def one(number):
    signed = io.BytesIO()
    tpool.execute(
        sign, io.BytesIO(pdf), signed, signer=signer, timestamper=clock, signer_name="Ana Ruiz", reason="", meaning="Approval",
        location="", signed_at=datetime.now(UTC), field_name=f"sig-{number}",
    )
    return tpool.execute(verify, signed.getvalue(), trust_roots=[authority.certificate]).is_valid

eventlet.spawn(beat)
eventlet.sleep(0)
results = list(eventlet.GreenPool(4).imap(one, range(8)))
print(results.count(True), max(later - earlier for earlier, later in zip(beats, beats[1:])))
"""


@pytest.fixture
def checked(authority: Authority) -> Callable[[bytes], Verification]:
    """Verifies against the test authority."""
    return lambda pdf: verify(pdf, trust_roots=[authority.certificate])


@pytest.mark.seed("S4-16")
def test_a_signed_document_is_valid_timestamped_and_covers_the_whole_file(
    document: Build, signed_by: Build, checked: Callable[[bytes], Verification]
) -> None:
    result = checked(signed_by(document()))
    assert result.is_valid
    assert result.is_intact
    assert result.covers_whole_file
    assert result.timestamped
    assert not result.modified_after_signing
    assert result.signer_common_name == "Harbor House"
    assert result.signed_at is not None
    assert abs(result.signed_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_signature_is_pades_with_a_timestamp_token(document: Build, signed_by: Build) -> None:
    (signature,) = PdfFileReader(io.BytesIO(signed_by(document()))).embedded_regular_signatures
    unsigned = [each["type"].native for each in signature.signer_info["unsigned_attrs"]]
    signed = [each["type"].native for each in signature.signer_info["signed_attrs"]]
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert signature.sig_object["/Reason"] == "Approval: Plan of care reviewed"
    assert signature.sig_object["/Location"] == "Springfield"
    assert unsigned == ["signature_time_stamp_token"]
    assert "signing_certificate_v2" in signed
    assert "signing_time" not in signed
    assert signature.self_reported_timestamp == datetime(2026, 10, 28, 13, 3, 22, tzinfo=UTC)


def test_a_signature_without_a_reason_and_a_place_says_its_meaning_only(
    document: Build, signed_by: Build
) -> None:
    signed = signed_by(document(), reason="", location="")
    (signature,) = PdfFileReader(io.BytesIO(signed)).embedded_regular_signatures
    assert signature.sig_object["/Reason"] == "Approval"
    assert "/Location" not in signature.sig_object


def test_popplers_pdfsig_finds_the_signatures_valid(
    document: Build, signed_by: Build, tmp_path: Path
) -> None:
    path = tmp_path / "signed.pdf"
    path.write_bytes(signed_by(signed_by(document(), "sig-1"), "sig-2"))
    said = subprocess.run(["pdfsig", path], capture_output=True, text=True, check=False, timeout=30).stdout
    assert said.count("Signature Validation: Signature is Valid.") == 2
    assert said.count("Signature Type: ETSI.CAdES.detached") == 2
    assert said.count("Total document signed") == 1


def test_the_signature_page_prints_name_time_with_zone_and_meaning(
    document: Build, signed_by: Build, tmp_path: Path
) -> None:
    path = tmp_path / "signed.pdf"
    path.write_bytes(signed_by(document(pages=2), signer_name="Łucja Nguyễn, MD"))
    text = subprocess.run(
        ["pdftotext", "-f", "3", path, "-"], capture_output=True, text=True, check=True
    ).stdout
    assert "Łucja Nguy" in text
    assert "28 October 2026, 09:03:22 EDT (UTC-04:00)" in text
    assert "Meaning: Approval" in text


def test_a_second_signature_leaves_the_bytes_and_the_validity_of_the_first(
    document: Build, signed_by: Build, checked: Callable[[bytes], Verification]
) -> None:
    once = signed_by(document(), "sig-1")
    twice = signed_by(once, "sig-2", signer_name="Ben Cole", meaning="Review")
    result = checked(twice)
    assert twice.startswith(once)
    assert result.is_valid
    assert [(each.field_name, each.is_intact, each.covers_whole_file) for each in result.signatures] == [
        ("sig-1", True, False),
        ("sig-2", True, True),
    ]
    with pikepdf.open(io.BytesIO(twice)) as pdf:
        assert len(pdf.pages) == 3


def test_the_same_field_is_signed_once(document: Build, signed_by: Build) -> None:
    with pytest.raises(Refused) as refused:
        signed_by(signed_by(document(), "sig-1"), "sig-1")
    assert refused.value.code == "document_already_signed"


def test_a_signature_page_holds_twelve_signatures_side_by_side(
    document: Build, signed_by: Build, checked: Callable[[bytes], Verification]
) -> None:
    pdf = document(pages=1)
    for number in range(12):
        pdf = signed_by(pdf, f"sig-{number}")
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        boxes = [[float(side) for side in each["/Rect"]] for each in opened.pages[-1]["/Annots"]]
    assert checked(pdf).is_valid
    assert not [(a, b) for a in boxes for b in boxes if a is not b and _overlap(a, b)]
    with pytest.raises(Refused) as refused:
        signed_by(pdf, "sig-12")
    assert refused.value.code == "document_signatures_full"


def test_a_document_signed_elsewhere_gets_no_page_and_keeps_its_signature_valid(
    document: Build, signed_by: Build, checked: Callable[[bytes], Verification]
) -> None:
    mark = b"/PorticoSignaturePage true"
    with_page = signed_by(document(pages=1), "theirs")
    # Without the mark the page counts as an ordinary one. The signature over the changed bytes breaks, which does not
    # matter here: the test is that only a signature was added to the page.
    assert mark in with_page
    theirs = with_page.replace(mark, b"/PorticoSignaturePag_ true")
    result = checked(signed_by(theirs, "ours"))
    assert [each.is_modified_after for each in result.signatures] == [False, False]
    assert result.signatures[1].is_intact
    full = signed_by(signed_by(signed_by(theirs, "ours"), "second"), "third")
    with pytest.raises(Refused, match="document_signatures_full"):
        signed_by(full, "fourth")


def test_a_stamp_is_drawn_as_large_as_its_place(
    document: Build, signed_by: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[float, float]] = []
    draw = pages.signature_stamp

    def noted(stamp: pages.Stamp, width: float, height: float) -> bytes:
        drawn.append((width, height))
        return draw(stamp, width, height)

    monkeypatch.setattr(pages, "signature_stamp", noted)
    signed = signed_by(document())
    (field,) = PdfFileReader(io.BytesIO(signed)).embedded_regular_signatures
    left, bottom, right, top = (float(each) for each in field.sig_field["/Rect"])
    assert drawn == [(pytest.approx(right - left, abs=1), pytest.approx(top - bottom, abs=1))]


ADDED_ONLY = ModificationLevel.FORM_FILLING
PROOF: dict[str, Any] = {
    "timestamp": datetime(2030, 1, 1, tzinfo=UTC),
    "valid": True,
    "intact": True,
    "trusted": True,
    "signing_cert": SimpleNamespace(serial_number=1),
}
CLAIMED = datetime(2029, 1, 1, tzinfo=UTC)
FOUND: dict[str, Any] = {
    "intact": True,
    "valid": True,
    "bottom_line": True,
    "timestamp_validity": SimpleNamespace(**PROOF),
    "coverage": SignatureCoverageLevel.ENTIRE_REVISION,
    "modification_level": ADDED_ONLY,
    "docmdp_ok": True,
    "signing_cert": SimpleNamespace(subject=SimpleNamespace(native={"common_name": "Harbor House"})),
    "signer_reported_dt": CLAIMED,
}
GOOD = SignatureCheck("one", True, True, True, False, False, "Harbor House", PROOF["timestamp"])


def _unproven(**wrong: Any) -> dict[str, Any]:
    return {"timestamp_validity": SimpleNamespace(**PROOF | wrong) if wrong else None}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({}, {}),
        ({"intact": False}, {"is_intact": False}),
        ({"valid": False}, {"is_intact": False}),
        ({"bottom_line": False}, {"is_trusted": False}),
        (_unproven(), {"is_timestamped": False, "signed_at": CLAIMED}),
        (_unproven(valid=False), {"is_timestamped": False, "signed_at": CLAIMED}),
        (_unproven(intact=False), {"is_timestamped": False, "signed_at": CLAIMED}),
        (_unproven(trusted=False), {"is_timestamped": False, "signed_at": CLAIMED}),
        ({"coverage": SignatureCoverageLevel.ENTIRE_FILE}, {"covers_whole_file": True}),
        (
            {"coverage": SignatureCoverageLevel.ENTIRE_FILE, "modification_level": None},
            {"covers_whole_file": True},
        ),
        ({"modification_level": None}, {"is_modified_after": True}),
        ({"modification_level": ModificationLevel.NONE}, {}),
        ({"modification_level": ModificationLevel.ANNOTATIONS}, {"is_modified_after": True}),
        ({"docmdp_ok": False}, {"is_modified_after": True}),
        ({"docmdp_ok": None}, {"is_modified_after": True}),
    ],
)
def test_each_finding_about_a_signature_decides_alone(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, Any], told: dict[str, Any]
) -> None:
    monkeypatch.setattr(validity, "_status", lambda *_: SimpleNamespace(**FOUND | found))
    embedded: Any = SimpleNamespace(field_name="one")
    assert _check(embedded, [], []) == dataclasses.replace(GOOD, **told)


def test_a_signature_that_cannot_be_judged_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded: Any = SimpleNamespace(field_name="one")
    monkeypatch.setattr(validity, "_status", lambda *_: 1 / 0)
    assert _check(embedded, [], []) == SignatureCheck("one", False, False, False, True, False, None, None)


def test_a_document_that_only_lenient_readers_open_is_rewritten_and_signed(
    document: Build, signed_by: Build, checked: Callable[[bytes], Verification]
) -> None:
    damaged = re.sub(rb"startxref\s+\d+", b"startxref\n7", document())
    assert checked(signed_by(damaged)).is_valid


def test_a_damaged_document_that_somebody_has_signed_is_never_rewritten(
    document: Build, signed_by: Build
) -> None:
    signed = signed_by(document(), "theirs")
    damaged = signed[: signed.rindex(b"startxref")] + b"startxref\n7\n%%EOF\n"

    with pytest.raises(Refused) as refused:
        signed_by(damaged, "ours")

    assert refused.value.code == "document_unreadable"


SOUND = SignatureCheck("one", True, True, True, False, True, "Harbor House", None)
EARLIER = dataclasses.replace(SOUND, field_name="earlier", covers_whole_file=False)


@pytest.mark.parametrize(
    ("wrong", "is_intact", "is_modified"),
    [
        ({}, True, False),
        ({"is_intact": False}, False, False),
        ({"is_trusted": False}, True, False),
        ({"is_timestamped": False}, True, False),
        ({"is_modified_after": True}, True, True),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_one_unsound_signature_of_two_makes_the_document_invalid(
    wrong: dict[str, bool], is_intact: bool, is_modified: bool, place: int
) -> None:
    checks = [EARLIER, SOUND]
    checks[place] = dataclasses.replace(checks[place], **wrong)

    result = _judged(checks, is_complete=True)

    assert result.is_valid is (wrong == {})
    assert (result.is_intact, result.modified_after_signing) == (is_intact, is_modified)


def test_a_signature_that_went_and_bytes_that_came_make_a_document_modified() -> None:
    assert _judged([SOUND], is_complete=True).is_valid
    gone = _judged([SOUND], is_complete=False)
    assert (gone.is_valid, gone.is_intact, gone.modified_after_signing) == (False, True, True)
    longer = _judged([EARLIER], is_complete=True)
    assert (longer.is_valid, longer.is_intact, longer.modified_after_signing) == (False, True, True)
    assert [_judged([], is_complete=each).modified_after_signing for each in (True, False)] == [False, True]
    assert not _judged([], is_complete=True).is_valid


def _with_form(pdf: bytes, *fields: dict[str, Any]) -> bytes:
    """The document with a form of these fields, each also an annotation of its last page."""
    output = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as form:
        made = [form.make_indirect(pikepdf.Dictionary(each)) for each in fields]
        form.Root.AcroForm = form.make_indirect(pikepdf.Dictionary(Fields=made, SigFlags=1))
        form.pages[-1].Annots = pikepdf.Array(made)
        form.save(output)
    return output.getvalue()


EMPTY_FIELD = {
    "/Type": pikepdf.Name.Annot,
    "/Subtype": pikepdf.Name.Widget,
    "/FT": pikepdf.Name.Sig,
    "/Rect": [72, 72, 200, 120],
    "/T": "Signature of the client",
}


@pytest.mark.fault("A1")
@pytest.mark.parametrize(
    "fields",
    [(EMPTY_FIELD,), (EMPTY_FIELD, EMPTY_FIELD | {"/T": "sig-1"}), (EMPTY_FIELD | {"/V": None},), ()],
    ids=["one field", "a field of our name", "an empty value", "no field"],
)
def test_a_form_with_empty_signature_fields_is_signed_beside_them(
    document: Build, signed_by: Build, checked: Callable[[bytes], Verification], fields: tuple[Any, ...]
) -> None:
    result = checked(signed_by(_with_form(document(), *fields)))

    assert result.is_valid
    assert [each.field_name for each in result.signatures] == ["sig-1"]


@pytest.mark.parametrize("garbage", [b"", b"not a document", b"%PDF-1.7\n%%EOF"])
def test_what_is_no_document_is_refused(garbage: bytes, signed_by: Build) -> None:
    with pytest.raises(Refused) as refused:
        signed_by(garbage)
    assert refused.value.code == "document_unreadable"


def test_a_time_without_a_zone_is_refused(document: Build, signed_by: Build) -> None:
    with pytest.raises(ValueError, match="zone"):
        signed_by(document(), signed_at=datetime(2026, 1, 1))


def test_a_signature_of_another_authority_is_not_trusted(
    document: Build, signed_by: Build, tmp_path: Path
) -> None:
    result = verify(signed_by(document()), trust_roots=[Authority(tmp_path, "other").certificate])
    assert result.is_intact
    assert not result.is_valid
    assert not result.timestamped


def test_a_signature_stays_valid_after_the_signers_certificate_has_ended(
    document: Build, signed_by: Build, checked: Callable[[bytes], Verification]
) -> None:
    signed = signed_by(document())
    with time_machine.travel(datetime.now(UTC) + timedelta(days=365 * 5)):
        assert checked(signed).is_valid


def test_an_unsigned_document_is_not_valid(document: Build, checked: Callable[[bytes], Verification]) -> None:
    result = checked(document())
    assert not result.is_valid
    assert result.is_readable
    assert result.signatures == ()


def test_signing_works_in_the_thread_pool_of_a_process_patched_by_eventlet(
    document: Build, authority: Authority, tmp_path: Path
) -> None:
    authority.signer_for("harbor", "Harbor House")
    path = tmp_path / "document.pdf"
    path.write_bytes(document())
    hold_at_best(lambda: sign_under_eventlet(authority, path))


def sign_under_eventlet(authority: Authority, path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TPOOL, str(authority._folder), str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    valid, longest_stall_s = done.stdout.split()
    assert valid == "8"
    # The loop continues meanwhile. The limit of a service is 250 ms; twice that allows for a busy machine.
    assert float(longest_stall_s) < 0.5


def _overlap(one: list[float], other: list[float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
