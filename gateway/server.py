"""The ASGI application that granian serves. It reads a request as a whole before a thread runs the WSGI application for it.

A client that sends its body slowly, or is slow to take its answer, holds a coroutine and no thread. An upload is admitted
before its body is read: the WSGI application is asked first without it, and answers 100 if it wants the body.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from prometheus_client import start_http_server

from gateway import answers, errors, ranges
from gateway.app import create_app
from gateway.bodies import Receive, read_body
from gateway.ndjson import Pages
from gateway.requests import BODY_COMES_LATER, SUBMITTED_AT
from gateway.settings import GatewaySettings
from gateway.uploads import UploadsLoop
from gateway.workers import Workers
from services.chassis import logs, tracing, wire
from services.chassis.logs import log
from services.chassis.rpc_client import RpcClient
from services.chassis.settings import load_settings
from services.contracts.errors import Refused

Send = Callable[[dict[str, Any]], Awaitable[None]]
T = TypeVar("T")

FORM = "multipart/form-data"
_PIECE_BYTES = 256 * 1024
_FORM_BYTES = 1024 * 1024  # what an upload may have beside its file
_COMMON = {
    "SCRIPT_NAME": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}
_NAMES: dict[bytes, str] = {
    b"content-type": "CONTENT_TYPE",
    b"content-length": "CONTENT_LENGTH",
}


class StoredFile:
    """`wsgi.file_wrapper`: what is to be sent is a file, which the server sends without a thread."""

    def __init__(self, file: Any, _piece_bytes: int = 0) -> None:
        self.path = str(file.name)
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        raise TypeError("the server sends the file by its path")

    def close(self) -> None:
        """Close the file that the application has opened."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes | StoredFile | Pages
    part: ranges.Part | None = None


def build() -> Server:
    """The application, built once in each worker process because connections must be made after the fork."""
    settings = load_settings(GatewaySettings)
    logs.configure("gateway", settings.log_level)
    metrics_server, _ = start_http_server(settings.metrics_port, settings.metrics_host)
    log.info("metrics_listening", port=metrics_server.server_port)
    client = RpcClient(
        settings.amqp_uri,
        "gateway",
        settings.heartbeat_s,
        settings.rpc_timeout_s,
        workers=settings.gateway_threads,
    )
    client.start()
    tracing.start("gateway", settings)
    uploads = UploadsLoop(settings)
    uploads.start()
    uploads.wake()  # what a process has left behind that ended
    return Server(create_app(settings, client), Workers(settings.gateway_threads), settings.max_upload_bytes)


class Server:
    """Serves a WSGI application with these threads."""

    def __init__(self, application: Any, workers: Workers, max_upload_bytes: int) -> None:
        self._application = application
        self._workers = workers
        self._most_bytes = max_upload_bytes + _FORM_BYTES

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        environ = _environ(scope)
        try:
            answer = await self._answer(scope, environ, receive)
        except Refused as refusal:
            answer = _refusal(environ, refusal)
        except Exception as error:
            answer = _refusal(environ, errors.fault(error))
        start = {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers],
        }
        await send(start)
        if isinstance(answer.body, StoredFile) and answer.part is not None:
            await _send_part(send, answer.body.path, answer.part)
        elif isinstance(answer.body, StoredFile):
            await send({"type": "http.response.pathsend", "path": answer.body.path})
        elif isinstance(answer.body, Pages):
            await self._send_pages(send, answer.body)
        else:
            await send({"type": "http.response.body", "body": answer.body})

    async def _send_pages(self, send: Send, pages: Pages) -> None:
        """Page by page: a thread makes one when the client has taken the one before.

        Where a page is refused, the answer breaks off without its last chunk, so that no client takes it for the whole list.
        """
        try:
            while (page := await self._in_thread(lambda _: _next_of(pages))) is not None:
                await send({"type": "http.response.body", "body": page, "more_body": True})
        except Refused as refusal:
            log.warning("answer_broken_off", reason=refusal.code)
            return
        await send({"type": "http.response.body", "body": b""})

    async def _answer(self, scope: Mapping[str, Any], environ: dict[str, Any], receive: Receive) -> _Answer:
        if b"//" in scope["raw_path"]:
            raise Refused("not_found", "There is no such address.")
        if scope["path"] == "/healthz":
            return _healthy(environ)
        if not _has_body(environ):
            return await self._carry_out(environ)
        length = _length(environ)
        if environ.get("CONTENT_TYPE", "").lower().startswith(FORM):
            answer = await self._carry_out({**environ, BODY_COMES_LATER: True})
            if answer.status != 100:
                return answer
            environ["wsgi.input"] = await read_body(receive, length, self._most_bytes)
        else:
            environ["wsgi.input"] = await read_body(receive, length, wire.MAX_BODY_BYTES)
        with environ["wsgi.input"]:
            return await self._carry_out(environ)

    async def _carry_out(self, environ: dict[str, Any]) -> _Answer:
        """Run the WSGI application in a thread. Raises Refused(service_unavailable) if none is free in time."""

        def run(submitted_at: float) -> _Answer | Refused:
            environ[SUBMITTED_AT] = submitted_at
            return _run(self._application, environ)

        return await self._in_thread(run)

    async def _in_thread(self, work: Callable[[float], T | Refused]) -> T:
        """What `work(submitted_at)` returns, carried out by a thread. It raises nothing: a Refused that it returns is raised here."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(answer: T | Refused) -> None:
            if not done.done():
                if isinstance(answer, Refused):
                    done.set_exception(answer)
                else:
                    done.set_result(answer)

        def run(submitted_at: float) -> None:
            loop.call_soon_threadsafe(settle, work(submitted_at))

        def refuse() -> None:
            loop.call_soon_threadsafe(settle, _busy())

        if not self._workers.submit(run, refuse):
            raise _busy()
        return await done


def _next_of(pages: Pages) -> bytes | Refused | None:
    """The next page, None after the last one. No exception escapes."""
    try:
        return next(pages, None)
    except Refused as refusal:
        return refusal
    except Exception as error:
        return errors.fault(error)


def _run(application: Any, environ: dict[str, Any]) -> _Answer | Refused:
    """The application's answer. No exception escapes."""
    status = 500
    given: list[tuple[str, str]] = []

    def start(line: str, headers: list[tuple[str, str]], *_more: Any) -> None:
        nonlocal status, given
        status, given = int(line[:3]), headers

    try:
        answer = application(environ, start)
        if isinstance(answer, StoredFile):
            answer.close()
            return _file(environ, status, given, answer)
        if isinstance(answer, Pages):
            return _Answer(status, given, answer)
        body = b"".join(answer)
        close = getattr(answer, "close", None)
        if close is not None:
            close()
        return _Answer(status, given, body)
    except Exception as error:
        return errors.fault(error)


