"""Finding names as they are typed, typing errors included, in a few milliseconds among a hundred thousand.

Each process keeps the names of the directories that are searched in it: agencies and programs only, as that is all one
finds (S0-20). Before each search the directory's revision is compared, and what changed since is read. The rows that are
shown come from the database; the names here only say which.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.referrals.directory.models import Resource
from services.referrals.directory.revisions import revision_of
from services.referrals.directory.rules import (
    SEARCHABLE_LEVELS,
    ResourceStatus,
    errors_forgiven,
    name_rank,
    search_key,
)

MOST_NAMES_KEPT = 400_000
READ_AT_ONCE = 2_000
# Further names are not looked for among the misspelt once so many are found.
ENOUGH = 200


class Names:
    """The names of one organisation's directory, to the revision that was read."""

    def __init__(self) -> None:
        self.revision = -1
        self._ids: list[str] = []
        self._keys: list[str] = []
        self._is_inactive = bytearray()
        self._positions: dict[str, int] = {}
        self._by_word: dict[str, array[int]] = {}
        self._words_by_length: dict[int, list[str]] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def put(self, resource_id: str, key: str, *, is_inactive: bool) -> None:
        """Add a name, or replace the one that the resource had."""
        at = self._positions.get(resource_id)
        if at is None:
            at = self._positions[resource_id] = len(self._ids)
            self._ids.append(resource_id)
            self._keys.append("")
            self._is_inactive.append(0)
        self._is_inactive[at] = is_inactive
        if self._keys[at] == key:
            return
        # Old words keep pointing here; a name that is found by one is looked at before it counts.
        self._keys[at] = key
        for word in set(key.split()):
            known = self._by_word.get(word)
            if known is None:
                self._by_word[word] = known = array("I")
                self._words_by_length.clear()
            known.append(at)

    def find(self, typed: str, limit: int, *, include_inactive: bool) -> list[str]:
        """Ids of the best names for what was typed, best first."""
        wanted = search_key(typed)
        if not wanted:
            return []
        ranked = self._as_typed(wanted)
        if len(ranked) < limit:
            ranked |= {at: rank for at, rank in self._misspelt(wanted).items() if at not in ranked}
        found = [at for at in ranked if include_inactive or not self._is_inactive[at]]
        found.sort(key=lambda at: (self._is_inactive[at], ranked[at], self._keys[at], self._ids[at]))
        return [self._ids[at] for at in found[:limit]]

    def _as_typed(self, wanted: str) -> dict[int, int]:
        """Position and rank of the names that hold every word as it was typed."""
        first, *others = sorted(wanted.split(), key=len, reverse=True)
        holding = [at for at, key in enumerate(self._keys) if first in key]
        if others:
            holding = [at for at in holding if all(word in self._keys[at] for word in others)]
        return {at: name_rank(wanted, self._keys[at]) for at in holding}

    def _misspelt(self, wanted: str) -> dict[int, int]:
        """Position and rank of the names with a word, or the beginning of one, that is nearly each word typed."""
        squeezed = wanted.replace(" ", "")
        found = {
            at: name_rank(wanted, key) + 1
            for at, key in enumerate(self._keys)
            if squeezed in key.replace(" ", "")
        }
        errors: dict[int, int] = {}
        for count, typed in enumerate(wanted.split()):
            near = self._near(typed)
            errors = (
                near if count == 0 else {at: errors[at] + more for at, more in near.items() if at in errors}
            )
            if not errors:
                break
        best = sorted(errors, key=errors.__getitem__)[:ENOUGH]
        return {at: name_rank(wanted, self._keys[at]) + errors[at] for at in best} | found

    def _near(self, typed: str) -> dict[int, int]:
        """Position, and the fewest errors, of the names with a word that begins nearly like `typed`."""
        most = errors_forgiven(typed)
        near: dict[int, int] = {}
        for word, distance in self._near_words(typed, most):
            for at in self._by_word[word]:
                if near.get(at, most + 1) > distance and word in self._keys[at]:
                    near[at] = distance
        return near

    def _near_words(self, typed: str, most: int) -> Iterable[tuple[str, int]]:
        """Words whose beginning is at most `most` errors away. A letter left out or typed twice shifts where it ends."""
        words = list(self._by_word)
        nearest: dict[str, int] = {}
        for length in range(len(typed) - min(most, 1), len(typed) + min(most, 1) + 1):
            beginnings = self._words_by_length.get(length)
            if beginnings is None:
                beginnings = self._words_by_length[length] = [word[:length] for word in words]
            for _, distance, at in extract(
                typed, beginnings, scorer=OSA.distance, score_cutoff=most, limit=None
            ):
                nearest[words[at]] = min(distance, nearest.get(words[at], distance))
        return nearest.items()


class NameIndex:
    """The names of all directories that are searched in this process; those that rest longest are forgotten first."""

    def __init__(self, most_names: int = MOST_NAMES_KEPT) -> None:
        self._most_names = most_names
        self._directories: OrderedDict[str, Names] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, session: Session, typed: str, limit: int, *, include_inactive: bool) -> list[str]:
        """Ids of the best names in the session's organisation, as the database has them now."""
        return self._fresh(session).find(typed, limit, include_inactive=include_inactive)

    def _fresh(self, session: Session) -> Names:
        organisation_id = session.info["organisation_id"]
        revision = revision_of(session)
        names = self._directories.get(organisation_id)
        if names is None or names.revision < revision:
            with self._lock:  # one reads, the others wait for what it read
                names = self._directories.setdefault(organisation_id, Names())
                if names.revision < revision:
                    _read(session, names, revision)
                self._forget_some(organisation_id)
        self._directories.move_to_end(organisation_id)
        return names

    def _forget_some(self, but: str) -> None:
        while len(self._directories) > 1 and sum(map(len, self._directories.values())) > self._most_names:
            oldest = next(each for each in self._directories if each != but)
            del self._directories[oldest]


def _read(session: Session, names: Names, revision: int) -> None:
    """Bring `names` up to what the session sees, with a pause for others now and then."""
    statement = (
        select(Resource.id, Resource.search_key, Resource.status)
        .where(
            Resource.revision > names.revision,
            Resource.level.in_([level.value for level in SEARCHABLE_LEVELS]),
        )
        .execution_options(yield_per=READ_AT_ONCE)
    )
    for chunk in session.execute(statement).partitions():
        for resource_id, key, status in chunk:
            names.put(resource_id, key, is_inactive=status == ResourceStatus.INACTIVE.value)
        time.sleep(0)
    names.revision = revision


def names_of(runtime: Any) -> NameIndex:
    """The names that this process keeps."""
    index: NameIndex | None = getattr(runtime, "directory_names", None)
    if index is None:
        index = runtime.directory_names = NameIndex()
    return index
