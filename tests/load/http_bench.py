"""One read and one write through gateway, identity and referrals, beside the same of a peer, in one run.

The peer is Flask in front of stock nameko (peer_gateway, peer_service): no sign-in, no audit, no outbox. Both are asked
in turns by the same client (http_load), on one broker, with SQLite at the same durability. CPU is that of each process,
user and system, divided by the requests: it hardly depends on what else the machine does, so compare it first.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from deploy.ports import free_block
from tests.load import bare, http_load
from tests.load.bars import Bar
from tests.load.nameko_process import nameko_process
from tests.support.eventually import eventually
from tests.support.servers import fresh_vhost, temporary_folder
from tests.support.stack import RunningStack, running_stack

CLIENTS = (1, 16, 64)
# Of each turn: some seconds, of which the first, when as many calls begin at once as there are clients, is a small part.
REQUESTS = {1: 400, 16: 2000, 64: 2000}
WARM_UP = 300
NAME = {"first_name": "Rosalind", "last_name": "Quimby"}
READS, WRITES, SEQUENTIAL_READ = 1.2, 1.5, 1.5


@dataclass
class Case:
    """One kind of request to one of the two systems, and how its turns went, by number of clients."""

    system: str
    kind: str
    port: int
    request: str
    status: int
    processes: Mapping[str, psutil.Process]
    answers: dict[int, list[http_load.Answers]] = field(default_factory=dict)
    cpu_ms: dict[int, list[dict[str, float]]] = field(default_factory=dict)

    def take_turn(self, clients: int) -> None:
        """Send the requests of a turn from `clients` clients, and note answers and CPU."""
        count = REQUESTS[clients]
        before = {name: _cpu_s(process) for name, process in self.processes.items()}
        answers = http_load.send(self.port, self.request, self.status, clients, count)
        used = {
            name: (_cpu_s(process) - before[name]) / count * 1000 for name, process in self.processes.items()
        }
        self.answers.setdefault(clients, []).append(answers)
        self.cpu_ms.setdefault(clients, []).append(used)

    def rate(self, clients: int) -> float:
        """Median of the turns' requests per second."""
        return statistics.median(answers.rate for answers in self.answers[clients])

    def p50(self, clients: int) -> float:
        """Median of all requests, in milliseconds."""
        return statistics.median(self._latencies(clients))

    def p99(self, clients: int) -> float:
        """99 of 100 requests take at most so many milliseconds."""
        return statistics.quantiles(self._latencies(clients), n=100)[98]

    def cpu(self, clients: int) -> dict[str, float]:
        """Milliseconds of CPU a request by process: medians of the turns."""
        turns = self.cpu_ms[clients]
        return {name: statistics.median(turn[name] for turn in turns) for name in self.processes}

    @property
    def failed(self) -> int:
        """Requests that were answered with another status."""
        return sum(answers.failed for turns in self.answers.values() for answers in turns)

    def _latencies(self, clients: int) -> list[float]:
        return [each for answers in self.answers[clients] for each in answers.latencies_ms]


def bench_http(rounds: int) -> list[Bar]:
    """Print the tables; the bars."""
    with running_stack() as stack:
        assert stack.stack.broker is not None
        with fresh_vhost(stack.stack.broker) as uri, _peer(uri, stack) as peer, bare.echoing(uri):
            ours = _our_cases(stack)
            cases = [case for pair in zip(ours, peer, strict=True) for case in pair]
            for case in cases:
                http_load.send(case.port, case.request, case.status, 16, WARM_UP)
            for _ in range(rounds):
                for clients in CLIENTS:
                    for case in cases:
                        case.take_turn(clients)
            floor_ms = 2 * _round_trip_ms(uri)
        _print_rates(cases)
        _print_cpu(cases)
        print(
            f"\nfloor of one request alone: two bare round trips {floor_ms:.2f} ms, a commit {_commit_ms():.2f} ms"
        )
        print(
            "resident memory:",
            ", ".join(f"{name} {stack.rss_mb(name):.0f} MB" for name in stack.process_names),
        )
    (our_read, our_write), (peer_read, peer_write) = ours, peer
    return [
        Bar("reads at 16 clients / peer's", our_read.rate(16) / peer_read.rate(16), least=READS),
        Bar("writes at 16 clients / peer's", our_write.rate(16) / peer_write.rate(16), least=WRITES),
        Bar("sequential read / peer's", our_read.p50(1) / peer_read.p50(1), most=SEQUENTIAL_READ),
        Bar("failed requests", our_read.failed + our_write.failed, most=0),
    ]


