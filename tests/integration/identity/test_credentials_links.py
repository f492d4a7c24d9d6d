"""Invitations, resets and the links that set a password."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import time_machine
from sqlalchemy import inspect, text, update
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.identity import accounts, credentials
from services.contracts.identity import login as login_contract
from services.identity.credentials import passwords
from services.identity.credentials.invitations import use_up
from services.identity.credentials.models import CredentialLink
from services.identity.organisations.operator import set_password
from services.identity.secrets.tokens import token_hash
from tests.integration.identity.conftest import ADMIN, PASSWORD, Identity
from tests.integration.identity.family import Desk
from tests.support.in_process import a_service

NEW_PASSWORD = "copper kettle under snow"
START = 1_900_000_000.0


def redeem(identity: Identity, token: str, password: str = NEW_PASSWORD) -> None:
    identity.call(credentials.redeem_credential_link, token=token, password=password)


def state_of(identity: Identity, token: str) -> str:
    return str(identity.call(credentials.inspect_credential_link, token=token)["state"])


def test_an_invited_person_sets_a_password_and_logs_in(identity: Identity) -> None:
    account = identity.an_account(password=None)
    assert account["state"] == "invited"
    token = identity.a_link(account["id"])
    assert state_of(identity, token) == "usable"
    redeem(identity, token)
    after = identity.log_in(account["login"], NEW_PASSWORD)["account"]
    assert (after["state"], after["email_is_verified"]) == ("active", True)
    assert state_of(identity, token) == "used_or_void"
    assert [event["subject"] for event in identity.events(credentials.password_set)][-1] == account["id"]


def test_the_link_leads_to_the_configured_address_with_the_token_in_the_fragment(identity: Identity) -> None:
    account = identity.an_account(password=None)
    invitation = identity.call(accounts.invite_account, identity.admin(), account_id=account["id"])
    notifications = a_service("notifications", (identity.harbor.organisation_id, "harbor"))
    answer = identity.call(
        credentials.mint_credential_link, notifications, invitation_id=invitation["invitation_id"]
    )
    assert answer["link"].startswith(
        "https://portal.example.org/credentials?organisation=harbor&realm=staff#token="
    )
    assert answer | {"link": ""} == {
        "link": "",
        "first_name": None,
        "masked_username": None,
        "temporary_password": None,
        "username": account["login"],
        "email": account["login"],
        "lifetime_minutes": 90,
        "language": None,
        "purpose": "invitation",
        "realm": "staff",
        "organisation_name": "Harbor County",
    }


@pytest.mark.seed("S4-10")
@pytest.mark.fault("A9")
@pytest.mark.parametrize(
    ("waited_s", "is_accepted"), [(90 * 60 - 1, True), (90 * 60, False), (90 * 60 + 1, False)]
)
def test_a_link_holds_for_ninety_minutes(identity: Identity, waited_s: int, *, is_accepted: bool) -> None:
    account = identity.an_account(password=None)
    with time_machine.travel(START, tick=False) as clock:
        token = identity.a_link(account["id"])
        clock.shift(waited_s)
        if is_accepted:
            redeem(identity, token)
            return
        assert state_of(identity, token) == "expired"
        refusal = identity.refused(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD)
        assert refusal.code == "link_refused"
        assert "request_password_reset" in refusal.detail


@pytest.mark.seed("S4-10")
def test_the_lifetime_begins_when_the_message_is_rendered(identity: Identity) -> None:
    account = identity.an_account(password=None)
    with time_machine.travel(START, tick=False) as clock:
        invitation = identity.call(accounts.invite_account, identity.admin(), account_id=account["id"])
        clock.shift(24 * 3600)
        token = identity.mint(invitation["invitation_id"])
        clock.shift(91 * 60)
        late = identity.refused(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD)
        assert late.code == "link_refused"
        again = identity.call(accounts.invite_account, identity.admin(), account_id=account["id"])
        token = identity.mint(again["invitation_id"])
        clock.shift(89 * 60)
        redeem(identity, token)
    assert identity.log_in(account["login"], NEW_PASSWORD)


@pytest.mark.fault("A9")
def test_of_a_hundred_redemptions_at_once_one_succeeds(
    either: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = either.a_link(either.an_account(password=None)["id"])
    # A hundred hashes would only spread the calls out. The race comes after hashing.
    password_hash = passwords.hash_password(NEW_PASSWORD)
    monkeypatch.setattr(passwords, "hash_password", lambda _: password_hash)
    outcomes: list[str] = []
    at_once = threading.Barrier(100)

    def attempt() -> None:
        at_once.wait()
        try:
            redeem(either, token)
            outcomes.append("done")
        except Refused as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=attempt) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("done") == 1
    # On a busy machine the last calls may be refused with a request to try again; they have changed nothing.
    assert set(outcomes) - {"service_unavailable"} == {"done", "link_refused"}
    assert len(outcomes) == 100


def asked(identity: Identity) -> list[str]:
    """The ids of the invitations of resets that were asked for."""
    events = identity.events(credentials.account_invited)
    return [event["data"]["invitation_id"] for event in events if event["data"]["purpose"] == "reset"]


@pytest.mark.fault("A26")
def test_a_strangers_request_voids_no_invitation_of_either_style(identity: Identity) -> None:
    """An invitee's link and temporary password stay, however often somebody asks for a new password with the address."""
    staff = identity.an_account(password=None)
    invitation = identity.a_link(staff["id"])
    desk = Desk(identity)
    relative = desk.grant(desk.a_client())["login"]
    temporary = desk.mint()["temporary_password"]
    for login, realm in ((staff["login"], "staff"), (relative, "family")):
        for _ in range(3):
            identity.call(credentials.request_password_reset, organisation="harbor", login=login, realm=realm)
    resets = [identity.mint(each) for each in asked(identity)]
    assert [state_of(identity, each) for each in [invitation, *resets]] == ["usable"] * 3

    redeem(identity, invitation)
    assert identity.log_in(staff["login"], NEW_PASSWORD)
    assert [state_of(identity, each) for each in resets] == ["used_or_void", "usable"]
    assert desk.sign_in(relative, temporary, new_password=NEW_PASSWORD)
    assert [state_of(identity, each) for each in resets] == ["used_or_void"] * 2


