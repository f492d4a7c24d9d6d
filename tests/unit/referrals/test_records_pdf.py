"""A contact record on paper: pages, names, and metadata of the PDF."""

from __future__ import annotations

import datetime
import io
from dataclasses import replace
from itertools import pairwise

import pikepdf
import pytest

from services.chassis.text_shaping import width_of, wrapped
from services.referrals.records.pdf.content import PrintedRecord, PrintedReferral, PrintedStep
from services.referrals.records.pdf.layout import BOTTOM, MARGIN, TOP, WIDTH, Page, layout, render

AT = datetime.datetime(2026, 10, 29, 14, 3, tzinfo=datetime.UTC)

RECORD = PrintedRecord(
    organisation_name="Harbor Crisis Line",
    number="CR-00000042",
    version=3,
    submitted_at=AT,
    contact=(("Name", "Ana Vega"), ("Postal code", None)),
    sections=(("Needs", (("Housing", "tonight"), ("Pets", "Yes"))),),
    referrals=(
        PrintedReferral(
            "Housing",
            "Night Shelter",
            "Harbor Shelter Alliance",
            "Enrolled",
            AT + datetime.timedelta(days=2),
            (
                PrintedStep(
                    AT + datetime.timedelta(days=3), "provider", "Referred → Enrolled", "Has a key now."
                ),
            ),
        ),
    ),
    withheld=("phone", "e-mail"),
)
STORY = replace(RECORD, sections=(("Story", (("All of it", "A word and another. " * 3_000),)),))


def texts(pages: list[Page]) -> list[str]:
    return [words.text for page in pages for words in page.words]


@pytest.mark.seed("S0-24")
def test_a_paper_shows_contact_sections_referrals_history_and_both_dates() -> None:
    shown = texts(layout(RECORD))
    for expected in (
        "Contact record CR-00000042",
        "Harbor Crisis Line",
        "Ana Vega",
        "29 October 2026, 14:03 UTC",
        "Needs",
        "tonight",
        "Referral to Night Shelter",
        "31 October 2026, 14:03 UTC",
        "Referred → Enrolled (provider)",
        "Has a key now.",
        "phone, e-mail",
        "Page 1 of 1",
    ):
        assert expected in shown


def test_a_long_text_goes_on_over_pages_that_say_how_many_they_are() -> None:
    pages = layout(STORY)
    assert len(pages) > 10
    assert [f"Page {number} of {len(pages)}" in texts([page]) for number, page in enumerate(pages, 1)] == [
        True
    ] * len(pages)
    written = " ".join(
        words.text
        for page in pages
        for words in page.words
        if words.text.startswith(("A w", "word", "and", "another"))
    )
    assert written.count("another.") == 3_000


def test_nothing_is_written_into_the_margins_or_over_another_line() -> None:
    endless = replace(STORY, sections=(("W" * 120, (("M" * 120, "m" * 4_000), ("label " * 40, "x\n" * 90))),))
    for page in layout(endless):
        body = [words for words in page.words if words.y > BOTTOM - 20]
        assert all(words.x >= MARGIN for words in body)
        assert all(
            words.x + width_of(words.text, words.face, words.size) <= WIDTH - MARGIN + 0.01 for words in body
        )
        assert all(BOTTOM <= words.y <= TOP for words in body)
        for column in {words.x for words in body}:
            heights = sorted((words.y for words in body if words.x == column), reverse=True)
            assert all(upper - lower > 8 for upper, lower in pairwise(heights))


def test_the_same_record_gives_the_same_bytes_and_its_title_names_nobody() -> None:
    content, pages = render(RECORD)
    assert render(RECORD) == (content, pages)
    assert render(replace(RECORD, version=4))[0] != content
    with pikepdf.open(io.BytesIO(content)) as document:
        assert len(document.pages) == pages == 1
        about = {str(name): str(value) for name, value in document.docinfo.items()}
    assert about["/Title"] == "Contact record CR-00000042"
    assert not any("Ana" in value or "Vega" in value for value in about.values())


@pytest.mark.parametrize("name", ["Ελένη Παπαδοπούλου", "Іван Петренко", "Nguyễn Thị Hồng", "Łukasz Žižek"])
def test_names_of_many_scripts_are_written_as_they_are(name: str) -> None:
    assert wrapped(name, "plain", 9, 400) == [name]
