"""Reading an uploaded export in a process of its own.

A file of thousands of rows takes seconds of computing and tens of megabytes, which a long-lived process would keep. The
child reads it and hands back one compact line a record; only those, still as bytes, come into the service.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from services.contracts.errors import Refused
from services.referrals.directory.icarol import FileRefused, parse
from services.referrals.directory.rules import Level, fingerprint, record_as_json, search_key

CHECKOUT = Path(__file__).resolve().parents[3]
CPU_S, MEMORY_BYTES, WALL_S = 60, 2 * 1024**3, 90
PROBLEMS_SHOWN = 200


class Entry(NamedTuple):
    """One record, light: what an import compares, and `columns`, the JSON of its row."""

    number: str
    level: Level
    fingerprint: str
    columns: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """What a file holds: entries in file order, and the part of the report that needs no database."""

    entries: tuple[Entry, ...]
    levels: dict[str, int]
    refused: int
    problems: list[dict[str, Any]]
    warnings: list[dict[str, Any]]


def read_upload(path: Path, known_agency_numbers: Iterable[str]) -> Upload:
    """Read the export at `path`.

    Raises Refused(not_found), FileRefused, or Refused(import_file_refused) when it takes too much time or memory.
    """
    if not path.is_file():
        raise Refused("not_found", "The document is not in the store.")
    with tempfile.TemporaryFile() as known, tempfile.TemporaryFile() as answer:
        known.write(json.dumps(list(known_agency_numbers)).encode())
        known.seek(0)
        try:
            done = subprocess.run(  # noqa: S603 - our own program and a generated name
                [sys.executable, "-W", "ignore", "-m", __name__, str(path)],
                cwd=CHECKOUT,
                stdin=known,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                env={"LC_ALL": "C.UTF-8", "PYTHONPATH": str(CHECKOUT)},
                timeout=WALL_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _too_much() from None
        answer.seek(0)
        head = answer.readline()
        if done.returncode != 0 or not head:
            raise _too_much()
        summary = json.loads(head)
        if "reason" in summary:
            raise FileRefused(**summary)
        return Upload(entries=tuple(_entry(line) for line in answer), **summary)


def _entry(line: bytes) -> Entry:
    number, level, mark, columns = line.rstrip(b"\n").split(b"\t", 3)
    return Entry(number.decode(), Level(level.decode()), mark.decode(), columns)


def _too_much() -> Refused:
    return Refused(
        "import_file_refused", "Reading the file takes too much time or memory.", "file", reason="too_large"
    )


def _write_answer(path: Path, known_agency_numbers: frozenset[str]) -> None:
    """The child: a line with the summary, then a line with tab-separated number, level, fingerprint and columns for each record."""
    out = sys.stdout.buffer
    try:
        parsed = parse(path.read_bytes(), known_agency_numbers)
    except FileRefused as refusal:
        out.write(
            _json(
                {
                    "reason": refusal.reason,
                    "detail": refusal.detail,
                    "line": refusal.line,
                    "column": refusal.column,
                }
            )
        )
        return
    out.write(
        _json(
            {
                "levels": Counter(record.level.value for record in parsed.records),
                "refused": len(parsed.refused),
                "problems": [asdict(problem) for problem in parsed.refused[:PROBLEMS_SHOWN]],
                "warnings": [asdict(problem) for problem in parsed.warnings[:PROBLEMS_SHOWN]],
            }
        )
    )
    for record in parsed.records:
        as_json = record_as_json(record)
        columns = {
            "number": record.number,
            "level": record.level.value,
            "name": record.name,
            "search_key": search_key(record.name),
            "status": record.status.value,
            "parent_number": record.parent_number or None,
            "temporary_message": as_json.get("temporary_message"),
            "record": as_json,
        }
        out.write(
            "\t".join((record.number, record.level.value, fingerprint(record), "")).encode() + _json(columns)
        )


def _json(value: Any) -> bytes:
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"
    )


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    os.nice(5)  # the service goes before
    _write_answer(Path(sys.argv[1]), frozenset(json.load(sys.stdin)))
