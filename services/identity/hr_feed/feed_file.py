"""Reading a file of the HR feed, CSV or JSON: one row for each employee.

A file that cannot be read is refused as a whole. In a readable file a refused row is left out and reported with line and
column, and its employee stays as it is; the other rows are applied. Messages never repeat a cell, which is personal data.
"""

from __future__ import annotations

import codecs
import csv
import datetime
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from services.contracts.errors import Refused
from services.contracts.fields import can_be_stored
from services.contracts.spelling import email_address, is_blank, login_key, search_key
from services.identity.hr_feed.rules import FeedRow, cycles_among, marks_of, number_key
from services.identity.hr_feed.spreadsheets import (
    DAY_FIRST,
    MONTH_FIRST,
    column_name,
    date_of,
    delimiter_of,
    order_of_date,
    plain,
    whole_number,
    without_sep_line,
)

MAX_BYTES = 50 * 1024 * 1024
MAX_ROWS = 200_000
LINES_NAMED = 10
NUMBER, LAST_NAME, IS_ACTIVE = "employee_number", "last_name", "is_active"
MANAGER, EMAIL, BORN = "manager_number", "email", "date_of_birth"
# Columns, and the greatest length of their cells.
COLUMNS: Mapping[str, int] = {
    NUMBER: 40,
    "first_name": 100,
    LAST_NAME: 100,
    BORN: 30,
    EMAIL: 260,
    "home_phone": 40,
    "mobile_phone": 40,
    "work_phone": 40,
    "department": 100,
    MANAGER: 40,
    "employer": 100,
    IS_ACTIVE: 5,
}
REQUIRED = (NUMBER, LAST_NAME)
_NUMBER = re.compile(r"[A-Za-z0-9._-]{1,40}")
EARLIEST_BIRTH = datetime.date(1880, 1, 1)
_YES, _NO = {"", "true", "yes", "y", "1"}, {"false", "no", "n", "0"}


class FileRefused(Refused):
    """The file cannot be read as a feed. `reason` is a stable word; `line` and `column` are the place, if known."""

    def __init__(self, reason: str, detail: str, line: int | None = None, column: str | None = None) -> None:
        super().__init__("import_file_refused", detail, "file", reason=reason, line=line, column=column)
        self.reason = reason
        self.line = line
        self.column = column


@dataclass(frozen=True)
class Problem:
    """A problem and its place in the file. A refused row is left out."""

    line: int
    column: str | None
    code: str
    message: str
    is_refused: bool = True


