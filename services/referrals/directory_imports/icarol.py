"""Reads an iCarol resource export (CSV) into resource records, row by row, with a report of its problems.

A file that cannot be read as an export is refused whole (`FileRefused`) and changes nothing. In a readable file a refused
row is left out and reported, and the other rows are imported. A warning tells where a reading had to guess.
The format is that of a published export of 2,132 records (97 columns, texts cut at 255 characters).
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from services.referrals.directory.rules import Level, ResourceRecord
from services.referrals.directory_imports.icarol_row import (
    EXPORT_COLUMNS,
    NUMBER,
    PARENT,
    REQUIRED_COLUMNS,
    Row,
    spelling_of,
)
from services.referrals.directory_imports.report import FileRefused, Place, Problem, Report

MAX_BYTES = 400_000_000
MAX_ROWS = 250_000
MAX_COLUMNS = 500
_PIECE = 1024 * 1024
_NOT_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


class ExportReader:
    """Reads one export. It remembers only number, level and line of each row, so a large file needs little memory."""

    def __init__(self, report: Report, max_bytes: int = MAX_BYTES, max_rows: int = MAX_ROWS) -> None:
        self._report = report
        self._max_bytes = max_bytes
        self._max_rows = max_rows
        self._first_lines: dict[str, int] = {}
        self._levels: dict[str, Level] = {}

    def records(self, file: BinaryIO) -> Iterator[tuple[Place, ResourceRecord]]:
        """Place and record of each valid row. Agencies are checked by `parent_problem` once all rows are read.

        Raises FileRefused with reason `too_large`, `undecodable`, `no_header`, `missing_column`,
        `duplicate_column`, `too_many_columns`, `too_many_rows`, `not_csv` or `broken_quote`.
        """
        if file.seek(0, os.SEEK_END) > self._max_bytes:
            raise FileRefused("too_large", f"The file has more than {self._max_bytes:,} bytes.")
        rows = _rows(file, _encoding(file, self._report))
        columns, warnings = _read_header(rows)
        self._report.warn(warnings)
        for count, (line, cells) in enumerate(rows, start=1):
            if count > self._max_rows:
                raise FileRefused("too_many_rows", f"The file has more than {self._max_rows:,} rows.", line)
            record = self._take(line, columns, cells)
            if record is not None:
                yield Place(line), record

    def _take(self, line: int, columns: Sequence[str], cells: Sequence[str]) -> ResourceRecord | None:
        row = Row(line, columns, cells)
        record = row.record() if row.is_whole else None
        number = row.number
        if number and number in self._first_lines:
            first = self._first_lines[number]
            row.refuse(NUMBER, "duplicate_number", f"Number {number} stands on lines {first} and {line}.")
        elif number:
            self._first_lines[number] = line
        self._report.warn(row.warnings)
        if row.problems:
            self._report.refuse(row.problems)
            return None
        if record is not None:
            self._levels[record.number] = record.level
        return record

    def parent_problem(self, place: Place, parent: str) -> Problem | None:
        """The problem with the parent that the row at `place` names; None where it is an agency of this file.

        An `orphan` may still have its agency in the directory.
        """
        line, level = place.line, self._levels.get(parent)
        if level is Level.AGENCY:
            return None
        if level is not None:
            message = f"Number {parent} (line {self._first_lines[parent]}) is not an agency."
            return Problem(line, PARENT, "parent_not_an_agency", message)
        refused_on = self._first_lines.get(parent)
        reason = (
            "neither in the file nor in the directory"
            if refused_on is None
            else f"refused (line {refused_on})"
        )
        return Problem(line, PARENT, "orphan", f"The agency {parent} is {reason}.")


def _encoding(file: BinaryIO, report: Report) -> str:
    """The encoding of the whole file: UTF-8 with or without its mark, otherwise Windows-1252 with a warning."""
    file.seek(0)
    if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):
        raise FileRefused("undecodable", "The file is UTF-16; save it as CSV in UTF-8.")
    line = _line_that_is_not_utf8(file)
    if line is None:
        return "utf-8-sig"
    file.seek(0)
    if any(_NOT_CP1252.search(piece) for piece in iter(lambda: file.read(_PIECE), b"")):
        raise FileRefused("undecodable", "The text is neither UTF-8 nor Windows-1252.", line)
    message = "The text is not UTF-8; the file was read as Windows-1252."
    report.warn([Problem(line, None, "read_as_cp1252", message)])
    return "cp1252"


def _line_that_is_not_utf8(file: BinaryIO) -> int | None:
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, ends_with_return = 1, False
    while True:
        piece = file.read(_PIECE)
        try:
            decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            return line + _line_ends(error.object[: error.start], after_return=ends_with_return)
        if not piece:
            return None
        line += _line_ends(piece, after_return=ends_with_return)
        ends_with_return = piece.endswith(b"\r")


def _line_ends(text: bytes, *, after_return: bool) -> int:
    ends = text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
    return ends - (after_return and text.startswith(b"\n"))


def _rows(file: BinaryIO, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Each non-empty row with the line where it starts."""
    file.seek(0)
    # newline="" ends a line at CR, LF and CRLF alike and keeps the ends inside quoted cells.
    reader = csv.reader(io.TextIOWrapper(file, encoding, newline=""), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            # After a broken quote, rows and cells cannot be told apart, so the whole file is refused.
            raise FileRefused(
                "broken_quote", "A quoted cell is not closed, or text follows its quote.", line
            ) from None
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
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
    """A header cell in the export's spelling, whatever its case and spaces. Unknown columns keep their spelling."""
    return spelling_of(cell) or " ".join(cell.split()) or f"Column {position}"
