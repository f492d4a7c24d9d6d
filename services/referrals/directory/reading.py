"""Reading an uploaded file in a process of its own.

A large file takes seconds of computing and memory that a long-lived process would keep. The child reads it and hands
back one compact line a record through a file, parents first; only a few hundred at a time come into the service.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO, Self

from services.contracts.errors import Refused
from services.referrals.directory.hsds_reader import HsdsReader
from services.referrals.directory.icarol import ExportReader
from services.referrals.directory.report import FileRefused, Report
from services.referrals.directory.rules import HSDS_JSON, HSDS_PACKAGE, ICAROL
from services.referrals.directory.spool import Entry, Spool, entry_of, json_line

CHECKOUT = Path(__file__).resolve().parents[3]
CPU_S, MEMORY_BYTES, WALL_S = 300, 1024**3, 400
_ZIP = b"PK\x03\x04"


class Upload:
    """What a file holds: `total` records that come one after the other, and the file's part of the report."""

    def __init__(self, answer: IO[bytes], summary: dict[str, Any]) -> None:
        self._answer = answer
        self.source: str = summary["source"]
        self.total: int = summary["total"]
        self.refused: int = summary["refused"]
        self.problems: list[dict[str, Any]] = summary["problems"]
        self.warnings: list[dict[str, Any]] = summary["warnings"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()

    def skip(self, count: int) -> None:
        """Pass over so many records: they were taken before."""
        for _ in islice(self._answer, count):
            pass

    def take(self, count: int) -> list[Entry]:
        """The next records, at most `count`; none at the end."""
        return [entry_of(line) for line in islice(self._answer, count)]


def read_upload(path: Path) -> Upload:
    """Read the file at `path`; close what comes back.

    Raises Refused(not_found), FileRefused, or Refused(import_file_refused) when it takes too much time or memory.
    """
    if not path.is_file():
        raise Refused("not_found", "The document is not in the store.")
    answer = tempfile.TemporaryFile()  # noqa: SIM115 - the upload closes it
    try:
        summary = _read_in_child(path, answer)
    except BaseException:
        answer.close()
        raise
    return Upload(answer, summary)


def _read_in_child(path: Path, answer: IO[bytes]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as head:
        try:
            done = subprocess.run(  # noqa: S603 - our own program and a generated name
                [sys.executable, "-W", "ignore", "-m", __name__, str(path), str(head.fileno())],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                pass_fds=(head.fileno(),),
                env={"LC_ALL": "C.UTF-8", "PYTHONPATH": str(CHECKOUT)},
                timeout=WALL_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _too_much() from None
        head.seek(0)
        text = head.read()
    answer.seek(0)
    if done.returncode != 0 or not text:
        raise _too_much()
    summary: dict[str, Any] = json.loads(text)
    if "reason" in summary:
        raise FileRefused(**summary)
    return summary


def _too_much() -> FileRefused:
    return FileRefused("too_large", "Reading the file takes too much time or memory.")


def source_of(file: BinaryIO) -> str:
    """What kind of file this is, by how it begins: a zip, JSON, or CSV."""
    file.seek(0)
    opening = file.read(64)
    if opening.startswith(_ZIP):
        return HSDS_PACKAGE
    return HSDS_JSON if opening.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{") else ICAROL


def write_answer(path: Path, out: BinaryIO) -> dict[str, Any]:
    """The child's work: a line for each record that stands into `out`; the summary comes back. Raises FileRefused."""
    report, spool = Report(), Spool()
    with path.open("rb") as file:
        source = source_of(file)
        reader: Any = ExportReader(report) if source == ICAROL else HsdsReader(report, source)
        for place, record in reader.records(file):
            spool.add(place, record)
    total = _hand_on(spool, reader, report, out)
    spool.close()
    report.problems.sort(key=lambda problem: problem.line)
    return {"source": source, "total": total, **report.as_json()}


def _hand_on(spool: Spool, reader: Any, report: Report, out: BinaryIO) -> int:
    total = 0
    entries: Iterator[Any] = spool.entries(reader.parent_problem)
    for problem, line in entries:
        if problem is not None:
            report.refuse([problem])
        else:
            out.write(line)
            total += 1
    return total


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    os.nice(5)  # the service goes before
    try:
        said = write_answer(Path(sys.argv[1]), sys.stdout.buffer)
    except FileRefused as refusal:
        said = refusal.facts()
    sys.stdout.buffer.flush()
    os.write(int(sys.argv[2]), json_line(said))
