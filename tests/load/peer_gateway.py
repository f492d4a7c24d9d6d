"""Flask in front of the peer (see peer_service): each thread borrows a stock proxy, as nameko's users do it.

AMQP_URI names the broker. Served by granian, as the gateway is.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flask
from nameko.standalone.rpc import ClusterRpcProxy

app = flask.Flask("peer")
_idle: queue.LifoQueue[Any] = queue.LifoQueue()


@contextmanager
def _peer() -> Iterator[Any]:
    try:
        proxy = _idle.get_nowait()
    except queue.Empty:
        proxy = ClusterRpcProxy({"AMQP_URI": os.environ["AMQP_URI"], "serializer": "json"}).start()
    yield proxy.peer
    _idle.put(proxy)


@app.post("/records")
def create_record() -> Any:
    """Create."""
    with _peer() as peer:
        return flask.jsonify(peer.create_record(flask.request.get_json())), 201


@app.get("/records/<int:record_id>")
def get_record(record_id: int) -> Any:
    """Read."""
    with _peer() as peer:
        return flask.jsonify(peer.get_record(record_id))
