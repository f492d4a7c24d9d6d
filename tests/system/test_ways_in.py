"""Log-ins over HTTP by browsers, attackers and other systems."""

from __future__ import annotations

import base64
import datetime
from collections import Counter
from typing import Any

import httpx
import pytest

from services.identity.second_factor import rules
from tests.support.stack import HARBOR, RunningStack

STAFF = "ways-in@harbor.example.org"


@pytest.fixture(scope="module")
def credentials(portico: RunningStack) -> dict[str, str]:
    portico.create_staff(STAFF)
    return {"organisation": HARBOR, "login": STAFF, "password": portico.password_of(STAFF)}


def a_browser(portico: RunningStack, address: str = "203.0.113.1") -> httpx.Client:
    """A browser with one of the gateway's pages, at this address."""
    own_page = {"Origin": portico.url, "Sec-Fetch-Site": "same-origin", "X-Portico-Request": "1"}
    return httpx.Client(base_url=portico.url, headers={**own_page, "X-Forwarded-For": address})


def in_cookie(answer: httpx.Response) -> dict[str, str]:
    """The header of the cookie that was set. The client itself would keep a secure cookie from plain http."""
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


@pytest.mark.fault("A10")
def test_a_browser_works_with_a_cookie_and_a_foreign_page_does_not(
    portico: RunningStack, credentials: dict[str, str]
) -> None:
    with a_browser(portico) as browser:
        planted = {"Cookie": "__Host-session=planted-by-somebody-else"}
        answer = browser.post("/v1/sessions", json={**credentials, "cookie": True}, headers=planted)
        assert answer.status_code == 201
        assert "token" not in answer.json()
        cookie = in_cookie(answer)
        assert cookie != planted
        assert browser.get("/v1/me", headers=cookie).json()["login"] == STAFF
        assert browser.get("/v1/me", headers=planted).status_code == 401
        wanted = {"resource_assigned_emails": True}
        assert browser.put("/v1/me/notifications", json=wanted, headers=cookie).status_code == 200
        foreign = {**cookie, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        refused = browser.put("/v1/me/notifications", json=wanted, headers=foreign)
        assert (refused.status_code, refused.json()["code"]) == (403, "cross_site_refused")
        assert browser.delete("/v1/sessions/current", headers=cookie).status_code == 204
        assert browser.get("/v1/me", headers=cookie).status_code == 401


@pytest.mark.fault("A7")
def test_spraying_from_one_address_ends_after_thirty_tries(
    portico: RunningStack, credentials: dict[str, str]
) -> None:
    with a_browser(portico, "203.0.113.66") as attacker:
        answers = Counter(
            attacker.post(
                "/v1/sessions",
                json={
                    **credentials,
                    "login": f"person{number}@harbor.example.org",
                    "password": "Spring2030!",
                },
            ).status_code
            for number in range(60)
        )
        assert answers == {401: 30, 429: 30}
        last = attacker.post("/v1/sessions", json=credentials)
        assert (last.status_code, last.json()["code"]) == (429, "too_many_requests")
        assert 0 < int(last.headers["Retry-After"]) <= 901
    with a_browser(portico, "203.0.113.67") as owner:
        assert owner.post("/v1/sessions", json=credentials).status_code == 201


def test_a_second_factor_from_setting_it_up_to_taking_it_away(
    portico: RunningStack, credentials: dict[str, str]
) -> None:
    with a_browser(portico) as browser:
        token = browser.post("/v1/sessions", json=credentials).json()["token"]
        browser.headers["Authorization"] = f"Bearer {token}"
        secret = browser.post("/v1/me/second-factor").json()["secret"]
        confirmed = browser.post("/v1/me/second-factor/confirmation", json={"code": code_of(secret)})
        recovery_codes = confirmed.json()["recovery_codes"]
        refused = browser.post("/v1/sessions", json=credentials)
        assert (refused.status_code, refused.json()["code"]) == (401, "second_factor_required")
        answer = {"challenge": refused.json()["challenge"], "code": recovery_codes[0], "cookie": True}
        completed = browser.post("/v1/sessions/second-factor", json=answer)
        assert completed.status_code == 201
        cookie = in_cookie(completed)
        del browser.headers["Authorization"]
        assert browser.get("/v1/me/second-factor", headers=cookie).json()["recovery_codes_left"] == 9
        assert browser.delete("/v1/me/second-factor", headers=cookie).status_code == 204
        assert browser.post("/v1/sessions", json=credentials).status_code == 201


def test_another_system_reads_what_its_scopes_name(portico: RunningStack) -> None:
    client = portico.admin.post("/v1/api-clients", name="Bed board", scopes=["queue.read", "referral.read"])
    with httpx.Client(base_url=portico.url) as system:
        opened = system.post(
            "/v1/api-sessions", json={"client_id": client["id"], "client_secret": client["secret"]}
        )
        assert opened.status_code == 201
        system.headers["Authorization"] = f"Bearer {opened.json()['token']}"
        assert system.get("/v1/queues").status_code == 200
        assert system.get("/v1/referrals").status_code == 200
        for path in ("/v1/accounts", "/v1/me", "/v1/documents", "/v1/api-clients"):
            assert system.get(path).status_code == 403
        portico.admin.post(f"/v1/api-clients/{client['id']}/revoke", expect=200)
        assert system.get("/v1/queues").status_code == 401


def test_no_log_holds_an_address_of_a_caller_or_a_secret(portico: RunningStack) -> None:
    written = portico.logs()
    assert "203.0.113." not in written
    assert "portico_secret_" not in written
    assert "portico_api_" not in written


def code_of(secret: str) -> str:
    """The code that an app shows now."""
    padded: Any = secret + "=" * (-len(secret) % 8)
    return rules.one_time_code(base64.b32decode(padded), rules.step_of(datetime.datetime.now(datetime.UTC)))
