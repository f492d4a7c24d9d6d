"""The timestamp authority as a setting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from asn1crypto import tsp

from services.signing.pdf.certificates import Authority
from services.signing.pdf.timestamps import (
    REPLY_LIMIT_BYTES,
    LocalTimestamper,
    NetworkTimestamper,
    TimestampUnavailable,
    timestamper,
)
from services.signing.pdf.validity import verify

# A TimeStampResp with the status `rejection` and no token (RFC 3161, 2.4.2).
REJECTION = bytes.fromhex("30053003020102")
Answer = Callable[[bytes], tuple[int, str, bytes]]


@contextmanager
def an_authority_that_answers(answer: Answer) -> Iterator[str]:
    """A timestamp authority on loopback; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, kind, body = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if status == 307:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _granted(authority: Authority) -> Answer:
    def answer(request: bytes) -> tuple[int, str, bytes]:
        local = LocalTimestamper(authority.timestamper())
        response = asyncio.run(local.async_request_tsa_response(tsp.TimeStampReq.load(request)))
        return 200, "application/timestamp-reply", response.dump()

    return answer


def test_the_setting_chooses_the_authority(authority: Authority) -> None:
    assert isinstance(timestamper("local", authority), LocalTimestamper)
    assert isinstance(timestamper("https://time.example/tsa", authority), NetworkTimestamper)
    with pytest.raises(ValueError, match="timestamp authority"):
        timestamper("ftp://time.example", authority)


def test_a_network_authority_is_asked_and_needs_its_own_root(
    authority: Authority,
    document: Callable[..., bytes],
    signed_by: Callable[..., bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    theirs = Authority(tmp_path_factory.mktemp("theirs"), "their passphrase")
    with an_authority_that_answers(_granted(theirs)) as address:
        signed = signed_by(document(), timestamper=timestamper(address, authority))
    assert not verify(signed, trust_roots=[authority.certificate]).is_valid
    result = verify(signed, trust_roots=[authority.certificate], timestamp_roots=[theirs.certificate])
    assert result.is_valid
    assert result.timestamped


@pytest.mark.parametrize(
    "answer",
    [
        (500, "text/plain", b"out of order"),
        (200, "text/html", b"<p>Please log in</p>"),
        (200, "application/timestamp-reply", b"\x30\x03\x02\x01"),
        (200, "application/timestamp-reply", b"x" * 100_000),
        (200, "application/timestamp-reply", REJECTION),
    ],
    ids=["error", "other_type", "damaged", "endless", "rejected"],
)
def test_an_authority_without_a_usable_answer_is_a_temporary_failure(
    answer: tuple[int, str, bytes],
    authority: Authority,
    document: Callable[..., bytes],
    signed_by: Callable[..., bytes],
) -> None:
    with an_authority_that_answers(lambda _: answer) as address, pytest.raises(TimestampUnavailable):
        signed_by(document(), timestamper=timestamper(address, authority))


def _other_nonce(request: tsp.TimeStampReq) -> None:
    request["nonce"] = int(request["nonce"].native) + 1


def _other_document(request: tsp.TimeStampReq) -> None:
    request["message_imprint"]["hashed_message"] = b"\0" * 32


@pytest.mark.parametrize(
    ("changed", "asked", "status", "kind", "behind"),
    [
        (None, "granted", 500, "application/timestamp-reply", b""),
        (None, "granted", 200, "text/html", b""),
        (None, "granted", 200, "application/timestamp-reply", b"\0" * REPLY_LIMIT_BYTES),
        (None, "rejection", 200, "application/timestamp-reply", b""),
        (_other_nonce, "granted", 200, "application/timestamp-reply", b""),
        (_other_document, "granted", 200, "application/timestamp-reply", b""),
    ],
    ids=["error", "other_type", "endless", "rejected", "other_nonce", "other_document"],
)
def test_an_answer_that_is_wrong_in_one_thing_only_is_a_temporary_failure(
    authority: Authority,
    document: Callable[..., bytes],
    signed_by: Callable[..., bytes],
    changed: Callable[[tsp.TimeStampReq], None] | None,
    asked: str,
    status: int,
    kind: str,
    behind: bytes,
) -> None:
    def answer(request: bytes) -> tuple[int, str, bytes]:
        question = tsp.TimeStampReq.load(request)
        if changed is not None:
            changed(question)
        local = LocalTimestamper(authority.timestamper())
        response = asyncio.run(
            local.async_request_tsa_response(tsp.TimeStampReq.load(question.dump(force=True)))
        )
        response["status"]["status"] = asked
        return status, kind, response.dump(force=True) + behind

    with an_authority_that_answers(answer) as address, pytest.raises(TimestampUnavailable):
        signed_by(document(), timestamper=timestamper(address, authority))


def test_an_authority_that_sends_us_elsewhere_is_not_followed(
    authority: Authority, document: Callable[..., bytes], signed_by: Callable[..., bytes]
) -> None:
    asked: list[bytes] = []

    def answer(request: bytes) -> tuple[int, str, bytes]:
        asked.append(request)
        return (307, "text/plain", b"") if len(asked) == 1 else _granted(authority)(request)

    with an_authority_that_answers(answer) as address, pytest.raises(TimestampUnavailable):
        signed_by(document(), timestamper=timestamper(address, authority))
    assert len(asked) == 1


def test_an_authority_that_is_not_there_is_a_temporary_failure(
    authority: Authority, document: Callable[..., bytes], signed_by: Callable[..., bytes]
) -> None:
    with pytest.raises(TimestampUnavailable, match="no answer"):
        signed_by(document(), timestamper=NetworkTimestamper("http://127.0.0.1:9/", timeout_s=1))


def test_an_answer_to_another_question_is_refused(
    authority: Authority, document: Callable[..., bytes], signed_by: Callable[..., bytes]
) -> None:
    remembered: list[tuple[int, str, bytes]] = []
    honest = _granted(authority)

    def replay(request: bytes) -> tuple[int, str, bytes]:
        remembered.append(honest(request))
        return remembered[0]

    with an_authority_that_answers(replay) as address, pytest.raises(TimestampUnavailable):
        signed_by(document(), timestamper=timestamper(address, authority))
