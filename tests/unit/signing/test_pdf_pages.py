"""The drawn pages."""

from __future__ import annotations

import dataclasses
import io
import subprocess
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pikepdf
import pytest

from services.signing.pdf import pages

AT = datetime(2026, 10, 28, 9, 3, 22, tzinfo=UTC)
FACTS = pages.CompletionFacts(
    document_name="Plan of care.pdf",
    document_id="5b0b7c0e-5a55-4b28-9a8a-0c3f6e3f6f11",
    organisation_name="Harbor House",
    decision="signed",
    decided_by="Łucja Nguyễn, MD",
    decided_at=AT,
    original_sha256="a1" * 32,
    final_sha256="b2" * 32,
    meaning="Approval",
    note="Agreed",
    pages=7,
    events=tuple(pages.ProcessEvent(AT, f"event {number}", "Harbor House") for number in range(5)),
)


def _text(pdf: bytes, tmp_path: Path) -> str:
    path = tmp_path / "page.pdf"
    path.write_bytes(pdf)
    return subprocess.run(
        ["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True
    ).stdout


def _page_count(pdf: bytes) -> int:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return len(opened.pages)


@pytest.mark.seed("S4-17")
def test_a_certificate_of_completion_states_decision_note_hashes_and_events(tmp_path: Path) -> None:
    text = _text(pages.certificate_of_completion(FACTS), tmp_path)
    for stated in (
        "Signed by Łucja",
        "Approval",
        "Agreed",
        "a1" * 32,
        "b2" * 32,
        "event 0",
        "event 4",
        "Plan of care.pdf",
    ):
        assert stated in text
    assert "28 October 2026, 09:03:22 UTC" in text


def test_a_certificate_of_a_declined_document_claims_no_signature(tmp_path: Path) -> None:
    text = _text(
        pages.certificate_of_completion(dataclasses.replace(FACTS, decision="declined", meaning=None)),
        tmp_path,
    )
    assert "Declined by" in text
    assert "Meaning" not in text
    assert "electronic signature" not in text


def test_the_certificate_is_one_page_however_much_there_is_to_say(tmp_path: Path) -> None:
    much = dataclasses.replace(
        FACTS,
        document_name="n" * 400,
        organisation_name="An organisation with a long name " * 20,
        note="word " * 2000,
        events=tuple(pages.ProcessEvent(AT, f"event {number}", "somebody " * 30) for number in range(300)),
    )
    pdf = pages.certificate_of_completion(much)
    text = _text(pdf, tmp_path)
    assert _page_count(pdf) == 1
    assert "event 0" in text
    assert "event 299" in text
    assert "287 further events" in text


@pytest.mark.parametrize("name", ["李小龍", "\u202egnp.exe", "Zoë \x00\n", "", "👩‍⚕️", "x" * 5000])
def test_any_name_can_be_drawn(name: str) -> None:
    stamp = pages.Stamp(name, AT, "Approval", "", "")
    assert _page_count(pages.signature_stamp(stamp, 240, 90)) == 1


def test_printed_times_carry_their_zone() -> None:
    half_hour_zone = timezone(timedelta(hours=-3, minutes=-30))
    assert pages.printed_time(AT) == "28 October 2026, 09:03:22 UTC"
    assert pages.printed_time(AT.astimezone(half_hour_zone)) == "28 October 2026, 05:33:22 UTC-03:30"
    with pytest.raises(ValueError, match="zone"):
        pages.printed_time(datetime(2026, 1, 1))


@pytest.mark.parametrize("size", [(595, 842), (612, 792), (400, 500)])
def test_the_places_on_a_signature_page_lie_on_it_and_apart(size: tuple[int, int]) -> None:
    boxes = [pages.slot(index, *size) for index in range(pages.SLOTS)]
    assert all(
        0 < left < right < size[0] and 0 < bottom < top < size[1] for left, bottom, right, top in boxes
    )
    assert not [
        (a, b)
        for a in boxes
        for b in boxes
        if a is not b and a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]