def _file(
    environ: Mapping[str, Any], status: int, headers: list[tuple[str, str]], file: StoredFile
) -> _Answer | Refused:
    """A file, or the part of it that was asked for."""
    size = Path(file.path).stat().st_size
    headers.append(("Accept-Ranges", "bytes"))
    etag = next((value for name, value in headers if name.lower() == "etag"), None)
    try:
        part = ranges.part_asked(environ, size, etag) if status == HTTPStatus.OK else None
    except ranges.Unsatisfiable:
        return Refused("range_not_satisfiable", f"The file has no such part. It has {size} bytes.", size=size)
    if part is None:
        return _Answer(status, headers, file)
    return _Answer(HTTPStatus.PARTIAL_CONTENT, ranges.headers_of(headers, part, size), file, part)


async def _send_part(send: Send, path: str, part: ranges.Part) -> None:
    """The bytes of a part, piece by piece, read in a thread."""
    loop = asyncio.get_running_loop()
    with await loop.run_in_executor(None, open, path, "rb") as file:
        file.seek(part.first)
        left = part.last - part.first + 1
        while left:
            piece = await loop.run_in_executor(None, file.read, min(left, _PIECE_BYTES))
            if not piece:
                return  # the file became shorter, which no stored file does
            left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": left > 0})


def _environ(scope: Mapping[str, Any]) -> dict[str, Any]:
    """The environment of PEP 3333. A header's name with an underscore is left out: it could pass for another one."""
    path, server, client = scope["raw_path"], scope["server"], scope["client"]
    environ: dict[str, Any] = {
        **_COMMON,
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(),
        "wsgi.file_wrapper": StoredFile,
    }
    for name, value in scope["headers"]:
        key = _NAMES.get(name)
        if key is None:
            if b"_" in name:
                continue
            key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        if key in environ:
            text = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
        environ[key] = text
    return environ


def _has_body(environ: Mapping[str, Any]) -> bool:
    return environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ


def _length(environ: Mapping[str, Any]) -> int | None:
    given = environ.get("CONTENT_LENGTH", "")
    return int(given) if given.isdecimal() else None


def _busy() -> Refused:
    return Refused("service_unavailable", "Too many requests are waiting. Try again soon.", retry_after_s=1)


def _healthy(environ: Mapping[str, Any]) -> _Answer:
    answers.begin(environ.get("HTTP_X_CORRELATION_ID"), None)
    headers = [("Content-Type", "application/json")]
    answers.add_headers(headers)
    return _Answer(200, headers, wire.encode({"service": "gateway", "ok": True}))


def _refusal(environ: Mapping[str, Any], refusal: Refused) -> _Answer:
    """The answer to a request that reached no thread, counted and logged as one that did."""
    answers.begin(environ.get("HTTP_X_CORRELATION_ID"), environ.get("HTTP_TRACEPARENT"))
    status, headers, body = errors.rendered(refusal, environ["PATH_INFO"])
    answers.add_headers(headers)
    answers.note(environ["REQUEST_METHOD"], "unknown", status, 0.0)
    return _Answer(status, headers, body)
