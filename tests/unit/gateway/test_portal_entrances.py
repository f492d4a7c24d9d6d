"""The portals are there at any hour, also while a service is not, and show nothing to who has not signed in (S2-12)."""

from __future__ import annotations

import datetime
from typing import Any

import flask
import pytest
import time_machine
from flask.testing import FlaskClient

from gateway.web.pages import PAGES
from services.contracts.errors import Refused
from services.contracts.identity import organisations, outside, passports
from services.contracts.portals import applicants, configuration
from tests.support.made_up import id_of
from tests.unit.gateway.test_web_front_door import HARBOR, ME, SESSION

pytestmark = pytest.mark.seed("S2-12")
SUNDAY = datetime.datetime(2026, 11, 29, tzinfo=datetime.UTC)
HOURS = [SUNDAY + datetime.timedelta(hours=each) for each in (0, 3, 12, 24 + 7, 72 + 23)]
PORTAL_PAGES = [
    each for each in PAGES if each.address.partition("/")[2].startswith(("portal", "patient", "family"))
]


@pytest.fixture
def stranger(app: flask.Flask, services: Any) -> FlaskClient:
    """A browser without cookies; the service of portals does not answer."""

    def down(_: Any) -> Any:
        raise Refused("service_unavailable", "Down.")

    services.answers[organisations.get_public_organisation.address] = dict(HARBOR)
    services.answers[outside.list_sign_in_options.address] = {"has_password": True, "outside": None}
    for operation in (configuration.get_public_portal, applicants.get_applicant_portal):
        services.answers[operation.address] = down
    return app.test_client(use_cookies=False)


@pytest.mark.parametrize("hour", HOURS, ids=str)
@pytest.mark.parametrize("portal", ["patient", "family", "employee", "provider"])
def test_who_wants_in_is_asked_to_sign_in_at_any_hour_though_portals_are_down(
    stranger: FlaskClient, portal: str, hour: datetime.datetime
) -> None:
    with time_machine.travel(hour, tick=False):
        answer = stranger.get(f"/at/harbor-county/{portal}")
    assert answer.status_code == 200
    assert 'autocomplete="current-password"' in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    cookies = answer.headers.getlist("Set-Cookie")
    assert cookies
    assert all("Secure" in each and "HttpOnly" in each and "SameSite" in each for each in cookies)


@pytest.mark.parametrize("page", PORTAL_PAGES, ids=lambda page: page.address)
def test_without_a_session_no_page_of_a_portal_shows_anything(stranger: FlaskClient, page: Any) -> None:
    address = page.address_with({name: id_of(name) for name in page.parameters})
    answer = stranger.get(address)
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (303, "/sign-in")
    if page.actions:
        posted = stranger.post(address, data={"action": page.actions[0].name, "key": "k"})
        assert posted.status_code == 403


def test_who_opens_a_page_of_staff_is_told_that_it_is_not_theirs_with_the_way_back(
    app: flask.Flask, services: Any
) -> None:
    services.answers[passports.describe_me.address] = {**ME, "realm": "patient"}
    answer = app.test_client(use_cookies=False).get("/staff", headers=SESSION)
    assert answer.status_code == 403
    assert "belongs to another portal" in answer.text
    assert '<a href="/">' in answer.text
    assert "My work" not in answer.text
