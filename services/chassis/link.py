"""One AMQP connection that looks after itself: a reader, a heartbeat, and the way back after a loss.

Works with operating-system threads (gateway) and with greenlets (services, once eventlet has patched `threading`).
Writes go through one lock per connection; only the reader reads. So nobody but `on_open`, which runs before
the reader, may call a method that waits for the broker's answer.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Callable
from typing import Any

import kombu

from services.chassis import frames
from services.chassis.logs import log

Opened = Callable[[Any], None]


def write(channel: Any, data: bytes) -> None:
    """Write frames (see `frames`) of a channel in one piece. Raises LinkDown, OSError.

    py-amqp's own `basic_publish` reads from the socket first (to see a blocked connection), which would take frames away
    from the reader; this only writes.
    """
    connection = None if channel is None else channel.connection
    if connection is None:
        raise LinkDown
    connection.transport.write(data)
    # What tells the heartbeat that there is no need for one.
    connection.bytes_sent += 1


def publish(channel: Any, exchange: str, routing_key: str, body: bytes, **properties: Any) -> None:
    """Write one message with these properties (see `frames.publication`). Raises LinkDown, OSError."""
    if channel is None or channel.connection is None:
        raise LinkDown
    frame_max = channel.connection.frame_max
    write(
        channel, frames.publication(channel.channel_id, frame_max, exchange, routing_key, body, **properties)
    )


class LinkDown(ConnectionError):
    """There is no connection to the broker right now."""


class Link:
    """A connection named `name`. `on_open(connection)` declares channels and consumers each time it comes up."""

    def __init__(
        self,
        uri: str,
        name: str,
        on_open: Opened,
        on_close: Callable[[], None] = lambda: None,
        heartbeat_s: int = 10,
    ) -> None:
        self._uri = uri
        self._name = name
        self._on_open = on_open
        self._on_close = on_close
        self._heartbeat_s = heartbeat_s
        self._stopping = threading.Event()
        self._reader: threading.Thread | None = None
        self._connection: Any = None
        self.is_open = threading.Event()
        self.is_blocked = False

    def start(self) -> None:
        """Begin to connect; returns at once. `is_open` tells when the link is up."""
        for target, label in ((self._run, "reader"), (self._beat, "heartbeat")):
            thread = threading.Thread(target=target, name=f"{self._name}-{label}", daemon=True)
            thread.start()
            if label == "reader":
                self._reader = thread

    def close(self, timeout_s: float = 3.0) -> None:
        """Close for good. What was delivered and not acknowledged goes back to its queue."""
        self._stopping.set()
        self._drop()
        if self._reader is not None:
            self._reader.join(timeout_s)

    def _run(self) -> None:
        pause_s = 0.1
        while not self._stopping.is_set():
            connection = None
            try:
                connection = self._connect()
                self._on_open(connection)
                self._connection = connection
                if self._stopping.is_set():
                    break
                pause_s = 0.1
                self.is_open.set()
                log.info("link_open", name=self._name)
                # What `drain_events` does, without a context manager for each of a message's three frames.
                read_frame, take_frame = connection.transport.read_frame, connection.on_inbound_frame
                while not self._stopping.is_set():
                    take_frame(read_frame())
            except Exception as error:  # whatever broke it, the cure is a new connection
                if not self._stopping.is_set():
                    log.warning("link_lost", name=self._name, error=type(error).__name__)
            finally:
                was_open = self.is_open.is_set()
                self.is_open.clear()
                self._connection = None
                if connection is not None:
                    _hang_up(connection)
                if was_open:
                    self._on_close()
            self._stopping.wait(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            pause_s = min(pause_s * 2, 2.0)

    def _connect(self) -> Any:
        connection = kombu.Connection(
            self._uri,
            heartbeat=self._heartbeat_s,
            connect_timeout=3,
            transport_options={
                "client_properties": {"connection_name": self._name},
                "on_blocked": self._blocked,
                "on_unblocked": self._unblocked,
            },
        ).transport.establish_connection()
        # A read or a write that makes no progress for two heartbeats means that the peer is gone.
        connection.transport.sock.settimeout(2 * self._heartbeat_s)
        _read_in_large_pieces(connection.transport)
        _write_one_at_a_time(connection.transport)
        self.is_blocked = False
        return connection

    def _blocked(self, _reason: str) -> None:
        self.is_blocked = True
        log.warning("link_blocked", name=self._name)

    def _unblocked(self) -> None:
        self.is_blocked = False

    def _beat(self) -> None:
        sent = -1
        while not self._stopping.wait(self._heartbeat_s / 2):
            connection = self._connection
            if connection is None:
                continue
            if connection.bytes_sent == sent:
                # A failed heartbeat is seen by the reader as well, which mends the link.
                with contextlib.suppress(OSError, ConnectionError):
                    connection.send_heartbeat()
            sent = connection.bytes_sent

    def _drop(self) -> None:
        # Only shut down, which the reader sees, and which lets it close: a socket that is closed under a waiting greenlet
        # leaves the event loop's watch, and the greenlet would wait for ever.
        connection = self._connection
        if connection is not None and connection.connected:
            with contextlib.suppress(OSError):
                connection.transport.sock.shutdown(socket.SHUT_RDWR)


def _read_in_large_pieces(transport: Any) -> None:
    """Spare eight system calls of nine.

    py-amqp asks the socket for 7 bytes, then the payload, then one byte, three times a message. It keeps what it gets
    beyond the wish, so more can be asked for at once. (TLS buffers by itself.)
    """
    if type(transport).__name__ == "TCPTransport":
        receive = transport.sock.recv
        transport._quick_recv = lambda wanted: receive(max(wanted, 65536))  # noqa: SLF001 - py-amqp has no setting for it


def _write_one_at_a_time(transport: Any) -> None:
    """Let no two writers mix their frames: ours (see `write`) and py-amqp's, which has a lock for itself alone."""
    send, lock = transport._write, threading.Lock()  # noqa: SLF001 - py-amqp has no place for it

    def send_alone(data: bytes) -> None:
        with lock:
            send(data)

    transport._write = send_alone  # noqa: SLF001


def _hang_up(connection: Any) -> None:
    """Close the socket under a connection. The broker sees the end of it; a polite close could wait for ever on a dead peer."""
    with contextlib.suppress(OSError, ConnectionError):
        if connection.connected:
            connection.transport.close()
