"""The session cookie of browsers: when it is set, what it allows, and what a foreign page can do with it."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from gateway import cookies
from services.contracts.errors import Refused
from services.contracts.identity import accounts, login, passports
from services.contracts.identity.web_origins import find_web_origin

OWN_PAGE = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "X-Portico-Request": "1"}
COOKIE = {"Cookie": "__Host-session=opaque-token"}
CREDENTIALS = {"organisation": "harbor", "login": "x", "password": "y"}


@pytest.fixture
def http(app: flask.Flask) -> FlaskClient:
    # Without a cookie jar: each test sets the cookies.
    return app.test_client(use_cookies=False)


@pytest.fixture(autouse=True)
def _log_in_answers(services: Any) -> None:
    services.answers[login.log_in.address] = {"token": "t" * 43, "expires_at": "2030-01-01T00:00:00+00:00"}


def test_a_log_in_that_asks_for_it_sets_a_cookie_and_hides_the_token(http: FlaskClient, services: Any):
    answer = http.post("/v1/sessions", json={**CREDENTIALS, "cookie": True}, headers=OWN_PAGE)

    assert answer.status_code == 201
    name, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert name == "__Host-session=" + "t" * 43
    assert set(attributes) == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}
    assert "t" * 43 not in answer.text
    assert services.made(login.log_in)[0] == CREDENTIALS


def test_a_log_in_that_does_not_ask_gets_the_token_and_no_cookie(http: FlaskClient):
    answer = http.post("/v1/sessions", json={**CREDENTIALS, "cookie": False})

    assert answer.json["token"] == "t" * 43
    assert "Set-Cookie" not in answer.headers


def test_a_cookie_that_was_there_before_is_replaced_at_log_in(http: FlaskClient):
    answer = http.post("/v1/sessions", json={**CREDENTIALS, "cookie": True}, headers={**OWN_PAGE, **COOKIE})

    assert answer.headers["Set-Cookie"].startswith("__Host-session=" + "t" * 43)


def test_the_cookie_stands_in_for_the_bearer_token(http: FlaskClient, services: Any):
    http.get("/v1/queues", headers=COOKIE)

    assert services.made(passports.issue_passports)[0]["asked"][0]["token"] == "opaque-token"


def test_a_bearer_token_goes_before_the_cookie_and_needs_no_proof(http: FlaskClient, services: Any):
    http.put("/v1/me/notifications", json={}, headers={**COOKIE, "Authorization": "Bearer other"})

    assert services.made(passports.issue_passports)[0]["asked"][0]["token"] == "other"


def test_our_own_page_may_write(http: FlaskClient, services: Any):
    answer = http.put("/v1/me/notifications", json={}, headers={**COOKIE, **OWN_PAGE})

    assert answer.status_code == 200
    assert services.made(accounts.set_my_notifications)


@pytest.mark.parametrize(
    "change",
    [
        {"X-Portico-Request": ""},
        {"X-Portico-Request": "true"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
        {"Origin": "http://evil-localhost"},
        {"Origin": "http://evil.localhost"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost@evil.example"},
        {"Origin": "http://evil.example/localhost"},
        {"Origin": "http://evil.example?localhost"},
        {"Origin": ""},
        {"Origin": None, "Sec-Fetch-Site": None},
    ],
)
@pytest.mark.parametrize("path", ["/v1/me/notifications", "/v1/sessions"])
def test_a_foreign_page_writes_nothing_and_logs_nobody_in(
    http: FlaskClient, services: Any, change: dict[str, str | None], path: str
):
    headers = {name: value for name, value in {**COOKIE, **OWN_PAGE, **change}.items() if value is not None}
    send = http.post if path == "/v1/sessions" else http.put
    answer = send(path, json={**CREDENTIALS, "cookie": True}, headers=headers)

    assert (answer.status_code, answer.json["code"]) == (403, "cross_site_refused")
    assert {called for called, *_ in services.calls} <= {find_web_origin}


def test_logging_out_takes_the_cookie_back(http: FlaskClient):
    answer = http.delete("/v1/sessions/current", headers={**COOKIE, **OWN_PAGE})

    assert answer.status_code == 204
    assert "__Host-session=;" in answer.headers["Set-Cookie"]
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


def test_cookie_is_a_flag(http: FlaskClient, services: Any):
    answer = http.post("/v1/sessions", json={**CREDENTIALS, "cookie": "yes"})

    assert (answer.status_code, answer.json["field"]) == (422, "cookie")
    assert services.calls == []


def test_a_refused_log_in_sets_no_cookie(http: FlaskClient, services: Any):
    services.answers[login.log_in.address] = Refused("credentials_refused", "No.")
    answer = http.post("/v1/sessions", json={**CREDENTIALS, "cookie": True}, headers=OWN_PAGE)

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


def deleted_when_begun(app: flask.Flask, *states: str, state: str = "new") -> list[str]:
    """The states whose keys are deleted when a browser that holds those of `states` begins a sign-in."""
    names = {cookies._name_of(each): each for each in states}
    header = "; ".join(f"{name}=key" for name in ("__Host-session", *names))
    with app.test_request_context(headers={"Cookie": header}):
        response = flask.Response()
        cookies.set_browser_key(response, f"https://provider.example/?state={state}", "key")
    said = response.headers.getlist("Set-Cookie")
    assert [each.partition("=")[0] for each in said][-1] == cookies._name_of(state)
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(said[-1].split("; "))
    return [names[each.partition("=")[0]] for each in said[:-1]]


def test_a_browser_keeps_the_keys_of_the_last_sign_ins_it_has_begun(app: flask.Flask):
    five = ("a", "b", "c", "d", "e")
    assert len(five) == cookies.BEGUN_AT_ONCE
    assert deleted_when_begun(app) == []
    assert deleted_when_begun(app, *five[1:]) == []
    assert deleted_when_begun(app, *five) == ["a"]
    assert deleted_when_begun(app, *five, "f") == ["a", "b"]
    # A sign-in that is begun again takes no place of another.
    assert deleted_when_begun(app, *five, state="a") == []
