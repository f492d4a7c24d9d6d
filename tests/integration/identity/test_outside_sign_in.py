"""Signing in with a real OpenID Connect provider over HTTP: setting it, the way there and back, links, proof, options."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import oidc_provider_mock
import pytest
from sqlalchemy import select, update

from services.chassis.passports import Caller
from services.contracts import identity as core
from services.contracts import identity_access as access
from services.contracts import identity_merging as merging
from services.contracts import identity_outside as contract
from services.contracts import identity_people as people
from services.contracts.errors import Refused
from services.identity import housekeeping
from services.identity.models import Account, IdentityProvider, OutsideSignIn
from services.identity.organisations import allow_passwords
from services.identity.outside.provider import providers_of
from tests.integration.identity.conftest import ADMIN, PASSWORD, Identity
from tests.integration.identity.outside import (
    SECRET,
    a_provider,
    at_provider,
    changed,
    completion,
    refused_sign_in,
    sign_in,
    staff,
    start,
)

USERS = [
    oidc_provider_mock.User(sub="ada", claims={"email": ADMIN.upper(), "email_verified": True}),
    oidc_provider_mock.User(sub="ada-too", claims={"email": ADMIN, "email_verified": True}),
    oidc_provider_mock.User(sub="unverified", claims={"email": ADMIN, "email_verified": False}),
    oidc_provider_mock.User(sub="stranger", claims={"email": "s@example.net", "email_verified": True}),
    oidc_provider_mock.User(sub="strong", claims={"email": ADMIN, "email_verified": True, "amr": ["mfa"]}),
    oidc_provider_mock.User(sub="other", claims={"email": "o@example.net", "email_verified": True}),
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A real provider on this machine, for all tests of this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # the provider's own check, for tests over http
        with oidc_provider_mock.run_server_in_thread(user_claims=USERS) as server:
            yield f"http://localhost:{server.server_port}"


@pytest.fixture
def ready(identity: Identity) -> Identity:
    """Identity whose administrator's address is verified."""
    verify(identity, ADMIN)
    return identity


def verify(identity: Identity, login: str) -> None:
    def work(session: Any) -> None:
        session.execute(
            update(Account)
            .where(Account.login == login)
            .values(email_verified_at=datetime.datetime.now(datetime.UTC))
        )

    identity.database.write(None, work)


def account_id(identity: Identity, login: str = ADMIN) -> str:
    with identity.database.reading(None) as session:
        return str(session.scalars(select(Account.id).where(Account.login == login)).one())


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
        session.execute(update(Account).values(email="new@example.org", login="new@example.org"))

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
        core.create_account, admin, email="o@example.net", first_name="Olga", last_name="Quill"
    )
    link = ready.a_link(account["id"], admin)
    a_provider(ready, issuer)
    assert sign_in(ready, "other")["account"]["id"] == account["id"]
    assert ready.call(core.get_account, admin, account_id=account["id"])["state"] == "active"
    refused = ready.refused(core.redeem_credential_link, token=link, password="another lantern violet road")
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
        core.create_account, bayside, email="s@example.net", first_name="Sid", last_name="Quill"
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
    ready.call(people.set_realm_settings, admin, version=1, realm="staff", allowed_networks=["192.0.2.0/24"])
    assert refused_sign_in(ready, "ada", client_address="198.51.100.7").code == "outside_sign_in_refused"
    assert sign_in(ready, "ada", client_address="192.0.2.7")["token"]


def test_closed_provider_portal_stays_closed(ready: Identity, issuer: str) -> None:
    account = ready.a_provider()
    admin = staff(ready)
    a_provider(ready, issuer, admin, realm="provider")
    ready.call(contract.link_account_outside_identity, admin, account_id=account["id"], subject="other")
    assert sign_in(ready, "other", realm="provider")["account"]["id"] == account["id"]
    version = ready.call(core.get_organisation, admin)["version"]
    ready.call(core.set_features, admin, version=version, features=["referralq"])
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
    identity.call(access.set_role_second_factor, admin, security_level="admin", is_required=True)
    return admin


def test_our_own_second_factor_is_asked_for_where_it_is_demanded(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer, demand_second_factor(ready))
    refusal = refused_sign_in(ready, "strong")
    assert (refusal.code, refusal.more["enrolment"]) == ("second_factor_required", True)
    assert refusal.more["return_path"] == "/"
    secret = ready.call(access.start_second_factor_at_log_in, challenge=refusal.more["challenge"])
    assert secret["secret"]


