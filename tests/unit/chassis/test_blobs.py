"""The store of documents: named by content, separate for each organisation, complete or absent."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.chassis import blobs
from services.chassis.blobs import DOCUMENTS, IMPORTS, LEAST_FREE_BYTES, UPLOADS, BlobStore, Upload
from services.contracts.errors import Refused

HARBOR, BAYSIDE = "a" * 32, "b" * 32


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path)


def files(folder: Path) -> list[Path]:
    """All files below a folder, without the counts."""
    return [path for path in folder.rglob("*") if path.is_file() and path.name != ".bytes"]


def let_pass(store: BlobStore, hours: float) -> None:
    """Make all files older."""
    for path in {
        path.stat().st_ino: path for path in files(store.folder)
    }.values():  # a file may have two names
        status = path.stat()
        os.utime(path, (status.st_atime, status.st_mtime - hours * 3600))


def uploaded(store: BlobStore, content: bytes = b"plan") -> Upload:
    return store.put_upload(HARBOR, [content], 100, 1000)


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


def test_an_upload_is_there_until_it_is_released(store: BlobStore, tmp_path: Path):
    upload = uploaded(store)
    assert store.find(HARBOR, upload.sha256, UPLOADS).read_bytes() == b"plan"
    with pytest.raises(Refused):
        store.find(HARBOR, upload.sha256)  # nobody downloads what no service has accepted

    store.release(HARBOR, upload)

    assert files(tmp_path) == []


def test_what_a_request_releases_another_may_still_need(store: BlobStore, tmp_path: Path):
    first, second = uploaded(store), uploaded(store)

    store.release(HARBOR, first)
    assert store.find(HARBOR, second.sha256, UPLOADS).read_bytes() == b"plan"

    store.release(HARBOR, second)
    assert files(tmp_path) == []


@pytest.mark.parametrize("part", [DOCUMENTS, IMPORTS])
def test_what_is_kept_stays_when_its_upload_goes(store: BlobStore, tmp_path: Path, part: str):
    upload = uploaded(store)
    store.keep(HARBOR, upload.sha256, part)
    store.keep(HARBOR, upload.sha256, part)

    store.release(HARBOR, upload)

    assert files(tmp_path) == [store.find(HARBOR, upload.sha256, part)]
    assert store.find(HARBOR, upload.sha256, part).read_bytes() == b"plan"


def test_what_is_kept_is_kept_durably(store: BlobStore, monkeypatch: pytest.MonkeyPatch):
    upload, synced = uploaded(store), []
    monkeypatch.setattr(blobs, "_sync", synced.append)

    store.keep(HARBOR, upload.sha256)

    kept = store.path(HARBOR, upload.sha256)
    assert synced == [kept.parent.parent, kept.parent]  # the new folder, and the new name in it


def test_an_upload_that_has_gone_cannot_be_kept(store: BlobStore, tmp_path: Path):
    upload = uploaded(store)
    store.release(HARBOR, upload)

    with pytest.raises(Refused) as refusal:
        store.keep(HARBOR, upload.sha256)

    assert (refusal.value.code, refusal.value.field) == ("not_found", "document")
    assert "Upload it again" in refusal.value.detail
    assert files(tmp_path) == []


def test_what_a_gateway_of_an_earlier_version_has_taken_in_is_kept(store: BlobStore):
    sha256, _ = store.put(HARBOR, [b"plan"], 100)

    store.keep(HARBOR, sha256, IMPORTS)

    assert store.find(HARBOR, sha256, IMPORTS).read_bytes() == b"plan"
    assert store.stored_bytes(HARBOR) == 4


def test_what_was_kept_before_is_kept_again_without_an_upload(store: BlobStore):
    upload = uploaded(store)
    store.keep(HARBOR, upload.sha256)
    store.release(HARBOR, upload)

    store.keep(HARBOR, upload.sha256)

    assert store.read(HARBOR, upload.sha256) == b"plan"


def test_an_upload_that_nobody_releases_goes_after_its_time_and_not_before(store: BlobStore, tmp_path: Path):
    """The process ends between the upload and the call of the service."""
    uploaded(store)
    let_pass(store, 23.9)
    assert store.sweep_passing(24 * 3600, UPLOADS) == 0
    let_pass(store, 0.2)

    assert store.sweep_passing(24 * 3600, UPLOADS) == 2  # the file, and the mark of its request

    assert files(tmp_path) == []


def test_what_a_process_had_begun_to_write_goes_too(store: BlobStore, tmp_path: Path):
    uploaded(store)
    for folder in (tmp_path / HARBOR, tmp_path / HARBOR / UPLOADS):
        (folder / ".incoming-0123456789abcdef").write_bytes(
            b"half a pl"
        )  # where earlier versions wrote, and now
    let_pass(store, 25)

    before = time.time() - 24 * 3600
    assert [Path(each.place).parent.name for each in store.old_files(HARBOR, DOCUMENTS, before)] == [HARBOR]
    store.delete_old(HARBOR, store.old_files(HARBOR, DOCUMENTS, before), before)
    store.sweep_passing(24 * 3600, UPLOADS)

    assert files(tmp_path) == []


def test_a_part_is_swept_without_the_others(store: BlobStore):
    upload = uploaded(store)
    for part in (DOCUMENTS, IMPORTS):
        store.keep(HARBOR, upload.sha256, part)
    store.put_passing(HARBOR, [b"plan"], 100)
    let_pass(store, 25)

    before = time.time() - 24 * 3600
    for part in (IMPORTS, DOCUMENTS):
        [old] = store.old_files(HARBOR, part, before)
        assert (old.name, old.size) == (upload.sha256, 4)
        assert old.place == str(store.path(HARBOR, upload.sha256, part))


def test_files_of_an_earlier_version_are_found_where_they_are(store: BlobStore, tmp_path: Path):
    sha256 = hashlib.sha256(b"plan").hexdigest()
    place = tmp_path / HARBOR / sha256[:2] / sha256
    place.parent.mkdir(parents=True)
    place.write_bytes(b"plan")

    assert store.find(HARBOR, sha256) == place
    assert store.read(HARBOR, sha256) == b"plan"
    store.keep(HARBOR, sha256)
    assert store.stored_bytes(HARBOR) == 4


@pytest.mark.parametrize("again", ["keep", "put"])
def test_what_is_kept_anew_after_it_was_found_old_is_not_deleted(store: BlobStore, again: str):
    upload = uploaded(store)
    store.keep(HARBOR, upload.sha256)
    let_pass(store, 25)
    before = time.time() - 24 * 3600
    old = list(store.old_files(HARBOR, DOCUMENTS, before))
    assert [each.name for each in old] == [upload.sha256]

    if again == "keep":
        store.keep(HARBOR, upload.sha256)
    else:
        store.put(HARBOR, [b"plan"], 100)

    assert store.delete_old(HARBOR, old, before) == 0
    assert store.read(HARBOR, upload.sha256) == b"plan"


def test_what_is_kept_anew_in_the_moment_of_its_deletion_is_there(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
):
    """Between the last look at the file and its deletion somebody else wants to keep it: who has to wait."""
    upload = uploaded(store)
    store.keep(HARBOR, upload.sha256)
    let_pass(store, 25)
    before = time.time() - 24 * 3600
    at_the_lock_or_done = threading.Event()
    lock, remove = fcntl.flock, blobs._remove

    def keep() -> None:
        store.keep(HARBOR, upload.sha256)
        at_the_lock_or_done.set()

    def noting(descriptor: int, how: int) -> None:
        if threading.current_thread() is keeping:
            at_the_lock_or_done.set()
        lock(descriptor, how)

    def keeping_first(path: Path, stored: Any) -> None:
        keeping.start()
        assert at_the_lock_or_done.wait(10)
        remove(path, stored)

    keeping = threading.Thread(target=keep)
    monkeypatch.setattr(fcntl, "flock", noting)
    monkeypatch.setattr(blobs, "_remove", keeping_first)

    assert store.delete_old(HARBOR, store.old_files(HARBOR, DOCUMENTS, before), before) == 1

    keeping.join(10)
    assert store.read(HARBOR, upload.sha256) == b"plan"


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


@pytest.mark.fault("F9")
def test_a_full_disk_is_told_and_nothing_is_kept(store: BlobStore, monkeypatch: pytest.MonkeyPatch):
    def full(_source: Path, _path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    upload = uploaded(store)
    monkeypatch.setattr(blobs, "_link", full)

    with pytest.raises(Refused) as refused:
        store.keep(HARBOR, upload.sha256)

    assert (refused.value.code, refused.value.more) == ("service_unavailable", {"retry_after_s": 60})
