"""Detects when the event loop stands still, and reports the code that held it.

A heartbeat, a timer of the event loop, notes the time every 50 ms. When it comes late, it reports the metric
`event_loop_stall_seconds` and, above 250 ms, the log line `event_loop_stalled` with the stack that held the loop and the
CPU time used (`user_ms`: without the kernel's part). A native thread takes that stack: ten times a second it checks the
age of the last heartbeat.

**What counts as a stall.** The heartbeat is late, and meanwhile the loop's thread computed, or waited in a call that does
not yield. Time in which the machine did not run the thread does not count: `held` is the lateness minus the longer of

- the time the loop's thread was ready to run and waited for a core (`run_delay` in /proc/thread-self/schedstat), and
- the time by which the native thread overslept while the process used no CPU, because the process was stopped (SIGSTOP)
  or the whole machine stood still.

`held` is never less than the CPU time that the loop's thread used since the last heartbeat. Without /proc (not Linux) time
spent waiting for a core counts. A call that blocks while it holds the interpreter's lock looks like a stopped process and
is not detected; none of our libraries does this.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import time
from dataclasses import dataclass

import eventlet

from services.chassis import logs, metrics
from services.chassis.logs import log

BEAT_S = 0.05
WORTH_COUNTING_S = 0.05
WORTH_A_LINE_S = 0.25
LOOK_S = 0.1
TAKE_STACK_AFTER_S = 0.15  # early enough for at least one look before WORTH_A_LINE_S
SCHEDULE = "/proc/thread-self/schedstat"
USER_TIME_OF = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)  # not Linux: of the process

_native_threading = eventlet.patcher.original("threading")
_native_sleep = eventlet.patcher.original("time").sleep


@dataclass(frozen=True, slots=True)
class Beat:
    """The loop's clocks at a heartbeat, in s: the time, its thread's CPU time and user time, its thread's wait for a core."""

    at: float
    cpu: float
    user: float
    ready: float


@dataclass(slots=True)
class Look:
    """What the native thread has seen since one heartbeat: the stack, and how long the process did not run."""

    beat_at: float
    where: str | None = None
    overslept: float = 0.0


@dataclass(frozen=True, slots=True)
class Sleep:
    """The current sleep of the native thread: when it should end, and the CPU time of the process at its start."""

    due: float
    cpu: float

    def overslept(self) -> float:
        """By how much the sleep is overdue, without the CPU time of the process meanwhile."""
        computed = max(0.0, time.process_time() - self.cpu - LOOK_S)
        return max(0.0, time.monotonic() - self.due - computed)


class StallMonitor:
    """Watches the event loop of the thread that starts it, until the process ends."""

    def __init__(self, service: str) -> None:
        self._metric = metrics.LOOP_STALL.labels(service)
        self._schedule: int | None = None

    def start(self) -> None:
        """Start watching. Call it in the thread of the event loop."""
        with contextlib.suppress(OSError):
            self._schedule = os.open(SCHEDULE, os.O_RDONLY)
        self._hub = eventlet.hubs.get_hub()
        self._loop_thread = _native_threading.get_ident()
        self._last = self._clocks()
        self._look = Look(self._last.at)
        self._sleep = Sleep(time.monotonic() + LOOK_S, time.process_time())
        self._hub.schedule_call_global(BEAT_S, self._beat)
        _native_threading.Thread(target=self._watch, name="stall-monitor", daemon=True).start()

    def _clocks(self) -> Beat:
        ready = int(os.pread(self._schedule, 80, 0).split()[1]) / 1e9 if self._schedule is not None else 0.0
        user = resource.getrusage(USER_TIME_OF).ru_utime
        return Beat(time.monotonic(), time.thread_time(), user, ready)

    def _beat(self) -> None:
        last, self._last = self._last, self._clocks()
        self._hub.schedule_call_global(BEAT_S, self._beat)
        late = self._last.at - last.at - BEAT_S
        if late > WORTH_COUNTING_S:
            look, overslept = self._look, self._sleep.overslept()
            where = None
            if look.beat_at == last.at:
                where, overslept = look.where, overslept + look.overslept
            not_run = max(self._last.ready - last.ready, overslept)
            computed = self._last.cpu - last.cpu
            held = max(computed - BEAT_S, late - not_run)
            eventlet.spawn(
                self._report, held, computed, self._last.user - last.user, where
            )  # a log line may block; a timer of the loop must not

    def _report(self, held: float, computed: float, user: float, where: str | None) -> None:
        if held > WORTH_COUNTING_S:
            self._metric.observe(held)
        if held > WORTH_A_LINE_S:
            log.warning(
                "event_loop_stalled",
                ms=round(held * 1000),
                cpu_ms=round(computed * 1000),
                user_ms=round(user * 1000),
                where=where or "outside",
            )

    def _watch(self) -> None:
        while True:
            self._sleep = Sleep(time.monotonic() + LOOK_S, time.process_time())
            _native_sleep(LOOK_S)
            overslept, last, now = self._sleep.overslept(), self._last, time.monotonic()
            if last.at != self._look.beat_at:
                self._look = Look(last.at)
            self._look.overslept += min(overslept, now - last.at)
            if self._look.where is None and now - last.at - BEAT_S > TAKE_STACK_AFTER_S:
                self._look.where = self._stack()

    def _stack(self) -> str | None:
        """The stack of the loop's thread or, without code of ours in it, those of the other threads."""
        frames = sys._current_frames()  # noqa: SLF001 - documented for debugging
        own = logs.stack(frames.pop(self._loop_thread))
        frames.pop(_native_threading.get_ident())
        return own or "; ".join(filter(None, map(logs.stack, frames.values()))) or None
