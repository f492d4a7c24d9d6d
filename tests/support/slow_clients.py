"""Clients that take their time, as raw sockets: they begin a request and do not end it, or ask for nothing."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator


def half_a_body(path: str, token: str | None, length: int = 1000) -> bytes:
    """A request whose body is announced, and of which one byte comes."""
    return (
        _head("POST", path, token, f"Content-Type: application/json\r\nContent-Length: {length}\r\n")
        + b"\r\n{"
    )


def half_an_upload(path: str, token: str | None, length: int = 5_000_000) -> bytes:
    """A form with a file, of which the beginning comes."""
    told = f"Content-Type: multipart/form-data; boundary=cut\r\nContent-Length: {length}\r\n"
    part = '--cut\r\nContent-Disposition: form-data; name="file"; filename="plan.pdf"\r\n\r\n%PDF-1.7 '
    return _head("POST", path, token, told) + b"\r\n" + part.encode() + b"x" * 100_000


def half_the_headers(path: str, token: str | None) -> bytes:
    """A request whose headers do not end."""
    return _head("GET", path, token, "X-Slow: ")


def a_whole_request(path: str, token: str | None) -> bytes:
    """A request whose answer the client does not take."""
    return _head("GET", path, token, "") + b"\r\n"


def _head(method: str, path: str, token: str | None, more: str) -> bytes:
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{bearer}{more}".encode()


@contextlib.contextmanager
def connected(port: int, counts: dict[bytes, int]) -> Iterator[list[socket.socket]]:
    """So many connections that have sent these bytes and send nothing more."""
    with contextlib.ExitStack() as stack:
        connections = []
        for sent, count in counts.items():
            for _ in range(count):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
                connection.sendall(sent)
                connections.append(connection)
        yield connections
