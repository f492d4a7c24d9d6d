"""The browser's way to an outside provider and back: cookies, redirects, and failures."""

from __future__ import annotations

import re
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from services.contracts.errors import Refused
from services.contracts.identity import outside as api

START = "/sign-in/harbor/staff"
BACK = f"{START}/callback"
OWN = "/sign-in?organisation=harbor&realm=staff"
# Named by the state that comes back, here `s`.
NAME = "__Host-sign-in-043a718774c572bd"
KEY = {"Cookie": f"{NAME}=browser-key"}
PAGE = {"Accept": "text/html,application/xhtml+xml"}
OWN_PAGE = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "X-Portico-Request": "1"}
BEGUN = {
    "authorization_url": "https://login.example.org/authorize?state=s",
    "browser_key": "k" * 43,
    "expires_at": "2030-01-01T00:00:00+00:00",
}


@pytest.fixture
def http(app: flask.Flask) -> FlaskClient:
    # Without a cookie jar: each test sets the cookies.
    return app.test_client(use_cookies=False)


@pytest.fixture(autouse=True)
def _answers(services: Any) -> None:
    services.answers[api.start_outside_sign_in.address] = dict(BEGUN)
    services.answers[api.start_outside_link.address] = dict(BEGUN)
    services.answers[api.complete_outside_sign_in.address] = {
        "purpose": "sign_in",
        "return_path": "/inbox",
        "token": "t" * 43,
    }


def test_a_browser_is_sent_to_the_provider_with_a_key_of_its_own(http: FlaskClient, services: Any):
    answer = http.get(START, query_string={"return_path": "/inbox"})

    assert (answer.status_code, answer.headers["Location"]) == (303, BEGUN["authorization_url"])
    name, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert name == f"{NAME}=" + "k" * 43
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"} <= set(attributes)
    assert "Domain" not in answer.headers["Set-Cookie"]
    arguments, context = services.made(api.start_outside_sign_in)
    assert arguments == {"organisation": "harbor", "realm": "staff", "return_path": "/inbox"}
    assert context.client_address == "127.0.0.1"


def test_what_the_provider_gives_is_passed_on_with_the_browsers_key(http: FlaskClient, services: Any):
    given = {
        "state": "s",
        "code": "c",
        "iss": "https://login.example.org",
        "session_state": "x",
        "scope": "y",
    }
    answer = http.get(BACK, query_string=given, headers=KEY)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/inbox")
    cookies = answer.headers.getlist("Set-Cookie")
    assert any(cookie.startswith("__Host-session=" + "t" * 43) for cookie in cookies)
    assert any(cookie.startswith(f"{NAME}=;") for cookie in cookies)
    assert "t" * 43 not in answer.text
    assert services.made(api.complete_outside_sign_in)[0] == {
        "organisation": "harbor",
        "realm": "staff",
        "browser_key": "browser-key",
        "state": "s",
        "code": "c",
        "iss": "https://login.example.org",
    }


def test_a_link_gives_no_session(http: FlaskClient, services: Any):
    services.answers[api.complete_outside_sign_in.address] = {"purpose": "link", "return_path": "/me"}
    answer = http.get(BACK, query_string={"state": "s", "code": "c"}, headers=KEY)

    assert answer.headers["Location"] == "/me"
    assert not any("__Host-session" in cookie for cookie in answer.headers.getlist("Set-Cookie"))


def test_a_browser_that_did_not_begin_it_hears_so(http: FlaskClient, services: Any):
    services.answers[api.complete_outside_sign_in.address] = Refused(
        "invalid_request", "Too short.", "browser_key"
    )
    answer = http.get(BACK, query_string={"state": "s", "code": "c"}, headers=PAGE)

    assert answer.headers["Location"] == f"{OWN}&problem=outside_state_refused&reason="
    assert services.made(api.complete_outside_sign_in)[0]["browser_key"] == ""


@pytest.mark.parametrize("address", [START, f"{BACK}?state=s&code=c"])
def test_a_page_tells_a_person_what_went_wrong_and_a_program_gets_the_problem(
    http: FlaskClient, services: Any, address: str
):
    refusal = Refused("outside_provider_failed", "It did not answer.", reason="too_slow")
    for operation in (api.start_outside_sign_in, api.complete_outside_sign_in):
        services.answers[operation.address] = refusal
    page = http.get(address, headers=PAGE)
    program = http.get(address)

    assert page.headers["Location"] == f"{OWN}&problem=outside_provider_failed&reason=too_slow"
    assert (program.status_code, program.json["code"]) == (502, "outside_provider_failed")
    assert not any("__Host-session" in cookie for cookie in page.headers.getlist("Set-Cookie"))