@pytest.mark.fault("A26")
def test_a_reset_that_is_used_ends_the_invitation_and_every_other_reset(identity: Identity) -> None:
    desk = Desk(identity)
    with time_machine.travel(START, tick=False) as clock:
        relative = desk.grant(desk.a_client())["login"]
        temporary = desk.mint()["temporary_password"]
        request = {"organisation": "harbor", "login": relative, "realm": "family"}
        for _ in range(2):
            identity.call(credentials.request_password_reset, **request)
            clock.shift(3600)
        first, second = [identity.mint(each) for each in asked(identity)]
        redeem(identity, first)
        assert state_of(identity, second) == "used_or_void"
        with pytest.raises(Refused, match="credentials_refused"):
            desk.sign_in(relative, temporary, new_password=NEW_PASSWORD)


@pytest.mark.fault("A26")
def test_an_account_gets_one_asked_message_an_hour_from_wherever_they_are_asked(identity: Identity) -> None:
    with time_machine.travel(START, tick=False) as clock:

        def ask() -> None:
            for number in range(12):
                identity.call(
                    credentials.request_password_reset,
                    organisation="harbor",
                    login=ADMIN,
                    client_address=f"192.0.2.{number}",
                )

        ask()
        clock.shift(3599)
        ask()
        assert len(asked(identity)) == 1
        clock.shift(1)
        ask()
        assert len(asked(identity)) == 2


def test_who_has_used_a_link_may_ask_for_another_at_once(identity: Identity) -> None:
    request = {"organisation": "harbor", "login": ADMIN}
    identity.call(credentials.request_password_reset, **request)
    (first,) = asked(identity)
    redeem(identity, identity.mint(first))
    identity.call(credentials.request_password_reset, **request)
    assert len(asked(identity)) == 2


@pytest.mark.fault("A26")
def test_what_one_origin_asks_blocks_no_other(identity: Identity) -> None:
    request = {"organisation": "harbor", "login": ADMIN}
    for _ in range(5):
        identity.call(credentials.request_password_reset, client_address="192.0.2.7", **request)
    refused = identity.refused(credentials.request_password_reset, client_address="192.0.2.7", **request)
    assert refused.code == "too_many_requests"
    assert identity.call(credentials.request_password_reset, client_address="198.51.100.9", **request) == {}


@pytest.mark.fault("A9")
def test_a_newer_link_of_staff_voids_the_older(identity: Identity) -> None:
    account = identity.an_account(password=None)
    older, newer = identity.a_link(account["id"]), identity.a_link(account["id"])
    assert state_of(identity, older) == "used_or_void"
    assert (
        identity.refused(credentials.redeem_credential_link, token=older, password=NEW_PASSWORD).code
        == "link_refused"
    )
    redeem(identity, newer)


def test_a_message_delivered_twice_gets_another_link_and_the_first_is_void(identity: Identity) -> None:
    account = identity.an_account(password=None)
    invitation = identity.call(accounts.invite_account, identity.admin(), account_id=account["id"])
    caller = a_service("notifications", (identity.harbor.organisation_id, "harbor"))
    links = [
        identity.call(
            credentials.mint_credential_link,
            caller,
            key="same-event",
            invitation_id=invitation["invitation_id"],
        )["link"]
        for _ in range(2)
    ]
    assert links[0] != links[1]
    assert [state_of(identity, link.partition("#token=")[2]) for link in links] == ["used_or_void", "usable"]


