"""The server: a request is complete before a thread is taken, an upload is admitted before its body is read."""

from __future__ import annotations

import asyncio
import errno
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flask
import orjson
import pytest
from prometheus_client import REGISTRY

from gateway import bodies, ranges, workers
from gateway.server import Server
from gateway.workers import Workers
from services.chassis import metrics
from services.chassis.blobs import BlobStore
from services.contracts.errors import Refused
from services.contracts.identity import login, passports
from services.contracts.referrals import queues
from services.contracts.signing import documents as signing

TOKEN = (b"authorization", b"Bearer opaque-token")
JSON = (b"content-type", b"application/json")
MIB = 1024 * 1024
BOUNDARY = b"cut"
SHA256 = re.compile(r"[0-9a-f]{64}")
FORM = (b"content-type", b"multipart/form-data; boundary=cut")


def a_form(content: bytes) -> bytes:
    head = b'Content-Disposition: form-data; name="file"; filename="plan.pdf"\r\n\r\n'
    return b"--cut\r\n" + head + content + b"\r\n--cut--\r\n"


@dataclass
class Exchange:
    """One request and its answer. `pieces` of the body come one by one; after them nothing comes, unless it `is_whole`."""

    method: str
    path: str
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    pieces: Iterable[bytes] = ()
    is_whole: bool = True
    is_cut_off: bool = False
    taken: int = 0
    sent: list[dict[str, Any]] = field(default_factory=list)

    @property
    def scope(self) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        return {
            "type": "http",
            "method": self.method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": self.headers,
            "scheme": "http",
            "server": ("127.0.0.1", 8400),
            "client": ("127.0.0.1", 50000),
        }

    async def go(self, server: Server) -> Exchange:
        remaining = iter(list(self.pieces))

        async def receive() -> dict[str, Any]:
            piece = next(remaining, None)
            if piece is None:
                if self.is_cut_off:
                    return {"type": "http.disconnect"}
                if not self.is_whole:
                    await asyncio.Event().wait()
                return {"type": "http.request", "body": b"", "more_body": False}
            self.taken += len(piece)
            return {"type": "http.request", "body": piece, "more_body": True}

        async def send(message: dict[str, Any]) -> None:
            self.sent.append(message)

        await server(self.scope, receive, send)
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def answered(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def json(self) -> Any:
        return orjson.loads(self.sent[1]["body"])


@pytest.fixture
def server(app: flask.Flask) -> Server:
    return Server(app, Workers(2), max_upload_bytes=2000)


def exchange(server: Server, *arguments: Any, **more: Any) -> Exchange:
    return asyncio.run(Exchange(*arguments, **more).go(server))


def called(services: Any) -> list[Any]:
    return [operation for operation, _, _ in services.calls]


def test_a_request_is_carried_out(server: Server, services: Any):
    services.answers["referrals.list_queues"] = {"items": []}

    answer = exchange(server, "GET", "/v1/queues?limit=5", [TOKEN])

    assert (answer.status, answer.json) == (200, {"items": []})
    assert services.made(queues.list_queues)[0] == {"limit": "5"}
    assert answer.answered["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize("size", [10, bodies.IN_MEMORY + 1, 300_000])
def test_a_body_comes_in_pieces_of_any_size(server: Server, services: Any, has_length: bool, size: int):
    body = orjson.dumps({"name": "x" * size})
    told = (b"content-length", str(len(body)).encode()) if has_length else (b"transfer-encoding", b"chunked")
    pieces = [body[at : at + 7000] for at in range(0, len(body), 7000)]

    answer = exchange(server, "POST", "/v1/queues", [TOKEN, JSON, told], pieces)

    assert answer.status == 201
    assert services.made(queues.create_queue)[0] == {"name": "x" * size}


@pytest.mark.fault("A23")
@pytest.mark.fault("A19")
def test_bodies_that_never_end_hold_no_thread(server: Server, services: Any, monkeypatch: Any):
    """Fifty of them, and two threads."""

    async def crowd() -> tuple[list[Exchange], Exchange]:
        slow = [
            Exchange("POST", "/v1/queues", [TOKEN, JSON, (b"content-length", b"100")], [b"{"], is_whole=False)
            for _ in range(50)
        ]
        going = [asyncio.create_task(each.go(server)) for each in slow]
        await asyncio.sleep(0)
        quick = await asyncio.wait_for(Exchange("GET", "/v1/queues", [TOKEN]).go(server), 10)
        assert not any(each.sent for each in slow)
        for task in going:
            task.cancel()
        return slow, quick

    _, quick = asyncio.run(crowd())

    assert quick.status == 200
    assert queues.create_queue not in called(services)


@pytest.mark.fault("A23")
def test_a_body_that_takes_too_long_is_refused(server: Server, services: Any, monkeypatch: Any):
    monkeypatch.setattr(bodies, "FIRST_S", 0.05)

    answer = exchange(
        server, "POST", "/v1/queues", [TOKEN, JSON, (b"content-length", b"100")], [b"{"], is_whole=False
    )

    assert (answer.status, answer.json["code"]) == (408, "request_too_slow")
    assert answer.answered["X-Frame-Options"] == "DENY"
    assert services.calls == []


def test_a_body_gets_the_more_time_the_more_of_it_has_come(server: Server, monkeypatch: Any):
    monkeypatch.setattr(bodies, "FIRST_S", 0.0)
    monkeypatch.setattr(bodies, "LEAST_RATE", 1)
    body = orjson.dumps({"name": "x" * 90})
    told = (b"content-length", str(len(body)).encode())

    async def slowly() -> bytes:
        loop = asyncio.get_running_loop()
        pieces = iter([(body[:50], 0.0), (body[50:], 0.1)])

        async def receive() -> dict[str, Any]:
            piece, after_s = next(pieces)
            if after_s:
                done = loop.create_future()
                loop.call_later(after_s, done.set_result, None)
                await done
            return {"type": "http.request", "body": piece, "more_body": True}

        return (await bodies.read_body(receive, len(body), 1000)).read()

    assert asyncio.run(slowly()) == body
    assert told


@pytest.mark.parametrize("told", [(b"content-length", b"100"), (b"transfer-encoding", b"chunked")])
def test_a_body_that_breaks_off_is_carried_out_in_no_part(server: Server, services: Any, told: Any):
    answer = exchange(server, "POST", "/v1/queues", [TOKEN, JSON, told], [b"{}"], is_cut_off=True)

    assert (answer.status, answer.json["code"]) == (400, "malformed_request")
    assert services.calls == []


def test_a_body_that_is_announced_too_large_is_not_read(server: Server):
    told = (b"content-length", str(MIB + 1).encode())

    answer = exchange(server, "POST", "/v1/queues", [TOKEN, JSON, told], [b"x" * 1000], is_whole=False)

    assert (answer.status, answer.json["code"], answer.taken) == (413, "request_too_large", 0)


def test_a_body_of_unknown_length_is_read_to_its_limit_only(server: Server):
    answer = exchange(
        server, "POST", "/v1/queues", [TOKEN, JSON, (b"transfer-encoding", b"chunked")], [b"x" * 65536] * 100
    )

    assert (answer.status, answer.json["code"]) == (413, "request_too_large")
    assert answer.taken <= MIB + 65536


@pytest.mark.fault("F9")
def test_a_body_for_which_the_disk_has_no_room_is_told_so(server: Server, monkeypatch: Any):
    def full() -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bodies.tempfile, "TemporaryFile", full)
    told = (b"transfer-encoding", b"chunked")

    answer = exchange(server, "POST", "/v1/queues", [TOKEN, JSON, told], [b"x" * (bodies.IN_MEMORY + 1)])

    assert (answer.status, answer.answered["Retry-After"]) == (503, "60")


@pytest.mark.fault("A6")
def test_a_fault_while_a_body_is_read_is_told_as_one(server: Server, monkeypatch: Any):
    def broken() -> Any:
        raise RuntimeError("Rosalind Quimby")

    monkeypatch.setattr(bodies.tempfile, "TemporaryFile", broken)
    told = (b"transfer-encoding", b"chunked")

    answer = exchange(server, "POST", "/v1/queues", [TOKEN, JSON, told], [b"x" * (bodies.IN_MEMORY + 1)])

    assert (answer.status, answer.json["code"]) == (500, "internal_error")


def test_an_upload_is_admitted_then_read_then_stored(server: Server, services: Any, blobs: Path):
    body = a_form(b"%PDF-1.7")
    stored: list[bytes] = []

    def send(_arguments: Any) -> Any:
        stored.extend(path.read_bytes() for path in blobs.rglob("*") if SHA256.fullmatch(path.name))
        return {}

    services.answers["signing.send_document"] = send

    answer = exchange(
        server,
        "POST",
        "/v1/documents",
        [TOKEN, FORM, (b"content-length", str(len(body)).encode())],
        [body[:20], body[20:]],
    )

    assert answer.status == 201
    assert called(services) == [passports.issue_passports, passports.issue_passports, signing.send_document]
    assert stored == [b"%PDF-1.7"]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/documents", [], 401),
        ("/v1/queues", [TOKEN], 400),
        ("/v1/nowhere", [TOKEN], 404),
        ("/v1/documents", [TOKEN, (b"idempotency-key", b"two words")], 400),
    ],
)
def test_an_upload_that_is_not_admitted_is_not_read(
    server: Server, services: Any, path: str, headers: list[Any], status: int
):
    told = (b"content-length", b"1500")

    answer = exchange(server, "POST", path, [*headers, FORM, told], [a_form(b"x" * 1000)])

    assert (answer.status, answer.taken) == (status, 0)
    assert signing.send_document not in called(services)


