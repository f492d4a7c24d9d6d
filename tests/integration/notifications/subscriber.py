"""Another system that is reached by HTTP: it remembers what it was sent, and answers as the test says."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Post:
    path: str
    headers: Mapping[str, str]
    body: bytes


class Subscriber:
    """A real HTTP endpoint on this machine. Requests to `hanging` paths are answered when the test lets them go."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.statuses: list[int] = []
        self.hanging: set[str] = set()
        self.failing: set[str] = set()
        self.let_go = threading.Event()
        subscriber = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                subscriber.posts.append(Post(self.path, dict(self.headers), body))
                if self.path in subscriber.hanging:
                    subscriber.let_go.wait(30)
                self.send_response(subscriber.answer(self.path))
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str) -> int:
        """The status for a request to this path."""
        if path in self.failing:
            return 500
        return self.statuses.pop(0) if self.statuses else 204

    def close(self) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
