"""`python -m tests.support.watched_service <service> FILE`: a service process that records stalls of its loop.

A line is `<monotonic time> <stalled s> <overrun s>`. The overrun of a short sleep is how long a call had to wait. `stalled` is
the part of it in which the loop's thread was running or blocked. In the rest the thread was ready and the kernel ran other
programs: that depends on the machine and not on the service.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from services.chassis import run  # patches the standard library before anything else is imported

SLEEP_S = 0.005
WORTH_WRITING_S = 0.01
SCHEDULE = Path("/proc/thread-self/schedstat")


def ready_s() -> float:
    """How long this thread has waited for a core since it began; 0 if the kernel does not report it."""
    return int(SCHEDULE.read_text().split()[1]) / 1e9 if SCHEDULE.exists() else 0.0


def watch(path: str) -> None:
    """Sleep shortly again and again and record each overrun."""
    with open(path, "a", buffering=1) as file:  # noqa: PTH123 - line by line
        while True:
            started, ready = time.monotonic(), ready_s()
            time.sleep(SLEEP_S)
            overrun = time.monotonic() - started - SLEEP_S
            if overrun > WORTH_WRITING_S:
                stalled = max(0.0, overrun - (ready_s() - ready))
                file.write(f"{time.monotonic()} {stalled} {overrun}\n")


if __name__ == "__main__":
    threading.Thread(target=watch, args=(sys.argv[2],), daemon=True).start()
    sys.exit(run.main(sys.argv[1]))