def test_no_link_is_made_any_more_once_the_password_is_set(identity: Identity) -> None:
    account = identity.an_account(password=None)
    invitation = identity.call(accounts.invite_account, identity.admin(), account_id=account["id"])[
        "invitation_id"
    ]
    redeem(identity, identity.mint(invitation))
    with pytest.raises(Refused) as refusal:
        identity.mint(invitation)
    assert refusal.value.code == "not_found"
    assert (
        identity.refused(accounts.invite_account, identity.admin(), account_id=account["id"]).code
        == "already_active"
    )


def test_disabling_an_account_voids_its_links(identity: Identity) -> None:
    account = identity.an_account(password=None)
    invitation = identity.call(accounts.invite_account, identity.admin(), account_id=account["id"])[
        "invitation_id"
    ]
    token = identity.mint(invitation)
    identity.call(
        accounts.disable_account, identity.admin(), version=account["version"], account_id=account["id"]
    )
    assert (
        identity.refused(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD).code
        == "link_refused"
    )
    assert (
        identity.refused(accounts.invite_account, identity.admin(), account_id=account["id"]).code
        == "account_disabled"
    )
    with pytest.raises(Refused) as refusal:
        identity.mint(invitation)
    assert refusal.value.code == "account_disabled"


@pytest.mark.fault("A10")
def test_a_new_password_ends_all_sessions_and_the_old_one_is_void(identity: Identity) -> None:
    session = identity.log_in()["token"]
    identity.call(credentials.request_password_reset, organisation="harbor", login=ADMIN)
    redeem(identity, identity.mint(identity.events(credentials.account_invited)[-1]["data"]["invitation_id"]))
    assert not identity.holds(session)
    assert (
        identity.refused(login_contract.log_in, organisation="harbor", login=ADMIN, password=PASSWORD).code
        == "credentials_refused"
    )
    assert identity.log_in(ADMIN, NEW_PASSWORD)


@pytest.mark.seed("S4-11")
def test_a_never_activated_account_can_use_forgotten_password(identity: Identity) -> None:
    account = identity.an_account(password=None)
    assert (
        identity.call(
            credentials.request_password_reset, organisation="harbor", login=account["login"].upper()
        )
        == {}
    )
    data = identity.events(credentials.account_invited)[-1]["data"]
    assert (data["account_id"], data["purpose"]) == (account["id"], "reset")
    redeem(identity, identity.mint(data["invitation_id"]))
    assert identity.log_in(account["login"], NEW_PASSWORD)


@pytest.mark.fault("A8")
def test_a_reset_answers_the_same_whether_or_not_the_account_exists(identity: Identity) -> None:
    disabled = identity.an_account()
    identity.call(
        accounts.disable_account, identity.admin(), version=disabled["version"], account_id=disabled["id"]
    )
    before = len(identity.events(credentials.account_invited))
    took = []
    for organisation, name in [
        ("harbor", "nobody@example.org"),
        ("nowhere", ADMIN),
        ("harbor", disabled["login"]),
        ("harbor", ADMIN),
    ]:
        started = time.perf_counter()
        assert identity.call(credentials.request_password_reset, organisation=organisation, login=name) == {}
        took.append(time.perf_counter() - started)
    assert len(identity.events(credentials.account_invited)) == before + 1
    assert min(took) >= 0.1


def test_resets_for_one_login_are_throttled_known_or_not(identity: Identity) -> None:
    for name in (ADMIN, "nobody@example.org"):
        for _ in range(5):
            identity.call(credentials.request_password_reset, organisation="harbor", login=name)
        assert (
            identity.refused(credentials.request_password_reset, organisation="harbor", login=name).code
            == "too_many_requests"
        )


def test_a_reset_lets_an_owner_in_whom_an_attacker_has_locked_out(identity: Identity) -> None:
    while (
        identity.refused(
            login_contract.log_in, organisation="harbor", login=ADMIN, password="wrong " + PASSWORD
        ).code
        != "too_many_requests"
    ):
        pass
    identity.call(credentials.request_password_reset, organisation="harbor", login=ADMIN)
    redeem(identity, identity.mint(identity.events(credentials.account_invited)[-1]["data"]["invitation_id"]))
    assert identity.log_in(ADMIN, NEW_PASSWORD)


def test_a_refused_password_does_not_use_the_link_up(identity: Identity) -> None:
    token = identity.a_link(identity.an_account(password=None)["id"])
    refusal = identity.refused(credentials.redeem_credential_link, token=token, password="Harbor County 2030")
    assert (refusal.code, refusal.more["reason"]) == ("password_refused", "context")
    redeem(identity, token)


