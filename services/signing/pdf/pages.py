"""The pages that this service draws: the signature page, the stamps on it and the certificate of completion.

Lengths are in points (1/72 inch). A character that no face has is drawn as a replacement character
(`services.chassis.text_shaping`). The signature itself always holds the exact name.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, wraps
from typing import ParamSpec

import segno
from eventlet import patcher
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.pdfgen.canvas import Canvas

from services.chassis import text_shaping

INK = HexColor("#1f2933")
QUIET = HexColor("#5c6b7a")
RULE = HexColor("#cbd2d9")
ACCENT = HexColor("#0b6e6e")
PAPER = HexColor("#f5f8f8")
MARGIN = 54
STAMP_SIZE = (240.0, 92.0)
SLOTS = 12
TEXT_LIMIT = 1000
EVENTS_SHOWN = 14
MOST_TRANSMISSIONS = 11

_CODE_SIDE = 150.0
_COVER_WORDS = (
    "Please read the document that follows, sign and date it by hand, and send all of it back together with this page.",
    "The code below lets us file it without delay.",
    "If you do not agree, write the reason on this page and send it back unsigned.",
)
_COVER_FOOT = "Confidential health information. If it is not for you, please tell us and destroy it."

P = ParamSpec("P")
Box = tuple[float, float, float, float]
Strokes = tuple[tuple[tuple[int, int], ...], ...]  # lines of points, from the upper left corner
# Threads that draw share the faces, whose files reportlab reads by position. They are native threads, so the lock is, too.
_DRAWING = patcher.original("threading").Lock()


@dataclass(frozen=True)
class ProcessEvent:
    """One line of a signing process: when (with time zone), what (`sent`, `viewed`, …) and who, as printed."""

    at: datetime
    what: str
    who: str


@dataclass(frozen=True)
class CompletionFacts:
    """What a certificate of completion states. Hashes are SHA-256 in hexadecimal, times have a time zone.

    `decision` is `signed` or `declined`; a declined document has no meaning, and its final hash is that of the original.
    """

    document_name: str
    document_id: str
    organisation_name: str
    decision: str
    decided_by: str
    decided_at: datetime
    original_sha256: str
    final_sha256: str
    meaning: str | None = None
    note: str | None = None
    pages: int | None = None
    events: tuple[ProcessEvent, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Transmission:
    """One transmission: to whom, by which channel, when (with time zone; None: not taken yet), and the receipt."""

    to: str
    way: str
    at: datetime | None
    receipt: str


@dataclass(frozen=True)
class TransmissionFacts:
    """What a certificate of transmission states. The hash is SHA-256 in hexadecimal."""

    organisation_name: str
    document_name: str
    document_id: str
    pages: int
    sha256: str
    days_left: str | None = None
    rows: tuple[Transmission, ...] = ()


@dataclass(frozen=True)
class CoverFacts:
    """What a cover sheet says. `sent_at` has a time zone; the day of the answer and the telephone may be unknown."""

    organisation_name: str
    addressee: str
    document_id: str
    pages: int
    sent_at: datetime
    fax_number: str | None = None
    respond_by: str | None = None
    telephone: str | None = None


@dataclass(frozen=True)
class Stamp:
    """What the visible part of a signature says (21 CFR 11.50: printed name, date and time, meaning)."""

    signer_name: str
    signed_at: datetime
    meaning: str
    reason: str
    location: str
    typed_name: str = ""
    strokes: Strokes = ()


def _one_at_a_time(draw: Callable[P, bytes]) -> Callable[P, bytes]:
    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> bytes:
        with _DRAWING:
            return draw(*args, **kwargs)

    return drawn


def slot(index: int, width: float, height: float) -> Box:
    """The box (left, bottom, right, top) of one of the SLOTS signatures on a signature page of this size.

    The page has two columns, filled from the top. Boxes shrink with the page. Raises ValueError for an index out of range.
    """
    if not 0 <= index < SLOTS:
        raise ValueError("no such place on a signature page")
    column, row = index % 2, index // 2
    across = (width - 2 * MARGIN - 12) / 2
    down = min(STAMP_SIZE[1], (height - 2 * MARGIN - 80) / (SLOTS // 2) - 8)
    left = MARGIN + column * (across + 12)
    top = height - MARGIN - 70 - row * (down + 8)
    return (left, top - down, left + across, top)


@lru_cache(maxsize=16)  # about 5 kB each
@_one_at_a_time
def signature_page(width: float, height: float) -> bytes:
    """An empty signature page of this size, as a one-page PDF."""
    canvas, buffer = _canvas((width, height), "Signature page")
    y = height - MARGIN - 14
    _line(canvas, MARGIN, y, "Signatures", "bold", 16, INK)
    note = (
        "This page was added when the document was first signed. Each box belongs to one digital signature that "
        "covers all pages before it; open the signature panel of your PDF reader to verify it."
    )
    for row in _wrapped(note, "plain", 8, width - 2 * MARGIN, at_most=3):
        y -= 12
        _line(canvas, MARGIN, y - 6, row, "plain", 8, QUIET)
    canvas.setStrokeColor(RULE)
    canvas.line(MARGIN, height - MARGIN - 58, width - MARGIN, height - MARGIN - 58)
    return _finish(canvas, buffer)


@_one_at_a_time
def signature_stamp(stamp: Stamp, width: float, height: float) -> bytes:
    """The visible part of one signature, as a one-page PDF of this size."""
    canvas, buffer = _canvas((width, height), "Signature")
    canvas.setFillColor(PAPER)
    canvas.setStrokeColor(RULE)
    canvas.setLineWidth(0.6)
    canvas.roundRect(0.5, 0.5, width - 1, height - 1, 4, stroke=1, fill=1)
    canvas.setFillColor(ACCENT)
    canvas.rect(0.5, 4, 3, height - 8, stroke=0, fill=1)
    left, room = 12.0, width - 20
    if stamp.strokes or stamp.typed_name:
        room = room * 0.62
        _draw_signature(canvas, stamp, (left + room + 4, 6.0, width - 8, height - 6))
    rows = _stamp_rows(stamp, room)
    scale = min(1.0, (height - 10) / sum(size * 1.32 for _, _, size in rows))
    y = height - 5
    for text, weight, size in rows:
        y -= size * 1.32 * scale
        colour = INK if weight == "bold" else QUIET
        _line(canvas, left, y + size * 0.28 * scale, text, weight, size * scale, colour)
    return _finish(canvas, buffer)


def _draw_signature(canvas: Canvas, stamp: Stamp, box: Box) -> None:
    """What the signer drew, or else wrote, as large as the box allows."""
    left, bottom, right, top = box
    if not stamp.strokes:
        size, room = 15.0, (right - left) * 0.9
        line = _wrapped(stamp.typed_name, "plain", size, room * 2, at_most=1)[0]
        size *= min(1.0, room / max(1.0, text_shaping.width_of(line, "plain", size)))
        canvas.saveState()
        canvas.transform(1, 0, 0.28, 1, left, (bottom + top) / 2 - size / 3)  # slanted, as handwriting is
        _line(canvas, 0, 0, line, "plain", size, INK)
        canvas.restoreState()
        return
    points = [point for stroke in stamp.strokes for point in stroke]
    least_x, least_y = (min(each) for each in zip(*points, strict=True))
    most_x, most_y = (max(each) for each in zip(*points, strict=True))
    scale = min((right - left) / max(1, most_x - least_x), (top - bottom) / max(1, most_y - least_y), 1.0)
    left += (right - left - (most_x - least_x) * scale) / 2
    top -= (top - bottom - (most_y - least_y) * scale) / 2
    canvas.setStrokeColor(INK)
    canvas.setLineWidth(1.1)
    canvas.setLineCap(1)
    for stroke in stamp.strokes:
        path = canvas.beginPath()
        path.moveTo(left + (stroke[0][0] - least_x) * scale, top - (stroke[0][1] - least_y) * scale)
        for x, y in stroke[1:] or stroke:
            path.lineTo(left + (x - least_x) * scale, top - (y - least_y) * scale)
        canvas.drawPath(path)


@_one_at_a_time
def certificate_of_completion(facts: CompletionFacts) -> bytes:
    """The one-page record of a signing process, A4."""
    canvas, buffer = _canvas(A4, "Certificate of completion")
    width, height = A4
    canvas.setFillColor(ACCENT)
    canvas.rect(0, height - 8, width, 8, stroke=0, fill=1)
    y = height - MARGIN - 18
    _line(canvas, MARGIN, y, "Certificate of completion", "bold", 20, INK)
    y = _paragraph(canvas, y - 18, facts.organisation_name, "plain", 10, QUIET)
    y = _decision_panel(canvas, y - 10, facts)
    y = _facts_table(canvas, y - 26, facts)
    y = _events_table(canvas, y - 14, facts.events)
    _footer(canvas, facts.decision)
    return _finish(canvas, buffer)


@_one_at_a_time
def certificate_of_transmission(facts: TransmissionFacts) -> bytes:
    """The one-page proof that a document was sent, A4."""
    canvas, buffer = _canvas(A4, "Certificate of transmission")
    width, height = A4
    canvas.setFillColor(ACCENT)
    canvas.rect(0, height - 8, width, 8, stroke=0, fill=1)
    y = height - MARGIN - 18
    _line(canvas, MARGIN, y, "Certificate of transmission", "bold", 20, INK)
    y = _paragraph(canvas, y - 18, facts.organisation_name, "plain", 10, QUIET)
    rows = [("Document", facts.document_name, "plain"), ("Reference", facts.document_id, "plain"),
            ("Pages", str(facts.pages), "plain"), ("SHA-256, as sent", facts.sha256, "code")]  # fmt: skip
    if facts.days_left:
        rows.append(("Plan of care", facts.days_left, "plain"))
    y = _pairs(canvas, _heading(canvas, y - 26, "Document"), rows)
    y = _heading(canvas, y - 14, "Sent to")
    for each in facts.rows[:MOST_TRANSMISSIONS]:
        _line(canvas, MARGIN, y, each.to, "bold", 10, INK, room=width - 2 * MARGIN)
        at = printed_time(each.at) if each.at else "not yet"
        _line(canvas, MARGIN, y - 13, f"By {each.way}, {at}", "plain", 8.5, QUIET, room=width - 2 * MARGIN)
        _line(
            canvas, MARGIN, y - 25, f"Receipt: {each.receipt}", "plain", 8.5, QUIET, room=width - 2 * MARGIN
        )
        y -= 42
    if len(facts.rows) > MOST_TRANSMISSIONS:
        further = f"… {len(facts.rows) - MOST_TRANSMISSIONS} further"
        _line(canvas, MARGIN, y, further, "plain", 8.5, QUIET)
    _footer(canvas, "sent")
    return _finish(canvas, buffer)


@_one_at_a_time
def cover_sheet(facts: CoverFacts, code: str) -> bytes:
    """The page that goes before a document on paper or by fax, Letter, in black on white: how to return it, and the code."""
    canvas, buffer = _canvas(LETTER, "Cover sheet")
    width, height = LETTER
    y = height - MARGIN - 20
    _line(canvas, MARGIN, y, facts.organisation_name, "bold", 18, INK, room=width - 2 * MARGIN)
    y = _heading(canvas, y - 36, "Please sign and return")
    rows = [("To", facts.addressee), ("Fax", facts.fax_number), ("Pages", f"{facts.pages} and this one"),
            ("Reference", facts.document_id[:8].upper()), ("Sent", printed_time(facts.sent_at)),
            ("Please answer by", facts.respond_by), ("Questions", facts.telephone)]  # fmt: skip
    for label, value in rows:
        if value:
            _line(canvas, MARGIN, y, label, "plain", 11, QUIET)
            _line(canvas, MARGIN + 110, y, value, "bold", 11, INK, room=width - 2 * MARGIN - 110)
            y -= 20
    y -= 14
    for sentence in _COVER_WORDS:
        for line in _wrapped(sentence, "plain", 11, width - 2 * MARGIN, at_most=3):
            _line(canvas, MARGIN, y, line, "plain", 11, INK)
            y -= 16
        y -= 6
    _draw_code(canvas, (width - _CODE_SIDE) / 2, MARGIN + 24, code)
    _line(canvas, MARGIN, MARGIN, _COVER_FOOT, "plain", 8.5, QUIET)
    return _finish(canvas, buffer)


def _draw_code(canvas: Canvas, left: float, bottom: float, code: str) -> None:
    matrix = segno.make(code, error="h", micro=False).matrix
    module = _CODE_SIDE / len(matrix)
    canvas.setFillColor(HexColor("#000000"))
    for row, line in enumerate(matrix):
        for column, is_dark in enumerate(line):
            if is_dark:
                at = bottom + _CODE_SIDE - (row + 1) * module
                canvas.rect(left + column * module, at, module, module, stroke=0, fill=1)


def printed_time(at: datetime) -> str:
    """Date and time with its zone, as printed: `29 October 2026, 14:03:22 CET (UTC+01:00)`."""
    offset = at.utcoffset()
    if offset is None:
        raise ValueError("a time without a zone cannot be printed on a signature")
    if not offset:
        return f"{at.day} {at:%B %Y, %H:%M:%S} UTC"
    sign = "-" if offset < timedelta(0) else "+"
    minutes = abs(int(offset.total_seconds())) // 60
    numeric = f"UTC{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    name = at.tzname() or ""
    zone = f"{name} ({numeric})" if name.isalpha() else numeric
    return f"{at.day} {at:%B %Y, %H:%M:%S} {zone}"


def _stamp_rows(stamp: Stamp, room: float) -> list[tuple[str, str, float]]:
    rows = [("DIGITALLY SIGNED BY", "plain", 6.0)]
    rows += [(line, "bold", 11.0) for line in _wrapped(stamp.signer_name, "bold", 11, room, at_most=2)]
    rows.append((printed_time(stamp.signed_at), "plain", 8.0))
    for label, value in (("Meaning", stamp.meaning), ("Reason", stamp.reason), ("Place", stamp.location)):
        if value:
            rows += [
                (line, "plain", 8.0) for line in _wrapped(f"{label}: {value}", "plain", 8, room, at_most=2)
            ]
    return rows


def _decision_panel(canvas: Canvas, top: float, facts: CompletionFacts) -> float:
    width = A4[0] - 2 * MARGIN
    title = f"{facts.decision.capitalize()} by {facts.decided_by}"
    rows = _wrapped(title, "bold", 12, width - 32, at_most=2)
    details = [printed_time(facts.decided_at)]
    if facts.meaning:
        details.append(f"Meaning of the signature: {facts.meaning}")
    if facts.note:
        details.append(f"Note: {facts.note}")
    small = [line for each in details for line in _wrapped(each, "plain", 9, width - 32, at_most=4)]
    tall = 16 + 16 * len(rows) + 13 * len(small)
    canvas.setFillColor(PAPER)
    canvas.setStrokeColor(RULE)
    canvas.roundRect(MARGIN, top - tall, width, tall, 5, stroke=1, fill=1)
    canvas.setFillColor(ACCENT if facts.decision == "signed" else HexColor("#a4442a"))
    canvas.rect(MARGIN, top - tall + 5, 4, tall - 10, stroke=0, fill=1)
    y = top - 6
    for line in rows:
        y -= 16
        _line(canvas, MARGIN + 18, y, line, "bold", 12, INK)
    for line in small:
        y -= 13
        _line(canvas, MARGIN + 18, y, line, "plain", 9, QUIET)
    return top - tall


def _facts_table(canvas: Canvas, y: float, facts: CompletionFacts) -> float:
    rows = [("Document", facts.document_name, "plain"), ("Reference", facts.document_id, "plain")]
    if facts.pages is not None:
        rows.append(("Pages", str(facts.pages), "plain"))
    rows.append(("SHA-256, original", facts.original_sha256, "code"))
    rows.append(("SHA-256, final", facts.final_sha256, "code"))
    return _pairs(canvas, _heading(canvas, y, "Document"), rows)


def _pairs(canvas: Canvas, y: float, rows: list[tuple[str, str, str]]) -> float:
    for label, value, weight in rows:
        _line(canvas, MARGIN, y, label, "plain", 9, QUIET)
        for line in _wrapped(value, weight, 8.5, A4[0] - 2 * MARGIN - 110, at_most=3) or [""]:
            _line(canvas, MARGIN + 110, y, line, weight, 8.5, INK)
            y -= 14
        y -= 2
    return y


def _events_table(canvas: Canvas, y: float, events: tuple[ProcessEvent, ...]) -> float:
    y = _heading(canvas, y, "What happened")
    # So that everything fits on one page, a long process shows its start and its end and the number of events between.
    shown = events if len(events) <= EVENTS_SHOWN else events[:4] + events[-(EVENTS_SHOWN - 5) :]
    for index, event in enumerate(shown):
        if len(shown) < len(events) and index == 4:
            _line(canvas, MARGIN, y, f"… {len(events) - len(shown)} further events", "plain", 8.5, QUIET)
            y -= 15
        _line(canvas, MARGIN, y, printed_time(event.at), "plain", 8.5, QUIET)
        _line(canvas, MARGIN + 205, y, event.what, "plain", 8.5, INK, room=120)
        _line(canvas, MARGIN + 330, y, event.who, "plain", 8.5, INK, room=A4[0] - 2 * MARGIN - 330)
        y -= 15
    return y


def _heading(canvas: Canvas, y: float, text: str) -> float:
    _line(canvas, MARGIN, y, text, "bold", 11, INK)
    canvas.setStrokeColor(RULE)
    canvas.setLineWidth(0.6)
    canvas.line(MARGIN, y - 6, A4[0] - MARGIN, y - 6)
    return y - 22


def _paragraph(canvas: Canvas, y: float, text: str, weight: str, size: float, colour: HexColor) -> float:
    for line in _wrapped(text, weight, size, A4[0] - 2 * MARGIN, at_most=2):
        _line(canvas, MARGIN, y, line, weight, size, colour)
        y -= size * 1.4
    return y


def _footer(canvas: Canvas, decision: str) -> None:
    text = "The SHA-256 values identify the exact files: a changed file has another value."
    if decision == "signed":
        text += " The electronic signature inside the final file can be verified in any PDF reader."
    y = MARGIN + 6
    canvas.setStrokeColor(RULE)
    canvas.line(MARGIN, y + 14, A4[0] - MARGIN, y + 14)
    for line in _wrapped(text, "plain", 7.5, A4[0] - 2 * MARGIN, at_most=2):
        _line(canvas, MARGIN, y, line, "plain", 7.5, QUIET)
        y -= 10


def _canvas(size: tuple[float, float], title: str) -> tuple[Canvas, io.BytesIO]:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=size, pageCompression=1, lang="en")
    canvas.setTitle(title)
    canvas.setCreator("Portico")
    return canvas, buffer


def _finish(canvas: Canvas, buffer: io.BytesIO) -> bytes:
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _line(
    canvas: Canvas,
    x: float,
    y: float,
    text: str,
    weight: str,
    size: float,
    colour: HexColor,
    room: float | None = None,
) -> None:
    line = _flat(text)
    if room is not None:
        line = text_shaping.cut(line, weight, size, room)
    canvas.setFillColor(colour)
    text_shaping.draw(canvas, x, y, line, weight, size)


def _wrapped(text: str, weight: str, size: float, room: float, *, at_most: int) -> list[str]:
    """Lines no wider than `room`. If there are more than `at_most`, the last one ends in an ellipsis."""
    lines = text_shaping.wrapped(_flat(text), weight, size, room)
    if len(lines) > at_most:
        lines = [*lines[: at_most - 1], lines[at_most - 1] + "…"]
    return [text_shaping.cut(line, weight, size, room) for line in lines]


def _flat(text: str) -> str:
    """The text on one line, of bounded length."""
    return text_shaping.cleaned(" ".join(text.split())[:TEXT_LIMIT])
