"""The front door and the entrances: where they lead, what they keep, and the telephone number on every page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from justhtml import JustHTML
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.web import contact, language, rendering
from services.contracts.errors import Refused
from services.contracts.identity import login, organisations, outside, passports, patients
from services.contracts.identity.realms import REALMS
from services.contracts.portals import configuration

TELEPHONE = "+1 415-555-0100"
HARBOR: dict[str, Any] = {
    "key": "harbor",
    "short_name": "harbor-county",
    "name": "Harbor <County>",
    "telephone": TELEPHONE,
    "time_zone": "America/Los_Angeles",
    "realms": ["provider", "patient"],
    "takes_registrations": False,
}
ME = {f"organisation_{name}": value for name, value in HARBOR.items()} | {
    "realm": "provider",
    "permissions": [],
    "language": None,
    "appearance": None,
    **dict.fromkeys(("login", "first_name", "idle_ends_at", "expires_at"), "x"),
}
SESSION = {"Cookie": "__Host-session=one"}
FACTS, OPTIONS = organisations.get_public_organisation.address, outside.list_sign_in_options.address


@pytest.fixture(autouse=True)
def _answers(services: Any) -> None:
    services.answers[FACTS] = dict(HARBOR)
    services.answers[OPTIONS] = {"has_password": True, "outside": None}
    services.answers[configuration.get_public_portal.address] = lambda given: {
        "colour": "#7a0019",
        "name": "P",
        "kind": "provider",
        "logo": None,
        "welcome_image": None,
        "logout_address": None,
        "sign_in": {"instructions": None, "links": {}},
        "portal": given["portal"],
        "realm": given["portal"] if given["portal"] in REALMS else "employee",
    }
    services.answers[passports.describe_me.address] = dict(ME)


@pytest.fixture
def stranger(app: flask.Flask) -> FlaskClient:
    """A browser without cookies."""
    return app.test_client(use_cookies=False)


def not_found(_arguments: Any) -> Any:
    raise Refused("not_found", "There is no organisation of this name.")


def test_the_front_door_leads_to_the_only_organisation_or_to_find_my_portal(
    stranger: FlaskClient, services: Any
) -> None:
    assert stranger.get("/").headers["Location"] == "/at/harbor-county"
    services.answers[FACTS] = not_found  # one of several
    assert stranger.get("/").headers["Location"] == "/find-my-portal"
    assert stranger.get("/", headers=SESSION).headers["Location"] == "/provider"
    services.answers[passports.describe_me.address] = Refused("unauthenticated", "The session has ended.")
    assert stranger.get("/", headers=SESSION).headers["Location"] == "/find-my-portal"


def test_only_a_stack_with_a_demo_shows_its_log_ins(services: Any, tmp_path: Path) -> None:
    demo = tmp_path / "demo.json"
    settings = SimpleNamespace(
        **dict.fromkeys(
            (
                "max_upload_bytes",
                "max_stored_bytes",
                "unused_files_kept_hours",
                "rpc_timeout_s",
                "gateway_threads",
                "api_requests_a_minute",
            ),
            5,
        ),
        blob_dir=str(tmp_path),
        blob_s3_bucket=None,
        trusted_proxies=(),
        public_url=None,
        gateway_serves="pages",
        pages_key_file=None,
        demo_front_door_file=str(demo),
        live_url=None,
    )
    http = create_app(settings, services).test_client()
    assert http.get("/").status_code == 303  # nothing is seeded yet
    way = {
        "who": "Pat",
        "login": "pat@x.org",
        "password": "s3cret",
        "entrance": "/at/x/staff",
        "try_this": "A",
    }
    demo.write_text(json.dumps([way]))
    page = http.get("/").text
    assert all(f">{way[name]}<" in page for name in ("who", "login", "password"))
    # Words and name are one item of the button: on a phone they break as a sentence, not as two columns.
    assert [each.to_text() for each in JustHTML(page).query('a.btn[href="/at/x/staff"] > span')] == [
        "Sign in as Pat"
    ]


def test_an_entrance_has_the_organisations_name_colour_and_number_and_signs_in_by_its_key(
    stranger: FlaskClient, services: Any
) -> None:
    page = stranger.get("/at/harbor-county/provider?return_path=/provider/capacity").text
    assert "Harbor &lt;County&gt;" in page
    assert 'href="tel:+1-415-555-0100"' in page
    assert "theme-7a0019.css" in page
    assert 'name="organisation" value="harbor"' in page
    assert 'name="return_path" value="/provider/capacity"' in page
    assert services.made(outside.list_sign_in_options)[0] == {"organisation": "harbor", "realm": "provider"}
    assert stranger.get("/at/harbor-county/north-plant").status_code == 200
    asked = [arguments for called, arguments, _ in services.calls if called is outside.list_sign_in_options]
    assert asked[-1] == {"organisation": "harbor", "realm": "employee"}
    services.answers[configuration.get_public_portal.address] = not_found
    assert stranger.get("/at/harbor-county/nothing").status_code == 404
    # A portal that is off has no entrance (S2-37).
    assert stranger.get("/at/harbor-county/patient").status_code == 404
    services.answers[configuration.get_public_portal.address] = Refused("service_unavailable", "Down.")
    assert stranger.get("/at/harbor-county/provider").status_code == 200
    services.answers[FACTS] = not_found
    assert stranger.get("/at/nowhere/provider").status_code == 404


@pytest.mark.parametrize(
    ("wanted", "to"),
    [
        ("/provider/capacity", "/provider/capacity"),
        ("//evil.example", "/provider"),
        ("https://evil.example", "/provider"),
        ("", "/provider"),
    ],
)
def test_who_is_signed_in_goes_on_to_a_page_of_this_site(stranger: FlaskClient, wanted: str, to: str) -> None:
    address = "/at/harbor-county/provider"
    answer = stranger.get(address, query_string={"return_path": wanted}, headers=SESSION)
    assert (answer.status_code, answer.headers["Location"]) == (303, to)
    # In another portal of the organisation the person has another account.
    assert stranger.get("/at/harbor-county/patient", headers=SESSION).status_code == 200


def test_pages_that_know_no_organisation_show_the_number_of_the_last_one(
    http: FlaskClient, services: Any
) -> None:
    assert TELEPHONE not in http.get("/nothing", headers={"Accept": "text/html"}).text
    # The cookie is for secure addresses only.
    http.get("/at/harbor-county", base_url="https://localhost")
    for path, status in (("/nothing", 404), ("/sign-in", 200), ("/credentials", 200), ("/help", 200)):
        answer = http.get(path, base_url="https://localhost", headers={"Accept": "text/html"})
        assert (answer.status_code, TELEPHONE in answer.text) == (status, True), path
    services.answers[FACTS] = Refused("service_unavailable", "Down.")
    answer = http.get("/at/harbor-county", base_url="https://localhost")
    assert (answer.status_code, TELEPHONE in answer.text) == (503, True)
    kept = http.get_cookie(contact.COOKIE)
    assert kept is not None
    assert "415" not in kept.value  # sealed


def test_a_number_with_an_extension_can_be_called() -> None:
    assert contact.dial("+1 415-555-0100 ext. 7") == "tel:+1-415-555-0100;ext=7"


def test_patients_are_offered_to_register_only_where_it_is_switched_on(
    stranger: FlaskClient, services: Any
) -> None:
    ways, portal = "/at/harbor-county", "/at/harbor-county/patient"
    for path in (ways, portal):
        assert "/register" not in stranger.get(path).text
        assert "/patient-access" in stranger.get(path).text
    assert "Patients do not register here" in stranger.get("/register?organisation=harbor").text
    services.answers[FACTS] = {**HARBOR, "takes_registrations": True}
    for path in (ways, portal):
        assert "/register?organisation=harbor" in stranger.get(path).text
    for asks in (
        {"asks_address": True, "asks_insurance": False},
        {"asks_address": False, "asks_insurance": True},
    ):
        services.answers[patients.describe_registration.address] = {"organisation_name": "Harbor", **asks}
        form = stranger.get("/register?organisation=harbor").text
        assert "first_name" in form
        assert ("register-street" in form, "register-city" in form) == (asks["asks_address"],) * 2
        assert ("register-insurance_number" in form) == asks["asks_insurance"]


def test_where_nobody_has_a_password_no_way_to_one_is_offered(stranger: FlaskClient, services: Any) -> None:
    services.answers[OPTIONS] = {
        "has_password": False,
        "outside": {"button_name": "County", "start_path": "/x"},
    }
    for realm, way in (("patient", "/patient-access"), ("employee", "/pickup-code")):
        assert way not in stranger.get(f"/at/harbor-county/{realm}").text
        services.answers[OPTIONS] = {"has_password": True, "outside": None}
        assert way in stranger.get(f"/at/harbor-county/{realm}").text
        services.answers[OPTIONS] = {
            "has_password": False,
            "outside": {"button_name": "County", "start_path": "/x"},
        }


@pytest.mark.parametrize("page", ["/credentials", "/verify-email"])
def test_a_link_without_its_secret_leads_to_a_new_one(http: FlaskClient, page: str) -> None:
    bare = http.get(page, base_url="https://localhost").text
    assert 'href="/find-my-portal">Send me a new link' in bare
    for realm, way in (
        ("patient", "/patient-access?organisation=harbor"),
        ("provider", "/sign-in?organisation=harbor&amp;realm=provider&amp;forgotten=1"),
    ):
        where = f"{page}?organisation=harbor&realm={realm}"
        assert f'href="{way}">Send me a new link' in http.get(where, base_url="https://localhost").text
        # Also when the link was cut later on: its page is shown again, without these.
        assert f'href="{way}">Send me a new link' in http.get(page, base_url="https://localhost").text


def test_times_are_in_the_zone_of_the_account_else_of_the_browser_else_of_the_organisation(
    app: flask.Flask,
) -> None:
    at = "2026-07-01T12:00:00+00:00"
    browser = {"Cookie": "time_zone=Europe/Berlin"}
    for chosen, headers, shown in (
        ("Asia/Tokyo", browser, "9:00"),
        (None, browser, "2:00"),
        ("Mars/Olympus", browser, "2:00"),
        (None, {}, "5:00"),
    ):
        with app.test_request_context("/", headers=headers):
            flask.g.language = "en"
            rendering.know_of(ME | {"time_zone": chosen})
            assert f" {shown}" in str(language.moment(at)).replace("\u202f", " ")


def test_a_time_zone_is_chosen_from_a_list_of_real_ones() -> None:
    offered = [zone for _, zones in language.zones_by_region() for zone in zones]
    assert {"Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "UTC"} <= set(offered)
    assert set(offered) <= language.zone_names()
    assert len(offered) == len(set(offered))


def visitor(page: TestResponse) -> str:
    """The cookies that a page gives a visitor."""
    return "; ".join(each.partition(";")[0] for each in page.headers.getlist("Set-Cookie"))


@pytest.mark.fault("A1")
@pytest.mark.parametrize("realm", ["", "nowhere", "Staff", "\0", "x" * 3000])
@pytest.mark.parametrize("is_posted", [False, True])
def test_a_page_to_sign_in_that_names_no_realm_is_that_of_the_staff(
    stranger: FlaskClient, services: Any, realm: str, is_posted: bool
) -> None:
    named = {"organisation": "harbor", "realm": realm}
    page = stranger.get("/sign-in", query_string=named)
    if is_posted:
        token = re.findall(r'name="form_token" value="([^"]+)"', page.text)[0]
        services.answers[login.log_in.address] = Refused("credentials_refused", "Login or password is wrong.")
        given = {**named, "form_token": token, "login": "a", "password": "b"}
        own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "Cookie": visitor(page)}
        page = stranger.post("/sign-in", data=given, headers=own)

    assert page.status_code == (401 if is_posted else 200)
    assert "For staff" in page.text
    asked = [arguments for called, arguments, _ in services.calls if called is outside.list_sign_in_options]
    assert asked[-1] == {"organisation": "harbor", "realm": "staff"}


def test_what_staff_tell_patients_to_press_is_on_the_sign_in_page() -> None:
    templates = Path(rendering.__file__).with_name("templates")
    told = re.findall("“([^”]+)”", (templates / "staff/patients/access.html").read_text())
    assert len(told) > 1
    shown = (templates / "entrance/sign_in.html").read_text()
    assert [each for each in told if f'"{each}"' not in shown] == []
