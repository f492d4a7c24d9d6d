"""Values as spreadsheets write them: numbers as formulas or fractions, dates of the country, cells between other signs."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable

DELIMITERS = (",", ";", "\t", "|")
_FORMULA = re.compile(r'="(.*)"', re.DOTALL)
_WHOLE = re.compile(r"([0-9]+)[.,]0+")
_DATE = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})")
_YEAR_FIRST = re.compile(r"([0-9]{4})[/.-]([0-9]{1,2})[/.-]([0-9]{1,2})")
_MIDNIGHT = re.compile(r"[ T]0?0:00(:00(\.0+)?)?$")
_SEP = re.compile(r'"?sep=.?"?', re.IGNORECASE)
DAY_FIRST, MONTH_FIRST = "day", "month"


def plain(cell: str) -> str:
    """A cell without outer blanks and without the formula by which a spreadsheet keeps zeros: `="00002"` gives "00002"."""
    text = cell.strip()
    formula = _FORMULA.fullmatch(text)
    return formula[1].replace('""', '"').strip() if formula else text


def whole_number(text: str) -> str:
    """A number without the fraction that a spreadsheet adds: "1001.0" gives "1001". Another text stays as it is."""
    found = _WHOLE.fullmatch(text)
    return found[1] if found else text.removeprefix("'")


def delimiter_of(header: str, names: Iterable[str]) -> str:
    """The sign between the cells of this first line: the one by which it names most of these columns."""
    known = set(names)
    return max(DELIMITERS, key=lambda sign: len(known & {column_name(name) for name in header.split(sign)}))


def column_name(cell: str) -> str:
    """A column's name whatever its case and blanks: "Employee Number" gives "employee_number"."""
    return plain(cell.strip().strip('"')).casefold().replace(" ", "_").replace("-", "_")


def order_of_date(text: str) -> str | None:
    """Whether day or month comes first in a date such as 31/12/1990, None where it does not tell."""
    found = _DATE.fullmatch(_MIDNIGHT.sub("", text))
    if not found:
        return None
    first, second = int(found[1]), int(found[3])
    if found[2] == "." or first > 12 >= second:
        return DAY_FIRST
    return MONTH_FIRST if second > 12 >= first else None


def date_of(text: str, order: str | None) -> datetime.date | None:
    """The day of a text such as 1990-12-31 or 31/12/1990, None where it is none or could be two days."""
    text = _MIDNIGHT.sub("", text)
    found = _YEAR_FIRST.fullmatch(text)
    if found:
        return _day(found[1], found[2], found[3])
    found = _DATE.fullmatch(text)
    if not found:
        return None
    first, sign, second, year = found.groups()
    if sign == "." or int(first) > 12 or first == second:
        order = DAY_FIRST
    elif int(second) > 12:
        order = MONTH_FIRST
    if order is None:
        return None
    return _day(year, second, first) if order == DAY_FIRST else _day(year, first, second)


def _day(*parts: str) -> datetime.date | None:
    try:
        year, month, day = map(int, parts)
        return datetime.date(year, month, day)
    except ValueError:
        return None


def without_sep_line(text: str) -> str:
    """The text without the line `sep=;`, which tells a spreadsheet the sign between cells. An empty line stands for it."""
    first, end, rest = text.partition("\n")
    return end + rest if _SEP.fullmatch(first.strip()) else text
