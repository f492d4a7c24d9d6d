"""`make bench`: what a call costs, in one run against one broker, what a request costs through the whole system, look-ups
among very many people, and what people wait for when there are a million referrals (some minutes). ARGS="--only calls"
(or http, identity, referrals) for one of them.

Quote the ratios; the milliseconds are those of this machine at this moment. Sequential: one call after another. In
flight: 50 calls wait at any time, from one client.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import amqp

from services.chassis import logs, wire
from services.contracts.declare import Operation
from tests.load import bare
from tests.load.identity_bench import bench_identity
from tests.load.referrals_bench import bench_referrals
from tests.support import toy
from tests.support.eventually import eventually
from tests.support.servers import fresh_vhost, private_broker
from tests.support.toy_process import ServiceSystem, toy_system

ROUNDS = 5
GREETING = {"name": "Rosalind", "count": 3, "tags": ["a", "b"]}


def sequential(call: Callable[[], Any], count: int = 1000) -> float:
    """Milliseconds per call."""
    for _ in range(50):
        call()
    started = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - started) / count * 1000


class BareClient:
    """The client half of the bare round trip: one thread, one connection, the request confirmed."""

    def __init__(self, uri: str) -> None:
        self._connection = bare.connect(uri)
        self._channel = self._connection.channel()
        self._channel.confirm_select()
        self._answers: list[Any] = []
        self._channel.basic_consume("amq.rabbitmq.reply-to", no_ack=True, callback=self._answers.append)

    def call(self) -> None:
        """One bare round trip."""
        self._round_trip(b'{"args": [], "kwargs": {}}', "", bare.QUEUE, {})

    def call_operation(self, operation: Operation, request: dict[str, Any], passport: str) -> None:
        """One call of an operation, with all its headers, without our client."""
        context = wire.CallContext(
            wire.new_id(), correlation_id=wire.new_id(), passport=passport, deadline=time.time() + 5
        )
        body = wire.encode({"args": (), "kwargs": request})
        self._round_trip(body, wire.RPC_EXCHANGE, operation.address, context.headers())

    def _round_trip(self, body: bytes, exchange: str, routing_key: str, headers: dict[str, Any]) -> None:
        self._answers.clear()
        message = amqp.Message(
            body,
            content_type=wire.JSON,
            correlation_id="1",
            reply_to="amq.rabbitmq.reply-to",
            application_headers=headers,
        )
        self._channel.basic_publish_confirm(message, exchange=exchange, routing_key=routing_key)
        while not self._answers:
            self._connection.drain_events()

    def in_flight(self, count: int, width: int = 50) -> float:
        """Calls per second with `width` waiting at any time, from one thread."""
        self._answers.clear()
        sent = done = 0
        started = time.perf_counter()
        while done < count:
            while sent < count and sent - done < width:
                message = amqp.Message(
                    b'{"args": [], "kwargs": {}}', correlation_id="1", reply_to="amq.rabbitmq.reply-to"
                )
                self._channel.basic_publish(message, routing_key=bare.QUEUE)
                sent += 1
            self._connection.drain_events()
            done = len(self._answers)
        return count / (time.perf_counter() - started)


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


def bench_calls(uri: str, system: ServiceSystem, rounds: int) -> None:
    """The call table."""
    from nameko.standalone.rpc import ClusterRpcProxy

    client = system.client()
    passport = system.passport("toy.greet")
    bare_client = BareClient(uri)
    figures: dict[str, list[float]] = {}
    flights: dict[str, list[float]] = {}

    def ours(operation: Any, request: dict[str, Any]) -> Callable[[], Any]:
        return lambda: client.call(operation, request, wire.CallContext(wire.new_id(), passport=passport))

    with ClusterRpcProxy({"AMQP_URI": uri, "serializer": "json"}) as proxy:
        for _ in range(rounds):
            for name, call in (
                ("bare py-amqp, confirmed", bare_client.call),
                ("stock nameko 2.14.1", proxy.stock.do_nothing),
                ("empty operation", lambda: bare_client.call_operation(toy.do_nothing, {}, passport)),
                ("whole operation", lambda: bare_client.call_operation(toy.greet, GREETING, passport)),
                ("  empty, our client", ours(toy.do_nothing, {})),
                ("  whole, our client", ours(toy.greet, GREETING)),
            ):
                figures.setdefault(name, []).append(sequential(call, 600))
            flights.setdefault("bare py-amqp, confirmed", []).append(bare_client.in_flight(3000))
            flights.setdefault("stock nameko 2.14.1", []).append(stock_pipelined(proxy))
            flights.setdefault("  empty, our client", []).append(
                pipelined(client, toy.do_nothing, {}, passport)
            )
            flights.setdefault("  whole, our client", []).append(
                pipelined(client, toy.greet, GREETING, passport)
            )
    client.close()
    _print_calls(figures, flights)


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


def bench_http(rounds: int) -> None:
    """One read and one write through gateway, identity and referrals, at 1 and 16 clients."""
    from tests.support.stack import running_stack

    with running_stack() as stack:
        record = stack.staff.post("/v1/contact-records", first_name="Rosalind", last_name="Quimby")
        cases = {
            "read a contact record": lambda: stack.staff.get(f"/v1/contact-records/{record['id']}"),
            "enter a contact record": lambda: stack.staff.post(
                "/v1/contact-records", first_name="Rosalind", last_name="Quimby"
            ),
        }
        print(f"\n{'HTTP request':<26}{'1 client':>12}{'p99':>9}{'16 clients':>13}{'p50':>9}{'p99':>9}")
        for name, request in cases.items():
            alone = [_timed(request) for _ in range(100 * rounds)]
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                started = time.perf_counter()
                together = list(pool.map(_timed, [request] * (300 * rounds)))
                rate = len(together) / (time.perf_counter() - started)
            print(
                f"{name:<26}{statistics.median(alone):>9.2f} ms{_p99(alone):>6.1f} ms{rate:>11.0f}/s"
                f"{statistics.median(together):>6.1f} ms{_p99(together):>6.1f} ms"
            )
        print(
            "\nresident memory:",
            ", ".join(f"{name} {stack.rss_mb(name):.0f} MB" for name in stack.process_names),
        )


def _timed(request: Callable[[], Any]) -> float:
    started = time.perf_counter()
    request()
    return (time.perf_counter() - started) * 1000


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


@contextlib.contextmanager
def _programs(uri: str) -> Iterator[None]:
    """The bare echo and the stock service."""
    config = Path(tempfile.mkdtemp()) / "stock.yaml"
    config.write_text(f"AMQP_URI: '{uri}'\nserializer: json\nmax_workers: 64\n")
    echo = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.load.bare", uri], stdout=subprocess.PIPE
    )
    stock = subprocess.Popen(
        [str(Path(sys.executable).with_name("nameko")), "run", "--config", str(config), "tests.load.stock"],
        stderr=subprocess.DEVNULL,
    )
    try:
        assert echo.stdout is not None
        echo.stdout.readline()
        eventually(lambda: _assert_served(uri), timeout_s=20)
        yield
    finally:
        for process in (echo, stock):
            process.terminate()
            process.wait(10)


def _assert_served(uri: str) -> None:
    with contextlib.closing(bare.connect(uri)) as connection:
        try:
            assert connection.channel().queue_declare("rpc-stock", passive=True).consumer_count == 1
        except amqp.NotFound as error:
            raise AssertionError("the stock service is not there yet") from error


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", choices=["calls", "http", "identity", "referrals"])
    arguments = parser.parse_args()
    logs.configure("bench", "ERROR")
    if arguments.only in (None, "calls"):
        with (
            private_broker() as broker,
            fresh_vhost(broker) as uri,
            tempfile.TemporaryDirectory() as folder,
            toy_system(uri, Path(folder)) as system,
            _programs(uri),
        ):
            bench_calls(uri, system, arguments.rounds)
    if arguments.only in (None, "http"):
        bench_http(arguments.rounds)
    if arguments.only in (None, "identity"):
        bench_identity()
    if arguments.only in (None, "referrals") and not bench_referrals(10_000, 1_000_000, arguments.rounds):
        sys.exit(1)


if __name__ == "__main__":
    main()
