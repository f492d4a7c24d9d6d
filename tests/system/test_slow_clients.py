"""Slow clients hold no thread of the gateway: the short form of A23."""

from __future__ import annotations

import concurrent.futures
import hashlib
from pathlib import Path

import pytest
import requests

from tests.support.slow_clients import connected, half_a_body, half_an_upload, half_the_headers
from tests.support.stack import RunningStack

THREADS = 64


@pytest.mark.fault("A23")
@pytest.mark.fault("A19")
def test_slow_clients_are_more_than_the_threads_and_everybody_is_answered(portico: RunningStack):
    token = str(portico.staff.token)
    slow = {
        half_a_body("/v1/contact-records", token): THREADS + 16,
        half_a_body("/v1/sessions", None): THREADS + 16,
        half_an_upload("/v1/documents", token): 20,
        half_the_headers("/v1/me", token): 20,
        b"": 20,
    }
    own = {"Authorization": f"Bearer {token}"}

    def status(path: str) -> int:
        return requests.get(portico.url + path, headers=own, timeout=9).status_code

    with connected(portico.stack.ports.gateway, slow), concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(status, ["/v1/me", "/v1/queues", "/healthz", "/docs"] * 4))

    assert statuses == [200] * 16


def test_an_upload_of_many_megabytes_arrives_whole(portico: RunningStack):
    """Its size is that of the largest file. What is wrong with it is found by signing, which has read it."""
    content = b"%PDF-1.7\n" + hashlib.sha256(b"a large plan").digest() * 780_000

    answer = portico.staff.upload(
        "/v1/documents", content, "plan.pdf", "application/pdf", expect=422, title="Plan"
    )

    sha256 = hashlib.sha256(content).hexdigest()
    assert answer["code"] == "invalid_request"
    stored = [path for path in Path(portico.stack.folder / "blobs").rglob(sha256) if path.is_file()]
    assert [path.stat().st_size for path in stored] == [len(content)]