@dataclass
class Parsed:
    """The contents of a file. `refused_numbers` are employees whose rows were refused: they stay as they are."""

    rows: list[FeedRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    refused_numbers: list[str] = field(default_factory=list)
    refused: int = 0


def parse(data: bytes, file_format: str) -> Parsed:
    """Read a file.

    Raises FileRefused with reason `too_large`, `undecodable`, `not_csv`, `not_json`, `no_rows`, `missing_column`,
    `duplicate_column`, `mixed_dates` or `too_many_rows`.
    """
    if len(data) > MAX_BYTES:
        raise FileRefused("too_large", f"The file has more than {MAX_BYTES:,} bytes.")
    text = _decoded(data)
    parsed = Parsed()
    line_of: dict[str, int] = {}
    rows: list[tuple[int, dict[str, str]]] = []
    for line, cells in _csv_rows(text, parsed) if file_format == "csv" else _json_rows(text, parsed):
        if len(rows) + parsed.refused >= MAX_ROWS:
            raise FileRefused("too_many_rows", f"The file has more than {MAX_ROWS:,} rows.", line)
        rows.append((line, {name: plain(cell) for name, cell in cells.items()}))
    order = _order_of_dates(rows)
    for line, cells in rows:
        _take(parsed, line_of, line, cells, order)
    if not parsed.rows:
        raise FileRefused("no_rows", "The file names no employee: applied, it would end everybody.")
    _check_managers(parsed)
    _check_people(parsed)
    return parsed


def _order_of_dates(rows: Iterable[tuple[int, Mapping[str, str]]]) -> str | None:
    """Whether day or month comes first in the file's dates; None where none tells. Raises FileRefused(mixed_dates)."""
    lines: dict[str, list[int]] = {}
    for line, cells in rows:
        order = order_of_date(cells.get(BORN, ""))
        if order is not None:
            lines.setdefault(order, []).append(line)
    if len(lines) > 1:
        days, months = (", ".join(map(str, lines[order][:LINES_NAMED])) for order in (DAY_FIRST, MONTH_FIRST))
        detail = (
            f"{BORN}: lines with the day first ({days}) and lines with the month first ({months}) are in one column, so other "
            "lines can be read either way. Format the column as 1990-12-31 and save the file again."
        )
        raise FileRefused("mixed_dates", detail, min(min(found) for found in lines.values()), BORN)
    return next(iter(lines), None)


def _decoded(data: bytes) -> str:
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # "Unicode text" of a spreadsheet
    try:
        return data.decode("utf-16" if is_utf16 else "utf-8-sig").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileRefused("undecodable", "The file is not UTF-8; save it as UTF-8.", line) from None


def _csv_rows(text: str, parsed: Parsed) -> Iterator[tuple[int, dict[str, str]]]:
    text = without_sep_line(text)
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = delimiter_of(first, COLUMNS)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    try:
        header = [column_name(name) for name in next((cells for cells in reader if cells), [])]
        _check_header(header, parsed)
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if len(cells) != len(header):
                    at = header.index(NUMBER)
                    number = whole_number(plain(cells[at])) if len(cells) > at else ""
                    message = f"{len(header)} cells are expected; put a cell that has a comma in quotes."
                    _refuse(parsed, line, None, "cells", message, number)
                else:
                    yield line, dict(zip(header, cells, strict=True))
            line = reader.line_num + 1
    except csv.Error:
        raise FileRefused("not_csv", "The file is no CSV: a quote is not closed.", reader.line_num) from None


def _check_header(header: list[str], parsed: Parsed) -> None:
    for name in REQUIRED:
        if name not in header:
            raise FileRefused("missing_column", f"The column {name} is missing.", 1, name)
    for name in header:
        if header.count(name) > 1:
            raise FileRefused(
                "duplicate_column", "Two columns have one name.", 1, name if name in COLUMNS else None
            )
    for position, name in enumerate(header, start=1):
        if name not in COLUMNS:
            message = f"Column {position} is not known and not read."
            parsed.problems.append(Problem(1, None, "unknown_column", message, is_refused=False))


def _json_rows(text: str, parsed: Parsed) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a JSON list of objects, or of `{"employees": […]}`. A row's line is its place in the list, from 1."""
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise FileRefused("not_json", "The file is no JSON.") from None
    rows = document.get("employees") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise FileRefused("not_json", 'A list of objects, or {"employees": […]}, is expected.')
    unknown = set()
    for line, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            _refuse(parsed, line, None, "not_an_object", "An object with each member once is expected.", "")
            continue
        unknown |= set(row) - set(COLUMNS)
        cells = {name: _as_text(value) for name, value in row.items() if name in COLUMNS}
        broken = next((name for name, cell in cells.items() if cell is None), None)
        if broken is not None:
            number = cells.get(NUMBER) or ""
            _refuse(parsed, line, broken, "not_a_text", "A text is expected.", whole_number(number))
            continue
        yield line, {name: cell for name, cell in cells.items() if cell is not None}
    if unknown:
        message = f"{len(unknown)} members are not known and not read."
        parsed.problems.append(Problem(1, None, "unknown_column", message, is_refused=False))


def _object(members: list[tuple[str, object]]) -> object:
    """A JSON object. One with a member given twice is no object: nobody can tell which of the two is meant."""
    found = dict(members)
    return found if len(found) == len(members) else ()


def _as_text(value: object) -> str | None:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, (str, int)) else None


def _take(
    parsed: Parsed, line_of: dict[str, int], line: int, cells: Mapping[str, str], order: str | None
) -> None:
    values = {name: cells.get(name, "") for name in COLUMNS}
    for name in (NUMBER, MANAGER):
        values[name] = whole_number(values[name])
    born = date_of(values[BORN], order)
    values[BORN] = born.isoformat() if born else values[BORN]
    address = _address_of(values[EMAIL])
    values[EMAIL] = address or values[EMAIL]
    number = values[NUMBER]
    found = _fault(values, has_address=address is not None)
    if found is None and number in line_of:
        found = (NUMBER, "duplicate_number", f"Line {line_of[number]} has this number, too.")
    if found is not None:
        _refuse(parsed, line, *found, number)
        return
    line_of[number] = line
    stated = {name: text for name, text in values.items() if text and name not in (NUMBER, IS_ACTIVE)}
    if MANAGER in cells:
        # An empty cell of this column ends supervision: a former manager must not go on seeing the employee.
        stated[MANAGER] = values[MANAGER]
    is_active = values[IS_ACTIVE].casefold() not in _NO
    first, last = search_key(values["first_name"]), search_key(values[LAST_NAME])
    marks = marks_of(login_key(address) if address else None, first, last, values[BORN])
    parsed.rows.append(FeedRow(line, number, stated, is_active, marks))


