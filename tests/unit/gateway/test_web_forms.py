"""Forms: what a posted form means as the request of an operation, and who may post it."""

from __future__ import annotations

import io
import re
import time
from typing import Any

import flask
import pytest
import time_machine
from flask.testing import FlaskClient
from marshmallow import Schema, fields, validate
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from gateway.requests import BODY_COMES_LATER
from gateway.web import forms, lapses
from gateway.web.protection import VISITOR, Protection
from gateway.web.return_paths import own_path
from services.contracts.errors import Refused
from services.contracts.fields import Moment, Text
from services.contracts.identity import credentials, people
from services.contracts.portals.local_text import LocalText
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
        "address": fields.Nested(
            Schema.from_dict({"line": Text(), "is_private": fields.Boolean()}), allow_none=True
        ),
        "remark": fields.String(validate=validate.Length(max=9)),
        "rows": fields.List(fields.Nested(Schema.from_dict({"code": Text(), "is_on": fields.Boolean()}))),
        "hours": fields.Dict(keys=fields.String(), values=fields.Integer(strict=True)),
        "title": LocalText(),
        "sections": fields.Dict(keys=fields.String(), values=fields.Dict()),
        "moves": fields.Dict(keys=fields.String(), values=fields.List(fields.String()), allow_none=True),
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
        ([("ids", "a\r\n\r\n b \r\n")], {"ids": ["a", "b"]}),  # a line for each
        ([("inner.code", "x")], {"inner": {"code": "x"}}),
        ([("remark", "")], {"remark": ""}),  # cleared, where the operation takes an empty text
        ([("address", ""), ("address.line", " "), ("address.is_private", "")], {"address": None}),
        ([("address.line", " "), ("address.is_private", "")], {"address": {"is_private": False}}),
        (
            [("address", ""), ("address.line", "x"), ("address.is_private", "")],
            {"address": {"line": "x", "is_private": False}},
        ),
        ([("title", "Privacy")], {"title": "Privacy"}),
        ([("title.en", "Privacy"), ("title.es", " ")], {"title": "Privacy"}),
        ([("title.en", "Hi"), ("title.es", "Hola")], {"title": {"en": "Hi", "es": "Hola"}}),
        ([("unknown", "x"), ("key", "k"), ("action", "a")], {}),
        ([("at", "2026-06-01T08:00"), ("zone", "America/Chicago")], {"at": "2026-06-01T08:00:00-05:00"}),
        ([("at", "2026-12-01T08:00"), ("zone", "America/Chicago")], {"at": "2026-12-01T08:00:00-06:00"}),
        ([("at", "2026-12-01T08:00"), ("zone", "Nowhere")], {"at": "2026-12-01T08:00:00"}),
        ([("at", "soon")], {"at": "soon"}),
        (
            [("rows.10.code", "c"), ("rows.2.code", "b"), ("rows.3.code", " "), ("rows.x.code", "d")],
            {"rows": [{"code": "b"}, {"code": "c"}]},
        ),
        (
            [("rows.0.code", "a"), ("rows.0.is_on", ""), ("rows.0.is_on", "true")],
            {"rows": [{"code": "a", "is_on": True}]},
        ),
        ([("rows.0.code", "")], {"rows": []}),
        (
            [("hours.referred", "24"), ("hours.enrolled", ""), ("hours.late", "soon")],
            {"hours": {"referred": 24, "late": "soon"}},
        ),
        (
            [
                ("sections.0.title", "Home"),
                ("sections.0.name", "Beds"),
                ("sections.0.value", "2"),
                ("sections.1.title", "Home"),
                ("sections.1.name", "Pets. "),
                ("sections.1.value", ""),
                ("sections.2.title", ""),
                ("sections.2.name", ""),
                ("sections.2.value", ""),
                ("sections.3.title", "Work"),
                ("sections.3.name", ""),
                ("sections.3.value", ""),
            ],
            {"sections": {"Home": {"Beds": "2", "Pets.": ""}, "Work": {}}},
        ),
        (  # an answer without its question is refused by the operation, and not lost
            [("sections.0.title", "Home"), ("sections.0.name", ""), ("sections.0.value", "y")],
            {"sections": {"Home": {"": "y"}}},
        ),
        (
            [
                ("rows.0.code", "a"),
                ("rows.0.place", "3"),
                ("rows.1.code", "b"),
                ("rows.1.place", "1"),
                ("rows.2.code", "c"),
                ("rows.2.removed", ""),
                ("rows.2.removed", "true"),
                ("rows.3.code", ""),
                ("rows.3.place", "2"),
            ],
            {"rows": [{"code": "b"}, {"code": "a"}]},
        ),
        ([("moves", "")], {"moves": None}),
        ([("moves.a", ""), ("moves.b", ""), ("moves.b", "a")], {"moves": {"a": [], "b": ["a"]}}),
        ([("sections.0.title", ""), ("sections.0.name", "")], {"sections": {}}),
    ],
)
def test_a_form_means_what_the_operation_declares(posted: list[tuple[str, str]], means: dict[str, Any]):
    assert forms.arguments(MultiDict(posted), SHAPE) == means


