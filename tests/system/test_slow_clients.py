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
    """Its size is that of the largest file. Referrals keeps it until it has read it, and then for a day."""
    content = b"no directory\n" + hashlib.sha256(b"a large directory").digest() * 780_000

    answer = requests.post(
        f"{portico.url}/v1/directory/imports",
        files={"file": ("directory.csv", content, "text/csv")},
        headers={"Authorization": f"Bearer {portico.stranger.token}"},  # who may import
        timeout=60,
    )

    sha256 = hashlib.sha256(content).hexdigest()
    assert answer.status_code in (200, 422)  # it is read in the background, which may have refused it by now
    stored = [path for path in Path(portico.stack.folder / "blobs").rglob(sha256) if path.is_file()]
    assert [path.stat().st_size for path in stored] == [len(content)]