def test_a_session_that_has_ended_uploads_nothing(server: Server, services: Any):
    services.answers[passports.issue_passports.address] = {
        "passports": [{"passport": None, "account_id": None, "organisation_id": None}]
    }

    answer = exchange(
        server, "POST", "/v1/documents", [TOKEN, FORM, (b"content-length", b"1500")], [a_form(b"x")]
    )

    assert (answer.status, answer.taken) == (401, 0)


def test_a_file_is_sent_by_its_path_and_holds_no_thread(server: Server, services: Any, blobs: Path):
    sha256, _ = BlobStore(blobs).put("a" * 32, [b"%PDF-1.7"], 100)
    services.answers["signing.open_document_file"] = {
        "sha256": sha256,
        "file_name": "plan.pdf",
        "media_type": "application/pdf",
    }
    path = "/v1/documents/" + "d" * 32 + "/file"

    answer = exchange(server, "GET", path, [TOKEN])

    assert (answer.status, answer.answered["Content-Length"]) == (200, "8")
    assert answer.sent[1]["type"] == "http.response.pathsend"
    assert Path(answer.sent[1]["path"]).read_bytes() == b"%PDF-1.7"
    assert exchange(server, "HEAD", path, [TOKEN]).sent[1]["body"] == b""


@pytest.mark.parametrize(
    ("asked", "status", "body", "place"),
    [
        ({"range": "bytes=0-0"}, 206, b"0", "bytes 0-0/600000"),
        ({"range": "bytes=299999-300001"}, 206, b"901", "bytes 299999-300001/600000"),
        ({"range": "bytes=599998-"}, 206, b"89", "bytes 599998-599999/600000"),
        ({"range": "bytes=599998-999999"}, 206, b"89", "bytes 599998-599999/600000"),
        ({"range": "bytes=-3"}, 206, b"789", "bytes 599997-599999/600000"),
        ({"range": "bytes=-999999"}, 206, b"0123456789" * 60_000, "bytes 0-599999/600000"),
        ({"range": "bytes=1-2", "if-range": "{etag}"}, 206, b"12", "bytes 1-2/600000"),
        ({"range": "bytes=1-2", "if-range": '"another"'}, 200, None, None),
        ({"range": "bytes=0-0,5-5"}, 200, None, None),
        ({"range": "bytes=5-4"}, 200, None, None),
        ({"range": "pages=1-2"}, 200, None, None),
        ({"range": "bytes=600000-"}, 416, None, "bytes */600000"),
        ({"range": "bytes=-0"}, 416, None, "bytes */600000"),
    ],
)
def test_a_part_of_a_file_is_sent_in_pieces(
    server: Server,
    services: Any,
    blobs: Path,
    asked: dict[str, str],
    status: int,
    body: bytes | None,
    place: Any,
):
    sha256, _ = BlobStore(blobs).put("a" * 32, [b"0123456789" * 60_000], 1_000_000)
    services.answers["signing.open_document_file"] = {
        "sha256": sha256,
        "file_name": "plan.pdf",
        "media_type": "application/pdf",
    }
    given = [(name.encode(), text.replace("{etag}", f'"{sha256}"').encode()) for name, text in asked.items()]

    answer = exchange(server, "GET", "/v1/documents/" + "d" * 32 + "/file", [TOKEN, *given])

    assert answer.status == status
    assert answer.answered.get("Content-Range") == place
    if body is None:
        assert (answer.sent[1]["type"] == "http.response.pathsend") is (status == 200)
        return
    pieces = answer.sent[1:]
    assert b"".join(each["body"] for each in pieces) == body
    assert [each["more_body"] for each in pieces] == [True] * (len(pieces) - 1) + [False]
    assert max(len(each["body"]) for each in pieces) <= 256 * 1024
    assert answer.answered["Content-Length"] == str(len(body))
    assert answer.answered["Accept-Ranges"] == "bytes"
    assert answer.answered["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("method", "part"), [("GET", (0, 0)), ("HEAD", None), ("POST", None)])
def test_only_reading_asks_for_a_part(method: str, part: tuple[int, int] | None):
    asked = {"REQUEST_METHOD": method, "HTTP_RANGE": "bytes=0-0"}
    assert ranges.part_asked(asked, 8, None) == part


@pytest.mark.fault("A13")
@pytest.mark.parametrize("path", ["//v1/queues", "/v1//queues", "/v1/queues//", "//healthz", "/v1/queues//x"])
def test_an_address_with_two_slashes_in_a_row_is_none_of_ours(server: Server, services: Any, path: str):
    answer = exchange(server, "GET", path, [TOKEN])

    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert services.calls == []


def test_a_refusal_before_a_thread_is_taken_is_fhir_for_fhir(server: Server):
    assert exchange(server, "GET", "/fhir/R4//Task").json["resourceType"] == "OperationOutcome"


def test_a_header_with_an_underscore_cannot_pass_for_another(server: Server, services: Any):
    answer = exchange(
        server,
        "GET",
        "/v1/queues",
        [(b"authorization", b"Bearer mine"), (b"x_correlation_id", b"stranger-1")],
    )

    assert answer.answered["X-Correlation-Id"] != "stranger-1"
    assert exchange(server, "GET", "/v1/queues", [(b"authorization", b"a"), TOKEN]).status == 401


def busy(count: int) -> tuple[Workers, threading.Event]:
    """Workers that are all at work until the event is set."""
    crew, go_on, begun = Workers(count), threading.Event(), threading.Semaphore(0)

    def work(_since: float) -> None:
        begun.release()
        go_on.wait()

    for _ in range(count):
        assert crew.submit(work, lambda: None)
        begun.acquire()
    return crew, go_on


def test_health_needs_no_thread(app: flask.Flask):
    crew, go_on = busy(1)

    answer = exchange(Server(app, crew, 2000), "GET", "/healthz")

    assert (answer.status, answer.json) == (200, {"service": "gateway", "ok": True})
    assert answer.answered["Cache-Control"] == "no-store"
    go_on.set()


def test_who_would_wait_too_long_for_a_thread_is_refused_at_once(app: flask.Flask):
    crew, go_on = busy(1)

    async def crowd() -> list[Exchange]:
        server = Server(app, crew, 2000)
        going = [
            asyncio.create_task(Exchange("GET", "/credentials").go(server))
            for _ in range(workers.WAITING_FOR_EACH + 1)
        ]
        (last,) = (await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED))[0]
        assert (last.result().status, last.result().answered["Retry-After"]) == (503, "1")
        go_on.set()
        return [await each for each in going]

    assert sorted(each.status for each in asyncio.run(crowd())) == [200] * workers.WAITING_FOR_EACH + [503]


