"""Organisations, their accounts and the walls between them; the operator's command line; the schema."""

from __future__ import annotations

import datetime
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from services.chassis import migrate, wire
from services.chassis.database import Database
from services.contracts.errors import Refused
from services.contracts.identity import accounts, credentials, organisations, passports, realms
from services.identity.housekeeping.retention import forget_old
from services.identity.models import Account, Role, RolePermission
from services.identity.organisations import admin
from services.identity.organisations.operator import create_organisation, set_password
from services.identity.secrets.passwords import password_matches
from tests.integration.identity.conftest import ADMIN, PASSWORD, Identity
from tests.support.in_process import a_service


def test_the_migrated_database_is_what_the_code_expects(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/identity.db"
    migrate.upgrade("identity", url)
    assert migrate.differences("identity", url) == []
    migrate.downgrade("identity", url)


def test_the_migrated_postgresql_database_is_what_the_code_expects(postgres_database: str) -> None:
    migrate.upgrade("identity", postgres_database)
    assert migrate.differences("identity", postgres_database) == []
    migrate.downgrade("identity", postgres_database)


def test_creating_an_organisation_again_changes_nothing(identity: Identity) -> None:
    again = create_organisation(identity.database, key="harbor", name="Other", admin_email=ADMIN, features=())
    assert again.is_new is False
    assert again.organisation_id == identity.harbor.organisation_id
    assert again.admin_account_id == identity.harbor.admin_account_id
    organisation = identity.call(organisations.get_organisation, identity.admin())
    assert (organisation["name"], len(organisation["features"])) == ("Harbor County", 4)
    assert len(identity.events(organisations.organisation_created)) == 1


def test_an_administrator_without_password_is_invited(identity: Identity) -> None:
    created = create_organisation(identity.database, key="bayside", name="Bayside", admin_email=ADMIN)
    invited = identity.events(credentials.account_invited)
    assert [(entry["organisationkey"], entry["data"]["account_id"]) for entry in invited] == [
        ("bayside", created.admin_account_id)
    ]


@pytest.mark.parametrize("key", ["", "Harbor", "har.bor", "a" * 41, "ha bor"])
def test_a_key_is_one_word_of_a_routing_key(identity: Identity, key: str) -> None:
    with pytest.raises(Refused) as refusal:
        create_organisation(identity.database, key=key, name="Bayside", admin_email=ADMIN)
    assert refusal.value.code == "invalid_request"


def test_a_password_set_by_hand_activates_an_account_but_does_not_vouch_for_its_address(
    identity: Identity,
) -> None:
    account = identity.an_account(password=None)
    set_password(
        identity.database,
        organisation_key="harbor",
        login=account["login"],
        password="copper kettle under snow",
    )
    after = identity.log_in(account["login"], "copper kettle under snow")["account"]
    assert (after["state"], after["email_is_verified"]) == ("active", False)


@pytest.fixture
def command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments that create an organisation, for a database that has none."""
    url = f"sqlite:///{tmp_path}/identity.db"
    migrate.upgrade("identity", url)
    monkeypatch.setenv("IDENTITY_DATABASE_URL", url)
    (tmp_path / "password").write_text(PASSWORD + "\n")
    named = ["--key", "harbor", "--name", "Harbor", "--admin-email", ADMIN, "--features", "referralq"]
    return ["create-organisation", *named, "--admin-password-file", str(tmp_path / "password")]


def test_the_command_line_creates_an_organisation_once_and_prints_no_secret(
    command_line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "services.identity.organisations.admin", *command_line]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert admin.main(command_line) == 0
    again = capsys.readouterr()
    first, second = json.loads(answer.stdout), json.loads(again.out)
    assert (first["is_new"], second["is_new"]) == (True, False)
    assert first["organisation_id"] == second["organisation_id"]
    assert PASSWORD not in answer.stdout + answer.stderr + again.out + again.err

    assert admin.main([*command_line, "--features", "provider_portal"]) == 1
    assert capsys.readouterr().err.startswith("feature_needs_another: ")


def test_the_command_line_sets_a_password_that_comes_by_standard_input(
    command_line: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    admin.main(command_line)
    created = json.loads(capsys.readouterr().out)
    monkeypatch.setattr("sys.stdin", io.StringIO("copper kettle under snow\n"))
    arguments = ["set-password", "--key", "harbor", "--login", ADMIN, "--password-file", "-"]
    assert admin.main([*arguments, "--email-is-verified"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"account_id": created["admin_account_id"]}
    assert "copper" not in said.out + said.err

    database = Database(os.environ["IDENTITY_DATABASE_URL"])
    with database.reading(created["organisation_id"]) as session:
        account = session.scalars(select(Account)).one()
    database.close()
    assert password_matches("copper kettle under snow", account.password_hash)
    assert account.email_verified_at is not None


def test_roles_are_the_organisations_own_data(identity: Identity) -> None:
    account = identity.an_account("trainee")
    token = identity.log_in(account["login"])["token"]
    assert not identity.caller(token).may("referral.assign")

    def grant(session: Any) -> None:
        role_id = session.scalars(select(Role.id).where(Role.code == "trainee")).one()
        session.add(RolePermission(role_id=role_id, permission="referral.assign"))

    identity.database.write(identity.harbor.organisation_id, grant)
    assert identity.caller(token).may("referral.assign")


def test_one_address_is_one_account_within_an_organisation(either: Identity) -> None:
    account = either.an_account(password=None)
    person = {"email": account["login"].upper(), "first_name": "Other", "last_name": "Person"}
    refusal = either.refused(accounts.create_account, either.admin(), **person)
    assert (refusal.code, refusal.field) == ("login_taken", "email")
    either.an_organisation("bayside")
    assert (
        either.call(accounts.create_account, either.admin("bayside"), **person)["login"] == account["login"]
    )


@pytest.mark.parametrize(
    "email", ["", "pat", "pat@", "pat@example", "pat@exam ple.org", "a" * 250 + "@example.org"]
)
def test_what_is_no_address_is_refused(identity: Identity, email: str) -> None:
    refusal = identity.refused(
        accounts.create_account, identity.admin(), email=email, first_name="Pat", last_name="Quill"
    )
    assert (refusal.code, refusal.field) == ("invalid_request", "email")


@pytest.mark.fault("A3")
def test_another_organisations_accounts_are_not_there(identity: Identity) -> None:
    account = identity.a_provider(wire.new_id())
    identity.an_organisation("bayside")
    stranger = identity.admin("bayside")
    own = {"account_id": account["id"]}
    level = {"security_level": "standard"}
    switches = {"can_edit_capacity": True, "can_change_status": True, "can_access_details": True}
    assert identity.refused(accounts.get_account, stranger, **own).code == "not_found"
    assert (
        identity.refused(accounts.set_security_level, stranger, version=1, **own, **level).code == "not_found"
    )
    assert identity.refused(accounts.disable_account, stranger, version=1, **own).code == "not_found"
    assert (
        identity.refused(accounts.assign_resource, stranger, **own, resource_id=wire.new_id()).code
        == "not_found"
    )
    assignment_id = account["resources"][0]["id"]
    assert (
        identity.refused(accounts.remove_resource, stranger, **own, assignment_id=assignment_id).code
        == "not_found"
    )
    assert identity.refused(accounts.set_provider_switches, stranger, **own, **switches).code == "not_found"
    assert identity.refused(accounts.invite_account, stranger, **own).code == "not_found"
    assert {row["login"] for row in identity.call(accounts.list_accounts, stranger)["items"]} == {ADMIN}
    service = a_service("notifications", (stranger.organisation_id or "", "bayside"))
    assert identity.refused(accounts.describe_account, service, **own).code == "not_found"
    resource_id = account["resources"][0]["resource_id"]
    assert (
        identity.call(accounts.list_resource_recipients, service, resource_ids=[resource_id])["recipients"]
        == []
    )


def test_a_token_of_one_organisation_speaks_for_that_organisation_only(identity: Identity) -> None:
    identity.an_organisation("bayside")
    assert identity.admin().organisation_key == "harbor"
    assert identity.admin("bayside").organisation_key == "bayside"


def test_accounts_are_listed_by_name_page_by_page(either: Identity) -> None:
    admin, names = either.admin(), ["Zhou", "adams", "Brook", "Brook", "Öster"]
    for number, name in enumerate(names):
        either.call(
            accounts.create_account, admin, email=f"p{number}@example.org", first_name="Pat", last_name=name
        )
    listed: list[Any] = []
    after = None
    while True:
        page = either.call(accounts.list_accounts, admin, limit=2, after=after)
        listed += page["items"]
        after = page["next"]
        if after is None:
            break
        assert after == page["items"][-1]["id"]
    assert sorted(row["last_name"] or "" for row in listed) == sorted(["", *names])
    assert [row["last_name"] for row in listed][:3] == [None, "adams", "Brook"]
    assert len({row["id"] for row in listed}) == 6
    assert either.refused(accounts.list_accounts, admin, after=wire.new_id()).code == "invalid_request"


def test_changes_need_the_version_that_was_read(identity: Identity) -> None:
    account, admin = identity.an_account(), identity.admin()
    wanted = {"account_id": account["id"], "security_level": "trainee"}
    assert identity.refused(accounts.set_security_level, admin, **wanted).code == "version_required"
    assert (
        identity.refused(accounts.set_security_level, admin, version=99, **wanted).code == "version_conflict"
    )
    assert (
        identity.refused(accounts.disable_account, admin, account_id=account["id"]).code == "version_required"
    )
    assert identity.refused(organisations.set_features, admin, features=[]).code == "version_required"
    assert (
        identity.call(accounts.set_security_level, admin, version=account["version"], **wanted)["version"]
        > account["version"]
    )


def test_describing_me_shows_what_i_may_do(identity: Identity) -> None:
    admin = identity.admin()
    me = identity.call(passports.describe_me, admin)
    assert (me["organisation_key"], me["organisation_name"], me["login"]) == (
        "harbor",
        "Harbor County",
        ADMIN,
    )
    assert set(me["permissions"]) == admin.permissions
    assert me["profiles"] == []


@pytest.mark.parametrize(
    ("idle", "hours", "idle_after", "ends_after"),
    [(None, None, 15, 12 * 60), (20, 2, 20, 120), (90, 1, 60, 60)],
)
def test_i_learn_when_my_session_ends(
    identity: Identity, idle: int | None, hours: int | None, idle_after: int, ends_after: int
) -> None:
    """By the realm's settings, by the installation's where the realm has none, and never later than at its end."""
    start = datetime.datetime(2030, 1, 1, 9, tzinfo=datetime.UTC)
    with time_machine.travel(start, tick=False):
        identity.call(
            realms.set_realm_settings,
            identity.admin(),
            version=1,
            realm="staff",
            session_idle_minutes=idle,
            session_absolute_hours=hours,
        )
        me = identity.call(passports.describe_me, identity.admin())
    told = {"idle_ends_at": idle_after, "expires_at": ends_after}
    assert {name: me[name] for name in told} == {
        name: (start + datetime.timedelta(minutes=minutes)).isoformat() for name, minutes in told.items()
    }


def test_services_learn_an_accounts_name_and_address(identity: Identity) -> None:
    account = identity.an_account(password=None)
    signing = a_service("signing", (identity.harbor.organisation_id, "harbor"))
    described = identity.call(accounts.describe_account, signing, account_id=account["id"])
    assert described == {
        "account_id": account["id"],
        "first_name": "Pat",
        "last_name": "Quill",
        "email": account["login"],
        "email_is_verified": False,
        "realm": "staff",
        "person_id": None,
        "state": "invited",
        "language": None,
        "can_sign": False,
        "organisation_name": "Harbor County",
        "features": ["electronic_signature", "patient_registration", "provider_portal", "referralq"],
    }
    active = identity.call(accounts.describe_account, signing, account_id=identity.an_account()["id"])
    assert (active["state"], active["email_is_verified"]) == ("active", True)


def test_every_change_and_every_reading_of_an_account_leaves_one_audit_row(identity: Identity) -> None:
    account = identity.a_provider(wire.new_id(), can_edit_capacity=True)
    identity.call(accounts.get_account, identity.admin(), account_id=account["id"])
    actions = [row.action for row in identity.audit() if row.object_id == account["id"]]
    assert actions == [
        "account.created",
        "account.level_changed",
        "credential.password_set",
        "account.read",
        "resource.assigned",
        "account.switches_changed",
        "account.read",
    ]
    facts = repr([row.facts for row in identity.audit()])
    for personal in ("Quill", account["login"], ADMIN):
        assert personal not in facts


def test_housekeeping_deletes_what_is_long_over_and_nothing_else(identity: Identity) -> None:
    token = identity.log_in()["token"]
    identity.a_link(identity.an_account(password=None)["id"])
    assert forget_old(identity.database)
    assert identity.caller(token)
    with identity.database.reading(None) as session:
        assert len(session.scalars(select(Account)).all()) == 2
