"""Text in PDFs: names in every living script are drawn correctly and can be searched, and no character is lost."""

from __future__ import annotations

import io
import re
import subprocess
import unicodedata
from pathlib import Path

import pikepdf
import pytest
from reportlab.pdfgen.canvas import Canvas

from services.chassis import fonts
from services.chassis.text_shaping import (
    BOLD,
    CODE,
    PLAIN,
    _from_left,
    _shaped,
    cleaned,
    cut,
    draw,
    width_of,
    wrapped,
)

NAMES = {
    "Latin": "Łukasz Žižek, Nguyễn Thị Hồng, Zoë Q̃aŋ Ŋ̈",
    "Greek": "Ελένη Παπαδοπούλου",
    "Cyrillic": "Іван Петренко, Ӯлмас Ҷамшед",
    "Arabic": "محمد عبد الرحمن",
    "Persian": "می‌خواهم گیتی",
    "Hebrew": "שלום כהן",
    "Devanagari": "श्री कृष्ण क्षत्रिय",
    "Bengali": "রবীন্দ্রনাথ ঠাকুর",
    "Gujarati": "શ્રી પટેલ",
    "Gurmukhi": "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ",
    "Oriya": "ଶ୍ରୀ ଜଗନ୍ନାଥ",
    "Tamil": "தமிழ்ச்செல்வன்",
    "Telugu": "శ్రీనివాస రావు",
    "Kannada": "ಕೃಷ್ಣ ರಾವ್",
    "Malayalam": "കൃഷ്ണൻ",
    "Sinhala": "ශ්‍රී ලංකා",
    "Thai": "สมชาย น้ำใจดี",
    "Lao": "ສົມສັກ ນ້ຳ",
    "Khmer": "សុខ ស្រីមុំ",
    "Myanmar": "အောင်ဆန်း ကျော်",
    "Tibetan": "རྒྱ་",
    "Georgian": "გიორგი ბერიძე",
    "Armenian": "Արմեն Հակոբյան",
    "Ethiopic": "ኃይለ ሥላሴ",
    "Cherokee": "ᏣᎳᎩ",
    "Syriac": "ܣܘܪܝܝܐ",
    "Tifinagh": "ⵜⵉⴼⵉⵏⴰⵖ",
    "Chinese": "王小明、陳國華",
    "rare Chinese": "陳㐀㓂㓃",
    "Japanese": "山田タロウ 𠮷野さくら",
    "Korean": "김민준",
    "signs": "Referred → Enrolled ✓ ★ 😀",
}


def drawn(*lines: str, weight: str = PLAIN) -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for number, line in enumerate(lines):
        draw(canvas, 40, 800 - 20 * number, cleaned(line), weight, 11)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def found(content: bytes, folder: Path) -> str:
    """The text that a reader can search and copy, without marks of direction."""
    path = folder / "drawn.pdf"
    path.write_bytes(content)
    done = subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=True)
    return re.sub("[\u200e\u200f\u202a-\u202e]", "", done.stdout).strip()


def glyphs_of(line: str, weight: str = PLAIN) -> list[tuple[str, list[str]]]:
    """The faces from left to right, each with the names of its glyphs."""
    result = []
    for run in _from_left(line, weight):
        known = run.face.reportlab.face.charToGlyph
        names = [run.face.harfbuzz.glyph_to_string(known[ord(each)]) for each in _shaped(run)]
        result.append((Path(run.face.file).stem, names))
    return result


@pytest.mark.parametrize("weight", [PLAIN, BOLD, CODE])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_in_any_living_script_is_set_whole_and_can_be_found(
    name: str, weight: str, tmp_path: Path
) -> None:
    for face, glyphs in glyphs_of(unicodedata.normalize("NFC", name), weight):
        assert not {".notdef", "uniFFFD", "uni25CC"} & set(glyphs), face
    assert found(drawn(name, weight=weight), tmp_path) == unicodedata.normalize("NFC", name)


def test_every_face_of_a_document_is_part_of_it() -> None:
    with pikepdf.open(io.BytesIO(drawn(*NAMES.values()))) as document:
        faces = {str(font.BaseFont): font for font in document.pages[0].Resources.Font.values()}
        del faces["/Helvetica"]  # reportlab declares it, nothing uses it
        assert len(faces) > 25
        assert all("/FontFile2" in font.FontDescriptor for font in faces.values())


def test_letters_that_merge_or_change_places_do() -> None:
    # Two letters and a virama are one conjunct; the vowel sign i is written before the letter it follows.
    assert [len(glyphs) for _, glyphs in glyphs_of("क्ष")] == [1]
    ((_, hi),) = glyphs_of("हि")
    ((_, ha),) = glyphs_of("ह")
    assert hi[1:] == ha
    # Arabic: no letter of the name has the form it has alone, and lam with alef is one.
    ((_, joined),) = glyphs_of("محمد")
    alone = {name for letter in "محمد" for _, names in glyphs_of(letter) for name in names}
    assert not set(joined) & alone
    assert len(glyphs_of("سلام")[0][1]) == 3


