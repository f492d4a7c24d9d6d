"""`make bench`: what a call costs, in one run against one broker, what a request costs through the whole system, look-ups
among very many people, and waiting times with a million referrals (some minutes). ARGS="--only calls"
(or archive, http, identity, live, mails, pages, referrals, reports, signing) for one of them.

Quote the ratios; the milliseconds are those of this machine at this moment. Sequential: one call after another. In
flight: 50 calls wait at any time, from one client.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.chassis import logs, wire
from tests.load import bare
from tests.load.archive_bench import bench_archive
from tests.load.bars import Bar, print_bars
from tests.load.http_bench import bench_http
from tests.load.identity_bench import bench_identity
from tests.load.live_bench import bench_live
from tests.load.mails_bench import bench_mails
from tests.load.nameko_process import nameko_process
from tests.load.pages_bench import bench_pages
from tests.load.referrals_bench import bench_referrals
from tests.load.reports_bench import bench_reports
from tests.load.signing_bench import bench_signing
from tests.support import toy
from tests.support.servers import fresh_vhost, private_broker
from tests.support.toy_process import ServiceSystem, toy_system

ROUNDS = 5
WHOLE_CALL = 1.7
GREETING = {"name": "Rosalind", "count": 3, "tags": ["a", "b"]}


def sequential(call: Callable[[], Any], count: int = 1000) -> float:
    """Milliseconds per call."""
    for _ in range(50):
        call()
    started = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - started) / count * 1000


def pipelined(
    client: Any, operation: Any, request: dict[str, Any], passport: str | None, count: int = 3000
) -> float:
    """Calls per second of our client with 50 threads."""
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        started = time.perf_counter()
        list(
            pool.map(
                lambda _: client.call(operation, request, wire.CallContext(wire.new_id(), passport=passport)),
                range(count),
            )
        )
        return count / (time.perf_counter() - started)


def stock_pipelined(proxy: Any, count: int = 1500, width: int = 50) -> float:
    """Calls per second of a stock proxy with 50 in flight."""
    started = time.perf_counter()
    waiting: list[Any] = []
    for _ in range(count):
        waiting.append(proxy.stock.do_nothing.call_async())
        if len(waiting) >= width:
            waiting.pop(0).result()
    for each in waiting:
        each.result()
    return count / (time.perf_counter() - started)


def bench_calls(uri: str, system: ServiceSystem, rounds: int) -> list[Bar]:
    """The call table."""
    from nameko.standalone.rpc import ClusterRpcProxy

    client = system.client()
    # Made anew for each figure: it is valid for a minute, and a slow machine takes longer for a round.
    held = {"passport": ""}
    bare_client = bare.BareClient(uri)
    figures: dict[str, list[float]] = {}
    flights: dict[str, list[float]] = {}

    def ours(operation: Any, request: dict[str, Any]) -> Callable[[], Any]:
        return lambda: client.call(
            operation, request, wire.CallContext(wire.new_id(), passport=held["passport"])
        )

    with ClusterRpcProxy({"AMQP_URI": uri, "serializer": "json"}) as proxy:
        for _ in range(rounds):
            for name, call in (
                ("bare py-amqp, confirmed", bare_client.call),
                ("stock nameko 2.14.1", proxy.stock.do_nothing),
                ("empty operation", lambda: bare_client.call_operation(toy.do_nothing, {}, held["passport"])),
                (
                    "whole operation",
                    lambda: bare_client.call_operation(toy.greet, GREETING, held["passport"]),
                ),
                ("  empty, our client", ours(toy.do_nothing, {})),
                ("  whole, our client", ours(toy.greet, GREETING)),
            ):
                held["passport"] = system.passport("toy.greet")
                figures.setdefault(name, []).append(sequential(call, 600))
            flights.setdefault("bare py-amqp, confirmed", []).append(bare_client.in_flight(3000))
            flights.setdefault("stock nameko 2.14.1", []).append(stock_pipelined(proxy))
            flights.setdefault("  empty, our client", []).append(
                pipelined(client, toy.do_nothing, {}, system.passport("toy.greet"))
            )
            flights.setdefault("  whole, our client", []).append(
                pipelined(client, toy.greet, GREETING, system.passport("toy.greet"))
            )
    client.close()
    _print_calls(figures, flights)
    whole, base = (
        statistics.median(figures[name]) for name in ("  whole, our client", "bare py-amqp, confirmed")
    )
    return [Bar("whole operation with our client / bare round trip", whole / base, most=WHOLE_CALL)]


def _print_calls(figures: dict[str, list[float]], flights: dict[str, list[float]]) -> None:
    base = statistics.median(figures["bare py-amqp, confirmed"])
    stock = statistics.median(figures["stock nameko 2.14.1"])
    stock_flight = statistics.median(flights["stock nameko 2.14.1"])
    print("The entrypoint is measured with the bare client, and with ours, which is safe in threads.")
    print(f"{'call':<26}{'sequential':>12}{'x bare':>8}{'stock/x':>9}{'50 in flight':>15}{'x stock':>9}")
    for name, values in figures.items():
        median = statistics.median(values)
        flight = statistics.median(flights[name]) if name in flights else None
        together = f"{flight:>13.0f}/s{flight / stock_flight:>9.2f}" if flight else ""
        print(f"{name:<26}{median:>9.3f} ms{median / base:>8.2f}{stock / median:>9.2f}{together}")


def bench_calls_of_toy(rounds: int) -> list[Bar]:
    """The call table, against a broker and a service of its own."""
    with (
        private_broker() as broker,
        fresh_vhost(broker) as uri,
        tempfile.TemporaryDirectory() as folder,
        toy_system(uri, Path(folder)) as system,
        bare.echoing(uri),
        nameko_process(uri, "tests.load.stock", "stock"),
    ):
        return bench_calls(uri, system, rounds)


def _bench_identity(_rounds: int) -> list[Bar]:
    bench_identity()
    return []


def _bench_referrals(rounds: int) -> list[Bar]:
    holds = bench_referrals(10_000, 1_000_000, rounds)
    return [Bar("share of the bars of referrals that hold", float(holds), least=1.0)]


BENCHES: dict[str, Callable[[int], list[Bar]]] = {
    "calls": bench_calls_of_toy,
    "http": bench_http,
    "identity": _bench_identity,
    "archive": lambda _rounds: bench_archive(),
    "live": bench_live,
    "mails": lambda _rounds: bench_mails(),
    "pages": bench_pages,
    "reports": bench_reports,
    "signing": bench_signing,
    "referrals": _bench_referrals,
}


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", choices=sorted(BENCHES))
    arguments = parser.parse_args()
    logs.configure("bench", "ERROR")
    bars = [
        bar
        for name, bench in BENCHES.items()
        if arguments.only in (None, name)
        for bar in bench(arguments.rounds)
    ]
    if not print_bars(bars):
        sys.exit(1)


if __name__ == "__main__":
    main()
