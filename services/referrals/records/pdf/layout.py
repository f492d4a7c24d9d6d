"""The pages of a contact record. All pages are laid out before they are drawn, so that each can show their total number.

Lengths are in points (1/72 inch), pages are A4. Only the child process imports this module, because reportlab needs much
memory.
"""

from __future__ import annotations

import datetime
import io
from dataclasses import dataclass, field

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from services.chassis.text_shaping import BOLD, PLAIN, draw, width_of, wrapped
from services.referrals.records.pdf.content import PrintedRecord, PrintedReferral

INK, QUIET, RULE, ACCENT = "#1f2933", "#5c6b7a", "#cbd2d9", "#0b6e6e"
WIDTH, HEIGHT = A4
MARGIN = 54.0
TOP, BOTTOM = HEIGHT - 62.0, 66.0
LABELS = 152.0  # width of the column with labels: a date and time fit on one line
GAP = 12.0
LEADING = 1.38


@dataclass(frozen=True)
class Words:
    """A piece of text and its position: `x`, `y` is the left end of its base line."""

    x: float
    y: float
    text: str
    face: str = PLAIN
    size: float = 9.0
    colour: str = INK


@dataclass
class Page:
    """The words on a page, and the heights at which a rule is drawn across it."""

    words: list[Words] = field(default_factory=list)
    rules: list[float] = field(default_factory=list)


def render(record: PrintedRecord) -> tuple[bytes, int]:
    """The PDF and its number of pages. The same record gives the same bytes."""
    pages = layout(record)
    buffer = io.BytesIO()
    # invariant: no time of creation and no random id, so that the same record gives the hash in the audit trail.
    canvas = Canvas(buffer, pagesize=A4, pageCompression=1, invariant=1, lang="en")
    canvas.setTitle(f"Contact record {record.number}")
    canvas.setAuthor("Portico")
    canvas.setCreator("Portico")
    for page in pages:
        _draw(canvas, page)
    canvas.save()
    return buffer.getvalue(), len(pages)


def layout(record: PrintedRecord) -> list[Page]:
    """The pages, each with its footer and "Page x of y"."""
    flow = _Flow()
    _head(flow, record)
    _contact(flow, record)
    for title, fields in record.sections:
        _heading(flow, title)
        for label, value in fields:
            flow.pair(label, value)
    for referral in record.referrals:
        _referral(flow, referral)
    for number, page in enumerate(flow.pages, start=1):
        _running(page, record, number, len(flow.pages))
    return flow.pages


class _Flow:
    """A position on the last page. It moves down, and on to a new page where there is no room left."""

    def __init__(self) -> None:
        self.pages = [Page()]
        self.y = TOP

    def need(self, room: float) -> None:
        """Go on to a new page unless so much room is left."""
        if self.y - room < BOTTOM:
            self.pages.append(Page())
            self.y = TOP

    def down(self, by: float) -> None:
        self.y -= by

    def rule(self, below: float = 5.0) -> None:
        self.pages[-1].rules.append(self.y - below)

    def put(self, x: float, text: str, face: str = PLAIN, size: float = 9.0, colour: str = INK) -> None:
        """Put one line, which the caller has made to fit, at the present height."""
        self.pages[-1].words.append(Words(x, self.y, text, face, size, colour))

    def text(
        self, x: float, text: str, width: float, face: str = PLAIN, size: float = 9.0, colour: str = INK
    ) -> None:
        """Put text of any length, wrapped to the width and over pages."""
        for line in wrapped(text, face, size, width):
            self.need(size * LEADING)
            self.down(size * LEADING)
            self.put(x, line, face, size, colour)

    def pair(self, label: str, value: str) -> None:
        """Put a label and its value beside it. Both may be long, and the value may continue on further pages."""
        labels = wrapped(label, PLAIN, 8.5, LABELS - GAP)
        values = wrapped(value, PLAIN, 9, WIDTH - 2 * MARGIN - LABELS)
        # A label is not split over two pages (up to ten lines), and its value begins beside it.
        self.need(9 * LEADING * min(max(len(labels), 1), 10))
        for position in range(max(len(labels), len(values))):
            self.need(9 * LEADING)
            self.down(9 * LEADING)
            if position < len(labels):
                self.put(MARGIN, labels[position], PLAIN, 8.5, QUIET)
            if position < len(values):
                self.put(MARGIN + LABELS, values[position])
        self.down(3)