def test_a_filter_that_is_empty_is_not_set():
    shape = assignments.list_referrals.request
    given = {"number": " ", "queue_id": "q", "after": "x", "limit": "1"}
    assert forms.query(given, ("number", "queue_id", "after"), shape) == {"queue_id": "q", "after": "x"}


def test_a_form_with_more_members_than_any_page_has_is_refused_before_it_is_read():
    most = MultiDict([("statuses.0.label", "x")] * forms.MOST_MEMBERS)
    forms.require_bounded(most)
    most.add("one", "more")
    with pytest.raises(Refused, match="request_too_large"):
        forms.require_bounded(most)


def test_many_rows_are_read_in_one_pass():
    form = MultiDict({f"rows.{number}.code": "x" for number in range(forms.MOST_MEMBERS)})
    began = time.process_time()
    assert len(forms.arguments(form, SHAPE)["rows"]) == forms.MOST_MEMBERS
    assert time.process_time() - began < 5  # it took a minute where each row looked at all members


def test_a_row_whose_number_no_page_writes_is_none():
    assert forms.arguments(MultiDict({f"rows.{'9' * 5000}.code": "x"}), SHAPE) == {}


# Problems


@pytest.fixture
def site() -> flask.Flask:
    return flask.Flask("site")


def token_of(site: flask.Flask, protection: Protection, address: str, cookie: str) -> str:
    with site.test_request_context(address, headers={"Cookie": cookie}):
        return protection.form_token(address)


OWN = {"Origin": "https://portal.example", "Sec-Fetch-Site": "same-origin"}
SESSION = "__Host-session=one"
ORGANISATION = {
    "realm": "provider",
    "organisation_key": "harbor",
    "organisation_short_name": "harbor",
    "organisation_name": "Harbor County",
    "organisation_telephone": "+1 415-555-0100",
    "organisation_time_zone": "UTC",
    "language": None,
    "appearance": None,
}


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
    token = token_of(site, one, "/page", SESSION)
    headers = {**OWN, "Cookie": SESSION}
    with site.test_request_context("/page", base_url="https://portal.example", headers=headers):
        other.require_own_form(token)
        with pytest.raises(Refused):
            alone.require_own_form(token)


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
    services.answers["identity.describe_me"] = {**ORGANISATION, "permissions": []}
    services.answers["portals.get_portal"] = {}

    answer = post_note(http)

    assert answer.status_code == 504
    assert "Came in &lt;today&gt;." in answer.text
    assert 'name="key" value="k1"' in answer.text  # so that it is not done twice
    assert "Send it once more" in answer.text


DETAILS = "/account/settings"
TYPED = {"action": "edit_settings", "key": "k1", "mobile_phone": "998 <0100>"}
SETTINGS = {
    "identity.get_my_settings": {
        "editable_fields": ["mobile_phone"],
        "changes_are_requests": False,
        "sources": {},
        "mobile_phone": "old",
    },
    "portals.list_my_details_changes": {"items": []},
}
ME = {
    "id": "b" * 32,
    "permissions": ["referral.note"],
    "profiles": [],
    "resources": [],
    **ORGANISATION,
    **dict.fromkeys(("login", "first_name", "last_name", "idle_ends_at", "expires_at"), "provider"),
}
LAPSED = Refused("unauthenticated", "Sign in first.")


def sealed_owner(app: flask.Flask, **changed: str) -> str:
    return lapses.owner(app.extensions["pages"].protection, ME | changed)


def hidden(answer: TestResponse, name: str) -> str:
    content = answer.text.partition("</main>")[0]
    return re.findall(rf'name="{name}" value="([^"]*)"', content)[-1]