def test_who_has_waited_too_long_for_a_thread_is_refused(app: flask.Flask, monkeypatch: Any):
    monkeypatch.setattr(workers, "PATIENCE_S", 0.0)

    answer = exchange(Server(app, Workers(1), 2000), "GET", "/credentials")

    assert (answer.status, answer.json["code"]) == (503, "service_unavailable")


def test_waiting_for_a_thread_counts_in_the_deadline(server: Server, services: Any, monkeypatch: Any):
    submitted_at = time.monotonic() - 1.5
    monkeypatch.setattr(workers.time, "monotonic", lambda: submitted_at)
    crew = Workers(1)
    monkeypatch.undo()

    asyncio.run(_later(server, crew, submitted_at))

    assert 3.0 < services.made(queues.list_queues)[1].deadline - time.time() <= 3.5


async def _later(server: Server, crew: Workers, submitted_at: float) -> None:
    server._workers = SubmittedAt(submitted_at)  # type: ignore[assignment]
    assert (await Exchange("GET", "/v1/queues", [TOKEN]).go(server)).status == 200


class SubmittedAt:
    """Workers that were asked at this moment."""

    def __init__(self, moment: float) -> None:
        self._moment = moment

    def submit(self, run: Any, _refuse: Any) -> bool:
        run(self._moment)
        return True


