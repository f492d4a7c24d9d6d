"""The child process that reads an uploaded file: a separate program, so that the service never loads the readers.

Its arguments are the file's path and the number of an open file for the summary. Records go to standard output.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from services.referrals.directory_imports.hsds_reader import HsdsReader
from services.referrals.directory_imports.icarol import ExportReader
from services.referrals.directory_imports.report import FileRefused, Report
from services.referrals.directory_imports.rules import HSDS_JSON, HSDS_PACKAGE, ICAROL
from services.referrals.directory_imports.spool import Spool, json_line

CPU_S, MEMORY_BYTES = 300, 1024**3
_ZIP = b"PK\x03\x04"


def source_of(file: BinaryIO) -> str:
    """The kind of a file, told by its first bytes: a zip, JSON, or CSV."""
    file.seek(0)
    opening = file.read(64)
    if opening.startswith(_ZIP):
        return HSDS_PACKAGE
    return HSDS_JSON if opening.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{") else ICAROL


def write_answer(path: Path, out: BinaryIO) -> dict[str, Any]:
    """Write a line for each valid record to `out`, and return the summary. Raises FileRefused."""
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
    os.nice(5)  # the service has priority
    try:
        said = write_answer(Path(sys.argv[1]), sys.stdout.buffer)
    except FileRefused as refusal:
        said = refusal.facts()
    sys.stdout.buffer.flush()
    os.write(int(sys.argv[2]), json_line(said))
