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


class Streams:
    """All open streams of this process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_view: dict[View, set[Stream]] = defaultdict(set)
        self._by_account: dict[str, set[Stream]] = defaultdict(set)
        self._count = 0
        self._boot = secrets.token_hex(4)
        self._number = 0
        self._told: deque[tuple[int, View]] = deque(maxlen=REMEMBERED)

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
        found = {
            each.account_id: each.name
            for view in stream.views
            if is_one(view)
            for each in self._by_view.get(view, ())
            if each.account_id != stream.account_id
        }
        return sorted(found.values())[:MOST_SHOWN]

    def _tell_of(self, stream: Stream) -> None:
        """Tell the others at what this page shows that it has come or gone, and this page who is there."""
        at = {each for view in stream.views if is_one(view) for each in self._by_view.get(view, ())}
        for each in at:
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
