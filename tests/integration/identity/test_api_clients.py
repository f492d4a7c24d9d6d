"""API clients: scopes, secrets, networks, revocation."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from services.chassis.operations import admit
from services.contracts.errors import Refused
from services.contracts.identity import accounts, api_clients, credentials, login, passports, sessions
from services.contracts.referrals import assignments, status_changes
from services.identity.api_clients.models import ApiSecret, ApiSession
from services.identity.api_clients.rules import NEVER_A_SCOPE
from services.referrals.access.access_scope import access_scope_of, may_see_details
from services.signing.documents.queries import visible_documents
from tests.integration.identity.conftest import Identity

START = 1_900_000_000.0
SCOPES = ["referral.read", "queue.read"]


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def a_client(identity: Identity, **members: Any) -> dict[str, Any]:
    return dict(
        identity.call(
            api_clients.create_api_client,
            identity.admin(),
            **{"name": "Bed board", "scopes": SCOPES} | members,
        )
    )


def token_of(identity: Identity, client: dict[str, Any], secret: str | None = None, **more: Any) -> str:
    answer = identity.call(
        api_clients.open_api_session, client_id=client["id"], client_secret=secret or client["secret"], **more
    )
    return str(answer["token"])


def refused(identity: Identity, client: dict[str, Any], secret: str | None = None, **more: Any) -> str:
    request = {"client_id": client["id"], "client_secret": secret or client["secret"]}
    return identity.refused(api_clients.open_api_session, **request | more).code


def test_a_system_gets_a_passport_with_its_scopes_and_nothing_else(identity: Identity) -> None:
    client = a_client(identity)
    answer = identity.call(
        api_clients.open_api_session, client_id=client["id"], client_secret=client["secret"]
    )
    assert answer["scopes"] == sorted(SCOPES)
    caller = identity.caller(answer["token"], "referrals")
    assert (caller.kind, caller.realm, caller.id) == ("account", "api", client["id"])
    assert caller.permissions == frozenset(SCOPES)
    assert (caller.scope, caller.proven_at) == ({}, None)
    assert caller.organisation_key == "harbor"


def test_the_audit_trail_tells_a_system_from_a_person(identity: Identity) -> None:
    account = identity.an_account()
    caller = identity.caller(token_of(identity, a_client(identity, scopes=["account.read"])))
    identity.call(accounts.get_account, caller, account_id=account["id"])
    row = identity.audit("account.read")[-1]
    assert (row.actor_kind, row.actor_id) == ("api_client", caller.id)


def test_what_every_person_may_is_not_open_to_a_system(identity: Identity) -> None:
    caller = identity.caller(token_of(identity, a_client(identity)))
    for operation in (passports.describe_me, sessions.log_out, sessions.list_my_sessions, login.prove_myself):
        assert identity.refused(operation, caller).code == "forbidden"
    assert identity.refused(api_clients.list_api_clients, caller).code == "forbidden"


def test_the_services_let_a_system_reach_what_its_scopes_name(identity: Identity) -> None:
    caller = identity.caller(token_of(identity, a_client(identity)), "referrals")
    identity.runtime.verifier.caller = caller
    assert admit(assignments.list_referrals, identity.runtime.verifier, "passport") == caller
    with pytest.raises(Refused) as refusal:
        admit(status_changes.change_status, identity.runtime.verifier, "passport")
    assert refusal.value.code == "forbidden"
    assert access_scope_of(caller).everything is True
    assert may_see_details(caller) is False
    assert "false" in str(visible_documents(caller)).lower()
    reader = identity.caller(
        token_of(identity, a_client(identity, scopes=["record.read", "document.read"])), "signing"
    )
    assert may_see_details(reader) is True
    assert "false" not in str(visible_documents(reader)).lower()


def test_a_token_holds_for_an_hour(identity: Identity, clock: Any) -> None:
    token = token_of(identity, a_client(identity))
    clock.shift(3599)
    assert identity.caller(token)
    clock.shift(1)
    assert not identity.holds(token)


def test_secrets_and_tokens_are_kept_as_hashes(identity: Identity) -> None:
    client = a_client(identity)
    token = token_of(identity, client)
    with identity.database.reading(None) as session:
        kept = [
            *session.scalars(select(ApiSecret.secret_hash)),
            *session.scalars(select(ApiSession.token_hash)),
        ]
    assert all(len(each) == 64 for each in kept)
    assert not {client["secret"], token} & set(kept)
    listed = identity.call(api_clients.list_api_clients, identity.admin())["items"]
    assert [each["name"] for each in listed] == ["Bed board"]
    assert "secret" not in listed[0]
    assert identity.call(api_clients.get_api_client, identity.admin(), client_id=client["id"]) == listed[0]
    unknown = identity.refused(api_clients.get_api_client, identity.admin(), client_id="0" * 32)
    assert unknown.code == "not_found"


def test_wrong_secrets_get_one_answer_whatever_is_wrong(identity: Identity) -> None:
    client, other = a_client(identity), a_client(identity, name="Other")
    answers = {
        refused(identity, client, "portico_secret_" + "A" * 43),
        refused(identity, client, other["secret"]),
        refused(identity, {"id": "f" * 32}, client["secret"]),
    }
    assert answers == {"credentials_refused"}
    assert len(identity.audit("api_session.refused")) == 3


def test_two_secrets_hold_while_one_is_changed_and_no_third(identity: Identity, clock: Any) -> None:
    client = a_client(identity)

    def rotate(hours: int) -> str:
        answer = identity.call(
            api_clients.rotate_api_secret, identity.admin(), client_id=client["id"], overlap_hours=hours
        )
        assert len(answer["secrets_expire_at"]) == 2
        return str(answer["secret"])

    running = token_of(identity, client)
    clock.shift(60)
    second = rotate(48)
    assert token_of(identity, client)
    assert token_of(identity, client, second)
    clock.shift(60)
    third = rotate(48)
    assert refused(identity, client) == "credentials_refused"
    # A token of a secret that has ended ends with it.
    assert not identity.holds(running)
    assert token_of(identity, client, second)
    assert token_of(identity, client, third)
    clock.shift(48 * 3600)
    assert refused(identity, client, second) == "credentials_refused"
    assert token_of(identity, client, third)


def test_a_revoked_client_ends_with_its_next_call(identity: Identity) -> None:
    client = a_client(identity)
    token = token_of(identity, client)
    identity.call(api_clients.revoke_api_client, identity.admin(), client_id=client["id"])
    assert not identity.holds(token)
    assert refused(identity, client) == "credentials_refused"
    again = identity.refused(api_clients.rotate_api_secret, identity.admin(), client_id=client["id"])
    assert again.code == "api_client_revoked"
    changes = [event["data"]["change"] for event in identity.events(api_clients.api_client_changed)]
    assert changes == ["created", "revoked"]


def test_a_client_ends_by_its_date_and_so_does_its_token(identity: Identity, clock: Any) -> None:
    ends = datetime.datetime.fromtimestamp(START + 600, datetime.UTC)
    client = a_client(identity, expires_at=ends.isoformat())
    token = token_of(identity, client)
    clock.shift(600)
    assert not identity.holds(token)
    assert refused(identity, client) == "credentials_refused"
    past = identity.refused(
        api_clients.create_api_client,
        identity.admin(),
        name="Late",
        scopes=SCOPES,
        expires_at=ends.isoformat(),
    )
    assert (past.code, past.field) == ("invalid_request", "expires_at")


def test_fewer_scopes_hold_from_the_next_call_on(identity: Identity) -> None:
    client = a_client(identity)
    token = token_of(identity, client)
    changed = {"client_id": client["id"], "name": "Beds", "scopes": ["queue.read"]}
    stale = identity.refused(api_clients.change_api_client, identity.admin(), version=7, **changed)
    assert stale.code == "version_conflict"
    identity.call(api_clients.change_api_client, identity.admin(), version=client["version"], **changed)
    assert identity.caller(token).permissions == {"queue.read"}


def test_nobody_grants_what_he_does_not_hold(identity: Identity) -> None:
    for scopes in (["document.sign"], ["nonsense"], ["referral.read", "document.sign"]):
        refusal = identity.refused(
            api_clients.create_api_client, identity.admin(), name="Greedy", scopes=scopes
        )
        assert (refusal.code, refusal.field) == ("scope_refused", "scopes")
        assert "document.sign" not in refusal.more["allowed"]
    standard = identity.caller(identity.log_in(identity.an_account()["login"])["token"])
    assert (
        identity.refused(api_clients.create_api_client, standard, name="x", scopes=SCOPES).code == "forbidden"
    )


def test_another_organisations_clients_are_not_there(identity: Identity) -> None:
    identity.an_organisation("bayside")
    client, stranger = a_client(identity), identity.admin("bayside")
    assert identity.call(api_clients.list_api_clients, stranger)["items"] == []
    for operation in (api_clients.rotate_api_secret, api_clients.revoke_api_client):
        assert identity.refused(operation, stranger, client_id=client["id"]).code == "not_found"


def test_making_a_client_asks_for_a_fresh_proof(identity: Identity, clock: Any) -> None:
    token = identity.log_in()["token"]
    for _ in range(2):
        clock.shift(8 * 60)
        caller = identity.caller(token)
        identity.flush_seen()
    assert (
        identity.refused(api_clients.create_api_client, caller, name="x", scopes=SCOPES).code
        == "proof_required"
    )


@pytest.mark.seed("S2-133")
def test_a_client_may_be_limited_to_networks(identity: Identity) -> None:
    client = a_client(identity, allowed_networks=["192.0.2.0/24"])
    assert refused(identity, client) == "credentials_refused"
    assert refused(identity, client, client_address="198.51.100.1") == "credentials_refused"
    token = token_of(identity, client, client_address="192.0.2.9")
    assert identity.holds(token, "192.0.2.10")
    for elsewhere in (None, "198.51.100.1"):
        assert not identity.holds(token, elsewhere)


@pytest.mark.parametrize("kind", ["normal", "team", "test"])
def test_what_a_client_causes_has_its_kind_and_its_reference(identity: Identity, kind: str) -> None:
    """So notifications knows whom its messages may reach (N-10), and by what they are found (N-11)."""
    held = sorted(identity.admin().permissions - NEVER_A_SCOPE)
    client = a_client(identity, scopes=held, kind=kind)
    assert client["kind"] == kind
    account = identity.an_account(password=None)
    caller = identity.caller(token_of(identity, client))
    identity.call(accounts.invite_account, caller, client_reference="order-17", account_id=account["id"])
    event = identity.events(credentials.account_invited)[-1]
    assert (event["clientkind"], event["clientreference"]) == (kind, "order-17")
    identity.call(accounts.invite_account, identity.admin(), account_id=account["id"])
    by_a_person = identity.events(credentials.account_invited)[-1]
    assert not {"clientkind", "clientreference"} & set(by_a_person)


def test_another_kind_holds_from_the_next_call_on(identity: Identity) -> None:
    client = a_client(identity)
    token = token_of(identity, client)
    assert identity.caller(token).client_kind == "normal"
    changed = {"client_id": client["id"], "name": "Bed board", "scopes": SCOPES, "kind": "test"}
    identity.call(api_clients.change_api_client, identity.admin(), version=client["version"], **changed)
    assert identity.caller(token).client_kind == "test"
    assert identity.admin().client_kind is None
