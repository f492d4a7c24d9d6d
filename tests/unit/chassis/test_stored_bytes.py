"""The bytes that an organisation stores are counted as files come and go, and their limit holds for all who upload."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.chassis import stored_bytes
from services.chassis.blobs import EXPORTS, IMPORTS, UPLOADS, BlobStore, Upload
from services.contracts.errors import Refused

HARBOR, BAYSIDE = "a" * 32, "b" * 32
MOST = 1000


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path)


def upload(store: BlobStore, content: bytes, organisation_id: str = HARBOR) -> Upload:
    return store.put_upload(organisation_id, [content], MOST, MOST)


def on_disk(store: BlobStore) -> int:
    """What the disk says, with each file once."""
    found = [path for path in store.folder.rglob("*") if path.is_file() and path.name != ".bytes"]
    return sum({path.stat().st_ino: path.stat().st_size for path in found}.values())


def test_the_limit_is_reached_from_zero_and_holds(store: BlobStore):
    assert store.stored_bytes(HARBOR) == 0
    for number in range(9):
        upload(store, bytes([number]) * 100)
    upload(store, b"x" * 99)
    upload(store, b"y")
    assert store.stored_bytes(HARBOR) == MOST

    with pytest.raises(Refused) as refusal:
        upload(store, b"z")

    assert (refusal.value.code, refusal.value.status) == ("storage_full", 413)
    assert "1000 bytes" in refusal.value.detail
    assert store.stored_bytes(HARBOR) == on_disk(store) == MOST
    upload(store, b"z", BAYSIDE)  # whose room is its own


def test_what_is_there_already_needs_no_room(store: BlobStore):
    upload(store, b"x" * MOST)
    assert upload(store, b"x" * MOST).size == MOST
    assert store.stored_bytes(HARBOR) == MOST


def test_of_two_uploads_at_once_only_what_fits_comes_in(store: BlobStore):
    def while_another_comes() -> Iterator[bytes]:
        yield b"x" * 300
        upload(store, b"y" * 600)
        yield b"x" * 300

    with pytest.raises(Refused) as refusal:
        store.put_upload(HARBOR, while_another_comes(), MOST, MOST)

    assert refusal.value.code == "storage_full"
    assert store.stored_bytes(HARBOR) == on_disk(store) == 600


def test_a_crowd_that_wants_the_last_room_gets_no_more_than_that(store: BlobStore):
    taken: list[int] = []
    refused: list[str] = []
    together = threading.Barrier(8)

    def one(number: int) -> None:
        together.wait(10)
        try:
            taken.append(upload(store, bytes([number]) * 300).size)
        except Refused as refusal:
            refused.append(refusal.code)

    crowd = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join(10)

    assert (taken, refused) == ([300] * 3, ["storage_full"] * 5)
    assert store.stored_bytes(HARBOR) == on_disk(store) == 900


def test_what_goes_makes_room(store: BlobStore):
    refused, accepted = upload(store, b"x" * 600), upload(store, b"y" * 400)
    store.keep(HARBOR, accepted.sha256)
    store.release(HARBOR, refused)
    store.release(HARBOR, accepted)
    assert store.stored_bytes(HARBOR) == on_disk(store) == 400

    upload(store, b"z" * 600)


@pytest.mark.parametrize("kept_last", [True, False])
def test_a_file_with_two_names_counts_once(store: BlobStore, kept_last: bool):
    one = upload(store, b"x" * 100)
    store.keep(HARBOR, one.sha256, IMPORTS)
    assert store.stored_bytes(HARBOR) == store.recount(HARBOR) == 100

    def sweep_imports() -> None:
        later = 2.0**40
        assert store.delete_old(HARBOR, store.old_files(HARBOR, IMPORTS, later), later) == 1

    steps = [lambda: store.release(HARBOR, one), sweep_imports]
    first, second = steps if kept_last else reversed(steps)
    first()
    assert store.stored_bytes(HARBOR) == 100
    second()
    assert store.stored_bytes(HARBOR) == store.recount(HARBOR) == on_disk(store) == 0


def test_every_part_counts(store: BlobStore):
    store.put(HARBOR, [b"1" * 10], MOST)
    store.put_passing(HARBOR, [b"2" * 20], MOST)
    store.put_passing(HARBOR, [b"3" * 40], MOST, EXPORTS)
    one = upload(store, b"4" * 80)
    store.keep(HARBOR, one.sha256, IMPORTS)
    assert store.stored_bytes(HARBOR) == store.recount(HARBOR) == 150

    store.sweep_passing(-1, EXPORTS)
    assert store.stored_bytes(HARBOR) == 110


def test_what_was_stored_before_anybody_counted_is_counted(store: BlobStore):
    upload(store, b"x" * 900)
    (store.folder / HARBOR / ".bytes").unlink()

    with pytest.raises(Refused):
        upload(store, b"y" * 101)
    upload(store, b"y" * 100)
    assert store.stored_bytes(HARBOR) == MOST


def test_a_count_that_is_wrong_after_a_crash_is_mended_by_the_next(store: BlobStore):
    one = upload(store, b"x" * 900)
    store.find(HARBOR, one.sha256, UPLOADS).unlink()  # and nobody came to note it
    assert store.stored_bytes(HARBOR) == 900

    assert store.recount(HARBOR) == 0
    assert store.stored_bytes(HARBOR) == 0


def test_a_count_that_was_cut_off_is_made_anew(store: BlobStore):
    upload(store, b"x" * 300)
    count = store.folder / HARBOR / ".bytes"
    count.write_bytes(count.read_bytes()[:20])

    assert store.stored_bytes(HARBOR) == 300


def test_what_comes_while_all_is_counted_anew_counts(store: BlobStore, monkeypatch: pytest.MonkeyPatch):
    upload(store, b"x" * 300)
    found = store._bytes_in

    def found_before_more_came(folder: Path) -> int:
        total = found(folder)
        upload(store, b"y" * 200)
        return total

    monkeypatch.setattr(store, "_bytes_in", found_before_more_came)

    assert store.recount(HARBOR) == 500
    assert store.stored_bytes(HARBOR) == on_disk(store) == 500


def test_what_comes_and_was_found_already_counts_once(store: BlobStore, monkeypatch: pytest.MonkeyPatch):
    upload(store, b"x" * 300)
    found = store._bytes_in

    def found_after_more_came(folder: Path) -> int:
        upload(store, b"y" * 200)
        return found(folder)

    monkeypatch.setattr(store, "_bytes_in", found_after_more_came)

    assert store.recount(HARBOR) == 500
    assert store.stored_bytes(HARBOR) == on_disk(store) == 500


def test_a_count_ends_although_files_never_cease_to_come(store: BlobStore, monkeypatch: pytest.MonkeyPatch):
    rounds: list[int] = []

    def more_came(_folder: Path) -> int:
        rounds.append(1)
        upload(store, b"x" * len(rounds))
        return 10

    store.stored_bytes(HARBOR)
    monkeypatch.setattr(store, "_bytes_in", more_came)

    assert store.recount(HARBOR) == 10 + 3
    assert len(rounds) == 3


def test_two_that_count_at_once_agree(store: BlobStore, monkeypatch: pytest.MonkeyPatch):
    upload(store, b"x" * 300)
    (store.folder / HARBOR / "uploads" / "00").mkdir(exist_ok=True)
    (store.folder / HARBOR / "uploads" / "00" / ("0" * 64)).write_bytes(b"z" * 50)  # which nobody has noted
    found = store._bytes_in

    def as_another_counts(folder: Path) -> int:
        monkeypatch.setattr(store, "_bytes_in", found)
        assert store.recount(HARBOR) == 350
        return found(folder)

    monkeypatch.setattr(store, "_bytes_in", as_another_counts)

    assert store.recount(HARBOR) == 350
    assert store.stored_bytes(HARBOR) == 350


def test_what_is_being_written_counts_when_it_is_whole(store: BlobStore):
    def counting_meanwhile() -> Iterator[bytes]:
        yield b"x" * 200_000
        assert store.recount(HARBOR) == 0
        yield b"x"

    store.put_upload(HARBOR, counting_meanwhile(), 10**6, 10**6)

    assert store.stored_bytes(HARBOR) == 200_001


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (1000, "1000 bytes"),
        (1024, "1 KiB"),
        (50 * 1024**3, "50 GiB"),
        (1024**4 * 3 // 2, "1.5 TiB"),
        (1024**5, "1024 TiB"),
    ],
)
def test_the_refusal_names_the_limit(size: int, told: str):
    assert told in stored_bytes.storage_full(size).detail