def test_nothing_is_hashed_for_a_token_that_does_not_hold(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "hash_password", lambda _: pytest.fail("hashed"))
    for guess in range(100):
        token = f"{guess:043d}"
        assert (
            identity.refused(credentials.redeem_credential_link, token=token, password=NEW_PASSWORD).code
            == "link_refused"
        )
    assert identity.refused(credentials.inspect_credential_link, token="A" * 43).code == "not_found"


def test_only_notifications_may_make_a_link(identity: Identity) -> None:
    invitation = wire.new_id()
    for caller in (a_service("referrals"), identity.admin()):
        assert (
            identity.refused(credentials.mint_credential_link, caller, invitation_id=invitation).code
            == "forbidden"
        )


def test_another_organisations_invitation_is_not_there(identity: Identity) -> None:
    account = identity.an_account(password=None)
    invitation = identity.call(accounts.invite_account, identity.admin(), account_id=account["id"])[
        "invitation_id"
    ]
    bayside = identity.an_organisation("bayside")
    caller = a_service("notifications", (bayside.organisation_id, "bayside"))
    assert (
        identity.refused(credentials.mint_credential_link, caller, invitation_id=invitation).code
        == "not_found"
    )


@pytest.mark.fault("A9")
def test_passwords_and_tokens_are_nowhere_in_the_database(either: Identity) -> None:
    account = either.an_account(password=None)
    link = either.a_link(account["id"])
    redeem(either, link)
    session = either.log_in(account["login"], NEW_PASSWORD)["token"]
    either.refused(
        login_contract.log_in, organisation="harbor", login=ADMIN, password="a wrong but secret one"
    )
    assert either.caller(session)
    found = stored_text(either)
    assert account["login"] in found
    for secret in (link, session, NEW_PASSWORD, PASSWORD, "a wrong but secret one"):
        assert secret not in found


def test_no_fast_hash_of_a_password_is_kept(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request's fingerprint is a fast hash: a password in it could be guessed offline."""
    fingerprinted: list[str] = []
    monkeypatch.setattr(
        "services.chassis.unit_of_work.fingerprint",
        lambda arguments: fingerprinted.append(repr(arguments)) or "f" * 64,
    )
    redeem(identity, identity.a_link(identity.an_account(password=None)["id"]))
    identity.log_in()
    assert fingerprinted
    assert not [entry for entry in fingerprinted if PASSWORD in entry or NEW_PASSWORD in entry]


def stored_text(identity: Identity) -> str:
    """Every value of every table, outbox bodies included."""
    values = []
    with identity.database.engine.connect() as connection:
        for table in inspect(identity.database.engine).get_table_names():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                values += [
                    bytes(value).decode() if isinstance(value, bytes | memoryview) else repr(value)
                    for value in row
                ]
    return "\n".join(values)


def test_events_hold_no_name_and_no_address(identity: Identity) -> None:
    account = identity.an_account(password=None)
    redeem(identity, identity.a_link(account["id"]))
    bodies = repr(identity.events())
    for personal in (account["login"], ADMIN, "Quill", "Harbor County"):
        assert personal not in bodies


@pytest.mark.fault("A9")
@pytest.mark.parametrize("state", ["open", "used", "void", "expired", "another's"])
def test_only_an_open_secret_is_used_up(identity: Identity, state: str) -> None:
    """The statement decides alone: of what was checked before it, anything may have changed."""
    token = identity.a_link(identity.an_account(password=None)["id"])
    now = utc_now()
    columns = {"used": "used_at", "void": "void_at", "expired": "expires_at"}
    if state in columns:
        with identity.database.reading(None) as session:
            session.execute(update(CredentialLink).values({columns[state]: now}))
            session.commit()
    wanted = token_hash("A" * 43 if state == "another's" else token)

    def work(session: Session) -> bool:
        unit = UnitOfWork(
            session,
            identity.runtime.tables,
            "identity",
            caller=None,
            context=wire.CallContext(wire.new_id(), correlation_id="test"),
            organisation_id=identity.harbor.organisation_id,
            organisation_key="harbor",
        )
        return use_up(unit, CredentialLink.token_hash == wanted)

    assert identity.database.write(None, work) is (state == "open")
    assert identity.database.write(None, work) is False


def test_a_password_that_was_set_meanwhile_is_not_replaced_by_who_knew_the_one_before(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, choose = identity.admin(), passwords.chosen_password

    def chosen(*arguments: Any, **more: Any) -> Any:
        set_password(
            identity.database, organisation_key="harbor", login=ADMIN, password="one more lantern in here"
        )
        return choose(*arguments, **more)

    monkeypatch.setattr(passwords, "chosen_password", chosen)
    request = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    assert identity.refused(credentials.change_my_password, caller, **request).code == "proof_refused"
    assert identity.log_in(ADMIN, "one more lantern in here")