def _print_rates(cases: list[Case]) -> None:
    print(
        f"\n{'requests a second':<22}"
        + "".join(f"{f'{count} clients':>12}{'p50':>9}{'p99':>9}" for count in CLIENTS)
    )
    for case in cases:
        figures = "".join(
            f"{case.rate(count):>10.0f}/s{case.p50(count):>6.1f} ms{case.p99(count):>6.1f} ms"
            for count in CLIENTS
        )
        print(f"{f'{case.kind}, {case.system}':<22}{figures}")
    for ours, peer in zip(cases[::2], cases[1::2], strict=True):
        ratios = "".join(
            f"{ours.rate(count) / peer.rate(count):>12.2f}{ours.p50(count) / peer.p50(count):>9.2f}"
            f"{ours.p99(count) / peer.p99(count):>9.2f}"
            for count in CLIENTS
        )
        print(f"{f'{ours.kind}, ours / peer':<22}{ratios}")


def _print_cpu(cases: list[Case]) -> None:
    print("\nCPU ms a request")
    for case in cases:
        for clients in CLIENTS[:2]:
            used = case.cpu(clients)
            by_process = "".join(f"  {name} {value:.2f}" for name, value in used.items())
            print(f"{f'{case.kind}, {case.system}, {clients}':<22}{sum(used.values()):>6.2f} ={by_process}")


def _our_cases(stack: RunningStack) -> tuple[Case, Case]:
    record = stack.staff.post("/v1/contact-records", **NAME)
    port, path, token = stack.stack.ports.gateway, "/v1/contact-records", stack.staff.token
    assert stack.stack.broker is not None
    pids = {name: stack.stack.supervisor.pid(name) for name in ("gateway", "identity", "referrals")}
    processes = _processes(**pids, broker=stack.stack.broker.pid)
    read = http_load.request_text("GET", f"{path}/{record['id']}", token=token)
    write = http_load.request_text("POST", path, NAME, token)
    return (
        Case("ours", "read", port, read, 200, processes),
        Case("ours", "write", port, write, 201, processes),
    )


@contextlib.contextmanager
def _peer(uri: str, stack: RunningStack) -> Iterator[tuple[Case, Case]]:
    """With the peer running, on the stack's broker."""
    assert stack.stack.broker is not None
    port = free_block(1)
    gateway = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port)]
    gateway += ["--blocking-threads", "64", "tests.load.peer_gateway:app"]
    with (
        temporary_folder("portico-peer-") as folder,
        nameko_process(
            uri, "tests.load.peer_service", "peer", PEER_DATABASE=str(folder / "peer.db")
        ) as service,
        subprocess.Popen(gateway, env={**os.environ, "AMQP_URI": uri}, stdout=subprocess.DEVNULL) as server,
    ):
        try:
            eventually(lambda: _assert_listening(port), timeout_s=20)
            record = requests.post(f"http://127.0.0.1:{port}/records", json=NAME, timeout=10).json()
            processes = _processes(gateway=server.pid, service=service.pid, broker=stack.stack.broker.pid)
            read = http_load.request_text("GET", f"/records/{record['id']}")
            write = http_load.request_text("POST", "/records", NAME)
            yield (
                Case("peer", "read", port, read, 200, processes),
                Case("peer", "write", port, write, 201, processes),
            )
        finally:
            server.terminate()


def _assert_listening(port: int) -> None:
    with contextlib.suppress(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/", timeout=2)
        return
    raise AssertionError("not listening yet")


def _processes(**pids: int | None) -> dict[str, psutil.Process]:
    return {name: psutil.Process(pid) for name, pid in pids.items()}


def _cpu_s(process: psutil.Process) -> float:
    """User and system time of a process and those that it started."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def _round_trip_ms(uri: str, count: int = 500) -> float:
    client = bare.BareClient(uri)
    return statistics.median(_timed_ms(client.call) for _ in range(count))


def _commit_ms(count: int = 200) -> float:
    """One insert, committed, in a SQLite file as durable as the services'."""
    with temporary_folder("portico-commit-") as folder, contextlib.closing(_database(folder)) as connection:
        insert = "INSERT INTO records (name) VALUES ('Rosalind')"
        return statistics.median(_timed_ms(lambda: connection.execute(insert)) for _ in range(count))


def _database(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "commit.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE records (id INTEGER PRIMARY KEY, name TEXT)")
    return connection


def _timed_ms(work) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000
