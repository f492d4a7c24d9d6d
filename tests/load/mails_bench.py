"""The mails part of `make bench`: mails a second to a mail server on this machine.

One process has to hand over 200 mails a second. With a server that takes 200 ms for each mail, two processes have to be at
least 1.8 times as fast as one.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from sqlalchemy import func, insert, select

from deploy.ports import free_block
from services.chassis import wire
from services.chassis.database import Database
from services.chassis.unit_of_work import utc_now
from services.notifications.deliveries.models import Delivery
from tests.integration.notifications.conftest import BEN, MARIA, OLGA
from tests.load.bars import Bar
from tests.support.databases import migrated
from tests.support.eventually import eventually
from tests.support.servers import new_database_url, private_postgres, temporary_folder

LEAST_A_SECOND, LEAST_GAIN = 200.0, 1.8
SLOW_S = 0.2
QUICK_MAILS, SLOW_MAILS = 2000, 240
SENDERS = 4
ORGANISATIONS = 4


def bench_mails() -> list[Bar]:
    """The table, and its bars."""
    print(f"{'database':<12}{'server':<12}{'processes':>10}{'mails/s':>12}")
    bars = []
    with temporary_folder("portico-mails-") as folder:
        quick = _a_second(f"sqlite:///{folder}/quick.db", 0.0, 1, QUICK_MAILS)
    _print("SQLite", "at once", 1, quick)
    bars.append(Bar("mails a second, one process on SQLite", quick, least=LEAST_A_SECOND))
    with private_postgres() as postgres:
        rates = {}
        for delay_s, processes, count in (
            (0.0, 1, QUICK_MAILS),
            (SLOW_S, 1, SLOW_MAILS),
            (SLOW_S, 2, SLOW_MAILS * 2),
        ):
            with new_database_url(postgres) as url:
                rates[delay_s, processes] = _a_second(url, delay_s, processes, count)
            _print(
                "PostgreSQL",
                f"{delay_s * 1000:.0f} ms" if delay_s else "at once",
                processes,
                rates[delay_s, processes],
            )
    bars.append(Bar("mails a second, one process on PostgreSQL", rates[0.0, 1], least=LEAST_A_SECOND))
    gain = rates[SLOW_S, 2] / rates[SLOW_S, 1]
    bars.append(Bar("two processes / one, a server that takes 200 ms", gain, least=LEAST_GAIN))
    return bars


def _print(database: str, server: str, processes: int, rate: float) -> None:
    print(f"{database:<12}{server:<12}{processes:>10}{rate:>12.0f}", flush=True)


def _a_second(url: str, delay_s: float, processes: int, count: int) -> float:
    migrated("notifications", url)
    database = Database(url)
    _fill(database, count)
    with _sink(delay_s) as port, _senders(url, port, processes) as senders:
        started = time.perf_counter()
        for sender in senders:
            assert sender.stdin is not None
            sender.stdin.write("go\n")
            sender.stdin.flush()
        for sender in senders:
            sender.wait(300)
        took_s = time.perf_counter() - started
    with database.reading(None) as session:
        sent = session.scalar(select(func.count()).where(Delivery.state == "sent"))
    database.close()
    assert sent == count, f"{sent} of {count} mails were sent"
    return count / took_s


def _fill(database: Database, count: int) -> None:
    """So many mails of some organisations that are due."""
    now = utc_now()
    rows = [
        {
            "id": wire.new_id(),
            "organisation_id": f"{number % ORGANISATIONS:x}" * 32,
            "organisation_key": f"organisation-{number % ORGANISATIONS}",
            "event_id": wire.new_id(),
            "account_id": (MARIA, OLGA, BEN)[number % 3],
            "kind": "document_ready_to_sign",
            "template_version": 1,
            "channel": "email",
            "context": {"document_id": wire.new_id()},
            "state": "created",
            "tries": 0,
            "next_try_at": now,
            "message_id": f"{wire.new_id()}@portico.example",
            "correlation_id": "bench",
            "created_at": now,
        }
        for number in range(count)
    ]
    database.write(None, lambda session: session.execute(insert(Delivery), rows))


@contextlib.contextmanager
def _sink(delay_s: float) -> Iterator[int]:
    port = free_block(1)
    process = subprocess.Popen([sys.executable, "-m", "tests.load.mail_sink", str(port), str(delay_s)])
    try:
        eventually(lambda: _assert_listens(port), timeout_s=60)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _assert_listens(port: int) -> None:
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def _senders(url: str, port: int, processes: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that have started and wait for the word."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.load.mail_process", url, str(port), str(SENDERS)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    try:
        for each in started:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        yield started
    finally:
        for each in started:
            each.kill()
            each.wait(10)