@pytest.mark.fault("A6")
def test_a_fault_outside_of_flask_is_told_as_one(services: Any, capsys: Any):
    def broken(_environ: Any, _start: Any) -> Any:
        raise RuntimeError("Rosalind Quimby")

    answer = exchange(Server(broken, Workers(1), 2000), "GET", "/v1/queues")

    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert "Rosalind" not in answer.sent[1]["body"].decode()


def test_a_login_reaches_its_operation(server: Server, services: Any):
    body = b'{"login": "x"}'

    exchange(server, "POST", "/v1/sessions", [JSON, (b"content-length", b"14")], [body])

    assert services.made(login.log_in)[0] == {"login": "x"}


@pytest.mark.fault("A28")
def test_what_strangers_invent_makes_no_series(server: Server, services: Any):
    services.answers["identity.log_in"] = Refused("credentials_refused", "No.")

    def strange(mark: str) -> None:
        named = f"/v1/{mark}"
        exchange(server, f"INVENT{mark}", "/v1/queues", [TOKEN])
        exchange(server, f"INVENT{mark}", named)
        exchange(server, "GET", named, [(b"host", mark.encode()), (b"x-" + mark.encode(), b"1")])
        exchange(server, "GET", f"/v1//{mark}")
        exchange(server, "POST", f"/v1/queues/{mark}", [(b"content-length", b"9999999")])
        exchange(
            server, "POST", "/v1/sessions", [JSON, (b"transfer-encoding", b"chunked")], [b'{"login": "x"}']
        )

    def series() -> int:
        return sum(len(family.samples) for family in REGISTRY.collect())

    strange("first")
    before = series()

    for number in range(20):
        strange(f"invented{number}")

    assert series() == before
    assert "invented" not in metrics.exposition().decode().lower()


def test_the_metrics_are_not_on_the_public_port(server: Server):
    assert exchange(server, "GET", "/metrics").status == 404
