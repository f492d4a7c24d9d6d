"""The RSGI application that granian serves: one stream of server-sent events for each open page.

A page asks with what the gateway has sealed for it and its session when the page was read: so it is told only of what it was
allowed to read. An event says which view is stale, or who else has the same item open, and nothing else. A stream ends with
its session. Where several processes run, they tell each other who is there (`presence`).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]  # granian re-exports it without saying so
from prometheus_client import Gauge, start_http_server
from werkzeug.http import parse_cookie

from gateway.client_address import address_of
from gateway.live import events
from gateway.live.presence import Presence
from gateway.live.sessions import CHECKED_EVERY_S, Sessions
from gateway.live.settings import LiveSettings
from gateway.live.streams import Stream, Streams
from gateway.live.views import account_concerned, made_stale, views_of
from gateway.web.protection import Protection, of_session
from services.chassis import logs
from services.chassis.logs import log
from services.chassis.rpc_client import RpcClient
from services.chassis.settings import load_settings
from services.contracts.errors import Refused

SESSION = "__Host-session"
PACE_S = 0.5  # a page is told at most this often
HEARTBEAT_S = 20.0
OPEN = Gauge("portico_live_streams", "Pages that are told of changes")


def build() -> Live:
    """The application, built once in the worker process."""
    settings = load_settings(LiveSettings)
    logs.configure("live", settings.log_level)
    metrics_server, _ = start_http_server(settings.metrics_port, settings.metrics_host)
    log.info("metrics_listening", port=metrics_server.server_port)
    client = RpcClient(settings.amqp_uri, "live", settings.heartbeat_s, settings.rpc_timeout_s, workers=8)
    client.start()
    key = base64.urlsafe_b64decode(Path(settings.pages_key_file).read_text().strip())
    return Live(settings, Protection(key, settings.public_url), Sessions(client))


class Live:
    """Serves the streams."""

    def __init__(self, settings: Any, protection: Protection, sessions: Sessions) -> None:
        self._settings = settings
        self._protection = protection
        self._sessions = sessions
        self._streams = Streams(settings.live_streams)
        self._presence = Presence(self._streams, protection)
        self._listens = False
        self._tasks: set[asyncio.Task[Any]] = set()

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to listen and to check, when the worker's loop has begun."""
        self._keep(loop.create_task(events.listen(self._settings.amqp_uri, self.take, self.listens)))
        self._keep(loop.create_task(self._presence.share(self._settings.amqp_uri)))
        self._keep(loop.create_task(self._check_sessions()))

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """One request."""
        if scope.proto != "http":
            return
        if scope.path == "/healthz":
            body = orjson.dumps({"service": "live", "ok": True})
            protocol.response_bytes(200, [("content-type", "application/json")], body)
        elif scope.path == "/readyz":
            body = orjson.dumps({"service": "live", "ok": self._listens})
            protocol.response_bytes(
                200 if self._listens else 503, [("content-type", "application/json")], body
            )
        elif scope.path == "/live" and scope.method == "GET":
            await self._serve(scope, protocol)
        else:
            protocol.response_empty(404, [])

    # What happens in the system

    def take(self, event: Mapping[str, Any]) -> None:
        """Tell those whom an event concerns."""
        self._streams.tell(made_stale(event))
        account_id = account_concerned(event)
        concerned = self._streams.of_account(account_id) if account_id else []
        if concerned:
            self._keep(asyncio.get_running_loop().create_task(self._sessions.end_those_that_ended(concerned)))

    def listens(self, is_listening: bool) -> None:
        """The broker is there again, so that everything may be stale; or it has gone."""
        self._listens = is_listening
        if is_listening:
            self._streams.tell_all()

    async def _check_sessions(self) -> None:
        while True:
            await asyncio.sleep(CHECKED_EVERY_S)
            await self._sessions.end_those_that_ended(self._streams.every())

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("live_task_failed", error=type(task.exception()).__name__)

    # One page

    async def _serve(self, scope: Any, protocol: Any) -> None:
        stream = self._stream(scope)
        headers = [
            ("access-control-allow-origin", self._settings.public_url),
            ("access-control-allow-credentials", "true"),
            ("cache-control", "no-store"),
            ("vary", "origin"),
        ]
        try:
            holds = (
                stream is not None and (await self._sessions.hold([(stream.token, stream.client_address)]))[0]
            )
        except Refused:
            protocol.response_empty(503, [*headers, ("retry-after", "5")])
            return
        if stream is None or not holds:
            protocol.response_empty(204, headers)  # the browser does not come again
            return
        if not self._streams.add(stream, scope.headers.get("last-event-id") or ""):
            protocol.response_empty(503, [*headers, ("retry-after", "30")])
            return
        OPEN.set(len(self._streams))
        transport = protocol.response_stream(200, [*headers, ("content-type", "text/event-stream")])
        gone = asyncio.ensure_future(protocol.client_disconnect())
        gone.add_done_callback(lambda _: stream.wake.set())  # the others are told at once
        try:
            await transport.send_str(f"retry: 3000\nid: {self._streams.last_id}\n\n")
            while not gone.done() and await self._tell(stream, transport, gone):
                pass
        except (ProtocolClosed, RuntimeError):
            pass  # the page was closed while it was written to
        finally:
            gone.cancel()
            self._streams.remove(stream)
            OPEN.set(len(self._streams))

    async def _tell(self, stream: Stream, transport: Any, gone: asyncio.Future[Any]) -> bool:
        """Write what there is, at the latest a sign of life. False once the stream has ended."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stream.wake.wait(), HEARTBEAT_S)
        stream.wake.clear()
        if stream.has_ended:
            await transport.send_str("event: ended\ndata: -\n\n")
            return False
        stale, stream.pending = sorted(stream.pending), set()
        has_news, stream.has_news_of_others = stream.has_news_of_others, False
        if gone.done():
            return False
        if has_news:
            names = orjson.dumps(self._streams.others_at(stream)).decode()
            await transport.send_str(f"event: others\ndata: {names}\n\n")
        if stale:
            await transport.send_str(
                f"id: {self._streams.last_id}\nevent: stale\ndata: {' '.join(stale)}\n\n"
            )
            await asyncio.sleep(PACE_S)
        elif not has_news:
            await transport.send_str(":\n\n")
        return True

    def _stream(self, scope: Any) -> Stream | None:
        """The stream that a request asks for, or None if its page was not sealed for this session."""
        if scope.headers.get("origin") != self._settings.public_url:
            return None
        token = _cookie(scope.headers.get("cookie") or "")
        sealed = parse_qs(scope.query_string).get("page", [""])[0]
        page = self._protection.opened(sealed, of_session("live", token)) if token else None
        if page is None:
            return None
        peer = scope.client.rpartition(":")[0].strip("[]")
        address = address_of(peer, scope.headers.get_all("x-forwarded-for"), self._settings.trusted_proxies)
        views = views_of(page["organisation"], page["views"])
        return Stream(token, address, page["account"], views, page.get("name", ""))


def _cookie(header: str) -> str:
    return parse_cookie(header).get(SESSION, "")
