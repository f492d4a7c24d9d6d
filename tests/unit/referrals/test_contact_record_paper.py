"""A contact record on paper: pages, lettering, and what a PDF says about itself."""

from __future__ import annotations

import datetime
import io
from dataclasses import replace
from itertools import pairwise

import pikepdf
import pytest

from services.chassis.lettering import lettered, runs, visual
from services.chassis.typefaces import width_of, wrapped
from services.referrals.records.pdf.content import PrintedRecord, PrintedReferral, PrintedStep
from services.referrals.records.pdf.layout import BOTTOM, MARGIN, TOP, WIDTH, Page, layout, render

AT = datetime.datetime(2026, 10, 29, 14, 3, tzinfo=datetime.UTC)
EVERYTHING = range(0x110000)

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


def test_what_the_face_lacks_is_told_by_its_base_letter_or_a_question_mark() -> None:
    latin = range(32, 127)
    assert lettered("Zoë क ﬁ\u200b\x07", latin) == "Zoe ? f"


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("王小明住在上海", "chinese"),
        ("陳國華、臺北", "chinese"),
        ("東京のさくら", "japanese"),
        ("山田タロウ", "japanese"),
        ("김민준", "korean"),
    ],
)
def test_chinese_japanese_and_korean_are_each_set_in_a_face_that_has_all_of_it(
    text: str, script: str
) -> None:
    latin = range(32, 127)
    assert lettered(text, latin) == text
    assert list(runs(f"({text}), Ana", latin)) == [(None, "("), (script, text), (None, "), Ana")]


def test_what_no_face_has_is_replaced_where_it_can_be_seen() -> None:
    latin = range(32, 127)
    assert lettered("\U0002070e क ꀀ", latin) == "? ? ?"  # a rare ideograph, Devanagari, Yi
    assert list(runs("东김", latin)) == [("chinese", "东"), ("korean", "김")]  # none has both


def test_a_line_of_mixed_scripts_is_as_wide_as_its_parts_and_is_wrapped() -> None:
    whole = width_of("Ana 王小明", "plain", 10)
    assert whole == pytest.approx(width_of("Ana ", "plain", 10) + 30)
    lines = wrapped("王" * 100, "plain", 10, 200)
    assert [len(line) for line in lines] == [20] * 5


def test_a_readers_own_faces_are_named_in_the_pdf_and_its_text_can_be_found() -> None:
    record = replace(RECORD, contact=(("Name", "王小明 / 山田タロウ / 김민준 / Ana"),))
    content, _ = render(record)
    with pikepdf.open(io.BytesIO(content)) as document:
        fonts = {str(font.BaseFont) for font in document.pages[0].Resources.Font.values()}
    assert {"/STSong-Light", "/HeiseiKakuGo-W5", "/HYGothic-Medium"} <= fonts


def test_arabic_letters_are_joined_and_read_from_the_right() -> None:
    # Seen, then lam with alef as one, then meem.
    assert lettered("سلام", EVERYTHING) == "\ufeb3\ufefc\ufee1"
    assert visual(lettered("سلام", EVERYTHING)) == "\ufee1\ufefc\ufeb3"
    assert lettered("مُحَمَّد", EVERYTHING) == lettered("محمد", EVERYTHING)


@pytest.mark.parametrize(
    ("line", "on_paper"),
    [
        ("only left to right (1)", "only left to right (1)"),
        ("שלום", "םולש"),
        ("at 12:30 שלום", "at 12:30 םולש"),
        ("שלום 12:30 (abc)", "(abc) 12:30 םולש"),
        ("(שלום)", "(םולש)"),
        ("Name: שלום לך, ok", "Name: ךל םולש, ok"),
    ],
)
def test_a_line_is_turned_around_where_it_is_read_from_the_right(line: str, on_paper: str) -> None:
    assert visual(line) == on_paper
