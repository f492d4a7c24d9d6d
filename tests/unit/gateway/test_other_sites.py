"""A12: what every answer tells browsers, and that a page of another site writes nothing with its visitor's cookie.

The addresses are those that the gateway serves, so a new one is covered as soon as there is one.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from gateway.api import ROUTES
from gateway.web import forms
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import all_operations
from services.contracts.errors import Refused
from services.contracts.identity.passports import issue_passports
from services.contracts.identity.web_origins import find_web_origin
from tests.support.other_sites import FOREIGN, OWN_PAGE, SIMPLE, WRITES, Address, addresses, missing_headers

pytestmark = pytest.mark.fault("A12")
COOKIE = {"Cookie": "__Host-session=opaque-token"}
SIGNED_IN_ROUTES = {
    f"{each.method} {each.path}": each for each in ROUTES if each.operation.access.kind != "public"
}
PUBLIC_ROUTES = {
    f"{each.method} {each.path}": each for each in ROUTES if each.operation.access.kind == "public"
}
COMMANDS = {each.address for each in all_operations(CONTRACTS) if each.kind == "command"}
# A session's passport, and whether an origin is let in, are asked for each request.
ASKED_FIRST = {issue_passports.address, find_web_origin.address}
# A machine asks there for a token with its own secret; a browser has none to send.
WITH_OWN_SECRET = ("oauth_token",)
HEALTH = [f"{contract.service}.check_health" for contract in CONTRACTS]


@pytest.fixture(autouse=True)
def _nothing_is_found(services: Any) -> None:
    for each in all_operations(CONTRACTS):
        if each.address not in ASKED_FIRST:
            services.answers[each.address] = Refused("not_found", "There is none.")
    services.answers |= {each: {"ok": True} for each in HEALTH}


@pytest.fixture
def http(app: flask.Flask) -> FlaskClient:
    return app.test_client(use_cookies=False)


def written(services: Any) -> set[str]:
    """The commands that were called since the last question."""
    called = {operation.address for operation, *_ in services.calls} - ASKED_FIRST
    services.calls.clear()
    return called & COMMANDS


def is_page(address: Address) -> bool:
    return address.endpoint.startswith("page ")


def test_every_answer_tells_browsers_what_they_may_not_do(app: flask.Flask, http: FlaskClient) -> None:
    """Nobody's request and somebody's take turns."""
    wrong, seen = {}, 0
    for number, address in enumerate(addresses(app, "GET", *WRITES)):
        cookie = {**COOKIE, **OWN_PAGE} if number % 2 else {}
        answer = http.open(address.path, method=address.method, headers=cookie)
        missing = missing_headers(answer.headers)
        assert answer.status_code != 500, address
        if missing:
            wrong[f"{address.method} {address.rule} {answer.status_code}"] = missing
        seen += 1
    assert wrong == {}
    assert seen > 900


@pytest.mark.parametrize("reported", FOREIGN.values(), ids=FOREIGN)
def test_a_page_of_another_site_writes_nothing_through_the_api(
    app: flask.Flask, http: FlaskClient, services: Any, reported: dict[str, str]
) -> None:
    tried = 0
    for address in addresses(app, *WRITES):
        if address.endpoint not in SIGNED_IN_ROUTES:
            continue
        answer = http.open(address.path, method=address.method, json={}, headers={**COOKIE, **reported})
        assert answer.status_code == 403, address
        assert (
            answer.json.get("code", "cross_site_refused") == "cross_site_refused"
        )  # FHIR has no codes of ours
        assert written(services) == set(), address
        assert not [name for name in dict(answer.headers) if name.startswith("Access-Control")]
        tried += 1
    assert tried == len([each for each in SIGNED_IN_ROUTES.values() if each.method in WRITES])


def test_our_own_page_is_let_in_by_the_same_requests(
    app: flask.Flask, http: FlaskClient, services: Any
) -> None:
    """Without this, requests that are refused for another reason would pass the test above."""
    for address in addresses(app, *WRITES):
        route = SIGNED_IN_ROUTES.get(address.endpoint)
        if route is None:
            continue
        form = {"file": (io.BytesIO(b"x"), "x.csv")} if route.uploads else None
        body: dict[str, Any] = {"data": form or {}} if form or route.is_fhir else {"json": {}}
        answer = http.open(address.path, method=address.method, headers={**COOKIE, **OWN_PAGE}, **body)
        assert answer.status_code == 404, (address, answer.json)
        assert [called for called, *_ in services.calls][-1] is route.operation, address


@pytest.mark.parametrize("kind", SIMPLE)
def test_what_a_browser_sends_without_asking_reaches_no_public_command(
    app: flask.Flask, http: FlaskClient, services: Any, kind: str
) -> None:
    """The commands of strangers count no cookie. A form of another site can send them no member."""
    tried = 0
    for address in addresses(app, *WRITES):
        route = PUBLIC_ROUTES.get(address.endpoint)
        if route is None or route.is_fhir or not route.takes_body:
            continue
        answer = http.open(
            address.path, method=address.method, data=b'{"token": "x"}', content_type=kind, headers=COOKIE
        )
        assert answer.status_code in (400, 422), (address, answer.json)
        assert written(services) == set(), address
        tried += 1
    assert tried > 10


def a_form(app: flask.Flask, address: Address) -> Callable[[], dict[str, str]]:
    """The form of a page as the browser of this session has it, with its token."""
    protection = app.extensions["pages"].protection
    with app.test_request_context(address.path, headers=COOKIE):
        token = protection.form_token(address.path)
    return lambda: {forms.TOKEN: token, forms.ACTION: "x", forms.KEY: "k"}


def test_a_page_of_another_site_posts_no_form_of_ours(
    app: flask.Flask, http: FlaskClient, services: Any
) -> None:
    """Neither with the token, which it cannot know, nor from our own page without it."""
    tried = 0
    for address, reported in zip(addresses(app, "POST"), itertools.cycle(FOREIGN.values()), strict=False):
        if not is_page(address):
            continue
        form = a_form(app, address)
        answer = http.post(address.path, data=form(), headers={**COOKIE, **reported})
        assert answer.status_code in (403, 404), (address, reported, answer.status_code)
        assert written(services) == set(), address
        without = http.post(address.path, data={**form(), forms.TOKEN: ""}, headers={**COOKIE, **OWN_PAGE})
        assert without.status_code in (403, 404), address
        assert written(services) == set(), address
        tried += 1
    assert tried > 150


def test_everything_that_takes_a_write_is_looked_at_here(app: flask.Flask) -> None:
    others = {
        each.endpoint
        for each in addresses(app, *WRITES)
        if not is_page(each) and each.endpoint not in {*SIGNED_IN_ROUTES, *PUBLIC_ROUTES}
    }
    assert others == set(WITH_OWN_SECRET)
