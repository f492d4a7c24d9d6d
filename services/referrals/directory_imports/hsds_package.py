"""Reads the tabular form of HSDS: a zip with one CSV file per table and, optionally, a `datapackage.json` that names them."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from services.referrals.directory.hsds_tables import table_of
from services.referrals.directory_imports.report import FileRefused

MAX_FILES = 100
MAX_BYTES = 600_000_000
MAX_RATIO = 200
MAX_DESCRIPTION_BYTES = 5_000_000
DESCRIPTION = "datapackage.json"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
BEYOND = ""  # the name of a row's cells for which the header has no column


def rows(file: BinaryIO) -> Iterator[tuple[str | None, str, int, dict[str, str]]]:
    """Table, file name, line and non-empty cells of each row. A file that is no table of HSDS has the table None, and no cells.

    Raises FileRefused with reason `not_a_zip`, `unsafe_zip`, `no_table`, `not_csv`, `undecodable` or `duplicate_column`.
    """
    try:
        package = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError):
        raise FileRefused("not_a_zip", "The file begins like a zip and is none.") from None
    with package:
        _check(package.infolist())
        tables = _tables(package)
        if not tables:
            raise FileRefused("no_table", "The package holds no table of HSDS, such as organizations.csv.")
        for name in sorted(_files(package) - tables.keys()):
            if not _is_description(name):
                yield None, name, 1, {}
        for name, table in tables.items():
            for line, row in _rows_of(package, name):
                yield table, name, line, row


def _check(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_FILES:
        raise FileRefused("unsafe_zip", f"The package holds more than {MAX_FILES} files.")
    if sum(member.file_size for member in members) > MAX_BYTES:
        raise FileRefused("unsafe_zip", f"Unpacked, the package has more than {MAX_BYTES:,} bytes.")
    for member in members:
        name = member.filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
            raise FileRefused("unsafe_zip", "A file's name leads out of the package.")
        if _CONTROL.search(name):
            raise FileRefused("unsafe_zip", "A file's name has control characters, such as a tab.")
        if member.flag_bits & 1:
            raise FileRefused("unsafe_zip", "The package is encrypted; send it without a password.")
        if member.file_size > MAX_RATIO * max(member.compress_size, 1) and member.file_size > 1_000_000:
            raise FileRefused("unsafe_zip", "A file grows too much when it is unpacked.", file=name[:80])


def _tables(package: zipfile.ZipFile) -> dict[str, str]:
    """The table of each CSV file, by file name."""
    names = _files(package)
    tables = {
        name: table for name in sorted(names) if name.lower().endswith(".csv") and (table := table_of(name))
    }
    description = next((name for name in sorted(names) if _is_description(name)), None)
    if description is not None:
        folder = description[: -len(DESCRIPTION)]
        by_spelling = {name.lower(): name for name in names}
        for entry in _described(package, description):
            path = str(entry.get("path")).removeprefix("./")
            name, table = by_spelling.get(f"{folder}{path}".lower()), table_of(str(entry.get("name")))
            if name is not None and table:
                tables[name] = table
    return tables


def _files(package: zipfile.ZipFile) -> set[str]:
    """The package's files, without its description and what file systems add (`__MACOSX`, `.DS_Store`)."""
    return {
        name
        for name in package.namelist()
        if not name.endswith("/")
        and not name.startswith("__MACOSX/")
        and not name.rsplit("/", 1)[-1].startswith(".")
    }


def _is_description(name: str) -> bool:
    return name.lower().rsplit("/", 1)[-1] == DESCRIPTION


def _described(package: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    with _opened(package, name) as file:
        text = file.read(MAX_DESCRIPTION_BYTES)
    try:
        described = json.loads(text)
    except (ValueError, RecursionError):
        raise FileRefused("not_json", "The package's description is no JSON.", file=name[:80]) from None
    resources = described.get("resources") if isinstance(described, dict) else None
    return [entry for entry in resources if isinstance(entry, dict)] if isinstance(resources, list) else []


def _opened(package: zipfile.ZipFile, name: str) -> Any:
    try:
        return package.open(name)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
        raise FileRefused("not_a_zip", "A file of the package cannot be unpacked.", file=name[:80]) from None


def _rows_of(package: zipfile.ZipFile, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    shown = name[:80]
    with _opened(package, name) as binary:
        text = io.TextIOWrapper(binary, "utf-8-sig", newline="")
        reader = csv.reader(text, strict=True)
        line = 1
        try:
            columns = [cell.strip().lower().replace(" ", "_") for cell in next(reader, [])]
            if len(set(columns)) != len(columns):
                raise FileRefused("duplicate_column", "The header names a column twice.", 1, file=shown)
            while True:
                line = reader.line_num + 1
                cells = next(reader, None)
                if cells is None:
                    return
                row = {column: cell for column, cell in zip(columns, cells, strict=False) if cell.strip()}
                beyond = sum(bool(cell.strip()) for cell in cells[len(columns) :])
                if beyond:
                    row[BEYOND] = str(beyond)
                if row:
                    yield line, row
        except csv.Error:
            raise FileRefused(
                "not_csv", "A quoted cell is not closed, or text follows its quote.", line, file=shown
            ) from None
        except UnicodeDecodeError:
            raise FileRefused("undecodable", "The text is not UTF-8.", line, file=shown) from None
        except (zipfile.BadZipFile, zlib.error, EOFError):
            raise FileRefused("not_a_zip", "A file of the package is damaged.", file=shown) from None
