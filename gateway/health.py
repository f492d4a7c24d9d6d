"""`/readyz`: whether the whole system works.

`/healthz` tells that the gateway lives. The server answers it without a thread.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import flask

from services.chassis import logs, wire
from services.chassis.blobs import has_room
from services.chassis.rpc_client import RpcClient
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import health_check
from services.contracts.errors import Refused

KNOWN_FOR_S = 1.0  # anybody may ask, and the services answer at most this often
ANSWER_WITHIN_S = 2.0


def register(app: flask.Flask, client: RpcClient, blob_dir: str) -> None:
    """Serve the address."""
    readiness = Readiness(client, blob_dir)

    @app.get("/readyz")
    def readyz() -> flask.Response:
        checks = readiness.checks()
        response = flask.jsonify(service="portico", ok=all(checks.values()), checks=checks)
        response.status_code = 200 if all(checks.values()) else 503
        return response


class Readiness:
    """The checks of the whole system. They run once at a time; who asks meanwhile gets the last outcome."""

    def __init__(self, client: RpcClient, blob_dir: str) -> None:
        self._client = client
        self._blob_dir = blob_dir
        self._lock = threading.Lock()
        self._known: dict[str, bool] = {}
        self._known_at = float("-inf")

    def checks(self) -> dict[str, bool]:
        """Each check and whether it holds."""
        if time.monotonic() - self._known_at >= KNOWN_FOR_S and self._lock.acquire(blocking=not self._known):
            try:
                self._known = self._look()
                self._known_at = time.monotonic()
            finally:
                self._lock.release()
        return self._known

    def _look(self) -> dict[str, bool]:
        services = [contract.service for contract in CONTRACTS]
        with ThreadPoolExecutor(len(services)) as pool:  # so that one that hangs delays no other
            ready = dict(zip(services, pool.map(self._is_ready, services), strict=True))
        own = {
            "broker": self._client.is_connected,
            "disk": has_room(self._blob_dir),
            "log": logs.is_writable(),
        }
        return {**own, **ready}

    def _is_ready(self, service: str) -> bool:
        if not self._client.is_connected:
            return False
        context = wire.CallContext(wire.new_id(), deadline=time.time() + ANSWER_WITHIN_S)
        try:
            return bool(self._client.call(health_check(service), {}, context)["ok"])
        except Refused:
            return False
