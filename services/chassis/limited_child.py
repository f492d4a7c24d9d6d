"""The program of the child process in which untrusted files are read. It limits its own memory and CPU, then does one job.

`python -I limited_child.py JOB LIMITS`: JOB is the path of a program with a function `answer(data, limits)`, LIMITS is JSON.
The file is read from standard input and the answer written to standard output. Any other end (signal, exit code) means
that the file cannot be read. The child imports no module of Portico.
"""

from __future__ import annotations

import json
import os
import resource
import runpy
import sys
from typing import Any


def main() -> None:
    """Do one job within the limits."""
    job, limits = sys.argv[1], json.loads(sys.argv[2])
    _limit_myself(limits)
    answer = runpy.run_path(job)["answer"]
    sys.stdout.buffer.write(answer(sys.stdin.buffer.read(limits["max_bytes"] + 1), limits))
    sys.stdout.flush()
    # Skip the interpreter's teardown: freeing a hostile object tree may recurse deeply.
    os._exit(0)


def _limit_myself(limits: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_s"], limits["cpu_s"]))
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory_bytes"], limits["memory_bytes"]))


if __name__ == "__main__":
    main()
