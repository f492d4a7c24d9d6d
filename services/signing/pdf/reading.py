"""Has an untrusted PDF read by a child process with limits of its own (`limited_child`).

A document that makes a parser hang, grow or crash ends the child and not the service.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

CHILD = Path(__file__).with_name("limited_child.py")


def answer_of(job: str, file: BinaryIO, limits: Mapping[str, Any], most_bytes: int) -> bytes | None:
    """The answer of a job about the document in an open file; None if the child broke a limit.

    `limits` has at least `max_bytes`, `cpu_s`, `wall_s` and `memory_bytes`. Under eventlet the wait yields to other
    greenlets, because subprocess is patched.
    """
    try:
        # The child gets an open file: a pipe would have to be fed while it runs, and a path could be replaced.
        # -I: the child ignores Python settings in the environment and modules in this folder. `env` holds no secrets.
        done = subprocess.run(  # noqa: S603 - a program of this package, with numbers as arguments
            [sys.executable, "-I", str(CHILD), job, json.dumps(dict(limits))],
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
