"""Invitations with a temporary password, the first sign-in, and the change of a log-in e-mail (S1)."""

from __future__ import annotations

import datetime
import threading

import pytest
import time_machine

from services.chassis.database import Database
from services.contracts.errors import Refused
from services.contracts.identity import credentials, family, realms
from services.contracts.identity import login as login_contract
from services.contracts.identity import people as people_contract
from tests.integration.identity.conftest import Identity
from tests.integration.identity.family import OWN_PASSWORD, Desk
from tests.support.in_process import a_service

START = datetime.datetime(2030, 1, 1, 9, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
SECOND = datetime.timedelta(seconds=1)


@pytest.fixture
def desk(identity: Identity) -> Desk:
    return Desk(identity)


def everything_stored(database: Database) -> str:
    """All values in the database, as text."""
    with database.engine.connect() as connection:
        tables = [
            row[0] for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return "\n".join(
            str(tuple(row))
            for table in tables
            for row in connection.exec_driver_sql(f'SELECT * FROM "{table}"')
        )


@pytest.mark.seed("S1-16")
@pytest.mark.seed("S1-33")
def test_saving_sends_a_temporary_password_which_is_made_when_the_message_is(desk: Desk) -> None:
    client = desk.a_client(email="rose@example.org")
    contact = desk.a_contact(client, email="iris@example.org")
    for person, email in ((client, "rose@example.org"), (contact, "iris@example.org")):
        access = desk.grant(client, person)
        invitation = desk.invitations()[-1]
        assert (invitation["account_id"], invitation["purpose"]) == (
            access["account_id"],
            "temporary_password",
        )
        assert access["invitation"]["expires_at"] is None
        minted = desk.mint()
        assert (minted["email"], minted["username"], minted["link"]) == (email, email, None)
        assert minted["lifetime_minutes"] == 7 * 24 * 60
        assert desk.manage(client, person)["invitation"]["expires_at"] is not None
        password = minted["temporary_password"]
        assert len(password.replace("-", "")) == 16
        stored = everything_stored(desk.identity.database)
        assert password not in stored
        assert password.replace("-", "") not in stored


@pytest.mark.seed("S1-16")
def test_a_temporary_password_must_be_changed_at_the_first_sign_in(desk: Desk) -> None:
    login = desk.grant(desk.a_client())["login"]
    temporary = desk.mint()["temporary_password"]
    refuse = desk.identity.refused

    def tried(**more: str) -> str:
        return refuse(login_contract.log_in, organisation="harbor", realm="family", login=login, **more).code

    assert tried(password=temporary) == "password_change_required"
    assert tried(password=temporary, new_password=temporary) == "password_refused"
    weak = refuse(
        login_contract.log_in,
        organisation="harbor",
        realm="family",
        login=login,
        password=temporary,
        new_password="short",
    )
    assert (weak.code, weak.field) == ("password_refused", "new_password")
    answer = desk.sign_in(login, temporary.lower().replace("-", " "), new_password=OWN_PASSWORD)
    assert answer["account"]["email_is_verified"]
    desk.sign_in(login)
    assert tried(password=temporary, new_password="another harbour of ours") == "credentials_refused"
    desk.sign_in(login)


@pytest.mark.seed("S1-16")
def test_a_temporary_password_holds_seven_days_from_the_message_on(desk: Desk) -> None:
    with time_machine.travel(START, tick=False) as clock:
        logins = [desk.grant(desk.a_client())["login"] for _ in range(2)]
        clock.shift(3 * DAY)
        passwords = [desk.mint(each["invitation_id"])["temporary_password"] for each in desk.invitations()]
        clock.shift(7 * DAY - SECOND)
        desk.sign_in(logins[0], passwords[0], new_password=OWN_PASSWORD)
        clock.shift(SECOND)
        refusal = desk.identity.refused(
            login_contract.log_in,
            organisation="harbor",
            realm="family",
            login=logins[1],
            password=passwords[1],
            new_password=OWN_PASSWORD,
        )
        assert refusal.code == "credentials_refused"


def test_a_temporary_password_signs_nobody_in_in_another_realm_nor_sets_a_password_as_a_link(
    desk: Desk,
) -> None:
    client = desk.a_client(email="rose@example.org")
    desk.grant(client)
    temporary = desk.mint()["temporary_password"]
    refusal = desk.identity.refused(
        login_contract.log_in,
        organisation="harbor",
        login="rose@example.org",
        password=temporary,
        new_password=OWN_PASSWORD,
    )
    assert refusal.code == "credentials_refused"
    refusal = desk.identity.refused(
        credentials.redeem_credential_link, token=temporary, password=OWN_PASSWORD
    )
    assert refusal.code == "link_refused"


def test_of_many_first_sign_ins_at_once_one_chooses_the_password(either: Identity) -> None:
    desk = Desk(either)
    login = desk.grant(desk.a_client())["login"]
    temporary = desk.mint()["temporary_password"]
    passwords = [f"gentle copper harvest {number}" for number in ("north", "south", "east")]
    at_once, signed_in, refused = threading.Barrier(3), [], []

    def sign_in(password: str) -> None:
        at_once.wait()
        try:
            desk.sign_in(login, temporary, new_password=password)
            signed_in.append(password)
        except Refused as refusal:
            refused.append(refusal.code)

    threads = [threading.Thread(target=sign_in, args=(password,)) for password in passwords]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(signed_in) == 1
    assert refused == ["credentials_refused"] * 2
    desk.sign_in(login, signed_in[0])


@pytest.mark.seed("S1-17")
def test_sending_again_brings_a_new_password_and_voids_the_old_one_at_once(desk: Desk) -> None:
    client = desk.a_client()
    login = desk.grant(client)["login"]
    first_invitation, old = desk.invitations()[-1]["invitation_id"], desk.mint()["temporary_password"]
    request = {"client_id": client["id"], "person_id": client["id"]}
    again = desk.call(family.resend_family_invitation, **request)
    assert desk.invitations()[-1]["invitation_id"] == again["invitation_id"] != first_invitation
    refusal = desk.identity.refused(
        login_contract.log_in,
        organisation="harbor",
        realm="family",
        login=login,
        password=old,
        new_password=OWN_PASSWORD,
    )
    assert refusal.code == "credentials_refused"
    refusal = desk.identity.refused(
        login_contract.log_in, organisation="harbor", realm="family", login=login, password=old
    )
    assert refusal.code == "credentials_refused"
    # A late message of the first invitation gets no credential.
    with pytest.raises(Refused) as refused:
        desk.mint(first_invitation)
    assert refused.value.code == "not_found"
    new = desk.mint()["temporary_password"]
    assert new != old
    desk.sign_in(login, new, new_password=OWN_PASSWORD)


@pytest.mark.seed("S1-18")
@pytest.mark.seed("S1-36")
def test_sending_again_is_offered_only_before_the_first_sign_in(desk: Desk) -> None:
    client = desk.a_client()
    contact = desk.a_contact(client)
    for person in (client, contact):
        login = desk.grant(client, person)["login"]
        assert "resend_invitation" in desk.manage(client, person)["actions"]
        desk.first_sign_in(login)
        managed = desk.manage(client, person)
        assert "resend_invitation" not in managed["actions"]
        assert managed["invitation"] is None
        request = {"client_id": client["id"], "person_id": person["id"]}
        assert desk.refused(family.resend_family_invitation, **request) == "already_logged_in"
    assert "resend_invitation" not in desk.contact(client, contact)["actions"]


def test_a_realm_that_invites_with_links_sends_a_link(desk: Desk) -> None:
    admin = desk.identity.admin()
    desk.identity.call(
        realms.set_realm_settings,
        admin,
        version=1,
        realm="family",
        invitation_style="link",
        link_minutes=30,
    )
    login = desk.grant(desk.a_client())["login"]
    assert desk.invitations()[-1]["purpose"] == "invitation"
    minted = desk.mint()
    assert (minted["temporary_password"], minted["lifetime_minutes"]) == (None, 30)
    token = minted["link"].partition("#token=")[2]
    desk.identity.call(credentials.redeem_credential_link, token=token, password=OWN_PASSWORD)
    desk.sign_in(login)


@pytest.mark.seed("S1-19")
@pytest.mark.seed("S1-37")
def test_the_login_is_changed_in_one_audited_operation_and_the_old_address_is_told(desk: Desk) -> None:
    client = desk.a_client(email="rose@example.org")
    contact = desk.a_contact(client, email="iris@example.org")
    desk.grant(client, contact)
    temporary = desk.mint()["temporary_password"]
    token = desk.sign_in("iris@example.org", temporary, new_password=OWN_PASSWORD)["token"]
    desk.grant(client)
    request = {"client_id": client["id"], "person_id": contact["id"]}
    assert desk.refused(family.change_family_login, email="ROSE@example.org", **request) == "login_taken"
    change = {**request, "email": "iris@new.example.org"}
    assert desk.refused(family.change_family_login, caller=desk.unproven(), **change) == "proof_required"
    access = desk.call(family.change_family_login, **change)
    assert access["login"] == "iris@new.example.org"
    assert desk.call(people_contract.get_person, person_id=contact["id"])["email"] == "iris@new.example.org"
    assert len(desk.identity.audit("account.login_changed")) == 1
    assert not desk.identity.holds(token)
    refusal = desk.identity.refused(
        login_contract.log_in,
        organisation="harbor",
        realm="family",
        login="iris@example.org",
        password=OWN_PASSWORD,
    )
    assert refusal.code == "credentials_refused"
    desk.sign_in("iris@new.example.org")
    (event,) = desk.identity.events(credentials.login_email_changed)
    assert set(event["data"]) == {"account_id", "change_id"}
    harbor = (desk.identity.harbor.organisation_id, "harbor")
    change = desk.identity.call(
        credentials.describe_login_change,
        a_service("notifications", harbor),
        change_id=event["data"]["change_id"],
    )
    assert change["email"] == "iris@example.org"
    assert "example.org" not in str(desk.identity.events(credentials.login_email_changed))


@pytest.mark.seed("S1-20")
def test_the_login_follows_the_e_mail_on_record(desk: Desk) -> None:
    client = desk.a_client(email="rose@example.org")
    desk.grant(client)
    desk.first_sign_in("rose@example.org")
    request = {"person_id": client["id"], "email": "rose@new.example.org", "version": 1}
    clerk = desk.somebody("person.read", "person.manage")
    assert desk.refused(people_contract.edit_person, caller=clerk, **request) == "forbidden"
    assert desk.refused(people_contract.edit_person, **request | {"email": None}) == "invalid_request"
    edited = desk.call(people_contract.edit_person, **request)
    assert edited["email"] == "rose@new.example.org"
    desk.sign_in("rose@new.example.org")
    assert desk.manage(client)["login"] == "rose@new.example.org"
    assert len(desk.identity.audit("account.login_changed")) == 1


def test_who_has_never_signed_in_is_invited_at_the_new_address(desk: Desk) -> None:
    client = desk.a_client(email="wrong@example.org")
    desk.grant(client)
    old = desk.mint()["temporary_password"]
    request = {"client_id": client["id"], "person_id": client["id"]}
    desk.call(family.change_family_login, email="right@example.org", **request)
    assert len(desk.invitations()) == 2
    minted = desk.mint()
    assert minted["email"] == "right@example.org"
    refusal = desk.identity.refused(
        login_contract.log_in,
        organisation="harbor",
        realm="family",
        login="right@example.org",
        password=old,
        new_password=OWN_PASSWORD,
    )
    assert refusal.code == "credentials_refused"
    desk.sign_in("right@example.org", minted["temporary_password"], new_password=OWN_PASSWORD)
