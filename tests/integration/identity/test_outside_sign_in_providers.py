"""Setting an outside provider: its secret, its changes, its end, and who may."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.identity import outside as contract
from services.identity.realms.models import IdentityProvider
from tests.integration.identity import outside
from tests.integration.identity.conftest import Identity
from tests.integration.identity.outside import (
    SECRET,
    a_provider,
    at_provider,
    changed,
    completion,
    sign_in,
    staff,
    start,
)

issuer, ready = outside.issuer, outside.ready


def test_the_secret_is_sealed_and_never_shown_again(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    provider = a_provider(ready, issuer, admin)
    listed = ready.call(contract.list_identity_providers, admin)["items"]
    assert listed == [provider]
    assert ready.call(contract.get_identity_provider, admin, realm="staff") == provider
    assert ready.refused(contract.get_identity_provider, admin, realm="family").code == "not_found"
    assert (provider["has_client_secret"], provider["callback_url"]) == (
        True,
        "https://portal.example.org/sign-in/harbor/staff/callback",
    )
    assert SECRET not in str(listed)
    with ready.database.reading(None) as session:
        row = session.scalars(select(IdentityProvider)).one()
    assert SECRET not in str(row.sealed_secret)
    assert SECRET not in str([each.facts for each in ready.audit()])


def test_a_secret_is_never_sent_to_another_issuer(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    provider = a_provider(ready, issuer, admin)
    names = ("realm", "client_id", "button_name")
    request = {name: provider[name] for name in names} | {"issuer": "https://login.example.org"}
    refusal = ready.refused(contract.change_identity_provider, admin, version=1, **request)
    assert (refusal.code, refusal.field) == ("invalid_request", "client_secret")
    changed = ready.call(
        contract.change_identity_provider, admin, version=1, **request, client_secret="another"
    )
    assert (changed["version"], changed["issuer"]) == (2, "https://login.example.org")


def test_a_change_ends_the_sign_ins_that_were_begun_with_what_held_before(
    ready: Identity, issuer: str
) -> None:
    admin = staff(ready)
    provider = a_provider(ready, issuer, admin)
    begun = start(ready)
    request = completion(begun, at_provider(begun, "ada"))
    changed(ready, provider, admin, button_name="Harbor")
    assert ready.refused(contract.complete_outside_sign_in, **request).code == "outside_state_refused"


def test_a_deleted_provider_lets_nobody_in_and_can_be_set_anew(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    a_provider(ready, issuer, admin)
    sign_in(ready, "ada")
    start(ready)
    refusal = ready.refused(
        contract.create_identity_provider,
        admin,
        realm="staff",
        issuer=issuer,
        client_id="x",
        button_name="x",
    )
    assert refusal.code == "conflict"
    ready.call(contract.delete_identity_provider, admin, version=1, realm="staff")
    assert (
        ready.refused(contract.start_outside_sign_in, organisation="harbor", realm="staff").code
        == "not_found"
    )
    a_provider(ready, issuer, admin, linking="by_hand")
    assert sign_in(ready, "ada")["token"]


def test_providers_of_another_organisation_are_out_of_reach(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer)
    ready.an_organisation("bayside")
    bayside = ready.admin("bayside")
    assert ready.call(contract.list_identity_providers, bayside) == {"items": []}
    for operation in (contract.check_identity_provider, contract.delete_identity_provider):
        with pytest.raises(Refused) as refusal:
            ready.call(operation, bayside, version=1, realm="staff")
        assert refusal.value.code == "not_found"


def test_a_provider_is_set_only_with_what_can_be_one(ready: Identity) -> None:
    request = {"realm": "staff", "issuer": "https://login.example.org", "client_id": "x", "button_name": "x"}
    admin = staff(ready)
    for member, value in (
        ("issuer", "http://login.example.org"),
        ("issuer", "http://169.254.169.254"),
        ("issuer", "https://user:pass@login.example.org"),
        ("issuer", "https://login.example.org/?realm=x"),
        ("issuer", "https://login.example.org/#x"),
        ("issuer", "file:///etc/passwd"),
        ("issuer", "https:///x"),
        ("scopes", ["email"]),
        ("scopes", ["openid email"]),
    ):
        refusal = ready.refused(contract.create_identity_provider, admin, **request | {member: value})
        assert refusal.code == "invalid_request", value
        assert (refusal.field or "").startswith(member)


def test_setting_a_provider_takes_a_fresh_proof(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    provider = a_provider(ready, issuer, admin)
    stale = Caller(
        "account", admin.id, admin.organisation_id, "harbor", "staff", admin.permissions,
        {}, session_id=admin.session_id,
    )  # fmt: skip
    request = {name: provider[name] for name in ("issuer", "client_id", "button_name")}
    for operation, more in (
        (contract.create_identity_provider, request),
        (contract.change_identity_provider, request),
        (contract.delete_identity_provider, {}),
    ):
        with pytest.raises(Refused) as refusal:
            ready.call(operation, stale, version=1, realm="staff", **more)
        assert refusal.value.code == "proof_required"


def test_a_check_says_that_the_provider_answers(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    a_provider(ready, issuer, admin)
    answer = ready.call(contract.check_identity_provider, admin, realm="staff")
    assert answer == {"is_ok": True, "faults": [], "signing_keys": 1}
    assert len(ready.audit("identity_provider.checked")) == 1
