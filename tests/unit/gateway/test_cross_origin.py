"""Pages of other origins: who may call, what a preflight is told, and that a cookie counts as none."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from gateway import cross_origin
from gateway.cross_origin import MOST_REMEMBERED, CrossOrigin
from services.contracts.errors import Refused
from services.contracts.identity import accounts, login, passports
from services.contracts.identity.web_origins import find_web_origin
from tests.unit.gateway.conftest import HARBOR, TOKEN

PORTAL, STRANGE = "https://portal.example.org", "https://strange.example.org"
BAYSIDE = "b" * 32
PREFLIGHT = {
    "Origin": PORTAL,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization",
}


@pytest.fixture(autouse=True)
def _named(services: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_origin, "ASKED_AGAIN_AFTER_S", -1.0)  # all tests share one application
    services.answers[find_web_origin.address] = lambda asked: {
        "organisation_ids": [HARBOR] if asked["origin"] == PORTAL else []
    }


@pytest.fixture
def http(app: flask.Flask) -> FlaskClient:
    return app.test_client(use_cookies=False)


def test_a_preflight_names_the_origin_exactly_and_is_kept(http: FlaskClient) -> None:
    answer = http.options("/v1/accounts", headers=PREFLIGHT)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == PORTAL
    assert "Origin" in answer.headers["Vary"]
    assert int(answer.headers["Access-Control-Max-Age"]) == 600
    assert {"POST", "PUT", "PATCH", "DELETE"} <= set(
        answer.headers["Access-Control-Allow-Methods"].split(", ")
    )
    assert {"Authorization", "If-Match", "Idempotency-Key"} <= set(
        answer.headers["Access-Control-Allow-Headers"].split(", ")
    )
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("origin", [STRANGE, "null", PORTAL + ".", "https://" + "a" * 300, "*"])
def test_another_origin_gets_no_header(http: FlaskClient, services: Any, origin: str) -> None:
    services.answers[accounts.list_accounts.address] = {"items": [], "next": None}
    for answer in (
        http.options("/v1/accounts", headers={**PREFLIGHT, "Origin": origin}),
        http.get("/v1/accounts", headers={**TOKEN, "Origin": origin}),
    ):
        assert not [name for name in dict(answer.headers) if name.startswith("Access-Control")]
        assert "Origin" in answer.headers["Vary"]


def test_a_page_that_is_let_in_reads_answers_and_refusals(http: FlaskClient, services: Any) -> None:
    services.answers[accounts.list_accounts.address] = {"items": [], "next": None}
    answer = http.get("/v1/accounts", headers={**TOKEN, "Origin": PORTAL})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, PORTAL)
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    missing = http.get("/v1/nothing", headers={"Origin": PORTAL})
    assert (missing.status_code, missing.headers["Access-Control-Allow-Origin"]) == (404, PORTAL)


def test_an_account_of_an_organisation_that_has_not_named_the_origin_is_refused(
    http: FlaskClient, services: Any
) -> None:
    services.answers[passports.issue_passports.address] = {
        "passports": [{"passport": "p", "organisation_id": BAYSIDE}]
    }
    answer = http.get("/v1/accounts", headers={**TOKEN, "Origin": PORTAL})
    assert (answer.status_code, answer.json["code"]) == (403, "origin_not_allowed")
    assert not [each for each in services.calls if each[0] is accounts.list_accounts]
    services.answers[accounts.list_accounts.address] = {"items": [], "next": None}
    assert http.get("/v1/accounts", headers=TOKEN).status_code == 200


def test_the_cookie_of_who_is_signed_in_here_counts_as_none(http: FlaskClient, services: Any) -> None:
    services.answers[accounts.list_accounts.address] = {"items": [], "next": None}
    cookie = {"Cookie": "__Host-session=opaque-token"}
    assert http.get("/v1/accounts", headers=cookie).status_code == 200
    assert http.get("/v1/accounts", headers={**cookie, "Origin": PORTAL}).status_code == 401


def test_a_log_in_from_elsewhere_gets_a_token_and_never_a_cookie(http: FlaskClient, services: Any) -> None:
    services.answers[login.log_in.address] = {"token": "t" * 43, "expires_at": "2030-01-01T00:00:00+00:00"}
    given = {"organisation": "harbor", "login": "x", "password": "y"}
    answer = http.post("/v1/sessions", json=given, headers={"Origin": PORTAL})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (201, PORTAL)
    assert "Set-Cookie" not in answer.headers
    wanted = http.post("/v1/sessions", json={**given, "cookie": True}, headers={"Origin": PORTAL})
    assert wanted.json["code"] == "cross_site_refused"


def test_pages_are_read_by_no_other_origin(http: FlaskClient) -> None:
    for headers in (PREFLIGHT, {"Origin": PORTAL}):
        answer = http.options("/sign-in", headers=headers)
        assert not [name for name in dict(answer.headers) if name.startswith("Access-Control")]


def test_our_own_pages_ask_nobody(http: FlaskClient, services: Any) -> None:
    services.answers[accounts.list_accounts.address] = {"items": [], "next": None}
    http.get("/v1/accounts", headers={**TOKEN, "Origin": "http://localhost"})
    assert not [each for each in services.calls if each[0] is find_web_origin]


@pytest.mark.parametrize(
    ("origin", "is_asked"),
    [(STRANGE, True), ("null", False), ("*", False), ("http://strange.example.org", False), (STRANGE.upper(), False),
     (f"{STRANGE}:443", False), (f"{STRANGE}/", False)],
)  # fmt: skip
def test_nobody_is_asked_about_an_origin_that_could_not_have_been_named(
    http: FlaskClient, services: Any, origin: str, is_asked: bool
) -> None:
    http.get("/v1/nothing", headers={"Origin": origin})
    assert [called for called, *_ in services.calls if called is find_web_origin] == [
        find_web_origin
    ] * is_asked


def test_an_answer_is_kept_for_half_a_minute_and_a_thousand_origins_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    asked: list[str] = []
    now = 0.0

    def ask(origin: str) -> list[str]:
        asked.append(origin)
        return [HARBOR]

    known = CrossOrigin(ask, None, lambda: now)
    known._organisations(PORTAL)
    now = 29.0
    known._organisations(PORTAL)
    assert asked == [PORTAL]
    now = 31.0
    known._organisations(PORTAL)
    assert asked == [PORTAL, PORTAL]
    for number in range(MOST_REMEMBERED + 5):
        known._organisations(f"https://{number}.example.org")
    assert len(known._known) == MOST_REMEMBERED


def test_where_identity_is_away_the_request_is_refused_for_the_moment(
    http: FlaskClient, services: Any
) -> None:
    services.answers[find_web_origin.address] = Refused("service_unavailable", "away")
    assert http.get("/v1/accounts", headers={**TOKEN, "Origin": PORTAL}).status_code == 503
