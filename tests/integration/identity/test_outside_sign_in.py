"""Signing in with a real OpenID Connect provider over HTTP: the sign-in, second factors, events."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, update

from services.chassis.passports import Caller
from services.contracts.identity import accounts, credentials, login, organisations, realms, second_factor
from services.contracts.identity import outside as contract
from services.identity.housekeeping import retention
from services.identity.models import Account
from services.identity.outside.models import OutsideSignIn
from services.identity.outside.provider import providers_of
from tests.integration.identity import outside
from tests.integration.identity.conftest import ADMIN, Identity
from tests.integration.identity.outside import (
    a_provider,
    account_id,
    at_provider,
    changed,
    completion,
    refused_sign_in,
    sign_in,
    staff,
    start,
    verify,
)

issuer, ready = outside.issuer, outside.ready


# Signing in


def test_the_first_sign_in_finds_the_account_by_its_verified_address_and_links_it(
    ready: Identity, issuer: str
) -> None:
    a_provider(ready, issuer)
    answer = sign_in(ready, "ada")
    caller = ready.caller(answer["token"])
    assert (caller.id, answer["purpose"], answer["return_path"]) == (account_id(ready), "sign_in", "/")
    (identity,) = ready.call(contract.list_my_outside_identities, caller)["items"]
    assert (identity["issuer"], identity["subject"], identity["linked_by"]) == (issuer, "ada", "email")
    assert identity["last_used_at"] is not None
    (event,) = ready.events(contract.outside_identity_changed)
    assert event["data"] == {
        "account_id": caller.id,
        "identity_id": identity["id"],
        "change": "linked",
    }
    (row,) = ready.audit("outside_sign_in.completed")
    assert row.object_id == caller.id
    assert "example.org" not in str([each.facts for each in ready.audit()])


def test_the_link_holds_whatever_becomes_of_the_address(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer)
    sign_in(ready, "ada")

    def work(session: Any) -> None:
        session.execute(
            update(Account).values(
                email="new@example.org", email_key="new@example.org", login="new@example.org"
            )
        )

    ready.database.write(None, work)
    assert ready.caller(sign_in(ready, "ada")["token"]).id == account_id(ready, "new@example.org")


def test_the_browser_is_sent_with_pkce_state_and_nonce_and_none_of_them_lies_open(
    ready: Identity, issuer: str
) -> None:
    a_provider(ready, issuer)
    begun = start(ready, return_path="/inbox?tab=new#top")
    query = {name: values[0] for name, values in parse_qs(urlsplit(begun["authorization_url"]).query).items()}
    assert query["response_type"] == "code"
    assert query["code_challenge_method"] == "S256"
    assert query["redirect_uri"] == "https://portal.example.org/sign-in/harbor/staff/callback"
    assert query["scope"] == "openid email"
    with ready.database.reading(None) as session:
        row = session.scalars(select(OutsideSignIn)).one()
    stored = str({column.key: getattr(row, column.key) for column in OutsideSignIn.__table__.columns})
    assert query["state"] not in stored
    assert query["nonce"] not in stored
    assert begun["browser_key"] not in stored
    assert row.expires_at - row.created_at == datetime.timedelta(minutes=10)
    request = completion(begun, at_provider(begun, "ada"))
    assert ready.call(contract.complete_outside_sign_in, **request)["return_path"] == "/inbox?tab=new#top"


def test_an_invited_account_becomes_active_and_its_invitation_is_over(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    account = ready.call(
        accounts.create_account, admin, email="o@example.net", first_name="Olga", last_name="Quill"
    )
    link = ready.a_link(account["id"], admin)
    a_provider(ready, issuer)
    assert sign_in(ready, "other")["account"]["id"] == account["id"]
    assert ready.call(accounts.get_account, admin, account_id=account["id"])["state"] == "active"
    refused = ready.refused(
        credentials.redeem_credential_link, token=link, password="another lantern violet road"
    )
    assert refused.code == "link_refused"


@pytest.mark.parametrize("subject", ["stranger", "unverified"])
def test_whom_no_account_belongs_to_hears_the_same_as_a_disabled_one(
    ready: Identity, issuer: str, subject: str
) -> None:
    a_provider(ready, issuer)
    nobody = refused_sign_in(ready, subject)

    def work(session: Any) -> None:
        session.execute(update(Account).values(state="disabled"))

    ready.database.write(None, work)
    disabled = refused_sign_in(ready, "ada")
    assert nobody.code == disabled.code == "outside_sign_in_refused"
    assert (nobody.detail, nobody.more) == (disabled.detail, disabled.more)


def test_a_disabled_account_stays_out_though_it_is_linked(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer)
    sign_in(ready, "ada")

    def work(session: Any) -> None:
        session.execute(update(Account).values(state="disabled"))

    ready.database.write(None, work)
    assert refused_sign_in(ready, "ada").code == "outside_sign_in_refused"
    assert ready.audit("outside_sign_in.refused")[-1].facts["reason"] == "account_not_active"


def test_an_address_that_nobody_has_confirmed_here_links_nothing(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer)

    def work(session: Any) -> None:
        session.execute(update(Account).values(email_verified_at=None))

    ready.database.write(None, work)
    assert refused_sign_in(ready, "ada").code == "outside_sign_in_refused"


def test_an_address_that_was_given_to_somebody_else_does_not_take_over_the_account(
    ready: Identity, issuer: str
) -> None:
    a_provider(ready, issuer)
    sign_in(ready, "ada")
    assert refused_sign_in(ready, "ada-too").code == "outside_sign_in_refused"


def test_the_address_of_another_organisations_account_opens_nothing(ready: Identity, issuer: str) -> None:
    ready.an_organisation("bayside")
    verify(ready, ADMIN)
    bayside = ready.admin("bayside")
    account = ready.call(
        accounts.create_account, bayside, email="s@example.net", first_name="Sid", last_name="Quill"
    )
    assert account["state"] == "invited"
    a_provider(ready, issuer)
    assert refused_sign_in(ready, "stranger").code == "outside_sign_in_refused"


def test_an_account_of_another_realm_is_not_signed_in_to(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer, realm="provider")
    assert refused_sign_in(ready, "ada", realm="provider").code == "outside_sign_in_refused"


def test_the_realms_networks_hold_for_it_too(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    a_provider(ready, issuer, admin)
    ready.call(realms.set_realm_settings, admin, version=1, realm="staff", allowed_networks=["192.0.2.0/24"])
    assert refused_sign_in(ready, "ada", client_address="198.51.100.7").code == "outside_sign_in_refused"
    assert sign_in(ready, "ada", client_address="192.0.2.7")["token"]


def test_closed_provider_portal_stays_closed(ready: Identity, issuer: str) -> None:
    account = ready.a_provider()
    admin = staff(ready)
    a_provider(ready, issuer, admin, realm="provider")
    ready.call(contract.link_account_outside_identity, admin, account_id=account["id"], subject="other")
    assert sign_in(ready, "other", realm="provider")["account"]["id"] == account["id"]
    version = ready.call(organisations.get_organisation, admin)["version"]
    ready.call(organisations.set_features, admin, version=version, features=["referralq"])
    assert refused_sign_in(ready, "other", realm="provider").code == "feature_is_off"


def test_what_the_provider_refused_is_told_and_ends_the_sign_in(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer)
    begun = start(ready)
    state = at_provider(begun, "ada")["state"]
    request = completion(begun, {"state": state, "error": "access_denied"})
    refusal = ready.refused(contract.complete_outside_sign_in, **request)
    assert (refusal.code, refusal.more) == (
        "outside_sign_in_refused",
        {"reason": "provider_said_access_denied"},
    )
    assert ready.refused(contract.complete_outside_sign_in, **request).code == "outside_state_refused"
    begun = start(ready)
    request = completion(begun, at_provider(begun, "ada") | {"error": "Ada <ada@example.org>"})
    assert ready.refused(contract.complete_outside_sign_in, **request).more == {
        "reason": "provider_said_other"
    }


# Second factor


def demand_second_factor(identity: Identity) -> Caller:
    admin = staff(identity)
    identity.call(second_factor.set_role_second_factor, admin, security_level="admin", is_required=True)
    return admin


def test_our_own_second_factor_is_asked_for_where_it_is_demanded(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer, demand_second_factor(ready))
    refusal = refused_sign_in(ready, "strong")
    assert (refusal.code, refusal.more["enrolment"]) == ("second_factor_required", True)
    assert refusal.more["return_path"] == "/"
    secret = ready.call(login.start_second_factor_at_log_in, challenge=refusal.more["challenge"])
    assert secret["secret"]


def test_the_providers_second_factor_counts_where_it_is_trusted(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer, demand_second_factor(ready), trusts_second_factor=True)
    assert ready.caller(sign_in(ready, "strong")["token"]).may("organisation.manage")


def test_a_provider_that_asked_for_none_is_not_trusted_to_have(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer, demand_second_factor(ready), trusts_second_factor=True)
    assert refused_sign_in(ready, "ada").code == "second_factor_required"


# Events


def test_front_ends_learn_what_to_show_and_nothing_else(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer)
    known = ready.call(contract.list_sign_in_options, organisation="harbor", realm="staff")
    assert known == {
        "has_password": True,
        "outside": {"button_name": "Sign in with Harbor ID", "start_path": "/sign-in/harbor/staff"},
    }
    nothing = {"has_password": True, "outside": None}
    for where in (("harbor", "patient"), ("nowhere", "staff")):
        assert ready.call(contract.list_sign_in_options, organisation=where[0], realm=where[1]) == nothing


def test_the_realms_settings_say_whether_it_is_on(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    provider = a_provider(ready, issuer, admin)

    def realms_with_it() -> list[str]:
        items = ready.call(realms.list_realm_settings, admin)["items"]
        return [item["realm"] for item in items if item["has_outside_sign_in"]]

    assert realms_with_it() == ["staff"]
    changed(ready, provider, admin, is_enabled=False)
    assert realms_with_it() == []
    answer = ready.call(realms.set_realm_settings, admin, version=1, realm="staff", session_idle_minutes=20)
    assert answer["has_outside_sign_in"] is False


def test_sign_ins_that_were_never_completed_are_forgotten(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer)
    begun = start(ready)

    def work(session: Any) -> None:
        session.execute(
            update(OutsideSignIn).values(
                expires_at=datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
            )
        )

    ready.database.write(None, work)
    request = completion(begun, at_provider(begun, "ada"))
    assert ready.refused(contract.complete_outside_sign_in, **request).code == "outside_state_refused"
    retention.forget_old(ready.database)
    with ready.database.reading(None) as session:
        assert session.scalars(select(OutsideSignIn)).all() == []


def test_what_a_provider_says_of_itself_is_asked_once_in_a_while(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer)
    sign_in(ready, "ada")
    known = providers_of(ready.runtime.settings)._known[issuer]
    sign_in(ready, "ada")
    assert providers_of(ready.runtime.settings)._known[issuer] is known


def test_it_works_on_both_databases(either: Identity, issuer: str) -> None:
    verify(either, ADMIN)
    a_provider(either, issuer)
    assert sign_in(either, "ada")["token"]
    assert sign_in(either, "ada")["token"]
