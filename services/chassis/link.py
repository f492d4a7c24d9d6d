"""One AMQP connection with a reader and a heartbeat, which connects again after a loss.

Works with operating-system threads (gateway) and with greenlets (services, once eventlet has patched `threading`).
Writes go through one lock per connection; only the reader reads. So only `on_open`, which runs before the reader, may call
methods that wait for the broker's answer.
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
TURN_WITHIN_S = 2.0  # in which the writer before must have written its message


def write(channel: Any, data: bytes) -> None:
    """Write frames (see `frames`) of a channel in one piece. Raises LinkDown, OSError.

    py-amqp's `basic_publish` first reads from the socket (to notice a blocked connection), which would take frames away
    from the reader. This function only writes.
    """
    connection = None if channel is None else channel.connection
    if connection is None:
        raise LinkDown
    connection.transport.write(data)
    # A heartbeat is sent only when this number has not changed.
    connection.bytes_sent += 1


def publish(channel: Any, exchange: str, routing_key: str, body: bytes, **properties: Any) -> None:
    """Write one message with these properties (see `frames.publication`). Raises LinkDown, OSError."""
    if channel is None or channel.connection is None:
        raise LinkDown
    frame_max = channel.connection.frame_max
    write(
        channel, frames.publication(channel.channel_id, frame_max, exchange, routing_key, body, **properties)
    )


def connect(uri: str, timeout_s: float = 5, **options: Any) -> Any:
    """A py-amqp connection that no message can break (see `frames.reader`). Raises OSError, AMQPError."""
    options["frame_handler"] = frames.reader
    return kombu.Connection(
        uri, connect_timeout=timeout_s, transport_options=options
    ).transport.establish_connection()


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

    def renew(self) -> None:
        """Give the present connection up for a new one, although it looks well."""
        log.warning("link_given_up", name=self._name)
        self._drop()

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
                # As `drain_events`, but without a context manager for each of a message's three frames.
                read_frame, take_frame = connection.transport.read_frame, connection.on_inbound_frame
                while not self._stopping.is_set():
                    take_frame(read_frame())
            except Exception as error:  # a new connection is the remedy for every failure
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
        connection = connect(
            self._uri,
            3,
            heartbeat=self._heartbeat_s,
            client_properties={"connection_name": self._name},
            on_blocked=self._blocked,
            on_unblocked=self._unblocked,
        )
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
                # The reader notices a failed heartbeat as well, and connects again.
                with contextlib.suppress(OSError, ConnectionError):
                    connection.send_heartbeat()
            sent = connection.bytes_sent

    def _drop(self) -> None:
        # Shut the socket down and let the reader close it. The event loop stops watching a closed socket, so a greenlet that
        # waits for it would wait for ever.
        connection = self._connection
        if connection is not None and connection.connected:
            with contextlib.suppress(OSError):
                connection.transport.sock.shutdown(socket.SHUT_RDWR)


def _read_in_large_pieces(transport: Any) -> None:
    """Save eight of nine system calls.

    py-amqp reads 7 bytes, then the payload, then one byte, three times a message. It buffers surplus bytes, so it can read
    more at once. (TLS buffers by itself.)
    """
    if type(transport).__name__ == "TCPTransport":
        receive = transport.sock.recv
        transport._quick_recv = lambda wanted: receive(max(wanted, 65536))  # noqa: SLF001 - py-amqp has no setting for it


def _write_one_at_a_time(transport: Any) -> None:
    """Keep our writes (see `write`) and py-amqp's from mixing their frames: py-amqp's lock covers only its own.

    A broker that stands still takes no more data at some point. Whoever then waits for a turn is told in time.
    """
    send, lock = transport._write, threading.Lock()  # noqa: SLF001 - py-amqp has no place for it

    def send_alone(data: bytes) -> None:
        if not lock.acquire(timeout=TURN_WITHIN_S):
            raise LinkDown
        try:
            send(data)
        finally:
            lock.release()

    transport._write = send_alone  # noqa: SLF001 - as above


def _hang_up(connection: Any) -> None:
    """Close the socket of a connection. The AMQP close handshake could wait for ever for a dead peer."""
    with contextlib.suppress(OSError, ConnectionError):
        if connection.connected:
            connection.transport.close()
