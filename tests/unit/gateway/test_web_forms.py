"""Forms: what a posted form means as the request of an operation, and who may post it."""

from __future__ import annotations

import re
import time
from typing import Any

import flask
import pytest
import time_machine
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from gateway.web import forms, problems
from gateway.web.entrance import own_path
from gateway.web.page import Action
from gateway.web.protection import VISITOR, Protection
from services.contracts.errors import Refused
from services.contracts.fields import Moment, Text
from services.contracts.referrals import assignments

KEY = b"k" * 32
SHAPE = Schema.from_dict(
    {
        "name": Text(),
        "note": Text(allow_none=True),
        "count": fields.Integer(strict=True),
        "is_on": fields.Boolean(),
        "ids": fields.List(fields.String()),
        "at": Moment(),
        "inner": fields.Nested(Schema.from_dict({"code": Text()})),
    }
)()


@pytest.mark.parametrize(
    ("posted", "means"),
    [
        ([("name", "Ann")], {"name": "Ann"}),
        ([("name", "  ")], {}),  # empty, where the operation takes no null
        ([("note", "")], {"note": None}),
        ([("note", "a\r\nb")], {"note": "a\nb"}),
        ([("count", " 12 ")], {"count": 12}),
        ([("count", "9" * 30)], {"count": "9" * 30}),
        ([("count", "a dozen")], {"count": "a dozen"}),  # refused in the operation's words
        ([("is_on", "")], {"is_on": False}),
        ([("is_on", ""), ("is_on", "true")], {"is_on": True}),
        ([("ids", "a"), ("ids", ""), ("ids", "b")], {"ids": ["a", "b"]}),
        ([("inner.code", "x")], {"inner": {"code": "x"}}),
        ([("unknown", "x"), ("key", "k"), ("action", "a")], {}),
        ([("at", "2026-06-01T08:00"), ("zone", "America/Chicago")], {"at": "2026-06-01T08:00:00-05:00"}),
        ([("at", "2026-12-01T08:00"), ("zone", "America/Chicago")], {"at": "2026-12-01T08:00:00-06:00"}),
        ([("at", "2026-12-01T08:00"), ("zone", "Nowhere")], {"at": "2026-12-01T08:00:00"}),
        ([("at", "soon")], {"at": "soon"}),
    ],
)
def test_a_form_means_what_the_operation_declares(posted: list[tuple[str, str]], means: dict[str, Any]):
    assert forms.arguments(MultiDict(posted), SHAPE) == means


def test_a_filter_that_is_empty_is_not_set():
    shape = assignments.list_referrals.request
    given = {"number": " ", "queue_id": "q", "after": "x", "limit": "1"}
    assert forms.query(given, ("number", "queue_id", "after"), shape) == {"queue_id": "q", "after": "x"}


# Problems

NOTE = Action("note", assignments.add_referral_note, "done")


def test_every_problem_is_told_beside_its_field_or_in_the_summary():
    form = MultiDict({"note": "", "key": "k"})
    errors = [{"field": "note", "rule": "Too short."}, {"field": "is_internal", "rule": "Not a yes or no."}]
    told = problems.of(Refused("invalid_request", "Two problems.", errors=errors), NOTE, form)

    assert told.fields == {"note": "Note: Too short."}
    assert told.general == "Is internal: Not a yes or no."
    assert told.of("note", "note") == "Note: Too short."
    assert told.of("another", "note") is None  # another form of the same page


def test_a_refusal_without_a_field_is_told_beside_the_named_one_or_in_the_summary():
    refusal, form = Refused("credentials_refused", "Wrong."), MultiDict({"password": ""})
    assert problems.of(refusal, NOTE, form).general == "Wrong."
    beside = problems.of(refusal, NOTE, form, "password")
    assert (beside.general, beside.fields) == (None, {"password": "Wrong."})


# Protection


@pytest.fixture
def site() -> flask.Flask:
    return flask.Flask("site")


def token_of(site: flask.Flask, protection: Protection, address: str, cookie: str) -> str:
    with site.test_request_context(address, headers={"Cookie": cookie}):
        return protection.form_token(address)


OWN = {"Origin": "https://portal.example", "Sec-Fetch-Site": "same-origin"}
SESSION = "__Host-session=one"


@pytest.mark.fault("A10")
@pytest.mark.parametrize(
    ("headers", "cookie", "is_admitted"),
    [
        (OWN, SESSION, True),
        ({"Origin": "https://portal.example"}, SESSION, True),
        ({"Sec-Fetch-Site": "same-origin"}, SESSION, True),
        ({}, SESSION, False),  # nothing tells whose page it is
        ({**OWN, "Origin": "https://evil.example"}, SESSION, False),
        ({**OWN, "Origin": "https://evil-portal.example"}, SESSION, False),
        ({**OWN, "Origin": "null"}, SESSION, False),
        ({**OWN, "Sec-Fetch-Site": "same-site"}, SESSION, False),
        ({**OWN, "Sec-Fetch-Site": "cross-site"}, SESSION, False),
        (OWN, "__Host-session=two", False),  # another session's token
        (OWN, f"{VISITOR}=one", False),  # signed out meanwhile
        (OWN, "", False),
    ],
)
def test_a_form_is_taken_from_our_own_page_in_its_own_session_only(
    site: flask.Flask, headers: dict[str, str], cookie: str, is_admitted: bool
):
    protection = Protection(KEY, None)
    token = token_of(site, protection, "/page", SESSION)
    base = "https://portal.example"
    with site.test_request_context(
        "/page", base_url=base, method="POST", headers={**headers, "Cookie": cookie}
    ):
        if is_admitted:
            protection.require_own_form(token)
            return
        with pytest.raises(Refused) as refusal:
            protection.require_own_form(token)
        assert refusal.value.code == "cross_site_refused"


