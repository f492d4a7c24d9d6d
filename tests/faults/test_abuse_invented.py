"""A28: what strangers invent takes no memory and makes no series: methods, paths, hosts, headers, log-ins, organisations."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from services.contracts.catalogue import SERVICES
from tests.support.stack import HARBOR, RunningStack

EACH, FIRST, CLIENTS = 100_000, 3_000, 8
MOST_MB, MOST_SERIES = 10.0, 10
JSON = {"Content-Type": "application/json"}
Sent = tuple[str, str, dict[str, str], str | None]
KINDS: dict[str, Callable[[int], Sent]] = {
    "methods": lambda number: (f"INVENT{number}", "/v1/queues", {}, None),
    "paths": lambda number: ("GET", f"/v1/{number}/invented", {}, None),
    "hosts": lambda number: ("GET", "/v1/queues", {"Host": f"invented{number}.example.org"}, None),
    "headers": lambda number: (
        "GET",
        "/v1/queues",
        {f"X-Invented-{number}": "1", "X-Correlation-Id": f"invented-{number}"},
        None,
    ),
    "log-ins": lambda number: (
        "POST",
        "/v1/sessions",
        {**JSON, "X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"},
        f'{{"organisation": "{HARBOR}", "login": "invented{number}@example.org", "password": "{"x" * 12}"}}',
    ),
    "organisations": lambda number: (
        "GET",
        f"/v1/public/organisation?organisation=invented{number}",
        {},
        None,
    ),
}


def send(portico: RunningStack, kind: str, numbers: range) -> int:
    """One request for each number, over a few connections. Returns how many faults were answered."""

    def some(own: range) -> Iterator[int]:
        connection = http.client.HTTPConnection("127.0.0.1", portico.stack.ports.gateway, timeout=60)
        for number in own:
            method, path, headers, body = KINDS[kind](number)
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status >= 500 and answer.status != 503:
                yield answer.status
        connection.close()

    parts = [numbers[place::CLIENTS] for place in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        return sum(pool.map(lambda own: len(list(some(own))), parts))


def series(portico: RunningStack) -> int:
    """How many series all processes have."""
    ports = portico.stack.ports
    every = [ports.metrics, *(ports.health(service) for service in SERVICES)]
    texts = (requests.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text for port in every)
    return sum(not line.startswith("#") for text in texts for line in text.splitlines())


@pytest.mark.full
@pytest.mark.timeout(7200)
@pytest.mark.fault("A28")
def test_a_hundred_thousand_inventions_of_each_kind_leave_nothing_behind(portico: RunningStack) -> None:
    names = ("gateway", *SERVICES)
    for kind in KINDS:
        send(portico, kind, range(FIRST))
    sizes, known = {name: portico.rss_mb(name) for name in names}, series(portico)
    faults = sum(send(portico, kind, range(FIRST, FIRST + EACH)) for kind in KINDS)
    growth = {name: portico.rss_mb(name) - sizes[name] for name in names}
    more = series(portico) - known
    most = max(growth, key=lambda name: growth[name])
    print(
        f"A28: attempted {EACH * len(KINDS)} unexpected {faults}; most growth {most} {growth[most]:+.1f} MB, series {more:+d}"
    )
    assert faults == 0
    assert growth[most] <= MOST_MB, growth
    assert more <= MOST_SERIES
