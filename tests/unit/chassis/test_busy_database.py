"""A database file that another program has locked: the write waits or is refused, and the event loop continues."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from services.chassis.database import LOCK_WAIT_S, Database
from services.contracts.errors import Refused
from tests.support import toy
from tests.support.bars import hold_at_best

CHECKOUT = Path(__file__).resolve().parents[3]
WRITER = """
import warnings; warnings.simplefilter("ignore")
import eventlet; eventlet.monkey_patch()
import json, sys, time
from services.chassis.database import Database
from services.contracts.errors import Refused
from tests.support import toy

gaps = [0.0]
def tick():
    while True:
        before = time.monotonic()
        eventlet.sleep(0.01)
        gaps.append(time.monotonic() - before - 0.01)

database = Database(sys.argv[1])
waits = []
def write(number):
    started, code = time.monotonic(), "written"
    try:
        database.write("a" * 32, lambda session: session.merge(toy.Thing(id=f"t{number}", label="x")))
    except Refused as refusal:
        code = refusal.code
    return code, time.monotonic() - started
def read():
    while True:
        before = time.monotonic()
        with database.reading(None) as session:
            session.get(toy.Thing, "t")
        waits.append(time.monotonic() - before)
        eventlet.sleep(0.01)

eventlet.spawn(tick)
eventlet.spawn(read)
eventlet.sleep(0.05)
print("writing", flush=True)
outcomes = list(eventlet.GreenPool(40).imap(write, range(int(sys.argv[2]))))
print(json.dumps({
    "codes": sorted({code for code, _ in outcomes}),
    "took_s": [took for _, took in outcomes],
    "worst_gap_s": max(gaps),
    "worst_read_s": max(waits),
}))
"""


class Lock:
    """Another program's write lock on the file."""

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "toy.db", isolation_level=None, check_same_thread=False)
        self._connection.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


def write_from_a_service(url: str, then: Any, writers: int = 1) -> dict[str, Any]:
    """Write from a process with eventlet's loop, as services are; `then()` is called when it begins. Others read meanwhile."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, url, str(writers)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        then()
        return dict(json.loads(process.communicate(timeout=20)[0]))
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.fault("F7")
def test_a_locked_file_is_service_unavailable_and_readers_go_on(database: Database, url: str, tmp_path: Path):
    def in_time() -> None:
        lock = Lock(tmp_path)
        told = write_from_a_service(url, lambda: None, writers=40)
        lock.release()
        if told["codes"] != ["service_unavailable"] or min(told["took_s"]) < LOCK_WAIT_S:
            raise RuntimeError(str(told))
        assert max(told["took_s"]) < LOCK_WAIT_S + 0.5  # all at once, not one after the other
        assert told["worst_gap_s"] < 0.25
        assert told["worst_read_s"] < 0.25

    hold_at_best(in_time)


def test_a_write_that_waited_for_its_turn_is_written(database: Database, url: str, tmp_path: Path):
    def in_time() -> None:
        lock = Lock(tmp_path)
        told = write_from_a_service(url, lambda: threading.Timer(0.5, lock.release).start(), writers=3)
        if told["codes"] != ["written"]:
            raise RuntimeError(str(told))
        assert told["worst_gap_s"] < 0.25

    hold_at_best(in_time)
    with database.reading(None) as session:
        assert session.get(toy.Thing, "t2") is not None


def test_a_refusal_for_a_busy_database_says_when_to_come_back(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("services.chassis.database.LOCK_WAIT_S", 0.1)
    lock = Lock(tmp_path)

    with pytest.raises(Refused) as refusal:
        database.write(
            None, lambda session: session.add(toy.Thing(id="t", label="x", organisation_id="a" * 32))
        )

    lock.release()
    assert (refusal.value.code, refusal.value.more) == ("service_unavailable", {"retry_after_s": 1})


def test_writers_of_one_process_take_turns(database: Database):
    """A read, then a write, in each of many threads at once: with a plain BEGIN most of them would fail."""
    failures: list[BaseException] = []

    def count(_: int) -> None:
        def work(session: Any) -> None:
            thing = session.get(toy.Thing, "t")
            thing.echoes += 1

        try:
            for _ in range(10):
                database.write(None, work)
        except Refused as refusal:
            failures.append(refusal)

    database.write(None, lambda session: session.add(toy.Thing(id="t", label="x", organisation_id="a" * 32)))
    threads = [threading.Thread(target=count, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert failures == []
    with database.reading(None) as session:
        assert session.get(toy.Thing, "t").echoes == 80  # type: ignore[union-attr]