def sign_in_with(
    app: flask.Flask, typed: str, cookie: str = SESSION, return_path: str = DETAILS
) -> TestResponse:
    """Sign in on the page that has kept what was typed."""
    with app.test_request_context("/sign-in", headers={"Cookie": cookie}):
        token = app.extensions["pages"].protection.form_token("/sign-in")
    given = {
        "form_token": token, "action": "sign_in", "organisation": "harbor", "realm": "provider",
        "login": "a@example.org", "password": "secret", "typed": typed, "return_path": return_path,
    }  # fmt: skip
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "Cookie": cookie}
    return app.test_client(use_cookies=False).post("/sign-in", data=given, headers=own)


@pytest.mark.fault("F7")
def test_what_was_typed_outlasts_the_session_for_its_own_account_only(app: flask.Flask, services: Any):
    http = app.test_client(use_cookies=False)
    services.answers["identity.describe_me"] = LAPSED
    services.answers["identity.edit_my_settings"] = LAPSED
    services.answers["identity.list_sign_in_options"] = {"has_password": True, "outside": None}
    names = ("key", "short_name", "name", "telephone", "time_zone")
    services.answers["identity.get_public_organisation"] = {
        **{name: ORGANISATION[f"organisation_{name}"] for name in names},
        "realms": ["provider"],
        "takes_registrations": False,
    }
    services.answers["portals.get_public_portal"] = {"colour": "#7a0019"}
    with app.test_request_context(DETAILS, headers={"Cookie": SESSION}):
        token = app.extensions["pages"].protection.form_token(DETAILS)
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    sent = {**TYPED, "form_token": token, "form_owner": sealed_owner(app)}
    lapsed = http.post(DETAILS, data=sent, headers={**own, "Cookie": SESSION})
    assert lapsed.status_code == 401
    assert "What you typed is kept" in lapsed.text
    assert "998" not in lapsed.text
    assert (hidden(lapsed, "organisation"), hidden(lapsed, "return_path")) == ("harbor", DETAILS)
    typed = hidden(lapsed, "typed")

    services.answers["identity.log_in"] = Refused("credentials_refused", "Wrong.")
    assert hidden(sign_in_with(app, typed), "typed") == typed  # a wrong password loses nothing
    demanded = Refused("second_factor_required", "A code.", challenge="c", enrolment=False)
    services.answers["identity.log_in"] = demanded
    assert hidden(sign_in_with(app, typed), "typed") == typed  # nor does a second factor

    def signed_in(account_id: str) -> dict[str, Any]:
        return {"token": "two", "account": {"id": account_id, "realm": "provider"}}

    services.answers["identity.log_in"] = signed_in("c" * 32)
    other = sign_in_with(app, typed)
    assert (other.status_code, other.headers["Location"], other.text) == (303, DETAILS, "")

    services.answers["identity.log_in"] = signed_in(ME["id"])
    goes_on = sign_in_with(app, typed)
    assert goes_on.status_code == 200
    assert "__Host-session=two" in goes_on.headers["Set-Cookie"]
    form = {name: hidden(goes_on, name) for name in ("form_token", "action", "typed")}
    services.answers |= SETTINGS

    def resumed(account_id: str) -> TestResponse:
        services.answers["identity.describe_me"] = {**ME, "id": account_id}
        return http.post(DETAILS, data=form, headers={**own, "Cookie": "__Host-session=two"})

    services.calls.clear()
    assert resumed("c" * 32).status_code == 303
    shown = resumed(ME["id"])
    assert shown.status_code == 200
    assert "998 &lt;0100&gt;" in shown.text
    assert "It has not been sent" in shown.text
    assert 'name="key" value="k1"' in shown.text
    assert people.edit_my_settings not in [operation for operation, _, _ in services.calls]


@pytest.mark.fault("F7")
def test_a_form_that_is_older_than_its_owners_new_session_is_shown_again_and_to_nobody_else(
    app: flask.Flask, services: Any
):
    http = app.test_client(use_cookies=False)
    services.answers |= SETTINGS | {"identity.describe_me": ME}
    given = {**TYPED, "form_token": "of the session before"}
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "Cookie": SESSION}

    def posted(owner: str, **headers: str) -> TestResponse:
        return http.post(DETAILS, data={**given, "form_owner": owner}, headers={**own, **headers})

    shown = posted(sealed_owner(app))
    assert (shown.status_code, "998 &lt;0100&gt;" in shown.text) == (200, True)
    assert posted(sealed_owner(app, id="c" * 32)).status_code == 403
    assert posted("invented").status_code == 403
    assert posted(sealed_owner(app), Origin="https://evil.example").status_code == 403
    assert people.edit_my_settings not in [operation for operation, _, _ in services.calls]


