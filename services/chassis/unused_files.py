"""Deletes kept files to which no row refers.

A service keeps a file before it commits the row that refers to it, so a process that ends in between leaves a file without
a row. Files that are new are spared, because their request may be about to commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from itertools import islice

from sqlalchemy.orm import Session

from services.chassis.blobs import StoredFile
from services.chassis.logs import log
from services.chassis.loop import Loop
from services.chassis.runtime import Runtime

EVERY_S = 3600.0
LOOP = "unused-files"
_ASKED_AT_ONCE = 100
MOST_UNKNOWN = 50  # files that are deleted although not one of the organisation's is in use

FilesInUse = Callable[[Session, Collection[str]], set[str]]
"""Those of these files, by their SHA-256, to which rows of the session's organisation refer."""


class UnusedFilesLoop(Loop):
    """Sweeps the part of the store that belongs to this service."""

    def __init__(self, runtime: Runtime, part: str, files_in_use: FilesInUse) -> None:
        super().__init__(LOOP, lambda: sweep(runtime, part, files_in_use, self.stopping.is_set), EVERY_S)


def sweep(
    runtime: Runtime, part: str, files_in_use: FilesInUse, is_stopping: Callable[[], bool] = lambda: False
) -> bool:
    """Delete the files of a part that are old and not in use, asking the database about some of them at a time."""
    before = time.time() - runtime.settings.unused_files_kept_hours * 3600
    for organisation_id in runtime.blobs.organisations():
        _sweep_one(runtime, organisation_id, part, files_in_use, before, is_stopping)
    return True


def _sweep_one(
    runtime: Runtime,
    organisation_id: str,
    part: str,
    files_in_use: FilesInUse,
    before: float,
    is_stopping: Callable[[], bool],
) -> None:
    """Sweep the part of one organisation.

    Nothing is deleted before one file has been found in use, unless there are few: a database that knows none of many files
    is more probably not the right one, or not restored yet, than right.
    """
    old = runtime.blobs.old_files(organisation_id, part, before)
    doomed: list[StoredFile] = []
    is_known = False
    while files := list(islice(old, _ASKED_AT_ONCE)):
        if is_stopping():
            return
        with runtime.database.reading(organisation_id) as session:
            in_use = files_in_use(session, [each.name for each in files])
        is_known = is_known or bool(in_use)
        doomed += [each for each in files if each.name not in in_use]
        if is_known:
            runtime.blobs.delete_old(organisation_id, doomed, before)
            doomed = []
        elif len(doomed) > MOST_UNKNOWN:
            log.error(
                "unused_files_spared", part=part, cure="is the database the one that belongs to this store?"
            )
            return
    runtime.blobs.delete_old(organisation_id, doomed, before)
