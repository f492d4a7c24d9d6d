"""The page of an unsubscribe link: a program's one click ends the mails, a look changes nothing, and no log has the token."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import generate_latest

from gateway.requests import BODY_COMES_LATER
from services.contracts.errors import Refused
from services.contracts.identity import organisations
from services.contracts.notifications import unsubscribe_links as contract
from tests.unit.gateway.conftest import FakeClient

TOKEN = "7" * 64
PATH = f"/unsubscribe/{TOKEN}"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
LINK = {
    "group": "appointments",
    "organisation_key": "harbor",
    "organisation_name": "Harbor",
    "realm": "patient",
}


@pytest.fixture
def links(services: FakeClient) -> FakeClient:
    services.answers |= {
        contract.unsubscribe.address: LINK,
        contract.inspect_unsubscribe_link.address: LINK,
        organisations.get_public_organisation.address: Refused("not_found", ""),
    }
    return services


def called(services: FakeClient) -> list[Any]:
    return [
        (operation, dict(given))
        for operation, given, _ in services.calls
        if operation.service == "notifications"
    ]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_one_click_ends_the_mails_without_cookies_and_without_a_redirect(
    http: FlaskClient, links: FakeClient, kind: str
) -> None:
    answer = http.post(PATH, data=ONE_CLICK, content_type=kind, headers={"Origin": "https://mail.example"})
    assert (answer.status_code, answer.headers.get("Location")) == (200, None)
    assert "You no longer get these e-mails" in answer.text
    assert called(links) == [(contract.unsubscribe, {"token": TOKEN})]


@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_a_look_changes_nothing(http: FlaskClient, links: FakeClient, method: str) -> None:
    answer = getattr(http, method)(PATH)
    assert answer.status_code == 200
    assert called(links) == [(contract.inspect_unsubscribe_link, {"token": TOKEN})]
    if method == "get":
        assert 'name="List-Unsubscribe" value="One-Click"' in answer.text
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_link_that_has_ended_says_so(http: FlaskClient, links: FakeClient) -> None:
    for operation in (contract.unsubscribe, contract.inspect_unsubscribe_link):
        links.answers[operation.address] = Refused("not_found", "")
    for answer, status in ((http.get(PATH), 200), (http.post(PATH, data=ONE_CLICK), 404)):
        assert answer.status_code == status
        assert "This link does nothing any more" in answer.text


@pytest.mark.parametrize(
    ("announced", "status"),
    [
        ({"CONTENT_LENGTH": "40"}, 100),
        ({"CONTENT_LENGTH": "5000"}, 413),
        ({"HTTP_TRANSFER_ENCODING": "chunked"}, 413),
    ],
)
def test_a_form_in_parts_is_asked_for_only_where_it_is_small(
    http: FlaskClient, links: FakeClient, announced: dict[str, str], status: int
) -> None:
    environ = {BODY_COMES_LATER: True, **announced}
    answer = http.post(PATH, content_type="multipart/form-data; boundary=x", environ_overrides=environ)
    assert answer.status_code == status
    assert called(links) == []


def test_its_token_is_in_no_log_and_no_metric(
    http: FlaskClient, links: FakeClient, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    http.get(PATH)
    http.post(PATH, data=ONE_CLICK)
    written = capsys.readouterr()
    told = written.out + written.err + caplog.text + generate_latest().decode()
    assert "/unsubscribe/<token>" in told
    assert TOKEN not in told
