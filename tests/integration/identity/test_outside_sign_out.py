"""Signing out here and at the outside provider."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from services.contracts.identity import outside as contract
from services.identity.outside import rules
from services.identity.outside.provider import providers_of
from tests.integration.identity import outside
from tests.integration.identity.conftest import Identity
from tests.integration.identity.outside import (
    FakeProvider,
    a_provider,
    changed,
    completion,
    running,
    sign_in,
    staff,
    start,
)

issuer, ready = outside.issuer, outside.ready

SIGNED_OUT = "https://portal.example.org/sign-in/harbor/staff/signed-out"


def has_ended(identity: Identity, token: str) -> bool:
    """Whether the session of this token has ended."""
    return not identity.holds(token)


def test_who_signs_out_is_told_where_to_sign_out_at_the_provider(ready: Identity, issuer: str) -> None:
    provider = a_provider(ready, issuer)
    assert provider["signed_out_url"] == SIGNED_OUT
    token = sign_in(ready, "ada")["token"]
    url = ready.call(contract.sign_out, ready.caller(token))["sign_out_url"]
    # It names the client and the return address, but no person.
    assert parse_qs(urlsplit(url).query) == {
        "client_id": ["portico"],
        "post_logout_redirect_uri": [SIGNED_OUT],
    }
    assert requests.get(url, timeout=5).status_code == 200
    assert has_ended(ready, token)
    assert len(ready.audit("session.ended")) == 1


def test_who_has_no_link_with_the_provider_is_sent_nowhere(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    assert ready.call(contract.sign_out, staff(ready)) == {"sign_out_url": None}
    provider = a_provider(ready, issuer, admin)
    assert ready.call(contract.sign_out, staff(ready)) == {"sign_out_url": None}
    linked = ready.caller(sign_in(ready, "ada")["token"])
    changed(ready, provider, admin, is_enabled=False)
    assert ready.call(contract.sign_out, linked) == {"sign_out_url": None}


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"end_session_endpoint": "http://login.example.org/out"},
        {"end_session_endpoint": "javascript:alert(1)"},
        {"end_session_endpoint": ["https://login.example.org/out"]},
    ],
)
def test_a_provider_without_a_way_to_sign_out_or_with_a_strange_one_holds_nobody(
    ready: Identity, metadata: dict[str, object]
) -> None:
    with running(FakeProvider(metadata=metadata)) as provider:
        a_provider(ready, provider.url)
        begun = start(ready)
        token = ready.call(contract.complete_outside_sign_in, **completion(begun, provider.given(begun)))[
            "token"
        ]
        assert ready.call(contract.sign_out, ready.caller(token)) == {"sign_out_url": None}
    assert has_ended(ready, token)


def test_a_provider_that_is_down_holds_nobody(ready: Identity) -> None:
    with running(FakeProvider()) as provider:
        a_provider(ready, provider.url)
        begun = start(ready)
        token = ready.call(contract.complete_outside_sign_in, **completion(begun, provider.given(begun)))[
            "token"
        ]
    providers_of(ready.runtime.settings).forget()
    assert ready.call(contract.sign_out, ready.caller(token)) == {"sign_out_url": None}
    assert has_ended(ready, token)


def test_an_address_that_has_a_query_keeps_it() -> None:
    url = rules.sign_out_url("https://login.example.org/out?policy=b2c", "portico", SIGNED_OUT)
    assert url.startswith(
        "https://login.example.org/out?policy=b2c&client_id=portico&post_logout_redirect_uri=https%3A"
    )
