"""Reads an iCarol resource export (CSV) into resource records, with a report of what it could not take.

A file that cannot be read as an export at all is refused whole (`FileRefused`) and changes nothing. In a
readable file a refused row is left out and reported, and the other rows stand. A warning says what was read
charitably.
The format is that of a published export of 2,132 records (97 columns, texts cut at 255 characters).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from services.contracts.errors import Refused
from services.referrals.directory.icarol_row import (
    EXPORT_COLUMNS,
    NUMBER,
    PARENT,
    REQUIRED_COLUMNS,
    Problem,
    Row,
    spelling_of,
)
from services.referrals.directory.rules import Level, ResourceRecord

MAX_BYTES = 20_000_000
MAX_ROWS = 50_000
MAX_COLUMNS = 500


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the file holds.

    Records in file order, refused rows, warnings, and each record's line by number.
    """

    records: tuple[ResourceRecord, ...]
    refused: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    lines: Mapping[str, int]


class FileRefused(Refused):
    """The file is no readable export. `reason` is a stable word; `line` and `column` say where, if known."""

    def __init__(self, reason: str, detail: str, line: int | None = None, column: str | None = None) -> None:
        super().__init__("import_file_refused", detail, "file", reason=reason, line=line, column=column)
        self.reason = reason
        self.line = line
        self.column = column


def parse(
    data: bytes, known_agency_numbers: Container[str] = frozenset(), max_bytes: int = MAX_BYTES
) -> Parsed:
    """Read an export.

    `known_agency_numbers` are agencies that the directory holds already: a program may hang on one of them.
    Raises FileRefused with reason `too_large`, `undecodable`, `no_header`, `missing_column`,
    `duplicate_column`, `too_many_columns`, `too_many_rows`, `not_csv` or `broken_quote`.
    """
    if len(data) > max_bytes:
        raise FileRefused("too_large", f"The file has more than {max_bytes:,} bytes.")
    text, warnings = _decode(data)
    rows = _rows(text)
    columns, header_warnings = _read_header(rows)
    reading = _Reading([*warnings, *header_warnings])
    for count, (line, cells) in enumerate(rows, start=1):
        if count > MAX_ROWS:
            raise FileRefused("too_many_rows", f"The file has more than {MAX_ROWS:,} rows.", line)
        reading.take(line, columns, cells)
    return reading.finish(known_agency_numbers)


def _decode(data: bytes) -> tuple[str, list[Problem]]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileRefused("undecodable", "The file is UTF-16; save it as CSV in UTF-8.")
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\r|\n", data[: error.start])) + 1
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        raise FileRefused("undecodable", "The text is neither UTF-8 nor Windows-1252.", line) from None
    return text, [
        Problem(line, None, "read_as_cp1252", "The text is not UTF-8; the file was read as Windows-1252.")
    ]


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each non-empty row with the line where it starts."""
    # StringIO with newline="" ends a line at CR, LF and CRLF alike and keeps the ends inside quoted cells.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            # Beyond a broken quote nobody can tell rows from cells, so nothing of the file may be trusted.
            raise FileRefused(
                "broken_quote", "A quoted cell is not closed, or text follows its quote.", line
            ) from None
        if cells is None:
            return
        if any(cells):
            yield line, cells


def _read_header(rows: Iterator[tuple[int, list[str]]]) -> tuple[list[str], list[Problem]]:
    first = next(rows, None)
    if first is None:
        raise FileRefused("no_header", "The file is empty; its first row must name the columns.", 1)
    line, cells = first
    if any("\0" in cell for cell in cells):
        raise FileRefused("not_csv", "The first row holds NUL characters; this is no CSV text.", line)
    if len(cells) > MAX_COLUMNS:
        raise FileRefused("too_many_columns", f"The header has more than {MAX_COLUMNS} columns.", line)
    columns = [_column_name(cell, position) for position, cell in enumerate(cells, start=1)]
    missing = [column for column in REQUIRED_COLUMNS if column not in columns]
    if missing:
        raise FileRefused(
            "missing_column", f"The header lacks the column(s) {', '.join(missing)}.", line, missing[0]
        )
    for position, column in enumerate(columns):
        if column in columns[:position]:
            raise FileRefused(
                "duplicate_column", f"The header names column {position + 1} twice.", line, column[:80]
            )
    unknown = [column for column in columns if column not in EXPORT_COLUMNS]
    message = "This column is not part of the export's format; its values are kept as extra values."
    return columns, [Problem(line, column[:80], "unknown_column", message) for column in unknown]


def _column_name(cell: str, position: int) -> str:
    """The export's own spelling of a header cell, whatever its case and spaces; other columns keep theirs."""
    return spelling_of(cell) or " ".join(cell.split()) or f"Column {position}"


@dataclass
class _Reading:
    """The state of one run: accepted records, refused rows and the lines on which numbers were seen first."""

    warnings: list[Problem]
    refused: list[Problem] = field(default_factory=list)
    accepted: list[tuple[int, ResourceRecord]] = field(default_factory=list)
    first_lines: dict[str, int] = field(default_factory=dict)

    def take(self, line: int, columns: Sequence[str], cells: Sequence[str]) -> None:
        row = Row(line, columns, cells)
        record = row.record() if row.is_whole else None
        number = row.number
        if number and number in self.first_lines:
            first = self.first_lines[number]
            row.refuse(NUMBER, "duplicate_number", f"Number {number} stands on lines {first} and {line}.")
        elif number:
            self.first_lines[number] = line
        self.warnings += row.warnings
        self.refused += row.problems
        if record is not None and not row.problems:
            self.accepted.append((line, record))

    def finish(self, known_agency_numbers: Container[str]) -> Parsed:
        levels = {record.number: record.level for _, record in self.accepted}
        standing = []
        for line, record in self.accepted:
            problem = self._parent_problem(line, record, levels, known_agency_numbers)
            if problem is None:
                standing.append((line, record))
            else:
                self.refused.append(problem)
        return Parsed(
            records=tuple(record for _, record in standing),
            refused=tuple(sorted(self.refused, key=lambda problem: problem.line)),
            warnings=tuple(sorted(self.warnings, key=lambda problem: problem.line)),
            lines={record.number: line for line, record in standing},
        )

    def _parent_problem(
        self, line: int, record: ResourceRecord, levels: Mapping[str, Level], known: Container[str]
    ) -> Problem | None:
        parent = record.parent_number
        if parent is None or levels.get(parent) is Level.AGENCY:
            return None
        if parent in levels:
            message = f"Number {parent} (line {self.first_lines[parent]}) is not an agency."
            return Problem(line, PARENT, "parent_not_an_agency", message)
        if parent in known:
            return None
        refused_on = self.first_lines.get(parent)
        reason = (
            "neither in the file nor in the directory"
            if refused_on is None
            else f"refused (line {refused_on})"
        )
        return Problem(line, PARENT, "orphan", f"The agency {parent} is {reason}.")
