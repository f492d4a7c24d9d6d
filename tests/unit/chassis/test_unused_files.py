"""Kept files to which no row refers are deleted once they are old; all others stay."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.chassis import unused_files
from services.chassis.blobs import DOCUMENTS, BlobStore
from services.chassis.unused_files import UnusedFilesLoop, sweep

HARBOR, BAYSIDE = "a" * 32, "b" * 32


class Rows:
    """Stands for a service's database: which files its rows refer to, by organisation."""

    def __init__(self) -> None:
        self.used: set[tuple[str, str]] = set()
        self.asked: list[int] = []

    @contextmanager
    def reading(self, organisation_id: str) -> Iterator[Any]:
        yield organisation_id

    def files_in_use(self, session: Any, sha256s: Collection[str]) -> set[str]:
        self.asked.append(len(sha256s))
        return {sha256 for sha256 in sha256s if (session, sha256) in self.used}


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def runtime(tmp_path: Path, rows: Rows) -> Any:
    return SimpleNamespace(
        blobs=BlobStore(tmp_path), database=rows, settings=SimpleNamespace(unused_files_kept_hours=2)
    )


def kept(runtime: Any, content: bytes, *, hours: float, organisation_id: str = HARBOR) -> str:
    """A document that was kept so long ago."""
    sha256, _ = runtime.blobs.put(organisation_id, [content], 100)
    path = runtime.blobs.path(organisation_id, sha256)
    os.utime(path, (0, path.stat().st_mtime - hours * 3600))
    return str(sha256)


def left(runtime: Any) -> set[str]:
    return {path.name for path in runtime.blobs.folder.rglob("*") if path.is_file()} - {".bytes"}


def test_what_is_old_and_not_in_use_goes(runtime: Any, rows: Rows):
    used, young = kept(runtime, b"used", hours=3), kept(runtime, b"young", hours=1.9)
    kept(runtime, b"unused", hours=2.1)
    rows.used = {(HARBOR, used)}

    assert sweep(runtime, DOCUMENTS, rows.files_in_use)

    assert left(runtime) == {used, young}


def test_each_organisation_is_asked_about_its_own_files(runtime: Any, rows: Rows):
    used = kept(runtime, b"plan", hours=3)
    assert kept(runtime, b"plan", hours=3, organisation_id=BAYSIDE) == used
    rows.used = {(HARBOR, used)}

    sweep(runtime, DOCUMENTS, rows.files_in_use)

    assert runtime.blobs.path(HARBOR, used).exists()
    assert not runtime.blobs.path(BAYSIDE, used).exists()


def test_a_few_are_asked_about_at_a_time(runtime: Any, rows: Rows, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unused_files, "_ASKED_AT_ONCE", 2)
    for number in range(5):
        kept(runtime, bytes([number]), hours=3)

    sweep(runtime, DOCUMENTS, rows.files_in_use)

    assert rows.asked == [2, 2, 1]
    assert left(runtime) == set()


def test_what_is_kept_anew_while_the_rows_are_read_stays(runtime: Any, rows: Rows):
    """The row that refers to it is committed later."""
    sha256 = kept(runtime, b"plan", hours=3)

    def kept_meanwhile(session: Any, sha256s: Collection[str]) -> set[str]:
        in_use = rows.files_in_use(session, sha256s)
        runtime.blobs.keep(HARBOR, sha256)
        return in_use

    sweep(runtime, DOCUMENTS, kept_meanwhile)

    assert left(runtime) == {sha256}


def test_a_process_that_stops_sweeps_no_more(runtime: Any, rows: Rows):
    sha256 = kept(runtime, b"plan", hours=3)
    loop = UnusedFilesLoop(runtime, DOCUMENTS, rows.files_in_use)
    loop.stopping.set()

    assert loop._work()
    assert (left(runtime), rows.asked) == ({sha256}, [])

    loop.stopping.clear()
    assert loop._work()
    assert left(runtime) == set()


@pytest.mark.parametrize(("unused", "used", "stays"), [(50, 0, 0), (51, 0, 51), (51, 1, 1)])
def test_a_database_that_knows_none_of_many_files_deletes_none(
    runtime: Any, rows: Rows, monkeypatch: pytest.MonkeyPatch, unused: int, used: int, stays: int
):
    monkeypatch.setattr(unused_files, "_ASKED_AT_ONCE", 60)
    for number in range(unused):
        kept(runtime, f"unused {number}".encode(), hours=3)
    rows.used = {(HARBOR, kept(runtime, f"used {number}".encode(), hours=3)) for number in range(used)}

    sweep(runtime, DOCUMENTS, rows.files_in_use)

    assert len(left(runtime)) == stays