def test_a_mark_is_placed_on_its_letter_and_takes_no_room() -> None:
    (run,) = _from_left("q\u0303", PLAIN)
    letter, mark = _shaped(run).__shapeData__
    assert mark.x_advance == 0
    assert -letter.x_advance < mark.x_offset < letter.x_advance
    assert width_of("น้ำ", PLAIN, 10) == pytest.approx(width_of("นำ", PLAIN, 10))


@pytest.mark.parametrize(
    ("line", "on_paper"),
    [
        ("Ångström (1)", "Ångström (1)"),
        ("שלום", "םולש"),
        ("at 12:30 שלום", "at 12:30 םולש"),
        ("שלום 12:30 (אבג)", ")גבא( 12:30 םולש"),  # HarfBuzz mirrors the brackets
        ("Dr. محمد Smith (Jr)", "Dr. دمحم Smith (Jr)"),
        ("محمد ۱۲۳ Smith", "Smith ۱۲۳ دمحم"),
    ],
)
def test_a_line_of_both_directions_is_set_from_left_to_right(line: str, on_paper: str) -> None:
    runs = _from_left(line, PLAIN)
    assert "".join(run.text[::-1] if run.level % 2 else run.text for run in runs) == on_paper


def test_a_bracket_of_text_read_from_the_right_is_mirrored() -> None:
    names = [name for _, glyphs in glyphs_of("(שלום)") for name in glyphs]
    assert (names[0], names[-1]) == ("parenleft", "parenright")


def test_a_name_cannot_be_turned_into_another_one() -> None:
    assert cleaned("\u202egnp.exe\u202c \u2067a\u2069") == "gnp.exe a"
    assert cleaned("a\x00\x07b\nc") == "ab\nc"


@pytest.mark.parametrize("character", ["\ue000", "\U0002a70e", "\U0001faf6", "\U0010fffd", "\u0378"])
def test_a_character_that_no_face_has_is_shown_and_can_still_be_found(character: str, tmp_path: Path) -> None:
    # A private use character stays unknown after shaping has given private use characters to glyphs.
    drawn("श्री कृष्ण")
    ((_, glyphs),) = glyphs_of(character)
    ((_, replacement),) = glyphs_of("\ufffd")
    assert glyphs == replacement
    assert found(drawn(f"Ana {character} Vega"), tmp_path) == f"Ana {character} Vega"


def test_what_is_no_character_is_shown_as_unknown() -> None:
    assert cleaned("a\ud800b") == "a\ufffdb"


@pytest.mark.parametrize(
    ("name", "face"),
    [("王小明", "wqy-microhei"), ("山田さくら", "VL-Gothic-Regular"), ("김민준", "wqy-microhei")],
)
def test_chinese_characters_have_japanese_forms_beside_kana(name: str, face: str) -> None:
    assert {used for used, _ in glyphs_of(name)} == {face}


def test_letters_of_a_run_stand_side_by_side() -> None:
    for line in ("㓂㓃㓄", "丐丑丒", "김깁깃", "さくら", "Ωμέγα"):
        (run,) = _from_left(line, PLAIN)
        widths = run.face.reportlab.face.charWidths
        for character, datum in zip(line, _shaped(run).__shapeData__, strict=True):
            assert datum.width == pytest.approx(widths[ord(character)])


def test_a_line_is_as_wide_as_its_parts() -> None:
    whole = width_of("Ana 王小明", PLAIN, 10)
    assert whole == pytest.approx(width_of("Ana ", PLAIN, 10) + width_of("王小明", PLAIN, 10))
    assert width_of("श्री", PLAIN, 20) == pytest.approx(2 * width_of("श्री", PLAIN, 10))


@pytest.mark.parametrize(
    "text", ["王" * 100, "สมชายน้ำใจดี" * 20, "हिन्दीक्षत्रिय" * 20, "محمدعبدالرحمن" * 20, "👩‍⚕️" * 60]
)
def test_a_long_word_is_cut_between_letters_and_nothing_of_it_is_lost(text: str) -> None:
    lines = wrapped(text, PLAIN, 10, 200)
    assert len(lines) > 2
    assert "".join(lines) == unicodedata.normalize("NFC", text)
    assert all(width_of(line, PLAIN, 10) <= 200 for line in lines)
    assert not any(unicodedata.category(line[0]).startswith("M") or line[0] == "\u200d" for line in lines)


def test_a_cut_line_fits_and_says_that_it_was_cut() -> None:
    assert cut("Ana", PLAIN, 10, 100) == "Ana"
    for text in ("m" * 2_000, "王" * 1_000, "محمد" * 300, "क्षि" * 250):
        short = cut(text, PLAIN, 10, 100)
        assert text.startswith(short.removesuffix("…"))
        assert short.endswith("…")
        assert 60 < width_of(short, PLAIN, 10) <= 100


def test_all_faces_that_are_looked_in_are_installed() -> None:
    for file in (*fonts._FIRST.values(), *fonts._SYMBOLS, *fonts._EAST_ASIAN):
        assert (fonts.FOLDER / file).is_file(), file
