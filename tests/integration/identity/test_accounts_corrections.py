"""Accounts are found and filtered; names and e-mails are corrected; the address of a disabled account is free again."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.identity import accounts, credentials, login, patients, people
from services.identity.organisations.operator import set_password
from tests.integration.identity.conftest import ADMIN, PASSWORD, Identity
from tests.support.in_process import a_caller, a_service
from tests.support.names import FOUND_BY, FOUND_BY_NOTHING

NEW = "new@example.org"


def create(identity: Identity, email: str, first_name: str, last_name: str) -> Any:
    names = {"first_name": first_name, "last_name": last_name}
    return identity.call(accounts.create_account, identity.admin(), email=email, **names)


def edit(identity: Identity, account: Any, **more: Any) -> Any:
    more.setdefault("version", account["version"])
    return identity.call(accounts.edit_account, identity.admin(), account_id=account["id"], **more)


def found(identity: Identity, text: str, **more: Any) -> list[str]:
    items = identity.call(accounts.search_accounts, identity.admin(), text=text, **more)["items"]
    return [item["login"] for item in items]


def test_accounts_are_found_by_the_beginning_of_names_or_of_the_address(either: Identity) -> None:
    create(either, "rosalind@example.org", "Rosalind", "Quimby")
    create(either, "ross@example.org", "Quentin", "Rossi")
    create(either, "zoe@example.org", "Zoë", "O'Hara")
    assert found(either, "ros") == ["rosalind@example.org", "ross@example.org"]
    assert found(either, "quimby ROSA") == ["rosalind@example.org"]
    assert found(either, "rosalind rossi") == []
    assert found(either, "ross@example.org") == ["ross@example.org"]
    for typed in ("zoe", "ZOË ohara", "O\u2019Hara", "Zoe O'h"):
        assert (typed, found(either, typed)) == (typed, ["zoe@example.org"])
    create(either, "ase@bücher.example", "Åse", "Østby")
    for typed in ("Østby", "ostby ase", "ase@xn--bcher-kva.example"):
        assert (typed, len(found(either, typed))) == (typed, 1)
    with pytest.raises(Refused, match="invalid_request"):
        found(either, "\u200b")  # nobody can see what is searched for
    assert found(either, "osalind") == []
    assert found(either, "%") == []
    either.an_organisation("bayside")
    stranger = either.admin("bayside")
    assert either.call(accounts.search_accounts, stranger, text="ros")["items"] == []


def test_whoever_sends_documents_finds_those_who_may_sign_them(identity: Identity) -> None:
    provider, disabled = identity.a_provider(), identity.a_provider()
    staff = identity.an_account()  # of the same name, and does not sign
    admin = identity.admin()
    identity.call(accounts.disable_account, admin, account_id=disabled["id"], version=disabled["version"])
    sender = a_caller("document.send", organisation=(admin.organisation_id, admin.organisation_key))
    assert found(identity, "pat quill") != []
    answer = identity.call(accounts.search_signers, sender, text="pat quill")["items"]
    assert answer == [
        {
            "account_id": provider["id"],
            "first_name": "Pat",
            "last_name": "Quill",
            "realm": "provider",
            "resource_names": [],
        }
    ]
    reader = a_caller("account.read", organisation=(admin.organisation_id, admin.organisation_key))
    assert identity.refused(accounts.search_signers, reader, text="pat").code == "forbidden"
    listed = {
        realm: [each["id"] for each in identity.call(accounts.list_accounts, admin, realm=realm)["items"]]
        for realm in ("staff", "provider")
    }
    assert set(listed["provider"]) == {provider["id"], disabled["id"]}
    assert staff["id"] in listed["staff"]


def test_accounts_are_found_by_each_word_of_their_names(either: Identity) -> None:
    logins = {names: f"e{at}@example.org" for at, names in enumerate(FOUND_BY)}
    made = {names: create(either, login, *names) for names, login in logins.items()}
    for names, typed in FOUND_BY.items():
        for text in typed:
            assert (text, found(either, text)) == (text, [logins[names]])
    for text in FOUND_BY_NOTHING:
        assert (text, found(either, text)) == (text, [])
    edit(either, made["Tom", "Smith-Jones"], last_name="Lynx")
    assert (found(either, "jones"), found(either, "lynx")) == ([], [logins["Tom", "Smith-Jones"]])


def test_accounts_are_filtered_by_level_and_state(either: Identity) -> None:
    supervisor, invited = either.an_account("supervisor"), either.an_account("trainee", password=None)
    admin = either.admin()

    def listed(**filters: Any) -> list[str]:
        return [item["id"] for item in either.call(accounts.list_accounts, admin, **filters)["items"]]

    assert listed(security_level="supervisor") == [supervisor["id"]]
    assert listed(state="invited") == [invited["id"]]
    assert listed(security_level="supervisor", state="invited") == []
    assert len(listed()) == 3
    first = either.call(accounts.list_accounts, admin, state="active", limit=1)
    rest = either.call(accounts.list_accounts, admin, state="active", limit=1, after=first["next"])
    assert {item["id"] for page in (first, rest) for item in page["items"]} == set(listed(state="active"))
    for text, filters, ids in (
        ("person", {"security_level": "trainee"}, [invited["login"]]),
        ("person", {"state": "active"}, [supervisor["login"]]),
        ("person", {"security_level": "trainee", "state": "active"}, []),
    ):
        assert found(either, text, **filters) == ids


def test_a_search_finds_staff_and_providers_only(identity: Identity) -> None:
    admin = identity.admin()
    person = identity.call(
        people.create_person, admin, last_name="Quimby", email="q@example.org", kinds=["employee"]
    )
    identity.call(
        people.create_person_account, admin, person_id=person["id"], realm="employee", role="employee"
    )
    assert found(identity, "quimby") == []


def test_a_name_is_corrected_and_nothing_else_changes(identity: Identity) -> None:
    account = identity.an_account()
    token = identity.log_in(account["login"])["token"]
    account = identity.call(accounts.get_account, identity.admin(), account_id=account["id"])
    account.pop("actions")  # only reading tells them
    renamed = edit(identity, account, first_name="Patricia")
    changed = {"first_name": "Patricia", "version": account["version"] + 1}
    assert renamed == {**account, **changed}
    assert edit(identity, renamed, first_name="Patricia") == renamed
    assert [row.facts for row in identity.audit("account.renamed")] == [{"members": ["first_name"]}]
    assert identity.caller(token).id == account["id"]
    stale = identity.refused(
        accounts.edit_account, identity.admin(), account_id=account["id"], version=1, last_name="X"
    )
    assert stale.code == "version_conflict"


def test_a_corrected_address_is_the_log_in_and_is_verified_anew(identity: Identity) -> None:
    account = identity.an_account()
    token = identity.log_in(account["login"])["token"]
    account = identity.call(accounts.get_account, identity.admin(), account_id=account["id"])
    changed = edit(identity, account, email=NEW.title(), last_name="Quimby")
    assert (changed["login"], changed["last_name"]) == (NEW, "Quimby")
    assert not changed["email_is_verified"]
    assert not identity.holds(token)
    refused = identity.refused(login.log_in, organisation="harbor", login=account["login"], password=PASSWORD)
    assert refused.code == "credentials_refused"
    assert identity.log_in(NEW)["token"]
    # The notice goes to the address before, the link to the new one.
    (notice,) = identity.events(credentials.login_email_changed)
    assert notice["data"]["account_id"] == account["id"]
    (row,) = identity.audit("account.login_changed")
    assert (row.object_id, row.facts) == (account["id"], {"change_id": notice["data"]["change_id"]})
    invitation = identity.events(credentials.account_invited)[-1]["data"]
    assert (invitation["account_id"], invitation["purpose"]) == (account["id"], "verify_email")
    link = identity.call(
        credentials.mint_credential_link,
        a_service("notifications", (identity.harbor.organisation_id, "harbor")),
        invitation_id=invitation["invitation_id"],
    )["link"]
    verified = identity.call(patients.verify_email, token=link.partition("#token=")[2])
    assert verified == {"is_enabled": False}
    assert identity.call(accounts.get_account, identity.admin(), account_id=account["id"])[
        "email_is_verified"
    ]
    assert "example.org" not in str(identity.events()) + str([row.facts for row in identity.audit()])


def test_who_never_logged_in_is_invited_at_the_corrected_address(identity: Identity) -> None:
    account = identity.an_account(password=None)
    edit(identity, account, email=NEW)
    assert identity.events(credentials.account_invited)[-1]["data"]["purpose"] == "invitation"


def test_who_is_active_and_never_logged_in_gets_one_link_at_the_corrected_address(identity: Identity) -> None:
    account = identity.an_account()
    before = len(identity.events(credentials.account_invited))
    edit(identity, account, email=NEW)
    assert [each["data"]["purpose"] for each in identity.events(credentials.account_invited)[before:]] == [
        "invitation"
    ]


def test_an_address_is_corrected_with_a_fresh_proof_and_is_nobody_elses(identity: Identity) -> None:
    account = identity.an_account()
    request = {"account_id": account["id"], "version": account["version"]}
    taken = identity.refused(accounts.edit_account, identity.admin(), **request, email=ADMIN)
    assert (taken.code, taken.field) == ("login_taken", "email")
    unproven = dataclasses.replace(identity.admin(), proven_at=0)
    assert identity.refused(accounts.edit_account, unproven, **request, email=NEW).code == "proof_required"
    # A name, and the address as it is, take no proof.
    same = {"last_name": "Quimby", "email": account["login"]}
    assert identity.call(accounts.edit_account, unproven, **request, **same)["last_name"] == "Quimby"


def test_a_persons_account_is_corrected_in_the_persons_record(identity: Identity) -> None:
    admin = identity.admin()
    person = identity.call(
        people.create_person, admin, last_name="Quimby", email="q@example.org", kinds=["employee"]
    )
    account = identity.call(
        people.create_person_account, admin, person_id=person["id"], realm="employee", role="employee"
    )
    refused = identity.refused(
        accounts.edit_account, admin, account_id=account["id"], version=account["version"], last_name="X"
    )
    assert (refused.code, refused.field) == ("not_a_workforce_account", "account_id")


def test_the_address_of_a_disabled_account_is_free_again(either: Identity) -> None:
    admin, old = either.admin(), either.an_account()
    again = {"email": old["login"], "first_name": "Pat", "last_name": "Second"}
    assert either.refused(accounts.create_account, admin, **again).code == "login_taken"

    def switch(operation: Any, account: Any) -> Any:
        version = either.call(accounts.get_account, admin, account_id=account["id"])["version"]
        return either.call(operation, admin, account_id=account["id"], version=version)

    switch(accounts.disable_account, old)
    new = either.call(accounts.create_account, admin, **again)
    assert (new["login"], new["state"]) == (old["login"], "invited")
    assert either.refused(accounts.create_account, admin, **again).code == "login_taken"
    # The old password opens nothing; the new account has its own.
    logs_in = {"organisation": "harbor", "login": old["login"]}
    assert either.refused(login.log_in, **logs_in, password=PASSWORD).code == "credentials_refused"
    new_password = "copper kettle under snow"
    set_password(either.database, organisation_key="harbor", login=old["login"], password=new_password)
    token = either.log_in(old["login"], new_password)["token"]
    assert either.caller(token).id == new["id"]
    with pytest.raises(Refused) as refused:
        switch(accounts.enable_account, old)
    assert (refused.value.code, refused.value.field) == ("login_taken", "account_id")
    assert either.call(accounts.get_account, admin, account_id=old["id"])["state"] == "disabled"
    switch(accounts.disable_account, new)
    switch(accounts.enable_account, old)
    assert either.caller(either.log_in(old["login"])["token"]).id == old["id"]


def test_an_address_is_corrected_to_the_one_of_a_disabled_account(identity: Identity) -> None:
    old, account = identity.an_account(), identity.an_account()
    disable = {"account_id": old["id"], "version": old["version"]}
    assert identity.refused(
        accounts.edit_account, identity.admin(), account_id=account["id"], version=account["version"],
        email=old["login"],
    ).code == "login_taken"  # fmt: skip
    identity.call(accounts.disable_account, identity.admin(), **disable)
    assert edit(identity, account, email=old["login"])["login"] == old["login"]


def test_an_unknown_account_is_not_found(identity: Identity) -> None:
    refused = identity.refused(
        accounts.edit_account, identity.admin(), account_id="0" * 32, version=1, last_name="X"
    )
    assert refused.code == "not_found"
