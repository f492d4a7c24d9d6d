"""Which addresses a service may answer to.

RabbitMQ 3.10 closes the connection of whoever answers to an address of direct reply-to that is not in its form, or that names
a node it does not know. All calls that are being served would come again. So a caller's address is examined before the call is
carried out: its form, and once for each node, by a trial over a connection of its own.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
import time
from collections import deque
from collections.abc import Callable

import amqp

from services.chassis.link import connect

PREFIX = "amq.rabbitmq.reply-to."
_ADDRESS = re.compile(rf"{re.escape(PREFIX)}([A-Za-z0-9+/]+={{0,2}})\.[A-Za-z0-9+/]+={{0,2}}")
# A process of Erlang in its external format: the node in RabbitMQ's short form, then 12 bytes (before Erlang 23: 9).
_PROCESS = re.compile(rb"(\x83[Xg](?:[vd]\x00.|[ws].)reply@[0-9]{1,10})(.{12}|.{9})", re.DOTALL)
KEPT = 1000
# A cluster has few nodes. Whoever makes up many must not keep the workers busy with trials.
MOST_TRIALS, WITHIN_S = 30, 60.0


class ReplyAddresses:
    """The addresses of callers. `is_known_to_broker(address)` makes the trial; `clock` counts seconds."""

    def __init__(
        self, is_known_to_broker: Callable[[str], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._is_known_to_broker = is_known_to_broker
        self._nodes: dict[bytes, bool] = {}
        self._asking = threading.Lock()
        self._asked_at: deque[float] = deque(maxlen=MOST_TRIALS)
        self.accepted: set[str] = set()

    def accept(self, address: str) -> bool:
        """Whether a service may answer to this address. Asks the broker for the first of each node. Raises OSError, AMQPError."""
        if address in self.accepted:
            return True
        if not address or (address.startswith(PREFIX) and not self._is_direct(address)):
            return False
        if len(self.accepted) >= KEPT:
            self.accepted.clear()
        self.accepted.add(address)
        return True

    def _is_direct(self, address: str) -> bool:
        form = _ADDRESS.fullmatch(address)
        if form is None:
            return False
        try:
            process = _PROCESS.fullmatch(base64.b64decode(form[1], validate=True))
        except binascii.Error:
            return False
        if process is None or not _has_its_length(process[1], process[2]):
            return False
        node = process[1]
        if node not in self._nodes:
            with self._asking:
                if node not in self._nodes:
                    self._ask_about(node, len(process[2]))
        return self._nodes.get(node, False)

    def _ask_about(self, node: bytes, rest: int) -> None:
        now = self._clock()
        if len(self._asked_at) == MOST_TRIALS and self._asked_at[0] > now - WITHIN_S:
            return
        self._asked_at.append(now)
        if len(self._nodes) >= KEPT:
            self._nodes.clear()
        # A process that does not exist, so that no caller gets the trial.
        process = base64.b64encode(node + bytes(rest)).decode()
        self._nodes[node] = self._is_known_to_broker(f"{PREFIX}{process}.AAAA")


def _has_its_length(node: bytes, rest: bytes) -> bool:
    """Whether the node's name is as long as it declares, and the rest as long as this form of a process has it."""
    name = node[node.index(b"reply@") :]
    declared = node[3 : -len(name)]
    is_name = declared in (bytes((len(name),)), bytes((0, len(name))))
    return is_name and len(rest) == (12 if node[1] == ord("X") else 9)


def is_known_to_broker(uri: str, address: str) -> bool:
    """Send nothing to this address over a new connection. Returns whether the broker keeps that connection.

    Raises OSError or AMQPError where the broker cannot be reached.
    """
    connection = connect(uri, 2)
    try:
        channel = connection.channel()
        channel.confirm_select()
        channel.basic_publish_confirm(amqp.Message(b""), routing_key=address, confirm_timeout=2)
    except amqp.InternalError:
        return False
    finally:
        connection.collect()
    return True
