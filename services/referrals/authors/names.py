"""Names of authors, such as "Sam F.", and the organisations for which they work.

Names belong to identity. It is asked once for a page, outside any transaction, and its answers are kept for a minute in
this process only. Where identity does not answer, the list is shown without names, so reading it depends on no other
service.
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
from services.chassis.runtime import Runtime
from services.contracts.errors import Refused
from services.contracts.identity import accounts

KEPT_S = 60.0
MOST_KEPT = 5_000
MOST_ASKED = 200  # in one question
_ACCOUNT_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Author:
    """An author's name, None where it is unknown, and the name of the organisation."""

    name: str | None
    organisation: str | None


class KnownAuthors:
    """Identity's latest answers, by organisation and account. Accounts that it did not know are kept as well."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str | None, str], tuple[float, Author]] = {}
        self._lock = threading.Lock()

    def find(self, organisation_id: str | None, account_ids: Iterable[str]) -> dict[str, Author]:
        """The authors that were kept within the last minute."""
        now = time.monotonic()
        with self._lock:
            kept = {each: self._kept.get((organisation_id, each)) for each in account_ids}
        return {each: entry[1] for each, entry in kept.items() if entry is not None and entry[0] > now}

    def keep(self, organisation_id: str | None, authors: Mapping[str, Author]) -> None:
        """Keep new answers; the oldest ones are dropped beyond `MOST_KEPT`."""
        ends_at = time.monotonic() + KEPT_S
        with self._lock:
            for account_id, author in authors.items():
                self._kept.pop((organisation_id, account_id), None)
                self._kept[organisation_id, account_id] = (ends_at, author)
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]


def with_names(call: Call, answer: dict[str, Any], member: str = "actor") -> dict[str, Any]:
    """A list whose actors have names and, on the partner's side, organisations. Call it when the session is closed.

    `answer` is a dumped reply with `items`; each item has an Actor of the contract at `member`.
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
    """A dumped reply with the name of the account at `member` added as `<member>_name`, None where it is unknown.

    `answer` is one object or a list with `items`. Call it when the session or the command's transaction is closed.
    """
    things = answer.get("items", [answer])
    authors = authors_of(call, (thing[member] for thing in things))
    for thing in things:
        author = authors.get(thing[member])
        thing[f"{member}_name"] = author.name if author else None
    return answer


def authors_of(call: Call, account_ids: Iterable[str]) -> dict[str, Author]:
    """Authors by account id: those that are kept, or that identity tells in time. Not inside a transaction."""
    # A service that acts by itself has no account id.
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


def _known_authors(runtime: Runtime) -> KnownAuthors:
    """The authors that this process keeps."""
    return runtime.parts.get(KnownAuthors, KnownAuthors)
