"""Writes at a steady rate from careful clients, which repeat a request with the same key until it is answered."""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

PATIENCE_S = 60.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 1.0


@dataclass
class Outcome:
    """One write: its answer, the time of the answer, and the errors before it."""

    number: int
    answer: Any
    answered_at: float
    errors: list[str] = field(default_factory=list)


@dataclass
class Write:
    """One request to send. `headers` are those beside its key."""

    path: str
    method: str = "POST"
    json: dict[str, Any] | None = None
    form: dict[str, Any] | None = None
    file: tuple[str, bytes, str] | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Load:
    """`count` writes at most, `rate` per second, by at most `clients` at once; `request(number)` is the write to send."""

    url: str
    token: str
    request: Callable[[int], Write]
    rate: float
    count: int
    clients: int = 96
    outcomes: list[Outcome] = field(default_factory=list)
    acknowledged: int = 0
    """How many were answered so far, about."""
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Part of every key: a later load must not get the answers of an earlier one."""
    _sessions: threading.local = field(default_factory=threading.local)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Send no more writes: `run` ends with the outcomes of those that were sent."""
        self._stopping.set()

    def run(self) -> list[Outcome]:
        """Send all writes, or those before `stop`. Returns every outcome, in order of number.

        Raises for a write that is never acknowledged.
        """
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(self.clients) as pool:
            waiting = []
            for number in range(self.count):
                if self._stopping.wait(max(0.0, started + number / self.rate - time.monotonic())):
                    break
                waiting.append(pool.submit(self._write, number))
            self.outcomes = [each.result() for each in waiting]
        self.count = len(self.outcomes)
        return self.outcomes

    @contextlib.contextmanager
    def going(self) -> Iterator[None]:
        """Runs it beside the block, and ends it with the block. Raises what `run` raises."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            run = pool.submit(self.run)
            try:
                yield
            finally:
                self.stop()
            run.result()

    def _write(self, number: int) -> Outcome:
        write = self.request(number)
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Idempotency-Key": f"load-{self.name}-{number}",
            **write.headers,
        }
        files = {"file": write.file} if write.file else None
        errors: list[str] = []
        ends_at = time.monotonic() + PATIENCE_S
        pause, pause_s = threading.Event(), FIRST_PAUSE_S
        while time.monotonic() < ends_at:
            try:
                response = self._session().request(
                    write.method,
                    self.url + write.path,
                    json=write.json,
                    data=write.form,
                    files=files,
                    headers=headers,
                    timeout=30,
                )
                if response.status_code < 300:
                    self.acknowledged += 1
                    return Outcome(number, response.json(), time.monotonic(), errors)
                if response.status_code < 500:
                    raise AssertionError(f"unexpected {response.status_code}: {response.text[:300]}")
                errors.append(f"{response.status_code} {response.text[:200]}")
            except requests.RequestException as error:
                errors.append(type(error).__name__)
            pause.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        raise AssertionError(f"write {number} was never acknowledged: {errors[-5:]}")

    def _session(self) -> requests.Session:
        """The connection of this client, which it keeps."""
        if not hasattr(self._sessions, "own"):
            self._sessions.own = requests.Session()
            self._sessions.own.trust_env = False
        session: requests.Session = self._sessions.own
        return session

    def first_success_after(self, moment: float) -> float:
        """Seconds from `moment` to the next acknowledgement of a write that had met an error."""
        later = [
            outcome.answered_at - moment
            for outcome in self.outcomes
            if outcome.errors and outcome.answered_at > moment
        ]
        return min(later, default=0.0)
