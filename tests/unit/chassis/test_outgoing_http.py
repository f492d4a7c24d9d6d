"""HTTP to systems of others: an answer that never begins."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_network

import pytest
import requests

from services.chassis.outgoing_http import MOST_CONTINUES, ExchangeFault, exchange, guard

THIS_MACHINE = (ip_network("127.0.0.0/8"),)


@contextlib.contextmanager
def answering(continues: int) -> Iterator[str]:
    """The address of a server that says so many times that it goes on, then 204."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * continues)
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join(10)


def posted(url: str) -> int:
    with exchange(), requests.Session() as session:
        guard(session, THIS_MACHINE, None)
        return session.post(url, data=b"{}").status_code


def test_an_answer_may_say_that_it_comes() -> None:
    with answering(MOST_CONTINUES - 1) as url:
        assert posted(url) == 204


@pytest.mark.fault("A23")
@pytest.mark.parametrize("continues", [MOST_CONTINUES, 50_000])
def test_an_answer_that_only_says_that_it_comes_is_given_up(continues: int) -> None:
    """While it comes without a pause, nothing else would run, and no deadline either."""
    with answering(continues) as url, pytest.raises(ExchangeFault) as fault:
        posted(url)
    assert fault.value.reason == "unreachable"
