"""`/healthz` (the process lives), `/readyz` (it can do its work) and `/metrics`, on a port of each process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import eventlet
import eventlet.wsgi

from services.chassis import metrics
from services.chassis.logs import log
from services.chassis.wire import encode

Checks = Callable[[], dict[str, bool]]


class HealthServer:
    """A small HTTP server in the service's event loop, so that it answers only while the loop runs."""

    def __init__(self, service: str, host: str, port: int, checks: Checks) -> None:
        self._service = service
        self._checks = checks
        self._socket = eventlet.listen((host, port))
        self.port: int = self._socket.getsockname()[1]

    def start(self) -> None:
        """Serve in the background."""
        eventlet.spawn(eventlet.wsgi.server, self._socket, self._answer, log_output=False)
        log.info("health_listening", port=self.port)

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            start_response("200 OK", [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")])
            return [metrics.exposition()]
        if path == "/healthz":
            checks = {"process": True}
        elif path == "/readyz":
            checks = self._checks()
        else:
            start_response("404 Not Found", [("Content-Type", "application/json")])
            return [b"{}"]
        status = "200 OK" if all(checks.values()) else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json")])
        return [encode({"service": self._service, "ok": all(checks.values()), "checks": checks})]
