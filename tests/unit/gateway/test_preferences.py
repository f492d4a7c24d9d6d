"""Language and appearance: chosen in a plain form, kept in cookies, and offered on every page."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from gateway.web import language
from services.contracts.identity import accounts, passports
from tests.support.shown_pages import ShownPages, parsed

PAGES = ShownPages()
ME = {
    **dict.fromkeys(("id", "login", "first_name", "idle_ends_at", "expires_at"), "x"),
    **dict.fromkeys(("organisation_key", "organisation_short_name", "organisation_name"), "harbor"),
    "organisation_telephone": None,
    "organisation_time_zone": "UTC",
    "realm": "provider",
    "permissions": [],
}
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def http() -> FlaskClient:
    return PAGES.app.test_client()


def choose(http: FlaskClient, **more: str) -> str | None:
    """Choose, as the form of the page does. The address that comes next."""
    page = parsed(http.get("/preferences", base_url="https://localhost").text)
    token = page.query("main input[name=form_token]")[0].attrs["value"]
    given = {"form_token": token, **more}
    answer = http.post("/preferences", data=given, headers=OWN, base_url="https://localhost")
    assert answer.status_code == 303
    return answer.location


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chosen_appearance_holds_on_every_page(http: FlaskClient, theme: str) -> None:
    assert choose(http, appearance=theme, return_path="/pickup-code") == "/pickup-code"
    html = http.get("/pickup-code", base_url="https://localhost").text
    assert f'data-bs-theme="{theme}"' in html
    assert f'<meta name="color-scheme" content="{theme}">' in html
    choose(http, appearance="system")
    assert "data-bs-theme" not in http.get("/pickup-code", base_url="https://localhost").text


def test_what_nobody_offers_is_not_kept(http: FlaskClient) -> None:
    assert choose(http, appearance="blinking", language="xx", return_path="//evil.example.org") == (
        "/preferences?saved=1"
    )
    assert http.get_cookie("theme") is None
    assert http.get_cookie("language") is None


def test_who_has_signed_in_finds_the_choice_in_every_browser(services: Any, app: flask.Flask) -> None:
    kept: dict[str, Any] = {"language": None, "appearance": None}
    services.answers[accounts.set_my_preferences.address] = lambda given: kept.update(given) or dict(kept)
    services.answers[passports.describe_me.address] = lambda _given: ME | kept
    here, elsewhere = app.test_client(), app.test_client()
    for browser in (here, elsewhere):
        browser.set_cookie("__Host-session", "one", secure=True)
    choose(here, appearance="dark", key="1")
    assert kept == {"language": None, "appearance": "dark"}
    assert services.made(accounts.set_my_preferences)
    kept["language"] = (
        language.MIRRORED
    )  # no page offers it, so a choice of something else leaves it as it is
    choose(here, appearance="light", key="2")
    assert kept == {"language": language.MIRRORED, "appearance": "light"}

    elsewhere.set_cookie("theme", "dark", secure=True)
    html = elsewhere.get("/preferences?saved=1", base_url="https://localhost").text
    assert f'lang="{language.MIRRORED}" dir="rtl" data-bs-theme="light"' in html
    assert "[Yóúr chóícé ís képt wíth yóúr áccóúnt.]" in html
    elsewhere.delete_cookie("__Host-session")  # signed out: the browser still knows
    html = elsewhere.get("/find-my-portal", base_url="https://localhost").text
    assert f'lang="{language.MIRRORED}" dir="rtl" data-bs-theme="light"' in html


def test_a_foreign_page_chooses_nothing(http: FlaskClient) -> None:
    answer = http.post("/preferences", data={"appearance": "dark", "form_token": "made up"}, headers=OWN)
    assert answer.status_code == 403


def test_every_page_leads_to_the_choice() -> None:
    for shown in PAGES.every():
        if shown.state.name == "normal":
            links = parsed(PAGES.response(shown, {}).text).query("footer a")
            assert any((link.attrs["href"] or "").startswith("/preferences?") for link in links), shown


def test_a_form_token_looks_different_each_time(http: FlaskClient) -> None:
    tokens = [
        parsed(http.get("/preferences", base_url="https://localhost").text)
        .query("main input[name=form_token]")[0]
        .attrs["value"]
        for _ in range(2)
    ]
    assert tokens[0] != tokens[1]
