"""Has an untrusted file read by a child process with limits of its own (`limited_child`).

A file that makes a parser hang, grow or crash ends the child and not the service.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

CHILD = Path(__file__).with_name("limited_child.py")


def opened(content: bytes | Path) -> BufferedReader:
    """An open file with this content, at its beginning. The caller closes it."""
    if isinstance(content, Path):
        return content.open("rb")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(content)
    file.seek(0)
    return cast(BufferedReader, file)


def answer_of(job: Path, file: BinaryIO, limits: Mapping[str, Any], most_bytes: int) -> bytes | None:
    """The answer of a job (a program beside its caller) about an open file; None if the child broke a limit.

    `limits` has at least `max_bytes`, `cpu_s`, `wall_s` and `memory_bytes`; without `written_bytes` the job can write no file.
    Under eventlet the wait yields to other greenlets, because subprocess is patched.
    """
    try:
        # The child gets an open file: a pipe would have to be fed while it runs, and a path could be replaced.
        # -I: the child ignores Python settings in the environment and modules in this folder. `env` holds no secrets.
        done = subprocess.run(  # noqa: S603 - a program of this package, with a path of ours and numbers as arguments
            [sys.executable, "-I", str(CHILD), str(job), json.dumps(dict(limits))],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C.UTF-8"},
            timeout=limits["wall_s"],
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 and len(done.stdout) <= most_bytes else None
