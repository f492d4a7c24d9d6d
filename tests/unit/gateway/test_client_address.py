"""The client's address: the socket's, or the one that a trusted proxy (10.0.0.0/8 in these tests) reports."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from services.contracts.identity import login, passports
from services.contracts.portals import configuration
from services.contracts.referrals import queues

CREDENTIALS = {"organisation": "harbor", "login": "x", "password": "y"}


@pytest.mark.parametrize(
    ("socket", "forwarded", "address"),
    [
        ("192.0.2.7", None, "192.0.2.7"),
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "not an address", None),
        ("::ffff:192.0.2.7", None, "192.0.2.7"),
        ("2001:db8::1", None, "2001:db8::1"),
        ("", None, None),
    ],
)
def test_a_log_in_carries_the_address(
    http: FlaskClient, services: Any, socket: str, forwarded: str | None, address: str | None
):
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    http.post("/v1/sessions", json=CREDENTIALS, headers=headers, environ_base={"REMOTE_ADDR": socket})

    assert services.made(login.log_in)[1].client_address == address


def test_identity_is_told_where_a_session_is_used_from_and_referrals_are_not(
    http: FlaskClient, services: Any
):
    http.get("/v1/queues", headers={"Authorization": "Bearer t"}, environ_base={"REMOTE_ADDR": "192.0.2.7"})

    assert services.made(passports.issue_passports)[0]["asked"][0]["client_address"] == "192.0.2.7"
    assert services.made(queues.list_queues)[1].client_address is None


def test_portals_have_networks_and_are_told_the_address(http: FlaskClient, services: Any):
    at = {"REMOTE_ADDR": "192.0.2.7"}
    http.get("/v1/me/portals", headers={"Authorization": "Bearer t"}, environ_base=at)

    assert services.made(configuration.list_my_portals)[1].client_address == "192.0.2.7"


def test_the_address_is_in_no_log(http: FlaskClient, capsys: pytest.CaptureFixture[str]):
    http.post("/v1/sessions", json=CREDENTIALS, environ_base={"REMOTE_ADDR": "192.0.2.7"})

    written = capsys.readouterr()
    assert "192.0.2.7" not in written.out + written.err
