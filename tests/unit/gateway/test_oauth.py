"""OAuth 2 for other systems: client credentials by RFC 6749, and what announces them."""

from __future__ import annotations

import base64
import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway import oauth
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import api_clients

CLIENT, SECRET = "c" * 32, "portico_secret_x+y"
FORM = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET}


@pytest.fixture(autouse=True)
def opens(services: Any) -> None:
    until = utc_now() + datetime.timedelta(hours=1)
    answer = {
        "token": "portico_api_t",
        "expires_at": until.isoformat(),
        "scopes": ["queue.read", "referral.read"],
    }
    services.answers["identity.open_api_session"] = answer


def test_a_client_gets_a_token_for_its_secret(http: FlaskClient, services: Any) -> None:
    answer = http.post(oauth.TOKEN_PATH, data=FORM)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    given = answer.json
    assert given["access_token"] == "portico_api_t"
    assert given["token_type"] == "Bearer"
    assert 3590 <= given["expires_in"] <= 3600
    assert {"queue.read", "referral.read", "system/Task.rs", "system/*.read"} <= set(given["scope"].split())
    arguments, _ = services.made(api_clients.open_api_session)
    assert arguments == {"client_id": CLIENT, "client_secret": SECRET}


def test_id_and_secret_may_come_by_http_basic(http: FlaskClient, services: Any) -> None:
    encoded = base64.b64encode(f"{CLIENT}:portico_secret_x%2By".encode()).decode()
    answer = http.post(
        oauth.TOKEN_PATH,
        data={"grant_type": "client_credentials", "scope": "system/Task.rs"},
        headers={"Authorization": f"Basic {encoded}"},
    )
    assert answer.status_code == 200
    arguments, _ = services.made(api_clients.open_api_session)
    assert arguments == {"client_id": CLIENT, "client_secret": SECRET}


BASIC = {"Authorization": "Basic " + base64.b64encode(b"a:b").decode()}


@pytest.mark.parametrize(
    ("form", "headers", "error", "status"),
    [
        ({**FORM, "grant_type": "password"}, {}, "unsupported_grant_type", 400),
        ({"client_id": CLIENT, "client_secret": SECRET}, {}, "invalid_request", 400),
        ({**FORM, "scope": ["queue.read", "referral.read"]}, {}, "invalid_request", 400),
        (FORM, BASIC, "invalid_request", 400),
        ({"grant_type": "client_credentials"}, {"Authorization": "Bearer x"}, "invalid_request", 400),
        ({"grant_type": "client_credentials"}, {}, "invalid_client", 401),
        ({"grant_type": "client_credentials", "client_secret": SECRET}, {}, "invalid_client", 401),
        ({**FORM, "scope": "system/Task.rs document.read"}, {}, "invalid_scope", 400),
    ],
)  # fmt: skip
def test_a_refusal_is_in_the_words_of_the_standard(
    http: FlaskClient, form: dict[str, Any], headers: dict[str, str], error: str, status: int
) -> None:
    answer = http.post(oauth.TOKEN_PATH, data=form, headers=headers)
    assert (answer.status_code, answer.json["error"]) == (status, error)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert SECRET not in answer.text


@pytest.mark.fault("A13")
@pytest.mark.parametrize("name", ["client_secret", "scope"])
def test_nothing_is_taken_from_the_address(http: FlaskClient, services: Any, name: str) -> None:
    """Addresses are logged on the way. A client that is told so does not go on writing its secret there."""
    answer = http.post(f"{oauth.TOKEN_PATH}?{name}=x", data=FORM)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert "address" in answer.json["error_description"]
    assert services.calls == []


def test_a_wrong_secret_is_an_invalid_client_and_a_limit_is_told_as_such(
    http: FlaskClient, services: Any
) -> None:
    services.answers["identity.open_api_session"] = Refused("credentials_refused", "No.")
    assert http.post(oauth.TOKEN_PATH, data=FORM).json["error"] == "invalid_client"
    services.answers["identity.open_api_session"] = Refused("too_many_requests", "Wait.", retry_after_s=9)
    answer = http.post(oauth.TOKEN_PATH, data=FORM)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "9")


def test_json_is_no_form(http: FlaskClient, services: Any) -> None:
    assert http.post(oauth.TOKEN_PATH, json=FORM).json["error"] == "invalid_request"
    assert services.calls == []


@pytest.mark.parametrize(
    "path", ["/fhir/R4/.well-known/smart-configuration", "/.well-known/oauth-authorization-server"]
)
def test_the_token_endpoint_is_announced(http: FlaskClient, path: str) -> None:
    document = http.get(path).json
    assert document["token_endpoint"] == "http://localhost/oauth2/token"
    assert document["grant_types_supported"] == ["client_credentials"]
    assert "system/ServiceRequest.rs" in document["scopes_supported"]
    assert http.post("/oauth2/token", data={"grant_type": "x"}).status_code == 400


def test_a_smart_scope_stands_for_the_permission_of_the_fhir_view() -> None:
    assert "system/Task.rs" in oauth.granted("", ["referral.read"]).split()
    assert oauth.granted("", ["queue.read"]) == "queue.read"
    with pytest.raises(oauth.TokenRefused):
        oauth.granted("system/Task.rs", ["queue.read"])
