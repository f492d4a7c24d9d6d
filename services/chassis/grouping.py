"""Work that is done for several simultaneous callers at once: the first leads, and does it for all that have come by then.

A commit, or a call of another service, costs more than the rest of a small task, while ten tasks in one cost hardly more
than one. A caller that is alone is not delayed. Works in threads and in greenlets.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from services.contracts.errors import Refused

LOOK_EVERY_S = 0.5  # who waits looks so often whether it is hopeless

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Group(Generic[Item, Outcome]):
    """The members of one round of work."""

    def __init__(self, grouping: Grouping[Item, Outcome]) -> None:
        self._grouping = grouping
        self.members: list[_Member[Item, Outcome]] = []

    def gather(self) -> list[Item]:
        """The items of all callers that have come by now. Gather as late as possible: whoever comes later is in the next group."""
        self.members += self._grouping.taken(len(self.members))
        return [member.item for member in self.members]


class Grouping(Generic[Item, Outcome]):
    """Groups callers. Only one group is at work at any time; callers that come meanwhile form the next one.

    `work(group)` gathers the items and returns one outcome for each, in their order. Its error reaches the leader; other
    members get a copy if it is a Refused, and `refusal()` if it is not. Callers that wait also get it as soon as `is_hopeless()`.
    """

    def __init__(
        self,
        work: Callable[[Group[Item, Outcome]], Sequence[Outcome]],
        refusal: Callable[[], Refused],
        most: int = 1000,
        is_hopeless: Callable[[], bool] = lambda: False,
    ) -> None:
        self._work = work
        self._refusal = refusal
        self._most = most
        self._is_hopeless = is_hopeless
        self._lock = threading.Lock()
        self._waiting: list[_Member[Item, Outcome]] = []
        self._is_led = False

    def do(self, item: Item, within_s: float) -> Outcome:
        """The outcome for this item. Raises `refusal()` when no group has served it within this time."""
        member: _Member[Item, Outcome] = _Member(item)
        with self._lock:
            self._waiting.append(member)
            member.leads = not self._is_led
            self._is_led = True
        if not member.leads and not self._is_called(member, within_s):
            self._give_up(member)
        if member.leads:
            self._lead()
        if member.failure is not None:
            raise member.failure
        outcome: Outcome = member.outcome
        return outcome

    def _is_called(self, member: _Member[Item, Outcome], within_s: float) -> bool:
        ends_at = time.monotonic() + within_s
        while not member.called.acquire(timeout=max(0.0, min(LOOK_EVERY_S, ends_at - time.monotonic()))):
            if time.monotonic() >= ends_at or self._is_hopeless():
                return False
        return True

    def taken(self, have: int) -> list[_Member[Item, Outcome]]:
        """Members for a group that has this many. Only a group calls this."""
        with self._lock:
            room = self._most - have
            taken, self._waiting = self._waiting[:room], self._waiting[room:]
        return taken

    def _lead(self) -> None:
        """Do the work of a group and release its members. The first caller that came meanwhile leads the next group."""
        group = Group(self)
        outcomes: Sequence[Outcome] = ()
        error: BaseException | None = None
        try:
            outcomes = self._work(group)
        except BaseException as failure:
            error = failure
            raise
        finally:
            # If the work never gathered, all callers that wait are refused now.
            self._end(group.members or self.taken(0), outcomes, error)

    def _end(
        self, members: list[_Member[Item, Outcome]], outcomes: Sequence[Outcome], error: BaseException | None
    ) -> None:
        for at, member in enumerate(members):
            if error is None:
                member.outcome = outcomes[at]
            else:
                member.failure = _copy(error) if isinstance(error, Refused) else self._refusal()
            member.called.release()
        with self._lock:
            self._is_led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].called.release()

    def _give_up(self, member: _Member[Item, Outcome]) -> None:
        """Refuse a member that has waited too long, unless it has just become the leader."""
        with self._lock:
            if member.leads:
                return
            if member in self._waiting:
                self._waiting.remove(member)
        raise self._refusal()


class _Member(Generic[Item, Outcome]):
    """One caller. `called` is released once: when its group has ended, or when it shall lead."""

    __slots__ = ("called", "failure", "item", "leads", "outcome")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.leads = False
        self.outcome: Any = None
        self.failure: Refused | None = None
        self.called = threading.Lock()
        self.called.acquire()


def _copy(refusal: Refused) -> Refused:
    """One for each member, because raising changes an exception's traceback."""
    return Refused(refusal.code, refusal.detail, refusal.field, **refusal.more)
