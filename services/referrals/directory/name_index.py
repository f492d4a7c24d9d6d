"""The names that one process keeps in memory for quick searches.

It keeps agencies and programs (S0-20), and apart from them sites. Each search first compares the directory's revision and
reads the names that have changed since. The names only tell which resources match; their rows come from the database.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.chassis.database import Database
from services.chassis.loop import Loop
from services.chassis.runtime import Runtime
from services.chassis.turns import in_turns
from services.referrals.directory.models import DirectoryRevision, Resource
from services.referrals.directory.names import Names
from services.referrals.directory.revisions import revision_of
from services.referrals.directory.rules import SEARCHABLE_LEVELS, Level, ResourceStatus

MOST_NAMES_KEPT = 400_000
# Some 70 MB. Directories beyond that are read by their first search.
MOST_NAMES_WARMED = 150_000
READ_AT_ONCE = 2_000
WARMED_EVERY_S = 60.0


class _Kept(NamedTuple):
    """The names of one directory as of a revision."""

    revision: int
    names: Names
    sites: Names


class NameIndex:
    """The names of all directories searched in this process; those not used for the longest time are dropped first."""

    def __init__(self, most_names: int = MOST_NAMES_KEPT) -> None:
        self._most_names = most_names
        self._directories: OrderedDict[str, _Kept] = OrderedDict()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._is_warmed = False

    def find(
        self, session: Session, typed: str, limit: int, *, include_inactive: bool, sites: bool = False
    ) -> list[str]:
        """Numbers of the best matches among agencies and programs, or `sites`, up to date with the database."""
        kept = self._current(session)
        names = kept.sites if sites else kept.names
        return names.find(typed, limit, include_inactive=include_inactive)

    def warm(self, database: Database, most_names: int = MOST_NAMES_WARMED) -> bool:
        """Read names ahead of searches: first the largest directories, later the changes of those that are kept.

        Always True. It reads in small pieces and yields to other greenlets between them.
        """
        wanted = list(self._directories) if self._is_warmed else _largest(database, most_names)
        for organisation_id in wanted:
            with database.reading(organisation_id) as session:
                self._current(session)
        self._is_warmed = True
        return True

    def _current(self, session: Session) -> _Kept:
        organisation_id, revision = session.info["organisation_id"], revision_of(session)
        kept = self._kept_of(organisation_id)
        if kept.revision < revision:
            with self._locks[organisation_id]:  # one search reads, the others wait for its result
                kept = self._refreshed(session, organisation_id, revision)
        return kept

    def _kept_of(self, organisation_id: str) -> _Kept:
        return self._directories.get(organisation_id) or _Kept(-1, Names(), Names())

    def _refreshed(self, session: Session, organisation_id: str, revision: int) -> _Kept:
        kept = self._kept_of(organisation_id)
        if kept.revision < revision:
            levels = [level.value for level in (*SEARCHABLE_LEVELS, Level.SITE)]
            statement = (
                select(
                    Resource.number, Resource.search_key, Resource.status, Resource.level, Resource.retired_at
                )
                .where(Resource.revision > kept.revision, Resource.level.in_(levels))
                .execution_options(yield_per=READ_AT_ONCE)
            )
            rows = session.execute(statement)
            for number, key, status, level, retired_at in in_turns(rows, READ_AT_ONCE):
                names = kept.sites if level == Level.SITE.value else kept.names
                # Without a word, a retired resource is found by no search.
                shown = "" if retired_at is not None else key
                names.put(number, shown, is_inactive=status == ResourceStatus.INACTIVE.value)
            kept = self._directories[organisation_id] = kept._replace(revision=revision)
        self._directories.move_to_end(organisation_id)
        self._forget_some()
        return kept

    def _forget_some(self) -> None:
        while len(self._directories) > 1 and self._kept() > self._most_names:
            self._directories.popitem(last=False)

    def _kept(self) -> int:
        return sum(len(each.names) + len(each.sites) for each in list(self._directories.values()))


def _largest(database: Database, most_names: int) -> list[str]:
    """Organisations with the largest directories that together have at most `most_names` resources."""
    with database.reading(None) as session:
        organisation_ids = session.scalars(select(DirectoryRevision.organisation_id)).all()
        # Counted one by one and only up to the limit, because in SQLite a statement blocks the whole process.
        sizes = [(_size(session, each, most_names + 1), each) for each in in_turns(organisation_ids, 1)]
    found = []
    for resources, organisation_id in sorted(sizes, reverse=True):
        if resources <= most_names:
            most_names -= resources
            found.append(organisation_id)
    return found


def _size(session: Session, organisation_id: str, at_most: int) -> int:
    counted = select(Resource.number).where(Resource.organisation_id == organisation_id).limit(at_most)
    return session.scalar(select(func.count()).select_from(counted.subquery())) or 0


def warming(runtime: Runtime) -> Loop:
    """The loop that keeps the names up to date; its first turn starts at once."""
    loop = Loop("directory-names", lambda: names_of(runtime).warm(runtime.database), WARMED_EVERY_S)
    loop.wake()
    return loop


def names_of(runtime: Runtime) -> NameIndex:
    """The names that this process keeps."""
    return runtime.parts.get(NameIndex, NameIndex)
