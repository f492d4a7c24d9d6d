"""Records on their way from the child that reads a file to the service: one line each, in files, agencies first."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

from services.contracts.spelling import search_key
from services.referrals.directory.rules import (
    PARENTS_FIRST,
    Level,
    ResourceRecord,
    fingerprint_of,
    has_place,
    is_public,
    keys_of,
    record_as_json,
)
from services.referrals.directory.terms import terms_of
from services.referrals.directory_imports.report import Place, Problem

ParentProblem = Callable[[Place, str], Problem | None]


class Entry(NamedTuple):
    """One record: the members that an import compares, and `columns`, the JSON of its row, not parsed yet.

    `orphan` is the problem to report, as JSON, unless the directory holds the record's agency already.
    """

    number: str
    level: Level
    fingerprint: str
    line: int
    orphan: bytes
    columns: bytes


class Spool:
    """Keeps records in a temporary file for each level, so that parents come first."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._files: dict[Level, Any] = {
            level: self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
            for level in PARENTS_FIRST
        }

    def add(self, place: Place, record: ResourceRecord) -> None:
        """Keep the record from `place`."""
        as_json = record_as_json(record)
        columns = {
            "number": record.number,
            "level": record.level.value,
            "name": record.name,
            "search_key": search_key(record.name),
            "status": record.status.value,
            "parent_number": record.parent_number or None,
            "temporary_message": as_json.get("temporary_message"),
            "is_public": is_public(as_json, record.status.value),
            "has_place": has_place(as_json),
            "keys": keys_of(as_json),
            "terms": terms_of(as_json),
            "record": as_json,
        }
        where = (str(place.line), place.file or "")
        head = (record.number, fingerprint_of(as_json), *where, record.parent_number or "", "")
        self._files[record.level].write("\t".join(head).encode() + json_line(columns))

    def entries(self, parent_problem: ParentProblem) -> Iterator[tuple[Problem | None, bytes]]:
        """Each record's line for the service, or the problem for which it is refused."""
        for level, file in self._files.items():
            file.seek(0)
            for text in file:
                number, mark, line, name, parent, columns = text.split(b"\t")
                place = Place(int(line), name.decode() or None)
                problem = parent_problem(place, parent.decode()) if parent else None
                if problem is not None and problem.code != "orphan":
                    yield problem, b""
                    continue
                orphan = json_line(asdict(problem)).rstrip() if problem else b""
                yield None, b"\t".join((number, level.value.encode(), mark, line, orphan, columns))

    def close(self) -> None:
        """Delete the temporary files."""
        self._stack.close()


def entry_of(text: bytes) -> Entry:
    """The entry that a line of `Spool.entries` holds."""
    number, level, mark, line, orphan, columns = text.rstrip(b"\n").split(b"\t")
    return Entry(number.decode(), Level(level.decode()), mark.decode(), int(line), orphan, columns)


def json_line(value: Any) -> bytes:
    """A value as JSON on one line. JSON escapes line ends and tabs inside the value."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass") + b"\n"
