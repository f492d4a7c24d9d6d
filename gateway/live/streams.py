"""The open streams: what each watches, what it has not been told yet, and what was told lately.

Everything here belongs to the event loop's thread. What a stream waits to tell is a set of views, so a page that reads slowly
holds no more memory than it watches.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gateway.live.views import View, is_one

REMEMBERED = 10_000
MOST_OF_SESSION = 12
MOST_SHOWN = 5


@dataclass(eq=False)
class Stream:
    """One open page of a session."""

    token: str
    client_address: str | None
    account_id: str
    views: frozenset[View]
    name: str = ""
    pending: set[str] = field(default_factory=set)
    has_news_of_others: bool = False
    has_ended: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, view: str) -> None:
        """Tell the page that this view is stale."""
        self.pending.add(view)
        self.wake.set()

    def tell_of_others(self) -> None:
        """Tell the page that others have come to what it shows, or have gone."""
        self.has_news_of_others = True
        self.wake.set()

    def end(self) -> None:
        """End the stream: its session or its rights are not what they were."""
        self.has_ended = True
        self.wake.set()


class Elsewhere:
    """Who has what open at other processes: by thing and process, the names by account, and until when that holds."""

    def __init__(self) -> None:
        self._at: dict[View, dict[str, tuple[float, dict[str, str]]]] = defaultdict(dict)

    def note(self, process: str, view: View, people: dict[str, str], until: float) -> bool:
        """Note who is there; whether that is news."""
        before = self._at.get(view, {}).get(process, (0.0, {}))[1]
        if people:
            self._at[view][process] = (until, people)
        else:
            self._drop(view, process)
        return before != people

    def people_at(self, view: View) -> dict[str, str]:
        """The names of those who are there, by account."""
        found: dict[str, str] = {}
        for _, people in self._at.get(view, {}).values():
            found |= people
        return found

    def forget(self, now: float) -> list[View]:
        """Forget what no longer holds; where that was."""
        gone = [
            (view, process)
            for view, by_process in self._at.items()
            for process, (until, _) in by_process.items()
            if until <= now
        ]
        for view, process in gone:
            self._drop(view, process)
        return [view for view, _ in gone]

    def _drop(self, view: View, process: str) -> None:
        self._at[view].pop(process, None)
        if not self._at[view]:
            del self._at[view]


class Streams:
    """All open streams of this process, and who has the same things open elsewhere.

    `moved` are the things at which somebody of this process has come or gone, for those who tell the other processes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_view: dict[View, set[Stream]] = defaultdict(set)
        self._by_account: dict[str, set[Stream]] = defaultdict(set)
        self._count = 0
        self._boot = secrets.token_hex(4)
        self._number = 0
        self._told: deque[tuple[int, View]] = deque(maxlen=REMEMBERED)
        self._elsewhere = Elsewhere()
        self.moved: set[View] = set()
        self.has_moved = asyncio.Event()

    def __len__(self) -> int:
        return self._count

    @property
    def last_id(self) -> str:
        """The id of the newest event, for a page that comes back."""
        return f"{self._boot}-{self._number}"

    def add(self, stream: Stream, last_id: str) -> bool:
        """Take a stream in. False if there are too many. It is told what it has missed since `last_id`."""
        of_account = self._by_account[stream.account_id]
        of_session = sum(each.token == stream.token for each in of_account)
        if self._count >= self._most or of_session >= MOST_OF_SESSION:
            if not of_account:
                del self._by_account[stream.account_id]
            return False
        self._count += 1
        of_account.add(stream)
        for view in stream.views:
            self._by_view[view].add(stream)
        self._tell_of(stream)
        if last_id:
            for _, missed in self._missed(stream, last_id):
                stream.tell(missed)
        return True

    def remove(self, stream: Stream) -> None:
        """Forget a stream that is closed."""
        self._count -= 1
        _discard(self._by_account, stream.account_id, stream)
        for view in stream.views:
            _discard(self._by_view, view, stream)
        self._tell_of(stream)

    def others_at(self, stream: Stream) -> list[str]:
        """The names of those who have open what this page shows, each account once, without its own; at most MOST_SHOWN."""
        found: dict[str, str] = {}
        for view in filter(is_one, stream.views):
            found |= self._elsewhere.people_at(view) | self.here_at(view)
        found.pop(stream.account_id, None)
        return sorted(found.values())[:MOST_SHOWN]

    def here_at(self, view: View) -> dict[str, str]:
        """The names of those who have one thing open at this process, by account."""
        return {each.account_id: each.name for each in self._by_view.get(view, ())}

    def open_ones(self) -> list[View]:
        """The things that pages of this process have open."""
        return [view for view in self._by_view if is_one(view)]

    def note_elsewhere(self, process: str, view: View, people: dict[str, str], until: float) -> None:
        """Note who has a thing open at another process, and tell our pages of it where that is news."""
        if self._elsewhere.note(process, view, people, until):
            self._tell_at(view)

    def forget_elsewhere(self, now: float) -> None:
        """Forget what other processes have not said again, and tell our pages."""
        for view in self._elsewhere.forget(now):
            self._tell_at(view)

    def _tell_at(self, view: View) -> None:
        for stream in self._by_view.get(view, ()):
            stream.tell_of_others()

    def _tell_of(self, stream: Stream) -> None:
        """Tell the others at what this page shows that it has come or gone, and this page who is there."""
        ones = set(filter(is_one, stream.views))
        if ones:
            self.moved |= ones
            self.has_moved.set()
        for each in {each for view in ones for each in self._by_view.get(view, ())}:
            if each is stream or each.account_id != stream.account_id:
                each.tell_of_others()

    def tell(self, views: Iterable[View]) -> None:
        """Tell everybody who watches one of these."""
        for view in views:
            self._number += 1
            self._told.append((self._number, view))
            for stream in self._by_view.get(view, ()):
                stream.tell(view[1])

    def tell_all(self) -> None:
        """Tell everybody that everything may be stale: events may have been missed."""
        self._boot = secrets.token_hex(4)
        for streams in list(self._by_account.values()):
            for stream in streams:
                for _, view in stream.views:
                    stream.tell(view)

    def of_account(self, account_id: str) -> list[Stream]:
        """The streams of an account."""
        return list(self._by_account.get(account_id, ()))

    def every(self) -> list[Stream]:
        """All streams."""
        return [stream for streams in self._by_account.values() for stream in streams]

    def _missed(self, stream: Stream, last_id: str) -> Iterable[View]:
        boot, _, number = last_id.partition("-")
        is_known = boot == self._boot and number.isdecimal() and len(number) < 16
        first = self._told[0][0] if self._told else self._number + 1
        if not is_known or int(number) + 1 < first or int(number) > self._number:
            return stream.views
        return {view for told, view in self._told if told > int(number) and view in stream.views}


def _discard(index: dict[Any, set[Stream]], key: Any, stream: Stream) -> None:
    index[key].discard(stream)
    if not index[key]:
        del index[key]
