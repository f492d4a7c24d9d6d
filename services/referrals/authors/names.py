"""Names of those who did something: "Sam F.", and for which organisation they work (MARKET R-7).

Names are identity's. It is asked once for a page, outside any transaction, and what it said is kept for a minute in this
process, nowhere else. Without an answer a list comes without names: who reads it waits for no other service.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.chassis.logs import log
from services.chassis.operations import Call
from services.contracts.errors import Refused
from services.contracts.identity import accounts

KEPT_S = 60.0
MOST_KEPT = 5_000
MOST_ASKED = 200  # in one question
_ACCOUNT_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Author:
    """How somebody is called, None where nobody knows, and what the organisation is called."""

    name: str | None
    organisation: str | None


class KnownAuthors:
    """What identity said lately, by organisation and account. An account it did not know is kept as well."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str | None, str], tuple[float, Author]] = {}
        self._lock = threading.Lock()

    def find(self, organisation_id: str | None, account_ids: Iterable[str]) -> dict[str, Author]:
        """Those of whom something is known that is not older than a minute."""
        now = time.monotonic()
        with self._lock:
            kept = {each: self._kept.get((organisation_id, each)) for each in account_ids}
        return {each: entry[1] for each, entry in kept.items() if entry is not None and entry[0] > now}

    def keep(self, organisation_id: str | None, authors: Mapping[str, Author]) -> None:
        """Keep what was said just now; the oldest goes where there is no room."""
        ends_at = time.monotonic() + KEPT_S
        with self._lock:
            for account_id, author in authors.items():
                self._kept.pop((organisation_id, account_id), None)
                self._kept[organisation_id, account_id] = (ends_at, author)
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]


def with_names(call: Call, answer: dict[str, Any], member: str = "actor") -> dict[str, Any]:
    """A list whose items' actors have names and, on the partner's side, the organisation. Call it after the reading.

    `answer` is a dumped reply with `items`; each has an Actor of the contract at `member`.
    """
    actors = [item[member] for item in answer["items"]]
    authors = authors_of(call, (actor["id"] for actor in actors))
    for actor in actors:
        author = authors.get(actor["id"])
        if author is not None and actor["side"] != "system":
            actor["name"] = author.name
            if actor["side"] == "partner":
                actor["organisation"] = author.organisation
    return answer


def with_name_of(call: Call, answer: dict[str, Any], member: str) -> dict[str, Any]:
    """A dumped reply whose `member`, an account's id, has the name beside it: in `<member>_name`, None where none is known.

    `answer` is one thing or a list with `items`. Call it after the reading, or after the transaction of a command.
    """
    things = answer.get("items", [answer])
    authors = authors_of(call, (thing[member] for thing in things))
    for thing in things:
        author = authors.get(thing[member])
        thing[f"{member}_name"] = author.name if author else None
    return answer


def authors_of(call: Call, account_ids: Iterable[str]) -> dict[str, Author]:
    """Authors by account id, as far as they are known or identity answers in time. Not inside a transaction."""
    # What acts by itself is no account.
    wanted = {each for each in account_ids if _ACCOUNT_ID.fullmatch(each)}
    known_authors = _known_authors(call.runtime)
    known = known_authors.find(call.organisation_id, wanted)
    try:
        for part in _in_parts(sorted(wanted - set(known))):
            said = _ask(call, part)
            known_authors.keep(call.organisation_id, said)
            known |= said
    except Refused as refusal:
        log.warning("authors_without_names", reason=refusal.code)
    return known


def _ask(call: Call, account_ids: list[str]) -> dict[str, Author]:
    answer = call.ask(accounts.describe_authors, {"account_ids": account_ids})
    names = {author["id"]: author["name"] for author in answer["authors"]}
    return {each: Author(names.get(each), answer["organisation_name"]) for each in account_ids}


def _in_parts(account_ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(account_ids), MOST_ASKED):
        yield account_ids[start : start + MOST_ASKED]


def _known_authors(runtime: Any) -> KnownAuthors:
    """The one memory of this process."""
    if not hasattr(runtime, "known_authors"):
        runtime.known_authors = KnownAuthors()
    known: KnownAuthors = runtime.known_authors
    return known
