"""Signing in over HTTP with a real provider on this machine: gateway, broker, service and provider as they are run."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import oidc_provider_mock
import pytest

from tests.integration.identity.outside import real_provider
from tests.support.stack import HARBOR, RunningStack

STAFF = "outside@harbor.example.org"
USERS = [oidc_provider_mock.User(sub="outside-subject", claims={"email": STAFF, "email_verified": True})]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A real provider."""
    with real_provider(USERS) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def ready(portico: RunningStack, issuer: str) -> Iterator[RunningStack]:
    """The running system with this provider for its staff."""
    portico.admin.post("/v1/accounts", email=STAFF, first_name="Una", last_name="Quill")
    made = portico.admin.post(
        "/v1/realms/staff/identity-provider",
        issuer=issuer,
        client_id="portico",
        client_secret="a-client-secret",
        button_name="Harbor ID",
    )
    assert made["has_client_secret"] is True
    yield portico
    portico.admin.send("DELETE", "/v1/realms/staff/identity-provider", 204, headers={"If-Match": '"1"'})


def cookie_of(answer: httpx.Response, name: str, value: str | None = None) -> dict[str, str]:
    """The header of a cookie that was set, or of a forged one.

    The client itself would keep a secure cookie from plain http.
    """
    (found,) = [each for each in answer.headers.get_list("Set-Cookie") if each.startswith(name)]
    cookie = found.partition(";")[0]
    return {"Cookie": cookie if value is None else f"{cookie.partition('=')[0]}={value}"}


def test_a_browser_signs_in_with_the_provider_and_works_with_its_session(ready: RunningStack) -> None:
    with httpx.Client(base_url=ready.url) as browser:
        options = browser.get(f"/v1/sign-in/{HARBOR}/staff").json()
        assert options["outside"]["button_name"] == "Harbor ID"
        begun = browser.get(options["outside"]["start_path"], params={"return_path": "/docs"})
        assert begun.status_code == 303
        back = httpx.post(begun.headers["Location"], data={"sub": "outside-subject"})
        assert back.status_code == 302
        address = urlsplit(back.headers["Location"])
        assert address.path == f"/sign-in/{HARBOR}/staff/callback"
        callback = f"{address.path}?{address.query}"

        stranger = browser.get(callback, headers=cookie_of(begun, "__Host-sign-in-", "somebody-elses"))
        assert (stranger.status_code, stranger.json()["code"]) == (410, "outside_state_refused")
        answer = browser.get(callback, headers=cookie_of(begun, "__Host-sign-in-"))
        assert (answer.status_code, answer.headers["Location"]) == (303, "/docs")
        me = browser.get("/v1/me", headers=cookie_of(answer, "__Host-session=")).json()
        assert me["login"] == STAFF
        again = browser.get(callback, headers=cookie_of(begun, "__Host-sign-in-"))
        assert again.status_code == 410

    assert ready.admin.get("/v1/realms/staff/identity-provider/check")["is_ok"] is True
    for told in ("outside-subject", "a-client-secret", STAFF):
        assert told not in ready.logs()