def test_the_providers_second_factor_counts_where_it_is_trusted(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer, demand_second_factor(ready), trusts_second_factor=True)
    assert ready.caller(sign_in(ready, "strong")["token"]).may("organisation.manage")


def test_a_provider_that_asked_for_none_is_not_trusted_to_have(ready: Identity, issuer: str) -> None:
    a_provider(ready, issuer, demand_second_factor(ready), trusts_second_factor=True)
    assert refused_sign_in(ready, "ada").code == "second_factor_required"


# Links


def test_an_owner_links_an_outside_account_and_takes_the_link_away(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    a_provider(ready, issuer, admin, linking="by_hand")
    assert refused_sign_in(ready, "ada").code == "outside_sign_in_refused"
    begun = ready.call(contract.start_outside_link, admin, return_path="/me")
    answer = ready.call(contract.complete_outside_sign_in, **completion(begun, at_provider(begun, "other")))
    assert answer == {"purpose": "link", "return_path": "/me"}
    assert ready.caller(sign_in(ready, "other")["token"]).id == admin.id
    (identity,) = ready.call(contract.list_my_outside_identities, admin)["items"]
    assert identity["linked_by"] == "owner"
    ready.call(contract.unlink_my_outside_identity, admin, identity_id=identity["id"])
    assert refused_sign_in(ready, "other").code == "outside_sign_in_refused"
    refusal = ready.refused(contract.unlink_my_outside_identity, admin, identity_id=identity["id"])
    assert refusal.code == "not_found"


def test_staff_link_and_unlink_and_whoever_came_in_by_it_is_out(ready: Identity, issuer: str) -> None:
    account, admin = ready.an_account(), staff(ready)
    a_provider(ready, issuer, admin, linking="by_hand")
    linked = ready.call(
        contract.link_account_outside_identity, admin, account_id=account["id"], subject="other"
    )
    assert linked["linked_by"] == "staff"
    token = sign_in(ready, "other")["token"]
    assert ready.caller(token).id == account["id"]
    listed = ready.call(contract.list_account_outside_identities, admin, account_id=account["id"])
    assert [each["id"] for each in listed["items"]] == [linked["id"]]
    assert len(ready.audit("outside_identity.listed")) == 1
    ready.call(
        contract.unlink_account_outside_identity,
        admin,
        account_id=account["id"],
        identity_id=linked["id"],
    )
    with pytest.raises(Refused) as refusal:
        ready.caller(token)
    assert refusal.value.code == "unauthenticated"
    assert [event["data"]["change"] for event in ready.events(contract.outside_identity_changed)] == [
        "linked",
        "unlinked",
    ]


def test_one_outside_account_leads_to_one_account_of_a_realm(ready: Identity, issuer: str) -> None:
    one, other, admin = ready.an_account(), ready.an_account(), staff(ready)
    a_provider(ready, issuer, admin)
    link = {"subject": "other"}
    first = ready.call(contract.link_account_outside_identity, admin, account_id=one["id"], **link)
    again = ready.call(contract.link_account_outside_identity, admin, account_id=one["id"], **link)
    assert again["id"] == first["id"]
    for request in ({"account_id": other["id"], **link}, {"account_id": one["id"], "subject": "second"}):
        refusal = ready.refused(contract.link_account_outside_identity, admin, **request)
        assert refusal.code == "outside_identity_taken"


def test_the_last_way_in_is_not_taken_away_by_its_owner(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    provider = a_provider(ready, issuer, admin)
    sign_in(ready, "ada")
    changed(ready, provider, admin, allows_passwords=False)
    (identity,) = ready.call(contract.list_my_outside_identities, admin)["items"]
    refusal = ready.refused(contract.unlink_my_outside_identity, admin, identity_id=identity["id"])
    assert refusal.code == "last_way_in"


# Passwords beside it, and proof


def test_passwords_end_where_the_organisation_says_so_and_only_a_right_one_hears_it(
    ready: Identity, issuer: str
) -> None:
    admin = staff(ready)
    provider = a_provider(ready, issuer, admin)
    assert (
        ready.refused(
            contract.change_identity_provider,
            admin,
            version=1,
            **{name: provider[name] for name in ("realm", "issuer", "client_id", "button_name")},
            allows_passwords=False,
        ).code
        == "last_way_in"
    )
    sign_in(ready, "ada")
    changed(ready, provider, admin, allows_passwords=False)
    credentials = {"organisation": "harbor", "login": ADMIN}
    assert ready.refused(core.log_in, **credentials, password=PASSWORD).code == "outside_sign_in_required"
    assert ready.refused(core.log_in, **credentials, password="wrong").code == "credentials_refused"
    unknown = ready.refused(core.log_in, organisation="harbor", login="x@example.org", password="wrong")
    assert unknown.code == "credentials_refused"
    assert sign_in(ready, "ada")["token"]
    options = ready.call(contract.list_sign_in_options, organisation="harbor", realm="staff")
    assert options["has_password"] is False
    changed(ready, provider | {"version": 2}, admin, is_enabled=False)
    assert ready.log_in()["token"]


def test_the_operator_lets_passwords_in_again_where_the_provider_fails(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    provider = a_provider(ready, issuer, admin)
    sign_in(ready, "ada")
    changed(ready, provider, admin, allows_passwords=False)
    allow_passwords(ready.database, organisation_key="harbor", realm="staff")
    assert ready.log_in()["token"]
    with pytest.raises(Refused) as refusal:
        allow_passwords(ready.database, organisation_key="harbor", realm="patient")
    assert refusal.value.code == "not_found"


def test_a_proof_goes_to_the_provider_and_asks_for_a_fresh_sign_in(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    a_provider(ready, issuer, admin)
    sign_in(ready, "ada")
    begun = ready.call(contract.start_outside_proof, admin)
    query = parse_qs(urlsplit(begun["authorization_url"]).query)
    assert (query["prompt"], query["max_age"]) == (["login"], ["0"])
    request = completion(begun, at_provider(begun, "other"))
    assert ready.refused(contract.complete_outside_sign_in, **request).code == "proof_refused"
    begun = ready.call(contract.start_outside_proof, admin)
    answer = ready.call(contract.complete_outside_sign_in, **completion(begun, at_provider(begun, "ada")))
    assert answer == {"purpose": "proof", "return_path": "/"}
    assert ready.audit("session.proven")[-1].facts == {"session_id": admin.session_id}


# Setting it


def test_the_secret_is_sealed_and_never_shown_again(ready: Identity, issuer: str) -> None:
    admin = staff(ready)
    provider = a_provider(ready, issuer, admin)
    listed = ready.call(contract.list_identity_providers, admin)["items"]
    assert listed == [provider]
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


# What others are told


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
        items = ready.call(people.list_realm_settings, admin)["items"]
        return [item["realm"] for item in items if item["has_outside_sign_in"]]

    assert realms_with_it() == ["staff"]
    changed(ready, provider, admin, is_enabled=False)
    assert realms_with_it() == []
    answer = ready.call(people.set_realm_settings, admin, version=1, realm="staff", session_idle_minutes=20)
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
    housekeeping.forget_old(ready.database)
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


def test_two_records_that_become_one_keep_the_way_in_of_both(ready: Identity, issuer: str) -> None:
    """The account of the merged record is closed: who came in by its link comes to the kept one's account now."""
    admin = staff(ready)
    persons, accounts = [], []
    for number in ("1", "2"):
        person = ready.call(people.create_person, admin, number=number, last_name="Quay", kinds=["employee"])
        account = ready.call(
            people.create_person_account,
            admin,
            person_id=person["id"],
            realm="employee",
            role="employee",
            email=f"quay{number}@example.org",
        )
        persons.append(person["id"])
        accounts.append(account["id"])
    a_provider(ready, issuer, admin, realm="employee", linking="by_hand")
    made = ready.call(contract.link_account_outside_identity, admin, account_id=accounts[1], subject="other")
    kept = {"kept_id": persons[0], "merged_id": persons[1]}
    plan = ready.call(merging.preview_merge, admin, **kept)["plan"]
    done = ready.call(merging.merge_people, admin, plan=plan, **kept)

    def linked(account_id: str) -> list[str]:
        listed = ready.call(contract.list_account_outside_identities, admin, account_id=account_id)
        return [each["id"] for each in listed["items"]]

    assert [linked(each) for each in accounts] == [[made["id"]], []]
    ready.call(merging.undo_merge, admin, merge_id=done["id"])
    assert [linked(each) for each in accounts] == [[], [made["id"]]]
