"""Starts processes, restarts those that die, and stops all of them.

A child that dies is started again after 0.2 s, then 0.4 s and so on up to 10 s. After 30 s of life the delay starts from
0.2 s again. The watch loop runs in a thread, so that a test can use a supervisor and kill its processes.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy import children

FIRST_BACKOFF_S = 0.2
LONGEST_BACKOFF_S = 10.0
LIFE_THAT_RESETS_BACKOFF_S = 30.0
LOGS_KEPT = 3  # beside the current one
_WATCH_EVERY_S = 0.05
_DEATHS_THAT_END_THE_WAIT = 6


@dataclass(frozen=True)
class Process:
    """A process to run. `env` is its whole environment; `ready_url` answers 200 once the process can serve."""

    name: str
    command: list[str]
    env: Mapping[str, str]
    ready_url: str | None = None
    stop_timeout_s: float = 30.0
    cwd: Path | None = None


class NotReady(RuntimeError):
    """A process did not become ready; the message ends with its last log lines."""


@dataclass
class _Child:
    process: Process
    running: subprocess.Popen[bytes] | None = None
    is_wanted: bool = False
    started_at: float = 0.0
    backoff_s: float = FIRST_BACKOFF_S
    start_again_at: float = 0.0
    deaths: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)


class Supervisor:
    """Runs `processes`, with one log file each in `log_dir`. `echo` gets a sentence for each restart."""

    def __init__(
        self, processes: Iterable[Process], log_dir: Path, echo: Callable[[str], None] = lambda _line: None
    ) -> None:
        self._log_dir = log_dir
        self._echo = echo
        self._children = {process.name: _Child(process) for process in processes}
        self._closing = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def names(self) -> list[str]:
        """The processes under supervision, in the order they were given."""
        return list(self._children)

    def start_all(self) -> None:
        """Start every process and the watch loop."""
        for name in self.names:
            self.start(name)

    def add(self, process: Process) -> None:
        """Take one more process under supervision and start it. Raises ValueError if the name is taken."""
        if process.name in self._children:
            raise ValueError(f"{process.name} is supervised already")
        self._children[process.name] = _Child(process)
        self.start(process.name)

    def remove(self, name: str) -> None:
        """Stop a process and forget it."""
        self.stop(name)
        del self._children[name]

    def start(self, name: str) -> None:
        """Start one process unless it runs, and keep it running from now on."""
        child = self._children[name]
        with child.lock:
            child.is_wanted = True
            child.backoff_s = FIRST_BACKOFF_S
            child.deaths = 0
            if child.running is None:
                self._spawn(child)
        self._ensure_watching()

    def stop(self, name: str) -> int | None:
        """SIGTERM one process, SIGKILL its group after its stop timeout; returns its exit code. It is not restarted."""
        child = self._children[name]
        with child.lock:
            child.is_wanted = False
            running, child.running = child.running, None
        if running is None:
            return None
        return children.end(running, timeout_s=child.process.stop_timeout_s)

    def restart(self, name: str) -> None:
        """Stop, then start at once."""
        self.stop(name)
        self.start(name)

    def kill(self, name: str, sig: signal.Signals = signal.SIGKILL) -> None:
        """Send `sig` to the process alone. If it dies, it is restarted as after any other death."""
        running = self._children[name].running
        if running is not None:
            running.send_signal(sig)

    def stop_all(self) -> None:
        """SIGTERM every process at the same time and wait for all of them."""
        self._closing.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        stops = [threading.Thread(target=self.stop, args=(name,)) for name in self.names]
        for thread in stops:
            thread.start()
        for thread in stops:
            thread.join()

    def pid(self, name: str) -> int | None:
        """The process id, or None while it is down."""
        running = self._children[name].running
        return running.pid if running is not None and running.poll() is None else None

    def deaths(self, name: str) -> int:
        """How often the process has died by itself since the last `start`."""
        return self._children[name].deaths

    def log(self, name: str) -> Path:
        """The file of the process' output, which restarts append to."""
        return self._log_dir / f"{name}.log"

    def rotate_logs(self, most_bytes: int) -> None:
        """Move what is in a log of more than `most_bytes` into `<name>.log.1`, and so on up to LOGS_KEPT.

        The process writes on into the same file, which is emptied; what it writes in that moment is lost.
        """
        for name in self.names:
            current = self.log(name)
            if not current.exists() or current.stat().st_size <= most_bytes:
                continue
            for number in range(LOGS_KEPT, 1, -1):
                older = current.with_name(f"{current.name}.{number - 1}")
                if older.exists():
                    older.replace(current.with_name(f"{current.name}.{number}"))
            shutil.copyfile(current, current.with_name(f"{current.name}.1"))
            os.truncate(current, 0)

    def rss_mb(self, name: str) -> float:
        """Resident memory in MB (10^6 bytes) of the process and its children; 0 while it is down."""
        leader = self.pid(name)
        if leader is None:
            return 0.0
        return sum(_rss_bytes(member) for member in _group_members(leader)) / 1e6

    def wait_ready(self, timeout_s: float = 60, names: Iterable[str] | None = None) -> None:
        """Wait until each process (all by default) runs and answers 200 on its ready URL. Raises NotReady."""
        deadline = time.monotonic() + timeout_s
        for name in names if names is not None else self.names:
            self._wait_ready(name, deadline)

    def _wait_ready(self, name: str, deadline: float) -> None:
        answer = ""
        while time.monotonic() < deadline and self.deaths(name) < _DEATHS_THAT_END_THE_WAIT:
            if self.pid(name) is not None:
                answer = _readiness(self._children[name].process.ready_url)
                if answer == "":
                    return
            time.sleep(_WATCH_EVERY_S)
        raise NotReady(
            f"{name} is not ready: {answer or 'it is not running'}, died {self.deaths(name)} times.\n"
            f"The end of {self.log(name)}:\n{children.tail(self.log(name))}"
        )

    def _ensure_watching(self) -> None:
        if self._watcher is None:
            self._closing.clear()
            self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
            self._watcher.start()

    def _watch(self) -> None:
        while not self._closing.wait(_WATCH_EVERY_S):
            for child in list(self._children.values()):
                with child.lock:
                    self._look_after(child, time.monotonic())

    def _look_after(self, child: _Child, now: float) -> None:
        if not child.is_wanted:
            return
        if child.running is None:
            if now >= child.start_again_at:
                self._spawn(child)
        elif child.running.poll() is not None:
            self._note_death(child, child.running, now)

    def _note_death(self, child: _Child, dead: subprocess.Popen[bytes], now: float) -> None:
        # Children of the dead process could still hold its port.
        children.kill_group(dead)
        if now - child.started_at >= LIFE_THAT_RESETS_BACKOFF_S:
            child.backoff_s = FIRST_BACKOFF_S
        child.running = None
        child.deaths += 1
        child.start_again_at = now + child.backoff_s
        self._echo(
            f"{child.process.name} ended with {dead.returncode}; starting it again in {child.backoff_s:g} s"
        )
        child.backoff_s = min(child.backoff_s * 2, LONGEST_BACKOFF_S)

    def _spawn(self, child: _Child) -> None:
        self._log_dir.mkdir(parents=True, exist_ok=True)
        with self.log(child.process.name).open("ab") as output:
            child.running = children.spawn(
                child.process.command, env=child.process.env, output=output, cwd=child.process.cwd
            )
        child.started_at = time.monotonic()


def _readiness(url: str | None) -> str:
    """The reason why `url` is not ready. Empty if it is ready, or if there is no URL."""
    if url is None:
        return ""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback URL
            return "" if answer.status == 200 else f"{url} answered {answer.status}"
    except urllib.error.HTTPError as error:
        return f"{url} answered {error.code}"
    except OSError as error:
        return f"{url}: {error}"


def _group_members(leader: int) -> list[int]:
    """The processes in the group that `leader` leads (Linux: field 5 of /proc/<pid>/stat)."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may contain spaces and parentheses.
            fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == leader:
            members.append(int(stat.parent.name))
    return members


def _rss_bytes(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0