SENDING = "/staff/documents/send"


@pytest.mark.fault("F7")
def test_after_a_session_a_file_is_read_for_the_sake_of_what_was_typed_beside_it_on_its_owners_page_alone(
    app: flask.Flask, services: Any
):
    http = app.test_client(use_cookies=False)
    services.answers["identity.issue_passports"] = {
        "passports": [{"passport": None, "organisation_id": None}]
    }
    services.answers["identity.list_sign_in_options"] = {"has_password": True, "outside": None}
    services.answers["identity.get_public_organisation"] = Refused("not_found", "None.")
    with app.test_request_context(SENDING, headers={"Cookie": SESSION}):
        token = app.extensions["pages"].protection.form_token(SENDING)
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "Cookie": SESSION}

    def asked(owner: str, **headers: str) -> TestResponse:
        """Before the body is read."""
        form = {"Content-Type": "multipart/form-data; boundary=x"}
        return http.post(
            SENDING, query_string={"way": "fax", "form_owner": owner}, headers={**own, **form, **headers},
            environ_overrides={BODY_COMES_LATER: True},
        )  # fmt: skip

    for owner in ("", "invented"):
        assert asked(owner).status_code == 303
        assert "problem=file_not_sent" in asked(owner).headers["Location"]
    assert asked(sealed_owner(app), Origin="https://evil.example").status_code == 403
    assert asked(sealed_owner(app)).status_code == 100

    typed = {"form_token": token, "form_owner": sealed_owner(app), "action": "send_document", "key": "k1"}
    sent = {**typed, "title": "Plan <one>", "file": (io.BytesIO(b"%PDF-"), "plan.pdf")}
    lapsed = http.post(f"{SENDING}?way=fax&form_owner={sealed_owner(app)}", data=sent, headers=own)
    assert lapsed.status_code == 401
    assert "What you typed is kept" in lapsed.text
    assert hidden(lapsed, "return_path") == f"{SENDING}?way=fax"
    services.answers["identity.log_in"] = {"token": "two", "account": {"id": ME["id"], "realm": "staff"}}
    goes_on = sign_in_with(app, hidden(lapsed, "typed"), return_path=f"{SENDING}?way=fax")
    assert f'action="{SENDING}?way=fax"' in goes_on.text
    for elsewhere in ("/staff/documents?way=fax", "https://evil.example"):
        goes_on = sign_in_with(app, hidden(lapsed, "typed"), return_path=elsewhere)
        assert f'action="{SENDING}"' in goes_on.text


def test_passwords_are_not_kept_of_a_form():
    form = MultiDict([("password", "a"), ("new_password", "b"), ("key", "k"), ("form_token", "t")])
    assert forms.without_secrets(form, credentials.change_my_password.request) == [("key", "k")]


def test_an_origin_that_no_browser_sends_is_a_foreign_one(app: flask.Flask, services: Any):
    http = app.test_client(use_cookies=False)
    headers = {"Origin": "http://[", "Cookie": SESSION}

    assert http.post(NOTED, data={"form_token": "x"}, headers=headers).status_code == 403
    assert (
        http.post("/v1/referrals", json={}, headers={**headers, "X-Portico-Request": "1"}).status_code == 403
    )


def test_each_form_of_a_page_has_a_key_of_its_own(app: flask.Flask, services: Any):
    names = ("id", "organisation_key", "realm", "login", "first_name", "idle_ends_at", "expires_at")
    services.answers["identity.describe_me"] = {
        **dict.fromkeys(names, "x"),
        **ORGANISATION,
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
    assert len(keys) == 4  # of two lines, of signing out, and of the language
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


def test_no_password_is_shown_again_where_the_service_does_not_answer(app: flask.Flask, services: Any):
    services.answers["identity.describe_me"] = Refused("service_unavailable", "Away.")
    services.answers["identity.change_my_password"] = Refused("timeout", "Too late.")
    with app.test_request_context("/account/password", headers={"Cookie": SESSION}):
        token = app.extensions["pages"].protection.form_token("/account/password")
    sent = {
        "form_token": token,
        "action": "change_password",
        "key": "k1",
        "password": "kettle-violet",
        "new_password": "saltmarsh-quill",
    }
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "Cookie": SESSION}
    answer = app.test_client(use_cookies=False).post("/account/password", data=sent, headers=own)
    assert answer.status_code == 504
    assert "Passwords and codes are not kept." in answer.text
    assert not re.search("kettle|saltmarsh", answer.text)
