"""An upload leaves nothing unless a service keeps it, and no organisation stores more than it may."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import flask
import pytest
from flask.testing import FlaskClient

from gateway import server, uploads
from gateway.server import Server
from gateway.settings import GatewaySettings
from gateway.uploads import Uploads, UploadsLoop
from gateway.workers import Workers
from services.chassis import metrics
from services.chassis.blobs import EXPORTS, UPLOADS, BlobStore
from services.contracts.errors import Refused
from services.contracts.signing import documents as signing
from tests.support.eventually import eventually
from tests.unit.gateway.test_server import FORM, TOKEN, Exchange, a_form

HARBOR, BAYSIDE = "a" * 32, "b" * 32
MOST = 10_000  # that an organisation may store, and 2,000 of them at once
SEND = signing.send_document.address


def send(http: FlaskClient, content: bytes) -> Any:
    files = {"file": (io.BytesIO(content), "plan.pdf")}
    return http.post("/v1/documents", data=files, headers={"Authorization": "Bearer opaque-token"})


def stored_in(blobs: Path) -> list[Path]:
    """All files in the store, without the counts."""
    return [path for path in blobs.rglob("*") if path.is_file() and path.name != ".bytes"]


def keeping(blobs: Path) -> Any:
    """A service that accepts what it is sent."""

    def keep(arguments: Any) -> Any:
        BlobStore(blobs).keep(HARBOR, arguments["document"]["sha256"])
        return {}

    return keep


@pytest.fixture
def settings(blobs: Path) -> Any:
    given = {"AMQP_URI": "amqp://u:p@h/v", "BLOB_DIR": str(blobs), "MAX_STORED_BYTES": str(MOST)}
    loaded = GatewaySettings().load(given)
    return type("Settings", (), {name.lower(): value for name, value in loaded.items()})


def let_pass(blobs: Path, hours: float) -> None:
    for path in {path.stat().st_ino: path for path in stored_in(blobs)}.values():  # a file may have two names
        status = path.stat()
        os.utime(path, (status.st_atime, status.st_mtime - hours * 3600))


def test_nine_refused_uploads_leave_nothing(http: FlaskClient, services: Any, blobs: Path):
    services.answers[SEND] = Refused("document_not_pdf", "The file is not a PDF.", "document")

    answers = [send(http, bytes([number]) * 2000) for number in range(9)]

    assert [answer.status_code for answer in answers] == [415] * 9
    assert stored_in(blobs) == []
    assert BlobStore(blobs).stored_bytes(HARBOR) == 0


def test_an_upload_that_a_service_has_read_leaves_nothing_but_what_it_keeps(
    http: FlaskClient, services: Any, blobs: Path
):
    assert send(http, b"read and not kept").status_code == 201
    assert stored_in(blobs) == []

    services.answers[SEND] = keeping(blobs)
    assert send(http, b"kept").status_code == 201
    assert [path.read_bytes() for path in stored_in(blobs)] == [b"kept"]


def test_an_upload_whose_request_was_wrong_in_itself_leaves_nothing(
    http: FlaskClient, services: Any, blobs: Path, monkeypatch: pytest.MonkeyPatch
):
    refusal = Refused("invalid_request", "x is part of the address.", "x")

    def wrong(_arguments: Any) -> Any:
        assert len(stored_in(blobs)) == 2  # the file, and the mark of its request
        raise refusal

    services.answers[SEND] = wrong

    assert send(http, b"plan").status_code == 422
    assert stored_in(blobs) == []


@pytest.mark.parametrize("code", ["timeout", "service_unavailable", "internal_error"])
def test_an_upload_on_which_a_service_may_still_work_is_left_to_the_sweep(
    http: FlaskClient, services: Any, blobs: Path, settings: Any, code: str
):
    services.answers[SEND] = Refused(code, "No answer.")
    assert send(http, b"plan").status_code >= 500
    store = BlobStore(blobs)
    keeping(blobs)({"document": {"sha256": stored_in(blobs)[0].name[:64]}})  # so slow was the service
    let_pass(blobs, 23.9)
    uploads.sweep(store, settings)
    assert len(stored_in(blobs)) == 3
    let_pass(blobs, 0.2)

    uploads.sweep(store, settings)

    assert [path.parent.parent.name for path in stored_in(blobs)] == [HARBOR]  # what it has kept


def test_a_fault_in_a_service_leaves_the_upload_to_the_sweep(http: FlaskClient, services: Any, blobs: Path):
    services.answers[SEND] = RuntimeError("a bug")

    assert send(http, b"plan").status_code == 500
    assert len(stored_in(blobs)) == 2


def test_a_crowd_of_uploads_that_got_no_answer_is_swept_away(
    http: FlaskClient, services: Any, blobs: Path, settings: Any
):
    services.answers[SEND] = Refused("timeout", "No answer.")
    for number in range(5):
        send(http, bytes([number]) * 2000)
    assert BlobStore(blobs).stored_bytes(HARBOR) == MOST
    assert send(http, b"more").json["code"] == "storage_full"
    let_pass(blobs, 24.1)

    assert UploadsLoop(settings)._work()

    assert (stored_in(blobs), BlobStore(blobs).stored_bytes(HARBOR)) == ([], 0)


def test_the_gateway_sweeps_as_soon_as_it_starts(blobs: Path, settings: Any, monkeypatch: pytest.MonkeyPatch):
    """What a process has left behind that ended between an upload and the call of a service."""
    BlobStore(blobs).put_upload(HARBOR, [b"plan"], 100, MOST)
    let_pass(blobs, 24.1)
    loops: list[UploadsLoop] = []

    def made(settings: Any) -> UploadsLoop:
        loops.append(UploadsLoop(settings))
        return loops[0]

    monkeypatch.setattr(server, "load_settings", lambda _schema: settings)
    monkeypatch.setattr(server, "UploadsLoop", made)
    for name in ("RpcClient", "create_app", "logs"):
        monkeypatch.setattr(server, name, MagicMock())
    monkeypatch.setattr(server, "start_http_server", lambda *_: (MagicMock(), None))
    server.build()

    def is_swept() -> None:
        assert stored_in(blobs) == []

    try:
        eventually(is_swept)
    finally:
        loops[0].stop()


def test_the_sweep_leaves_what_others_sweep(blobs: Path, settings: Any):
    store = BlobStore(blobs)
    store.put(HARBOR, [b"document"], 100)
    store.put_passing(HARBOR, [b"paper"], 100)
    store.put_passing(HARBOR, [b"export"], 100, EXPORTS)
    let_pass(blobs, 1000)

    uploads.sweep(store, settings)

    assert len(stored_in(blobs)) == 3


def test_the_limit_is_reached_from_zero(http: FlaskClient, services: Any, blobs: Path):
    services.answers[SEND] = keeping(blobs)
    for number in range(5):
        assert send(http, bytes([number]) * 2000).status_code == 201

    answer = send(http, b"x")

    assert (answer.status_code, answer.json["code"], answer.json["field"]) == (413, "storage_full", "file")
    assert "9.766 KiB" in answer.json["detail"]
    assert sum(path.stat().st_size for path in stored_in(blobs)) == MOST
    assert len([operation for operation, *_ in services.calls if operation is signing.send_document]) == 5


@pytest.mark.parametrize(
    ("stored", "told", "is_taken"),
    [
        (8_000, (b"content-length", b"2000"), True),
        (8_001, (b"content-length", b"2000"), False),
        (8_000, (b"content-length", b"9999999"), True),  # too large, which is another refusal
        (8_000, (b"transfer-encoding", b"chunked"), True),
        (8_001, (b"transfer-encoding", b"chunked"), False),  # of unknown size: as the largest
        (0, (b"content-length", b"2000"), True),
    ],
)
def test_an_upload_for_which_there_is_no_room_is_not_taken_in(
    app: flask.Flask, services: Any, blobs: Path, stored: int, told: tuple[bytes, bytes], is_taken: bool
):
    BlobStore(blobs).put(HARBOR, [b"x" * stored], stored)
    BlobStore(blobs).put(BAYSIDE, [b"x" * MOST], MOST)
    serving = Server(app, Workers(1), max_upload_bytes=2000)
    request = Exchange("POST", "/v1/documents", [TOKEN, FORM, told], [a_form(b"plan")])

    answer = asyncio.run(request.go(serving))

    if is_taken:
        expected = "request_too_large" if told[1] == b"9999999" else None
        assert answer.json.get("code") == expected
    else:
        assert (answer.status, answer.json["code"], answer.taken) == (413, "storage_full", 0)


def test_the_sweep_tells_how_much_is_stored(blobs: Path, settings: Any):
    store = BlobStore(blobs)
    store.put(HARBOR, [b"x" * 4000], MOST)
    store.put(BAYSIDE, [b"x" * 1000], MOST)

    uploads.sweep(store, settings)

    assert metrics.STORED_BYTES._value.get() == 5000
    assert metrics.STORAGE_FILL._value.get() == 0.4


def test_the_sweep_mends_a_count(blobs: Path, settings: Any):
    store = BlobStore(blobs)
    sha256, _ = store.put(HARBOR, [b"x" * 4000], MOST)
    assert store.stored_bytes(HARBOR) == 4000
    store.path(HARBOR, sha256).unlink()

    uploads.sweep(store, settings)

    assert store.stored_bytes(HARBOR) == 0


def test_a_store_without_files_is_swept(blobs: Path, settings: Any):
    assert uploads.sweep(BlobStore(blobs), settings)
    assert metrics.STORAGE_FILL._value.get() == 0


def test_uploads_lie_where_services_look_for_them(app: flask.Flask, blobs: Path, settings: Any):
    settings.max_upload_bytes = 100
    data = {"file": (io.BytesIO(b"plan"), "plan.pdf")}
    with (
        app.test_request_context("/", method="POST", data=data),
        Uploads(BlobStore(blobs), settings).taken_in(HARBOR) as upload,
    ):
        assert BlobStore(blobs).find(HARBOR, upload.sha256, UPLOADS).read_bytes() == b"plan"
        assert upload.size == 4
