"""Disabling and enabling accounts. The last administrator cannot be disabled."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.identity import accounts as accounts_contract
from services.contracts.identity import credentials, employees, merging, patients, people
from services.identity.models import Account
from services.identity.realms.rules import PERMISSIONS
from tests.integration.identity.conftest import Identity
from tests.integration.identity.employees import activate
from tests.integration.identity.family import Desk
from tests.support.in_process import a_caller


def read(identity: Identity, admin: Caller, account_id: str) -> dict[str, Any]:
    return dict(identity.call(accounts_contract.get_account, admin, account_id=account_id))


def disable(identity: Identity, admin: Caller, account_id: str) -> Any:
    version = read(identity, admin, account_id)["version"]
    return identity.call(accounts_contract.disable_account, admin, account_id=account_id, version=version)


def enable(identity: Identity, admin: Caller, account_id: str) -> Any:
    version = read(identity, admin, account_id)["version"]
    return identity.call(accounts_contract.enable_account, admin, account_id=account_id, version=version)


def test_an_enabled_account_logs_in_with_the_password_it_had_and_ended_sessions_stay_ended(
    identity: Identity,
) -> None:
    admin, account = identity.admin(), identity.an_account()
    token = identity.log_in(account["login"])["token"]
    disable(identity, admin, account["id"])
    (told,) = identity.events(accounts_contract.account_disabled)
    assert told["data"] == {"account_id": account["id"]}
    with pytest.raises(Refused, match="credentials_refused"):
        identity.log_in(account["login"])

    assert enable(identity, admin, account["id"])["state"] == "active"
    assert not identity.holds(token)
    assert identity.caller(identity.log_in(account["login"])["token"]).id == account["id"]
    (event,) = identity.events(accounts_contract.account_enabled)
    assert event["data"] == {"account_id": account["id"]}
    (row,) = identity.audit("account.enabled")
    assert (row.object_id, row.actor_id) == (account["id"], admin.id)


def test_enabling_twice_is_done_once_and_takes_the_version(identity: Identity) -> None:
    admin, account = identity.admin(), identity.an_account()
    disabled = disable(identity, admin, account["id"])
    request = {"account_id": account["id"]}
    assert identity.refused(accounts_contract.enable_account, admin, **request).code == "version_required"
    stale = identity.refused(
        accounts_contract.enable_account, admin, version=disabled["version"] - 1, **request
    )
    assert stale.code == "version_conflict"
    enabled = enable(identity, admin, account["id"])
    assert enable(identity, admin, account["id"])["version"] == enabled["version"]
    assert len(identity.audit("account.enabled")) == 1


def test_who_had_no_password_is_invited_again_and_gets_no_mail_by_itself(identity: Identity) -> None:
    admin, account = identity.admin(), identity.an_account(password=None)
    token = identity.a_link(account["id"])
    disable(identity, admin, account["id"])
    before = len(identity.events(credentials.account_invited))
    assert enable(identity, admin, account["id"])["state"] == "invited"
    assert len(identity.events(credentials.account_invited)) == before
    redeemed = identity.refused(
        credentials.redeem_credential_link, token=token, password="tidal lantern violet stair"
    )
    assert redeemed.code == "link_refused"


def test_a_patients_account_an_applicants_and_that_of_a_merged_record_are_not_enabled_here(
    identity: Identity,
) -> None:
    admin = identity.admin()
    applicant = identity.call(employees.register_applicant, admin, first_name="Ann", last_name="Lee")
    person = identity.call(
        people.create_person,
        admin,
        last_name="Quay",
        kinds=["patient"],
        email="quay@example.org",
        postal_code="12345",
    )
    identity.call(
        patients.enable_patient_access, admin, person_id=person["id"], attests_email_is_private=True
    )
    identity.call(patients.disable_patient_access, admin, person_id=person["id"])
    clerk = identity.call(people.create_person, admin, last_name="Clerk", kinds=["employee"])
    account = identity.call(
        people.create_person_account,
        admin,
        person_id=clerk["id"],
        realm="employee",
        role="employee",
        email="clerk@example.org",
    )
    activate(identity, account["id"])
    disable(identity, admin, account["id"])
    version = identity.call(people.get_person, admin, person_id=clerk["id"])["version"]
    identity.call(people.disable_person, admin, person_id=clerk["id"], version=version)

    accounts = {
        applicant["account"]["id"],
        account["id"],
        identity.audit("patient.access_disabled")[0].object_id,
    }
    for account_id in accounts:
        version = read(identity, admin, account_id)["version"]
        refused = identity.refused(
            accounts_contract.enable_account, admin, account_id=account_id, version=version
        )
        assert (refused.code, refused.field) == ("cannot_be_enabled", "account_id")
    assert len(accounts) == 3
    assert identity.audit("account.enabled") == []


def test_a_relative_is_enabled_again_without_being_an_employee(identity: Identity) -> None:
    desk, admin = Desk(identity), identity.admin()
    client = desk.a_client()
    relative = desk.a_contact(client)
    login = desk.grant(client, relative)["login"]
    (account_id,) = (
        row["id"]
        for row in identity.call(accounts_contract.list_accounts, admin)["items"]
        if row["login"] == login
    )
    disable(identity, admin, account_id)
    version = read(identity, admin, account_id)["version"]

    enabled = identity.call(accounts_contract.enable_account, admin, account_id=account_id, version=version)

    assert enabled["state"] == "invited"


def test_the_last_active_administrator_is_neither_disabled_nor_given_another_level(
    identity: Identity,
) -> None:
    admin = identity.admin()
    organisation = (identity.harbor.organisation_id, "harbor")
    system = a_caller(*PERMISSIONS, organisation=organisation, realm="api")
    request = {"account_id": admin.id, "version": read(identity, admin, admin.id)["version"]}
    for refused in (
        identity.refused(accounts_contract.disable_account, admin, **request),
        identity.refused(accounts_contract.set_security_level, system, security_level="standard", **request),
    ):
        assert (refused.code, refused.field) == ("last_administrator", "account_id")
        assert "give somebody else the level admin first" in refused.detail
    assert identity.caller(identity.log_in()["token"]).id == admin.id

    other = identity.an_account("admin")
    assert disable(identity, admin, admin.id)["state"] == "disabled"
    rest = identity.caller(identity.log_in(other["login"])["token"])
    version = read(identity, rest, other["id"])["version"]
    refused = identity.refused(
        accounts_contract.set_security_level,
        system,
        account_id=other["id"],
        security_level="standard",
        version=version,
    )
    assert refused.code == "last_administrator"


def test_an_administrator_who_was_only_invited_or_is_of_another_organisation_does_not_count(
    identity: Identity,
) -> None:
    identity.an_organisation("bayside")
    admin, invited = identity.admin(), identity.an_account("admin", password=None)
    version = read(identity, admin, admin.id)["version"]
    refused = identity.refused(accounts_contract.disable_account, admin, account_id=admin.id, version=version)
    assert refused.code == "last_administrator"
    assert disable(identity, admin, invited["id"])["state"] == "disabled", "who cannot log in is not missed"


def test_a_merge_does_not_close_the_last_administrators_account(identity: Identity) -> None:
    admin, colleague = identity.admin(), identity.an_account()
    kept, merged = (
        identity.call(people.create_person, admin, last_name="Quay", kinds=["staff"])["id"] for _ in range(2)
    )
    belongs = {admin.id: merged, colleague["id"]: kept}

    def link(session: Session) -> None:
        for account_id, person_id in belongs.items():
            session.execute(update(Account).where(Account.id == account_id).values(person_id=person_id))

    identity.database.write(None, link)
    pair = {"kept_id": kept, "merged_id": merged}
    plan = identity.call(merging.preview_merge, admin, **pair)["plan"]
    assert identity.refused(merging.merge_people, admin, **pair, plan=plan).code == "last_administrator"
    assert read(identity, admin, admin.id)["state"] == "active"
    assert identity.events(merging.people_merged) == []


def test_of_two_administrators_who_disable_each_other_at_once_exactly_one_stays(either: Identity) -> None:
    first = either.admin()
    for _ in range(2):
        second = either.caller(either.log_in(either.an_account("admin")["login"])["token"])
        assert sorted(at_once(either, first, second)) == ["done", "last_administrator"]
        states = {each.id: read(either, first, each.id)["state"] for each in (first, second)}
        assert sorted(states.values()) == ["active", "disabled"]
        if states[first.id] == "disabled":
            enable(either, second, first.id)
            disable(either, first, second.id)


def at_once(identity: Identity, first: Caller, second: Caller) -> list[str]:
    """The outcomes when two administrators disable each other at the same time."""
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def take_away(caller: Caller, target: Caller, version: int) -> None:
        barrier.wait()
        try:
            identity.call(accounts_contract.disable_account, caller, account_id=target.id, version=version)
            outcomes.append("done")
        except Refused as refusal:
            outcomes.append(refusal.code)

    pairs = ((first, second), (second, first))
    threads = [
        threading.Thread(target=take_away, args=(one, other, read(identity, one, other.id)["version"]))
        for one, other in pairs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return outcomes


def test_an_account_tells_what_its_administrator_may_do_as_it_stands(identity: Identity) -> None:
    admin, account = identity.admin(), identity.an_account()

    def actions(caller: Caller, account_id: str = account["id"]) -> set[str]:
        return set(read(identity, caller, account_id)["actions"])

    assert actions(admin) == {"edit", "set_level", "disable", "end_sessions", "reset_second_factor"}
    assert "set_level" not in actions(admin, admin.id)  # nobody changes their own level
    disable(identity, admin, account["id"])
    assert actions(admin) == {"edit", "set_level", "enable"}
    invited = identity.call(
        accounts_contract.create_account,
        admin,
        email="new@harbor.example.org",
        first_name="New",
        last_name="Here",
    )
    assert actions(admin, invited["id"]) == {"edit", "set_level", "invite", "disable"}
    reader = a_caller("account.read", organisation=(admin.organisation_id, admin.organisation_key))
    assert actions(reader) == set()