def _head(flow: _Flow, record: PrintedRecord) -> None:
    flow.down(8)
    flow.text(MARGIN, record.organisation_name, WIDTH - 2 * MARGIN, PLAIN, 10, QUIET)
    flow.down(6)
    flow.text(MARGIN, f"Contact record {record.number}", WIDTH - 2 * MARGIN, BOLD, 19)
    flow.down(8)


def _contact(flow: _Flow, record: PrintedRecord) -> None:
    _heading(flow, "Contact")
    for label, value in record.contact:
        flow.pair(label, value or "—")
    flow.pair("Submitted", printed_time(record.submitted_at))
    if record.withheld:
        flow.pair("Not shown at this stage", ", ".join(record.withheld))


def _heading(flow: _Flow, text: str) -> None:
    flow.need(70)  # a heading is never the last thing on a page
    flow.down(12)
    flow.text(MARGIN, text, WIDTH - 2 * MARGIN, BOLD, 11, ACCENT)
    flow.rule()
    flow.down(8)


def _referral(flow: _Flow, referral: PrintedReferral) -> None:
    flow.need(150)  # its facts stay together with the first line of its history
    _heading(flow, f"Referral to {referral.program_name}")
    for label, value in (
        ("ReferralQ", referral.queue_name),
        ("Agency", referral.agency_name),
        ("Status", referral.status),
        ("Referred", printed_time(referral.assigned_at)),
    ):
        if value:
            flow.pair(label, value)
    if referral.steps:
        flow.need(40)
        flow.down(6)
        flow.text(MARGIN, "History and shared notes", WIDTH - 2 * MARGIN, BOLD, 9)
        flow.down(3)
    for step in referral.steps:
        who = f"{step.author}, {step.side}" if step.author else step.side
        flow.pair(printed_time(step.at), f"{step.what} ({who})")
        if step.note:
            flow.text(MARGIN + LABELS, step.note, WIDTH - 2 * MARGIN - LABELS, PLAIN, 9, QUIET)
            flow.down(4)


def _running(page: Page, record: PrintedRecord, number: int, total: int) -> None:
    count = f"Page {number} of {total}"
    foot = _fitting(f"{record.organisation_name} · {record.number} · version {record.version}", 360)
    page.rules.append(BOTTOM - 18)
    page.words.append(Words(MARGIN, BOTTOM - 30, foot, PLAIN, 7.5, QUIET))
    right = WIDTH - MARGIN - width_of(count, PLAIN, 7.5)
    page.words.append(Words(right, BOTTOM - 30, count, PLAIN, 7.5, QUIET))
    confidential = "Confidential: about a person who asked for help. Pass it on only to those who need it."
    page.words.append(Words(MARGIN, BOTTOM - 41, confidential, PLAIN, 7.5, QUIET))


def printed_time(at: datetime.datetime) -> str:
    """Date and time in UTC, as printed: "29 October 2026, 14:03 UTC"."""
    utc = at.astimezone(datetime.UTC)
    return f"{utc.day} {utc:%B %Y, %H:%M} UTC"


def _fitting(text: str, width: float) -> str:
    lines = wrapped(text, PLAIN, 7.5, width)
    return lines[0] if len(lines) == 1 else f"{lines[0]}…"


def _draw(canvas: Canvas, page: Page) -> None:
    canvas.setStrokeColor(HexColor(RULE))
    canvas.setLineWidth(0.6)
    for y in page.rules:
        canvas.line(MARGIN, y, WIDTH - MARGIN, y)
    canvas.setFillColor(HexColor(ACCENT))
    canvas.rect(0, HEIGHT - 8, WIDTH, 8, stroke=0, fill=1)
    for words in page.words:
        canvas.setFillColor(HexColor(words.colour))
        draw(canvas, words.x, words.y, words.text, words.face, words.size)
    canvas.showPage()
