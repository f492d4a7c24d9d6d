"""Five hundred open pages: when each has been told of an event, and what the other requests of the process cost meanwhile."""

from __future__ import annotations

import base64
import selectors
import socket
import statistics
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from deploy.client import Portico
from gateway.live.server import SESSION
from gateway.live.streams import MOST_OF_SESSION
from gateway.web.protection import Protection, of_session
from tests.load.bars import Bar
from tests.support.stack import HARBOR, RunningStack, running_stack

STREAMS = 500
REQUESTS = 300
TOLD_WITHIN_S = 1.0
SLOWER = 1.5
STAFF = "staff@harbor.example.org"


def bench_live(rounds: int) -> list[Bar]:
    """Print the figures; the bars."""
    with running_stack() as portico:
        health = f"http://127.0.0.1:{portico.stack.ports.live}/healthz"
        ratios, told = [], []
        for _ in range(rounds):
            alone = _requests_ms(health)
            with _open_pages(portico) as pages:
                beside = _requests_ms(health)
                told += [_told_after_s(portico, pages) for _ in range(5)]
            ratios.append(beside / alone)
            print(f"health {alone:.2f} ms alone, {beside:.2f} ms beside {STREAMS} streams", flush=True)
        print(
            f"told after {statistics.median(told):.3f} s (median of {len(told)}), {max(told):.3f} s at most"
        )
        print(f"resident memory of live: {portico.rss_mb('live'):.0f} MB")
    return [
        Bar(f"seconds until the last of {STREAMS} pages is told", max(told), most=TOLD_WITHIN_S),
        Bar("other requests beside the streams / alone", statistics.median(ratios), most=SLOWER),
    ]


def _requests_ms(address: str) -> float:
    took = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        with urllib.request.urlopen(address) as response:
            response.read()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


@contextmanager
def _open_pages(portico: RunningStack) -> Iterator[list[socket.socket]]:
    key = base64.urlsafe_b64decode((portico.stack.folder / "keys/pages.key").read_text().strip())
    me: dict[str, Any] = portico.staff.get("/v1/me")
    shown = {"organisation": HARBOR, "account": me["id"], "views": ["contact_record:*"]}
    pages: list[socket.socket] = []
    sessions: list[Portico] = []
    try:
        while len(pages) < STREAMS:
            sessions.append(portico.log_in(HARBOR, STAFF))
            token = str(sessions[-1].token)
            sealed = Protection(key, None).sealed(shown, of_session("live", token), 600)
            for _ in range(min(MOST_OF_SESSION, STREAMS - len(pages))):
                pages.append(_page(portico, token, sealed))  # noqa: PERF401  # what is open when one fails is closed
        yield pages
    finally:
        for page in pages:
            page.close()
        for session in sessions:
            session.delete("/v1/sessions/current", expect=204)


def _page(portico: RunningStack, token: str, sealed: str) -> socket.socket:
    page = socket.create_connection(("127.0.0.1", portico.stack.ports.live), timeout=30)
    origin = portico.stack.public_url
    page.sendall(
        f"GET /live?page={sealed} HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nCookie: {SESSION}={token}\r\n\r\n".encode()
    )
    begun = b""
    while b"\nid: " not in begun:
        piece = page.recv(4096)
        if not piece:
            raise RuntimeError(f"the stream did not begin: {begun[:200]!r}")
        begun += piece
    page.setblocking(False)
    return page


def _told_after_s(portico: RunningStack, pages: list[socket.socket]) -> float:
    """How long after the answer to a write the last page is told."""
    with selectors.DefaultSelector() as waiting:
        for page in pages:
            waiting.register(page, selectors.EVENT_READ)
        portico.staff.post("/v1/contact-records", last_name="Livewell")
        began = time.perf_counter()
        left = set(pages)
        while left:
            for ready, _ in waiting.select(30):
                page = ready.fileobj
                assert isinstance(page, socket.socket)  # no other is registered
                if b"event: stale" in page.recv(65536):
                    left.discard(page)
        return time.perf_counter() - began
