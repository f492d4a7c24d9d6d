"""Child processes that never outlive us: the one way in which this folder starts a process.

Linux can send a child a signal when its parent dies (``PR_SET_PDEATHSIG``). The "parent" in that rule is the
*thread* that forked, so a child started from a short-lived thread would be ended too early. All children are
therefore forked from one thread that lives as long as this process.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

_FORKER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="child-forker")


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    output: IO[bytes] | int,
    cwd: Path | None = None,
    user: str | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, with stdout and stderr going to `output`.

    `death_signal` is what the child gets if this process dies first. `user` (root only) runs it as that account.
    Raises OSError when the program cannot be started.
    """

    def fork() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*_dying_with_us(death_signal), *command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )

    return _FORKER.submit(fork).result()


def _dying_with_us(death_signal: signal.Signals) -> list[str]:
    """The words before a command that have Linux send it `death_signal` when we die; it keeps its process id.

    util-linux's `setpriv` is on every Debian and Ubuntu. Where it is missing, a killed parent leaves children.
    """
    setpriv = shutil.which("setpriv")
    return [] if setpriv is None else [setpriv, "--pdeathsig", death_signal.name, "--"]


def end(
    process: subprocess.Popen[bytes], *, timeout_s: float, sig: signal.Signals = signal.SIGTERM
) -> int | None:
    """Ask `process` to stop, kill its whole group after `timeout_s`, and return its exit code."""
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            kill_group(process)
    # A leader that exited may leave workers behind in its group.
    kill_group(process)
    return process.wait(10)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL everything in the session that `process` leads; quiet when nothing of it is left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def tail(log: Path, lines: int = 20) -> str:
    """The last `lines` lines of a log file, or an empty string when there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])


def pid_runs(pid: int, mark: str) -> bool:
    """Whether `pid` is alive and has `mark` on its command line (so that a reused pid is not taken for ours)."""
    try:
        return mark.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def end_foreign(pid: int, mark: str, *, sig: signal.Signals = signal.SIGTERM, timeout_s: float = 20) -> None:
    """End a process that is not our child, if it runs and has `mark` on its command line; kill it when it lingers."""
    deadline = time.monotonic() + timeout_s
    asked = False
    while pid_runs(pid, mark):
        late = time.monotonic() > deadline
        if late or not asked:
            os.kill(pid, signal.SIGKILL if late else sig)
            asked = True
        time.sleep(0.1)
