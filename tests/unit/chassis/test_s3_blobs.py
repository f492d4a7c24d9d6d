"""The store of files in an S3-compatible bucket keeps the promises of the folder."""

from __future__ import annotations

import hashlib
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy.ports import free_block
from services.chassis import s3_blobs, unused_files
from services.chassis.blobs import DOCUMENTS, IMPORTS, PASSING, UPLOADS, VISITORS, BlobStore, open_store
from services.chassis.s3_blobs import FETCHED, Bucket, S3BlobStore
from services.chassis.settings import StoreSettings, load_settings
from services.contracts.errors import Refused
from tests.support.buckets import buckets, client, new_bucket

HARBOR, BAYSIDE = "a" * 32, "b" * 32
LATER = 1000.0
PLAN = hashlib.sha256(b"plan").hexdigest()
_numbers = itertools.count()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with buckets() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    return new_bucket(endpoint, f"files-{next(_numbers)}")


@pytest.fixture
def store(bucket: Bucket, tmp_path: Path) -> S3BlobStore:
    return S3BlobStore(tmp_path / "one", bucket)


@pytest.fixture
def other(bucket: Bucket, tmp_path: Path) -> S3BlobStore:
    """The store as another process sees it, with a disk of its own."""
    return S3BlobStore(tmp_path / "two", bucket)


def keys(bucket: Bucket) -> list[str]:
    """All objects, without the names of their own."""
    found = client(bucket).list_objects(bucket.name, recursive=True)
    return [str(each.object_name).rpartition("/")[0] for each in found]


def code_of(refused: pytest.ExceptionInfo[Refused]) -> tuple[str, str | None]:
    return refused.value.code, refused.value.field


def test_what_one_process_stores_another_reads(
    store: S3BlobStore, other: S3BlobStore, bucket: Bucket
) -> None:
    assert store.put(HARBOR, [b"pl", b"an"], 100) == (PLAN, 4)
    assert keys(bucket) == [f"{HARBOR}/documents/{PLAN}"]
    assert other.read(HARBOR, PLAN) == b"plan"
    assert other.find(HARBOR, PLAN).read_bytes() == b"plan"
    assert (other.holds(HARBOR, PLAN, DOCUMENTS), other.holds(HARBOR, PLAN, PASSING)) == (True, False)


def test_another_organisation_cannot_read_it(store: S3BlobStore) -> None:
    store.put(HARBOR, [b"plan"], 100)
    for sha256 in (PLAN, "../" + PLAN, "x"):
        with pytest.raises(Refused) as refused:
            store.find(BAYSIDE, sha256)
        assert code_of(refused) == ("not_found", None)
    with pytest.raises(ValueError, match="organisation"):
        store.find("..", PLAN)


def test_what_is_too_large_is_not_stored(store: S3BlobStore, bucket: Bucket) -> None:
    with pytest.raises(Refused, match="request_too_large"):
        store.put(HARBOR, [b"x" * 60, b"y" * 41], 100)
    assert keys(bucket) == []