def _fault(values: Mapping[str, str], *, has_address: bool) -> tuple[str, str, str] | None:
    """Column, code and message of a row's first fault; None where it has none. `has_address`: its e-mail is an address."""
    for name, text in values.items():
        if name in REQUIRED and is_blank(text):
            return name, "missing", f"{name} is empty; every row needs it."
        if len(text) > COLUMNS[name]:
            return name, "too_long", f"{name} has more than {COLUMNS[name]} characters."
        if any(ord(char) < 32 or ord(char) == 127 for char in text):
            return name, "control_character", f"{name} has a control character; type the cell again."
        if not can_be_stored(text):
            return name, "broken_character", f"{name} has half of a character; type the cell again."
        holds, code, rule = _SHAPES.get(name, _ANY)
        if text and not (has_address if name == EMAIL else holds(text)):
            return name, code, f"{name}: {rule}."
    return None


def _is_birth_date(text: str) -> bool:
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return False
    # As the contract's BirthDate: tomorrow is accepted, because somewhere on earth it is that day already.
    last = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)
    return day.isoformat() == text and EARLIEST_BIRTH <= day <= last


def _address_of(cell: str) -> str | None:
    """The address as it is stored; None for an empty cell and for one that is no address."""
    try:
        return email_address(cell) if cell else None
    except ValueError:
        return None


Shape = tuple[Callable[[str], object], str, str]
_ANY: Shape = (bool, "", "")
_IS_NUMBER: Shape = (
    _NUMBER.fullmatch,
    "bad_number",
    "a number of letters, digits, . _ - is expected; format the column as text, as a spreadsheet changes long numbers",
)
_SHAPES: Mapping[str, Shape] = {
    NUMBER: _IS_NUMBER,
    MANAGER: _IS_NUMBER,
    EMAIL: (bool, "bad_email", "one e-mail address such as name@example.org is expected"),
    BORN: (
        _is_birth_date,
        "bad_date",
        "a day that is not to come is expected, as 1990-12-31; day and month cannot be told apart in 05/04/1990",
    ),
    IS_ACTIVE: (lambda text: text.casefold() in _YES | _NO, "bad_flag", "true or false is expected"),
}


def _refuse(parsed: Parsed, line: int, column: str | None, code: str, message: str, number: str) -> None:
    parsed.problems.append(Problem(line, column, code, message))
    parsed.refused += 1
    if number:
        parsed.refused_numbers.append(number)


def _check_managers(parsed: Parsed) -> None:
    """Warn of managers whom the file does not name, who supervise nobody, and of those who supervise each other."""
    named = {number_key(number) for number in (*(row.number for row in parsed.rows), *parsed.refused_numbers)}
    above = {number_key(row.number): number_key(row.values.get(MANAGER, "")) for row in parsed.rows}
    in_cycle = cycles_among(above)
    for row in parsed.rows:
        own, manager = number_key(row.number), above[number_key(row.number)]
        if manager and (manager not in named or manager == own):
            message = "The manager is not an employee of this file, or the employee itself."
            _warn(parsed, row.line, MANAGER, "unknown_manager", message)
        elif own in in_cycle:
            message = "This employee is, by way of others, the manager of its own manager."
            _warn(parsed, row.line, MANAGER, "manager_cycle", message)


def _check_people(parsed: Parsed) -> None:
    """Warn of rows that are probably about one person, and of employees who cannot be invited."""
    seen: dict[tuple[str, ...], int] = {}
    unreachable = [row for row in parsed.rows if row.is_active and EMAIL not in row.values]
    if unreachable and len(unreachable) == len(parsed.rows):
        _warn(parsed, 1, EMAIL, "no_email", "No row has an e-mail: nobody is invited who has none on file.")
        unreachable = []
    for row in parsed.rows:
        known = next((mark for mark in row.marks if mark in seen), None)
        if known is not None:
            message = f"Line {seen[known]} has the same {known[0]}: these rows are probably about one person."
            _warn(parsed, row.line, known[0], "probable_double", message)
        for mark in row.marks:
            seen.setdefault(mark, row.line)
    for row in unreachable:
        message = "Without an e-mail this employee cannot be invited, unless one is on file."
        _warn(parsed, row.line, EMAIL, "no_email", message)


def _warn(parsed: Parsed, line: int, column: str, code: str, message: str) -> None:
    parsed.problems.append(Problem(line, column, code, message, is_refused=False))
