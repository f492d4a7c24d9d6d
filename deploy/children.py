"""Long-running child processes that end when this process ends.

Linux can send a child a signal when its parent dies (`PR_SET_PDEATHSIG`). The parent in this sense is the *thread* that
forked, so a child of a short-lived thread would end too early. Therefore one thread, which lives as long as this process,
forks all children.
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

    The child gets `death_signal` if this process dies first. `user` (root only) is the account that it runs as.
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
    """The prefix of a command that makes Linux send it `death_signal` when we die. It keeps the process id.

    Linux sends nothing if we have died before it was told so: then the command does not start. Every Debian and Ubuntu has
    `setpriv` (util-linux). Without it, a killed parent leaves children behind.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return []
    unless_orphaned = '[ "$PPID" = "$0" ] || exit 1; exec "$@"'
    return [
        setpriv,
        "--pdeathsig",
        death_signal.name,
        "--",
        "/bin/sh",
        "-c",
        unless_orphaned,
        str(os.getpid()),
    ]


def end(
    process: subprocess.Popen[bytes], *, timeout_s: float, sig: signal.Signals = signal.SIGTERM
) -> int | None:
    """Ask `process` to stop and kill its group after `timeout_s`; returns its exit code."""
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            kill_group(process)
    # A leader that has exited may leave workers behind in its group.
    kill_group(process)
    return process.wait(10)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL everything in the process group that `process` leads, if anything is left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def tail(log: Path, lines: int = 20) -> str:
    """The last `lines` lines of a log file; empty if there is no file."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])


def pid_runs(pid: int, mark: str) -> bool:
    """Whether `pid` is alive and has `mark` on its command line, which rules out a reused pid."""
    try:
        return mark.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def end_foreign(pid: int, mark: str, *, sig: signal.Signals = signal.SIGTERM, timeout_s: float = 20) -> None:
    """End a process that is not our child, if it has `mark` on its command line. Kill it after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    asked = False
    while pid_runs(pid, mark):
        late = time.monotonic() > deadline
        if late or not asked:
            os.kill(pid, signal.SIGKILL if late else sig)
            asked = True
        time.sleep(0.1)
