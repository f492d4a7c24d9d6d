"""The program of the child process in which untrusted files are read. It limits its own memory and CPU, then does one job.

`python -I limited_child.py JOB LIMITS`: JOB is the path of a program with a function `answer(file, limits)`, LIMITS is JSON.
The file is standard input, open at its beginning, so that a job reads no more of it than it needs. The answer goes to standard
output. Any other end (signal, exit code) means that the file cannot be read. The child imports no module of Portico.
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
    if os.fstat(sys.stdin.fileno()).st_size > limits["max_bytes"]:
        sys.exit(1)
    answer = runpy.run_path(job)["answer"]
    sys.stdout.buffer.write(answer(sys.stdin.buffer, limits))
    sys.stdout.flush()
    # Skip the interpreter's teardown: freeing a hostile object tree may recurse deeply.
    os._exit(0)


def _limit_myself(limits: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A job that needs a large file for a moment may write one of this size.
    written = limits.get("written_bytes", 0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (written, written))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_s"], limits["cpu_s"]))
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory_bytes"], limits["memory_bytes"]))


if __name__ == "__main__":
    main()
