"""Reading an uploaded feed in a child process.

Reading a large file takes seconds, and memory that the service would not give back.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from services.chassis.turns import in_turns
from services.contracts.errors import Refused
from services.identity.hr_feed.feed_file import FileRefused, Parsed, Problem, parse
from services.identity.hr_feed.rules import FeedRow

CHECKOUT = Path(__file__).resolve().parents[3]
CPU_S, MEMORY_BYTES, WALL_S = 30, 2 * 1024**3, 45
PROBLEMS_SHOWN = 200


def read_feed(path: Path, file_format: str) -> Parsed:
    """Read the file at `path`. The answer has the first 200 of its problems.

    Raises FileRefused, or Refused(import_file_refused) when it takes too much time or memory.
    """
    with tempfile.TemporaryFile() as answer:
        try:
            done = subprocess.run(  # noqa: S603 - this module, and a path that the service has made
                [sys.executable, "-W", "ignore", "-m", __name__, str(path), file_format],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
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
        summary: dict[str, Any] = json.loads(head)
        if "reason" in summary:
            raise FileRefused(**summary)
        problems = [Problem(**problem) for problem in summary["problems"]]
        rows = [_row(*json.loads(line)) for line in in_turns(answer)]
    return Parsed(rows, problems, summary["refused_numbers"], summary["refused"])


def _row(line: int, number: str, values: dict[str, str], is_active: bool, marks: list[list[str]]) -> FeedRow:
    return FeedRow(line, number, values, is_active, tuple(map(tuple, marks)))


def _too_much() -> Refused:
    return Refused(
        "import_file_refused", "Reading the file takes too much time or memory.", "file", reason="too_large"
    )


def _write_answer(path: Path, file_format: str) -> None:
    """Write the child's answer: a line with the summary, then a line for each row."""
    out = sys.stdout.buffer
    try:
        parsed = parse(path.read_bytes(), file_format)
    except FileRefused as refusal:
        members = ("reason", "detail", "line", "column")
        out.write(_line({member: getattr(refusal, member) for member in members}))
        return
    # Refused rows come before warnings, so that the limit leaves out warnings first.
    problems = sorted(parsed.problems, key=lambda problem: (not problem.is_refused, problem.line))
    out.write(
        _line(
            {
                "problems": [asdict(problem) for problem in problems[:PROBLEMS_SHOWN]],
                "refused_numbers": parsed.refused_numbers,
                "refused": parsed.refused,
            }
        )
    )
    for row in parsed.rows:
        out.write(_line([row.line, row.number, dict(row.values), row.is_active, row.marks]))


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    os.nice(5)  # the service has priority
    _write_answer(Path(sys.argv[1]), sys.argv[2])
