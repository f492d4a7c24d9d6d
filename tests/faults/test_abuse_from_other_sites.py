"""A12 through the running system: a page of another site sends every write with its visitor's cookie, and nothing changes."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
import requests

from tests.support.gateway_app import gateway_app
from tests.support.other_sites import (
    FOREIGN,
    OWN_PAGE,
    SIMPLE,
    WRITES,
    Address,
    addresses,
    missing_headers,
)
from tests.support.snapshots import digests
from tests.support.stack import HARBOR, RunningStack

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800), pytest.mark.fault("A12")]
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> list[Address]:
    """Every address of the gateway, read and written."""
    app = gateway_app(tmp_path_factory.mktemp("blobs"), None)
    return [*addresses(app, "GET", *WRITES)]


@pytest.fixture(scope="module")
def browser(portico: RunningStack) -> requests.Session:
    """The browser of an administrator, who is signed in by cookie."""
    email = "admin-of-a-browser@harbor.example.org"
    portico.create_staff(email, "admin")
    found = requests.Session()
    found.trust_env = False
    credentials = {"organisation": HARBOR, "login": email, "password": portico.password_of(email)}
    answer = found.post(
        f"{portico.url}/v1/sessions", json={**credentials, "cookie": True}, headers=OWN_PAGE, timeout=30
    )
    assert answer.status_code == 201
    # The gateway is on this machine, where requests sends no Secure cookie.
    found.headers["Cookie"] = answer.headers["Set-Cookie"].partition(";")[0]
    found.cookies.clear()
    assert found.get(f"{portico.url}/v1/me", timeout=30).status_code == 200
    return found


def test_a_page_of_another_site_changes_nothing(
    portico: RunningStack, browser: requests.Session, served: list[Address]
) -> None:
    before = digests(portico)
    statuses: Counter[int] = Counter()
    writes = [each for each in served if each.method in WRITES]
    for address, reported in itertools.product(writes, FOREIGN.values()):
        for kind in ("application/json", *SIMPLE):
            answer = browser.request(
                address.method,
                portico.url + address.path,
                data=b"{}",
                headers={**reported, "Content-Type": kind, "If-Match": '"1"'},
                timeout=30,
                allow_redirects=False,
            )
            statuses[answer.status_code] += 1
            assert answer.status_code < 500, (address, reported, kind, answer.text[:300])
            assert not missing_headers(answer.headers), address
            assert "Access-Control-Allow-Origin" not in answer.headers, address
    after = digests(portico)
    changed = [table for table in {*before, *after} if before.get(table) != after.get(table)]
    print(
        f"A12: {sum(statuses.values())} writes at {len(writes)} addresses from other sites, answered {dict(statuses)}, "
        f"{len(changed)} tables changed"
    )
    assert changed == []


def test_every_answer_has_the_agreed_headers(
    portico: RunningStack, browser: requests.Session, served: list[Address]
) -> None:
    wrong: dict[str, list[str]] = {}
    statuses: Counter[int] = Counter()
    for address in served:
        for headers in ({}, {"Cookie": "__Host-session=x"}, {"Origin": "https://evil.example", **PREFLIGHT}):
            for method in {address.method, "OPTIONS"} if "Origin" in headers else {address.method}:
                if address.method != "GET" and headers == {}:
                    continue  # these would be the administrator's own writes, without a report of the browser
                answer = browser.request(
                    method, portico.url + address.path, headers=headers, timeout=30, allow_redirects=False
                )
                statuses[answer.status_code] += 1
                if missing := missing_headers(answer.headers):
                    wrong[f"{method} {address.rule} {answer.status_code}"] = missing
    print(f"A12: {sum(statuses.values())} answers {dict(statuses)}, {len(wrong)} without the agreed headers")
    assert wrong == {}
