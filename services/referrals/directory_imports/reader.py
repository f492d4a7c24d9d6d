"""Reading an uploaded file in a separate process.

A large file takes seconds of computing, and memory that a long-lived process would not give back. The child reads it and
returns one compact line per record through a file, parents first. The service loads only some of them at a time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import IO, Any, Self

from services.referrals.directory_imports.report import FileRefused
from services.referrals.directory_imports.spool import Entry, entry_of

CHECKOUT = Path(__file__).resolve().parents[3]
CHILD = "services.referrals.directory_imports.reader_child"
WALL_S = 400


class Upload:
    """The contents of a file: `total` records, one after the other, and the file's part of the report."""

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
        """Skip this number of records, which were taken before."""
        for _ in islice(self._answer, count):
            pass

    def rewind(self) -> None:
        """Go back to the first record."""
        self._answer.seek(0)

    def take(self, count: int) -> list[Entry]:
        """The next records, at most `count`; none at the end."""
        return [entry_of(line) for line in islice(self._answer, count)]


def read_upload(path: Path) -> Upload:
    """Read the file at `path`. The caller closes the upload.

    Raises FileRefused, also when it takes too much time or memory.
    """
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
                [sys.executable, "-W", "ignore", "-m", CHILD, str(path), str(head.fileno())],
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