def test_the_same_content_again_is_one_object_as_long_as_it_is_young(
    store: S3BlobStore, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(HARBOR, [b"plan"], 100)
    [first] = [each.object_name for each in client(bucket).list_objects(bucket.name, recursive=True)]
    store.put(HARBOR, [b"plan"], 100)
    [second] = [each.object_name for each in client(bucket).list_objects(bucket.name, recursive=True)]
    assert first == second
    monkeypatch.setattr(s3_blobs, "YOUNG_S", -10.0)
    store.put(HARBOR, [b"plan"], 100)
    [third] = [each.object_name for each in client(bucket).list_objects(bucket.name, recursive=True)]
    assert third != second
    assert store.stored_bytes(HARBOR) == 4


def test_an_upload_passes_and_a_kept_copy_stays(
    store: S3BlobStore, other: S3BlobStore, bucket: Bucket
) -> None:
    upload = store.put_upload(HARBOR, [b"plan"], 100, 1000)
    same = other.put_upload(HARBOR, [b"plan"], 100, 1000)
    assert other.find(HARBOR, PLAN, UPLOADS).read_bytes() == b"plan"
    store.release(HARBOR, upload)
    assert other.holds(HARBOR, PLAN, UPLOADS)
    other.keep(HARBOR, PLAN, IMPORTS)
    other.release(HARBOR, same)
    assert keys(bucket) == [f"{HARBOR}/imports/{PLAN}"]
    other.keep(HARBOR, PLAN, IMPORTS)  # again, without an upload: it is there
    with pytest.raises(Refused) as refused:
        store.keep(HARBOR, PLAN, DOCUMENTS)
    assert code_of(refused) == ("not_found", "document")
    with pytest.raises(Refused) as refused:
        store.find(HARBOR, PLAN, UPLOADS, DOCUMENTS)
    assert code_of(refused) == ("not_found", "document")


def test_an_upload_beyond_an_organisations_room_is_refused(store: S3BlobStore, bucket: Bucket) -> None:
    store.put(HARBOR, [b"x" * 60], 100)
    store.put_upload(HARBOR, [b"y" * 40], 100, 100)
    with pytest.raises(Refused, match="storage_full"):
        store.put_upload(HARBOR, [b"z"], 100, 100)
    assert len(keys(bucket)) == 2
    store.put_upload(BAYSIDE, [b"z"], 100, 100)


def test_what_is_kept_while_the_sweep_looks_stays(
    store: S3BlobStore, other: S3BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(HARBOR, [b"plan"], 100)
    before = time.time() + LATER
    seen = list(store.old_files(HARBOR, DOCUMENTS, before))
    assert [each.name for each in seen] == [PLAN]
    monkeypatch.setattr(s3_blobs, "YOUNG_S", -LATER)
    other.keep(HARBOR, PLAN)
    assert store.delete_old(HARBOR, seen, before) == 1
    assert other.read(HARBOR, PLAN) == b"plan"
    assert list(store.old_files(HARBOR, DOCUMENTS, time.time() - LATER)) == []


def test_the_sweep_deletes_what_passes_and_what_no_row_names(store: S3BlobStore, bucket: Bucket) -> None:
    unused, _ = store.put(HARBOR, [b"unused"], 100)
    store.put(HARBOR, [b"plan"], 100)
    store.put_passing(BAYSIDE, [b"picture"], 100)
    assert store.organisations() == [HARBOR, BAYSIDE]
    assert store.sweep_passing(LATER) == 0
    assert store.sweep_passing(-LATER) == 1
    assert store.organisations() == [HARBOR]
    reading = SimpleNamespace(__enter__=lambda _: None)
    database = SimpleNamespace(reading=lambda _organisation_id: _Session())
    runtime = SimpleNamespace(
        blobs=store, database=database, settings=SimpleNamespace(unused_files_kept_hours=-1)
    )
    assert unused_files.sweep(runtime, DOCUMENTS, lambda _session, names: {PLAN} & set(names))
    assert reading
    assert keys(bucket) == [f"{HARBOR}/documents/{PLAN}"]
    assert not store.holds(HARBOR, unused, DOCUMENTS)


class _Session:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        pass


def test_bytes_are_counted_and_what_others_store_with_the_next_recount(
    store: S3BlobStore, other: S3BlobStore
) -> None:
    assert store.stored_bytes(HARBOR) == 0
    store.put(HARBOR, [b"plan"], 100)
    upload = store.put_upload(HARBOR, [b"x" * 10], 100, 100)
    assert store.stored_bytes(HARBOR) == 14
    other.put_passing(HARBOR, [b"y" * 5], 100)
    assert store.stored_bytes(HARBOR) == 14
    assert store.recount(HARBOR) == 19
    store.release(HARBOR, upload)
    assert (store.stored_bytes(HARBOR), store.recount(HARBOR)) == (9, 9)
    assert store.stored_bytes(VISITORS) == 0


def test_a_changed_object_is_not_handed_out(store: S3BlobStore, bucket: Bucket, tmp_path: Path) -> None:
    store.put(HARBOR, [b"plan"], 100)
    [key] = [str(each.object_name) for each in client(bucket).list_objects(bucket.name, recursive=True)]
    changed = tmp_path / "changed"
    changed.write_bytes(b"evil")
    client(bucket).fput_object(bucket.name, key, str(changed))
    with pytest.raises(OSError, match="changed"):
        store.find(HARBOR, PLAN)
    assert [path for path in (tmp_path / "one").rglob("*") if path.is_file()] == []


def test_what_was_fetched_goes_an_hour_after_its_last_use(
    store: S3BlobStore, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(HARBOR, [b"plan"], 100)
    fetched = store.find(HARBOR, PLAN)
    assert fetched == store.folder / HARBOR / FETCHED / PLAN
    monkeypatch.setattr(s3_blobs, "FETCHED_SWEPT_EVERY_S", 0.0)
    assert store.find(HARBOR, PLAN).exists()
    monkeypatch.setattr(s3_blobs, "FETCHED_KEPT_S", -10.0)
    client(bucket).remove_object(
        bucket.name, next(client(bucket).list_objects(bucket.name, recursive=True)).object_name
    )
    with pytest.raises(Refused, match="not_found"):
        store.find(HARBOR, PLAN)
    assert not fetched.exists()


def test_a_store_that_is_away_is_told_and_asked_again_later(tmp_path: Path) -> None:
    away = S3BlobStore(tmp_path, Bucket(f"http://127.0.0.1:{free_block(1)}", "files", "a", "b", "us-east-1"))
    for ask in (
        lambda: away.find(HARBOR, PLAN),
        lambda: away.put(HARBOR, [b"plan"], 100),
        lambda: away.keep(HARBOR, PLAN),
        lambda: list(away.old_files(HARBOR, DOCUMENTS, 0.0)),
    ):
        with pytest.raises(Refused) as refused:
            ask()
        assert (refused.value.code, refused.value.more) == ("service_unavailable", {"retry_after_s": 10})


def test_memory_does_not_grow_with_the_file(bucket: Bucket, tmp_path: Path) -> None:
    """In a process of its own, because the store of the tests holds its objects in memory."""
    program = f"""
import pathlib, tracemalloc
from services.chassis.s3_blobs import Bucket, S3BlobStore
one, two = (S3BlobStore(pathlib.Path({str(tmp_path)!r}) / name, Bucket(*{tuple(bucket)!r})) for name in "ab")
tracemalloc.start()
sha256, size = one.put({HARBOR!r}, (bytes([number % 251]) * 1_000_000 for number in range(60)), 100_000_000)
assert two.find({HARBOR!r}, sha256).stat().st_size == size == 60_000_000
print(tracemalloc.get_traced_memory()[1])
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    print(f"most memory for a file of 60 MB: {int(done.stdout) / 1e6:.1f} MB")
    assert int(done.stdout) < 20_000_000


def test_the_settings_choose_the_store(bucket: Bucket, tmp_path: Path) -> None:
    given = {"BLOB_DIR": str(tmp_path)}
    assert type(open_store(load_settings(StoreSettings, given))) is BlobStore
    given |= {
        "BLOB_S3_ENDPOINT": bucket.endpoint,
        "BLOB_S3_BUCKET": bucket.name,
        "BLOB_S3_ACCESS_KEY": bucket.access_key,
        "BLOB_S3_SECRET_KEY": bucket.secret_key,
    }
    chosen = open_store(load_settings(StoreSettings, given))
    assert type(chosen) is S3BlobStore
    assert open_store(load_settings(StoreSettings, given)) is chosen
    assert chosen.put(HARBOR, [b"plan"], 100) == (PLAN, 4)


def test_a_process_without_a_bucket_does_not_load_the_client() -> None:
    program = "import sys; from services.chassis import runtime; sys.exit('minio' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=False).returncode == 0


def test_greenlets_and_native_threads_of_a_service_use_it_at_once(bucket: Bucket, tmp_path: Path) -> None:
    program = f"""
import eventlet; eventlet.monkey_patch(psycopg=False)
import hashlib, pathlib
from eventlet import tpool
from services.chassis.s3_blobs import Bucket, S3BlobStore
store = S3BlobStore(pathlib.Path({str(tmp_path / "three")!r}), Bucket(*{tuple(bucket)!r}))
def put(number):
    content = str(number).encode() * 1000
    sha256, _ = (tpool.execute(store.put, {HARBOR!r}, [content], 10**6) if number % 2 else store.put({HARBOR!r}, [content], 10**6))
    found = store.find if number % 3 else (lambda *given: tpool.execute(store.find, *given))
    assert found({HARBOR!r}, sha256).read_bytes() == content
    return sha256
pool = eventlet.GreenPool(8)
print(len(set(pool.imap(put, range(40)))))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("40\n", 0), done.stderr
    assert len(keys(bucket)) == 40