def test_two_pages_of_one_browser_are_on_their_way_at_once(http: FlaskClient, services: Any):
    keys = {}
    for state, key in (("first", "one"), ("second", "two")):
        begun = {
            "authorization_url": f"https://login.example.org/authorize?state={state}",
            "browser_key": key,
        }
        services.answers[api.start_outside_sign_in.address] = BEGUN | begun
        answer = http.get(START, headers={"Cookie": "; ".join(keys.values())})
        keys[state] = answer.headers["Set-Cookie"].partition(";")[0]
    both = {"Cookie": "; ".join(keys.values())}

    for state, key in (("first", "one"), ("second", "two")):
        answer = http.get(BACK, query_string={"state": state, "code": "c"}, headers=both)
        assert services.calls[-1][1]["browser_key"] == key
        [taken] = [each for each in answer.headers.getlist("Set-Cookie") if "Max-Age=0" in each]
        assert taken.startswith(keys[state].partition("=")[0] + "=;")


def test_a_browser_that_begins_again_and_again_keeps_the_last_five(http: FlaskClient):
    before = [f"__Host-sign-in-{number:016d}" for number in range(7)]
    answer = http.get(START, headers={"Cookie": "; ".join(["a=b", *(f"{name}=key" for name in before)])})

    taken = [each.partition("=")[0] for each in answer.headers.getlist("Set-Cookie") if "Max-Age=0" in each]
    assert taken == before[:3]  # the four before, and the new one


def test_a_second_factor_goes_on_in_the_page_and_its_challenge_is_sealed_in_a_cookie(
    http: FlaskClient, services: Any
):
    services.answers[api.complete_outside_sign_in.address] = Refused(
        "second_factor_required", "A code.", challenge="c" * 43, enrolment=False, return_path="/inbox?a=b"
    )
    answer = http.get(BACK, query_string={"state": "s", "code": "c"}, headers=PAGE)

    assert answer.headers["Location"] == "/sign-in/step"
    [cookie] = [each for each in answer.headers.getlist("Set-Cookie") if each.startswith("__Host-step")]
    assert {"Secure", "HttpOnly", "Path=/", "Max-Age=600", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "c" * 43 not in cookie
    step = cookie.partition(";")[0]
    assert "Code of your second factor" in http.get("/sign-in/step", headers={"Cookie": step}).text
    for other in ("", "__Host-step=", f"{step[:-4]}AAAA"):
        page = http.get("/sign-in/step", headers={"Cookie": other}).text
        assert "begun in another browser" in page
        assert "Code of your second factor" not in page


def test_what_is_given_twice_counts_for_nothing(http: FlaskClient, services: Any):
    answer = http.get(f"{BACK}?state=s&state=t&code=c", headers=KEY)

    assert (answer.status_code, answer.json["field"]) == (422, "state")
    assert services.calls == []


def test_our_own_page_begins_a_link_with_a_cookie_and_a_foreign_one_does_not(
    http: FlaskClient, services: Any
):
    session = {"Cookie": "__Host-session=opaque-token"}
    answer = http.post("/v1/me/outside-identities", json={"cookie": True}, headers={**session, **OWN_PAGE})

    assert answer.status_code == 201
    assert answer.headers["Set-Cookie"].startswith(f"{NAME}=" + "k" * 43)
    assert "browser_key" not in answer.json
    foreign = {**session, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    refused = http.post("/v1/me/outside-identities", json={"cookie": True}, headers=foreign)
    assert (refused.status_code, refused.json["code"]) == (403, "cross_site_refused")


def test_the_page_of_the_sign_in_runs_our_script_only(http: FlaskClient):
    answer = http.get("/sign-in")

    assert answer.status_code == 200
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    for script in re.findall(r'<script[^>]*src="([^"]+)"', answer.text):
        assert http.get(script).content_type == "text/javascript; charset=utf-8"


def test_who_comes_back_signed_out_is_offered_to_sign_in_again(http: FlaskClient, services: Any):
    answer = http.get(f"{START}/signed-out", query_string={"state": "s"})

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{OWN}&signed_out=1")
    assert services.calls == []


def test_signing_out_takes_the_cookie(http: FlaskClient, services: Any):
    services.answers[api.sign_out.address] = {"sign_out_url": None}
    session = {"Cookie": "__Host-session=opaque-token"}
    answer = http.post("/v1/sessions/current/sign-out", headers={**session, **OWN_PAGE})

    assert (answer.status_code, answer.json) == (200, {"sign_out_url": None})
    assert answer.headers["Set-Cookie"].startswith("__Host-session=;")


def test_a_page_is_kept_by_no_browser_and_runs_nothing_of_others(http: FlaskClient):
    headers = http.get("/sign-in").headers

    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("path", "accept", "media_type"),
    [
        ("/nowhere", "text/html,*/*", "text/html"),
        ("/nowhere", "application/json", "application/problem+json"),
        ("/v1/nowhere", "text/html,*/*", "application/problem+json"),
        ("/fhir/nowhere", "text/html,*/*", "application/problem+json"),
    ],
)
def test_a_person_gets_a_page_at_an_address_that_is_not_there_and_a_program_the_problem(
    http: FlaskClient, path: str, accept: str, media_type: str
):
    answer = http.get(path, headers={"Accept": accept})

    assert (answer.status_code, answer.mimetype) == (404, media_type)
    if media_type == "text/html":
        assert "This page cannot be found" in answer.text
        assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
