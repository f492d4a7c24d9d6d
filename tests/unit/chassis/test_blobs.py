"""The store of documents: named by content, separate for each organisation, complete or absent."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from services.chassis import blobs
from services.chassis.blobs import LEAST_FREE_BYTES, BlobStore
from services.contracts.errors import Refused

HARBOR, BAYSIDE = "a" * 32, "b" * 32


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path)


def files(folder: Path) -> list[Path]:
    """All files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_stored_is_read_by_its_hash(store: BlobStore):
    sha256, size = store.put(HARBOR, [b"plan ", b"of care"], 100)

    assert (sha256, size) == (hashlib.sha256(b"plan of care").hexdigest(), 12)
    assert store.read(HARBOR, sha256) == b"plan of care"


def test_the_same_content_again_is_one_file(store: BlobStore, tmp_path: Path):
    assert store.put(HARBOR, [b"plan"], 100) == store.put(HARBOR, [b"pl", b"an"], 100)
    assert len(files(tmp_path)) == 1


def test_another_organisation_cannot_read_it_even_with_the_hash(store: BlobStore):
    sha256, _ = store.put(HARBOR, [b"plan"], 100)

    with pytest.raises(Refused) as refusal:
        store.read(BAYSIDE, sha256)
    assert refusal.value.code == "not_found"


def test_a_file_at_the_limit_is_kept_and_one_byte_more_leaves_nothing(store: BlobStore, tmp_path: Path):
    store.put(HARBOR, [b"x" * 100], 100)
    before = files(tmp_path)

    with pytest.raises(Refused) as refusal:
        store.put(HARBOR, [b"y" * 60, b"y" * 41], 100)

    assert refusal.value.code == "request_too_large"
    assert files(tmp_path) == before


def test_an_upload_that_breaks_off_leaves_nothing(store: BlobStore, tmp_path: Path):
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        store.put(HARBOR, pieces(), 100)

    assert files(tmp_path) == []


def test_a_file_that_has_changed_is_not_given_out(store: BlobStore):
    sha256, _ = store.put(HARBOR, [b"plan"], 100)
    store.path(HARBOR, sha256).write_bytes(b"plot")

    with pytest.raises(OSError, match="has changed"):
        store.read(HARBOR, sha256)


@pytest.mark.parametrize("sha256", ["", "..", "../" * 8 + "etc/passwd", "A" * 64, "e" * 63, "e" * 64 + "\n"])
def test_a_name_that_is_no_hash_opens_nothing(store: BlobStore, sha256: str):
    with pytest.raises(Refused) as refusal:
        store.path(HARBOR, sha256)
    assert refusal.value.code == "not_found"


@pytest.mark.parametrize("organisation", ["", "..", "harbor", "../" + "a" * 32, "a" * 32 + "/x"])
def test_an_organisation_that_is_no_id_has_no_folder(store: BlobStore, organisation: str):
    with pytest.raises(ValueError, match="organisation id"):
        store.put(organisation, [b"x"], 100)


def test_what_passes_through_is_found_until_it_is_swept_away(store: BlobStore, tmp_path: Path):
    sha256, _ = store.put_passing(HARBOR, [b"paper"], 100)
    assert store.find(HARBOR, sha256).read_bytes() == b"paper"
    assert store.sweep_passing(older_than_s=60) == 0
    assert store.sweep_passing(older_than_s=-1) == 1
    assert files(tmp_path) == []
    with pytest.raises(Refused):
        store.find(HARBOR, sha256)


def test_a_kept_copy_of_what_passed_through_stays(store: BlobStore):
    sha256, _ = store.put_passing(HARBOR, [b"paper"], 100)
    store.put(HARBOR, [b"paper"], 100)
    assert store.sweep_passing(older_than_s=-1) == 1
    assert store.find(HARBOR, sha256) == store.path(HARBOR, sha256)
    assert store.read(HARBOR, sha256) == b"paper"


def test_sweeping_where_nothing_was_ever_stored_does_nothing(store: BlobStore):
    assert store.sweep_passing(older_than_s=0) == 0


@pytest.mark.fault("F9")
@pytest.mark.fault("A6")
@pytest.mark.parametrize(
    ("free_bytes", "entries", "free_entries", "has"),
    [
        (LEAST_FREE_BYTES, 1000, 1, True),
        (LEAST_FREE_BYTES, 0, 0, True),
        (LEAST_FREE_BYTES - 4096, 1000, 500, False),
        (LEAST_FREE_BYTES, 1000, 0, False),
    ],
)
def test_a_disk_without_space_or_entries_is_known(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free_bytes: int,
    entries: int,
    free_entries: int,
    has: bool,
):
    system = SimpleNamespace(
        f_bavail=free_bytes // 4096, f_frsize=4096, f_files=entries, f_favail=free_entries
    )
    monkeypatch.setattr(blobs.os, "statvfs", lambda _folder: system)

    assert blobs.has_room(tmp_path) is has


def test_a_folder_that_is_not_there_yet_has_room(tmp_path: Path):
    assert blobs.has_room(tmp_path / "later")


@pytest.mark.fault("F9")
def test_a_full_disk_is_told_and_nothing_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(blobs.os, "fsync", full)

    with pytest.raises(Refused) as refused:
        BlobStore(tmp_path).put(HARBOR, [b"plan"], 100)

    assert (refused.value.code, refused.value.more) == ("service_unavailable", {"retry_after_s": 60})
    assert files(tmp_path) == []