@pytest.mark.parametrize("token", ["", "0" * 64, "é"])
def test_a_form_without_its_token_is_refused(site: flask.Flask, token: str):
    with (
        site.test_request_context(
            "/page", base_url="https://portal.example", headers={**OWN, "Cookie": SESSION}
        ),
        pytest.raises(Refused),
    ):
        Protection(KEY, None).require_own_form(token)


def test_the_token_of_one_page_opens_no_other(site: flask.Flask):
    protection = Protection(KEY, None)
    token = token_of(site, protection, "/page", SESSION)
    with (
        site.test_request_context(
            "/other", base_url="https://portal.example", headers={**OWN, "Cookie": SESSION}
        ),
        pytest.raises(Refused),
    ):
        protection.require_own_form(token)


def test_two_gateways_with_one_key_take_each_others_forms_and_without_one_none(site: flask.Flask):
    one, other, alone = Protection(KEY, None), Protection(KEY, None), Protection(None, None)
    tokens = [token_of(site, each, "/page", SESSION) for each in (one, other, alone)]
    assert tokens[0] == tokens[1] != tokens[2]


def test_what_is_sealed_is_read_for_its_purpose_and_in_its_time_only():
    protection = Protection(KEY, None)
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        text = protection.sealed({"name": "Quimby"}, "search", 60)
        assert "Quimby" not in text
        assert protection.opened(text, "search") == {"name": "Quimby"}
        assert protection.opened(text, "another purpose") is None
        assert protection.opened(text[:-2] + "AA", "search") is None
        assert protection.opened("", "search") is None
        assert protection.opened("§", "search") is None
        clock.shift(59)
        assert protection.opened(text, "search") is not None
        clock.shift(1)
        assert protection.opened(text, "search") is None
    assert time.time() > 0


# Pages over a service that refuses

NOTED = "/provider/referrals/" + "a" * 32


def post_note(http: FlaskClient, **more: str) -> TestResponse:
    """Post a note on a referral's page, from our own page of a signed-in browser."""
    page = http.get("/sign-in")  # any page; its token is of another address
    assert page.status_code == 200
    with http.application.test_request_context(NOTED, headers={"Cookie": SESSION}):
        token = http.application.extensions["pages"].protection.form_token(NOTED)
    given = {"form_token": token, "action": "note", "key": "k1", "note": "Came in <today>.", **more}
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "Cookie": SESSION}
    return http.post(NOTED, data=given, headers=own)


def test_what_was_typed_is_kept_while_the_service_hangs(app: flask.Flask, services: Any):
    http = app.test_client(use_cookies=False)
    for operation in (assignments.add_referral_note, assignments.get_referral):
        services.answers[operation.address] = Refused("timeout", "It did not answer.")
    services.answers["identity.describe_me"] = {"permissions": [], "realm": "provider"}
    services.answers["portals.get_portal"] = {}

    answer = post_note(http)

    assert answer.status_code == 504
    assert "Came in &lt;today&gt;." in answer.text
    assert 'name="key" value="k1"' in answer.text  # so that it is not done twice
    assert "Send it once more" in answer.text


def test_an_origin_that_no_browser_sends_is_a_foreign_one(app: flask.Flask, services: Any):
    http = app.test_client(use_cookies=False)
    headers = {"Origin": "http://[", "Cookie": SESSION}

    assert http.post(NOTED, data={"form_token": "x"}, headers=headers).status_code == 403
    assert (
        http.post("/v1/referrals", json={}, headers={**headers, "X-Portico-Request": "1"}).status_code == 403
    )


def test_each_form_of_a_page_has_a_key_of_its_own(app: flask.Flask, services: Any):
    names = ("login", "first_name", "idle_ends_at", "expires_at")
    services.answers["identity.describe_me"] = {
        **dict.fromkeys(names, "x"),
        "permissions": ["capacity.read", "capacity.edit"],
    }
    services.answers["portals.get_portal"] = {}
    line = {
        **dict.fromkeys(("program_name", "name", "unit", "note", "program_id", "line_id"), "x"),
        **dict.fromkeys(("free", "total", "version"), 1),
        "capacity_status": "unknown",
        "is_stale": False,
        "updated_at": "2026-11-28T09:00:00+00:00",
    }
    services.answers["referrals.list_capacities"] = {"items": [line, line], "next": None}
    text = app.test_client(use_cookies=False).get("/provider/capacity", headers={"Cookie": SESSION}).text

    keys = re.findall(r'name="key" value="(\w+)"', text)
    assert len(keys) == 3  # of two lines, and of signing out
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("given", "own"),
    [
        ("/provider?a=b", "/provider?a=b"),
        ("/" + "a" * 499, "/" + "a" * 499),
        ("/" + "a" * 500, None),
        ("//evil.example", None),
        ("/\\evil.example", None),
        ("/a\\b", None),
        ("/a b", None),
        ("https://evil.example/", None),
        ("provider", None),
        ("", None),
        (None, None),
    ],
)
def test_a_browser_goes_on_to_a_path_of_this_site_only(given: str | None, own: str | None):
    assert own_path(given) == own
