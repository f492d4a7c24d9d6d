"""Merging two records of one person: preview, merge, undo."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import accounts, credentials, employees, merging, patients, relationships
from services.contracts.identity import people as people_contract
from services.contracts.identity.audit import trail
from services.identity.housekeeping.retention import forget_old
from services.identity.merging.models import PersonMerge
from services.identity.models import Account, Grant, Person
from services.identity.patients.models import PatientRecord
from tests.integration.identity.conftest import PASSWORD, Identity
from tests.integration.identity.employees import a_line, activate, person_of, take_in
from tests.integration.identity.family import Desk
from tests.support.in_process import BAYSIDE, a_caller, a_service


def preview(identity: Identity, admin, kept: str, merged: str):
    return identity.call(merging.preview_merge, admin, kept_id=kept, merged_id=merged)


def merge(identity: Identity, admin, kept: str, merged: str, **more):
    plan = preview(identity, admin, kept, merged)["plan"]
    return identity.call(merging.merge_people, admin, kept_id=kept, merged_id=merged, plan=plan, **more)


def a_patient(identity: Identity, admin, number: str, **members):
    known = {"email": f"{number}@example.org", "postal_code": "02139"} | members
    return identity.call(
        people_contract.create_person, admin, number=number, last_name="Quay", kinds=["patient"], **known
    )


def a_patient_account(identity: Identity, admin, person_id: str, login: str):
    account = identity.call(
        people_contract.create_person_account,
        admin,
        person_id=person_id,
        realm="patient",
        role="patient",
        login=login,
        attests_email_is_private=True,
    )
    activate(identity, account["id"])
    return account


def profiles(identity: Identity, login: str) -> list[str]:
    token = identity.log_in(login, PASSWORD, realm="patient")["token"]
    return sorted(profile["person_id"] for profile in identity.caller(token).scope["profiles"])


def standing(identity: Identity, account_id: str) -> tuple[str, str | None]:
    with identity.database.reading(None) as session:
        account = session.scalars(select(Account).where(Account.id == account_id)).one()
        return account.state, account.person_id


def open_grants(identity: Identity) -> set[tuple[str, str]]:
    with identity.database.reading(None) as session:
        rows = session.scalars(select(Grant).where(Grant.revoked_at.is_(None)))
        return {(row.account_id, row.person_id) for row in rows}


def hired(identity: Identity, admin) -> tuple[dict, dict]:
    """An applicant, and the employee whom the HR feed has brought since."""
    applicant = identity.call(
        employees.register_applicant, admin, first_name="Kim", last_name="Reef", email="kim@example.org"
    )
    take_in(identity, admin, a_line("1", last_name="Reef", first_name="Kimberly"))
    return person_of(identity, admin, "1"), applicant


@pytest.mark.seed("S2-112")
def test_a_merged_record_is_not_edited_until_the_merge_is_undone(identity):
    admin = identity.admin()
    employee, applicant = hired(identity, admin)
    done = merge(identity, admin, employee["id"], applicant["person_id"])
    merged = identity.call(people_contract.get_person, admin, person_id=applicant["person_id"])
    change = {"person_id": merged["id"], "home_phone": "555-0100"}
    refused = identity.refused(people_contract.edit_person, admin, version=merged["version"], **change)
    assert (refused.code, refused.more["kept_id"]) == ("already_merged", employee["id"])
    enabled = identity.refused(
        people_contract.enable_person, admin, person_id=merged["id"], version=merged["version"]
    )
    assert (enabled.code, enabled.more["kept_id"]) == ("already_merged", employee["id"])
    identity.call(merging.undo_merge, admin, merge_id=done["id"])
    version = identity.call(people_contract.get_person, admin, person_id=merged["id"])["version"]
    assert (
        identity.call(people_contract.edit_person, admin, version=version, **change)["home_phone"]
        == "555-0100"
    )


@pytest.mark.seed("S2-103", "S2-112")
def test_an_applicant_who_is_hired_becomes_one_with_the_employee(identity):
    admin = identity.admin()
    employee, applicant = hired(identity, admin)
    shown = preview(identity, admin, employee["id"], applicant["person_id"])
    assert {each["field"]: each["proposed"] for each in shown["conflicts"]} == {
        "first_name": "kept",
        "email": "kept",
    }
    assert {"what": "applicants.person_id", "count": 1} in shown["moves"]
    assert {"what": "accounts.person_id", "count": 1} in shown["moves"]
    done = merge(identity, admin, employee["id"], applicant["person_id"], choices={"email": "merged"})
    kept = identity.call(people_contract.get_person, admin, person_id=employee["id"])
    assert (kept["first_name"], kept["email"], kept["kinds"]) == ("Kimberly", "kim@example.org", ["employee"])
    assert {row["kind"] for row in kept["kind_history"]} == {"employee", "applicant"}
    assert standing(identity, applicant["account"]["id"]) == ("disabled", employee["id"])
    resolved = identity.call(merging.resolve_person, admin, person_id=applicant["person_id"])
    assert resolved == {"person_id": employee["id"], "merged_ids": [applicant["person_id"]]}
    assert (
        identity.call(people_contract.get_person, admin, person_id=applicant["person_id"])["is_disabled"]
        is True
    )
    [event] = identity.events(merging.people_merged)
    assert event["data"] == {
        "merge_id": done["id"],
        "kept_id": employee["id"],
        "merged_id": applicant["person_id"],
    }
    [row] = identity.audit("person.merged")
    assert (row.object_id, row.facts["merged_id"]) == (employee["id"], applicant["person_id"])


@pytest.mark.seed("S2-112")
def test_a_merge_is_done_once(identity):
    admin = identity.admin()
    employee, applicant = hired(identity, admin)
    plan = preview(identity, admin, employee["id"], applicant["person_id"])["plan"]
    pair = {"kept_id": employee["id"], "merged_id": applicant["person_id"], "plan": plan}
    first = identity.call(merging.merge_people, admin, **pair)
    assert identity.call(merging.merge_people, admin, **pair) == first
    assert len(identity.events(merging.people_merged)) == 1
    back = {"kept_id": applicant["person_id"], "merged_id": employee["id"], "plan": plan}
    assert identity.refused(merging.merge_people, admin, **back).code == "already_merged"


@pytest.mark.seed("S2-113")
def test_merging_takes_its_own_permission_and_a_fresh_proof(identity):
    admin = identity.admin()
    one, two = a_patient(identity, admin, "1"), a_patient(identity, admin, "2")
    plan = preview(identity, admin, one["id"], two["id"])["plan"]
    pair = {"kept_id": one["id"], "merged_id": two["id"]}
    account = identity.an_account("supervisor", admin=admin)
    supervisor = identity.caller(identity.log_in(account["login"])["token"])
    assert identity.refused(merging.preview_merge, supervisor, **pair).code == "forbidden"
    assert identity.refused(merging.merge_people, supervisor, **pair, plan=plan).code == "forbidden"
    stale = replace(admin, proven_at=int(utc_now().timestamp()) - 3600)
    assert identity.refused(merging.merge_people, stale, **pair, plan=plan).code == "proof_required"
    with identity.database.reading(None) as session:
        assert session.scalar(select(PersonMerge.id)) is None


@pytest.mark.seed("S2-112")
def test_two_patients_with_accounts_become_one_and_access_to_others_goes_over(either):
    admin = either.admin()
    kept, merged = (
        a_patient(either, admin, "1"),
        a_patient(either, admin, "2", mobile_phone="555-0100", date_of_birth="1990-12-31"),
    )
    own = a_patient_account(either, admin, kept["id"], "quay.one")
    rival = a_patient_account(either, admin, merged["id"], "quay.two")
    child = a_patient(either, admin, "3")
    either.call(
        relationships.set_account_relationship,
        admin,
        account_id=rival["id"],
        person_id=child["id"],
        kind="contact",
    )
    token = either.log_in("quay.two", PASSWORD, realm="patient")["token"]
    shown = preview(either, admin, kept["id"], merged["id"])
    assert shown["accounts_closed"] == 1
    before = open_grants(either)
    done = merge(either, admin, kept["id"], merged["id"])
    assert profiles(either, "quay.one") == [kept["id"]]
    assert standing(either, rival["id"]) == ("disabled", merged["id"])
    assert not either.holds(token)
    view = either.call(people_contract.get_person, admin, person_id=kept["id"])
    assert (view["mobile_phone"], view["date_of_birth"]) == ("555-0100", "1990-12-31")
    related = either.call(relationships.list_relationships, admin, person_id=child["id"])["items"]
    assert [row["account_id"] for row in related] == [own["id"]]
    undone = either.call(merging.undo_merge, admin, merge_id=done["id"])
    assert undone["undone_at"] is not None
    assert undone["can_be_undone"] is False
    assert open_grants(either) == before
    assert profiles(either, "quay.two") == [merged["id"]]
    view = either.call(people_contract.get_person, admin, person_id=kept["id"])
    assert (view["mobile_phone"], view["date_of_birth"]) == (None, None)
    assert either.call(people_contract.get_person, admin, person_id=merged["id"])["is_disabled"] is False
    related = either.call(relationships.list_relationships, admin, person_id=child["id"])["items"]
    assert [row["account_id"] for row in related] == [rival["id"]]
    assert len(either.events(merging.people_unmerged)) == 1
    assert either.call(merging.undo_merge, admin, merge_id=done["id"]) == undone


@pytest.mark.seed("S2-103")
def test_undoing_gives_the_applicant_back(identity):
    admin = identity.admin()
    employee, applicant = hired(identity, admin)
    done = merge(identity, admin, employee["id"], applicant["person_id"])
    identity.call(merging.undo_merge, admin, merge_id=done["id"])
    back = identity.call(people_contract.get_person, admin, person_id=applicant["person_id"])
    assert (back["kinds"], back["is_disabled"]) == (["applicant"], False)
    assert standing(identity, applicant["account"]["id"])[1] == applicant["person_id"]
    merges = identity.call(merging.list_merges, admin, person_id=employee["id"])["items"]
    assert [each["undone_at"] is not None for each in merges] == [True]
    again = merge(identity, admin, employee["id"], applicant["person_id"])
    assert again["id"] != done["id"]


def test_what_has_changed_since_the_preview_is_looked_at_again(identity):
    admin = identity.admin()
    one, two = a_patient(identity, admin, "1"), a_patient(identity, admin, "2")
    plan = preview(identity, admin, one["id"], two["id"])["plan"]
    identity.call(
        people_contract.edit_person, admin, person_id=two["id"], city="Oslo", version=two["version"]
    )
    refusal = identity.refused(merging.merge_people, admin, kept_id=one["id"], merged_id=two["id"], plan=plan)
    assert refusal.code == "merge_outdated"
    refusal = identity.refused(merging.preview_merge, admin, kept_id=one["id"], merged_id=one["id"])
    assert refusal.code == "merge_refused"


@pytest.mark.seed("S2-112")
def test_the_record_that_hr_keeps_is_the_one_that_stays(identity):
    admin = identity.admin()
    employee, applicant = hired(identity, admin)
    refusal = identity.refused(
        merging.preview_merge, admin, kept_id=applicant["person_id"], merged_id=employee["id"]
    )
    assert (refusal.code, refusal.field) == ("merge_refused", "merged_id")
    merge(identity, admin, employee["id"], applicant["person_id"])
    assert take_in(identity, admin, a_line("1", last_name="Reef", first_name="Kimberly"))["total"] == 0


def test_what_undoing_needs_is_forgotten_when_it_is_too_late_to_undo(either):
    admin = either.admin()
    one, two = a_patient(either, admin, "1"), a_patient(either, admin, "2", city="Oslo")
    done = merge(either, admin, one["id"], two["id"])
    forget_old(either.database)
    assert merge_row(either).steps["values"] == {"city": {"before": None, "after": "Oslo"}}
    long_ago = utc_now() - timedelta(days=31)
    either.database.write(
        None, lambda session: session.execute(update(PersonMerge).values(merged_at=long_ago))
    )
    forget_old(either.database)
    assert merge_row(either).steps == {}
    assert either.refused(merging.undo_merge, admin, merge_id=done["id"]).code == "merge_refused"


def merge_row(identity: Identity) -> PersonMerge:
    with identity.database.reading(None) as session:
        return session.scalars(select(PersonMerge)).one()


def manual_credentials(identity: Identity, admin, person_id: str) -> bool:
    return identity.call(patients.get_patient_access, admin, person_id=person_id)["manual_credentials_set"]


@pytest.mark.seed("S2-112")
@pytest.mark.parametrize("kinds", [["client"], ["patient"]])
def test_what_is_known_of_a_patients_way_to_the_portal_goes_over_and_returns(either, kinds):
    admin = either.admin()
    kept = either.call(people_contract.create_person, admin, number="1", last_name="Quay", kinds=kinds)
    merged = a_patient(either, admin, "2")
    either.call(
        patients.set_patient_credentials,
        admin,
        person_id=merged["id"],
        username="quay.two",
        password="seven quiet harbour lamps",
        enable_access=True,
        attests_email_is_private=True,
        must_change=False,
    )
    assert manual_credentials(either, admin, merged["id"])
    done = merge(either, admin, kept["id"], merged["id"])
    assert manual_credentials(either, admin, kept["id"])
    access = either.call(patients.get_patient_access, admin, person_id=kept["id"])
    assert (access["username"], access["is_enabled"], access["attested_by"]) == ("quay.two", True, admin.id)

    either.call(merging.undo_merge, admin, merge_id=done["id"])
    assert manual_credentials(either, admin, merged["id"])
    with either.database.reading(None) as session:
        rows = {
            row.person_id: row.manual_credentials_set_at for row in session.scalars(select(PatientRecord))
        }
    assert rows.pop(merged["id"]) is not None
    assert rows == ({kept["id"]: None} if kinds == ["patient"] else {})


def test_who_opened_a_record_before_a_merge_is_shown_to_the_person_that_lives_on(either):
    admin = either.admin()
    kept, merged = a_patient(either, admin, "1"), a_patient(either, admin, "2")
    for person in (kept, merged):
        either.call(people_contract.get_person, admin, person_id=person["id"])

    def opened(person: dict) -> set[str]:
        organisation = (either.harbor.organisation_id, "harbor")
        me = a_caller(organisation=organisation, realm="patient", scope={"person_id": person["id"]})
        return {
            each["object_id"]
            for each in either.call(trail.openings, me)["items"]
            if each["action"] == "person.read"
        }

    assert (opened(kept), opened(merged)) == ({kept["id"]}, {merged["id"]})
    done = merge(either, admin, kept["id"], merged["id"])
    assert opened(kept) == {kept["id"], merged["id"]}
    either.call(merging.undo_merge, admin, merge_id=done["id"])
    assert (opened(kept), opened(merged)) == ({kept["id"]}, {merged["id"]})


def test_services_ask_for_the_record_that_a_person_lives_on_in(identity):
    admin = identity.admin()
    first, second, third = (a_patient(identity, admin, number)["id"] for number in "123")
    merge(identity, admin, second, first)
    merge(identity, admin, third, second)
    organisation = (identity.harbor.organisation_id, "harbor")
    referrals = a_service("referrals", organisation)
    for person_id in (first, second, third):
        known = identity.call(merging.describe_person, referrals, person_id=person_id)
        assert known == {"person_id": third, "merged_ids": sorted([first, second])}
    assert identity.refused(merging.describe_person, admin, person_id=first).code == "forbidden"
    elsewhere = a_service("referrals", BAYSIDE)
    assert identity.refused(merging.describe_person, elsewhere, person_id=first).code == "not_found"


class Twins:
    """Two records of one relative, each with an account of the Family Portal of its own."""

    def __init__(self, identity: Identity) -> None:
        self.identity, self.admin = identity, identity.admin()
        self.desk = Desk(identity)
        self.clients = [self.desk.a_client(), self.desk.a_client()]
        self.kept, self.merged = (self.desk.a_contact(client) for client in self.clients)
        for client, person in zip(self.clients, (self.kept, self.merged), strict=True):
            login = self.desk.grant(client, person)["login"]
            self.desk.first_sign_in(login)
        self.old, self.new = self.kept["email"], self.merged["email"]

    def merge(self, **more):
        return merge(self.identity, self.admin, self.kept["id"], self.merged["id"], **more)

    def account(self, person):
        with self.identity.database.reading(None) as session:
            return session.scalars(select(Account).where(Account.person_id == person["id"])).one()

    def told(self, event) -> list[str]:
        """The addresses that notices of this event go to."""
        notifier = a_service("notifications", (self.identity.harbor.organisation_id, "harbor"))
        return [
            self.identity.call(
                credentials.describe_login_change, notifier, change_id=each["data"]["change_id"]
            )["email"]
            for each in self.identity.events(event)
        ]


def test_the_log_in_follows_the_address_that_was_chosen_and_both_addresses_are_told(either):
    twins = Twins(either)
    token = twins.desk.sign_in(twins.old)["token"]
    link = {"organisation": "harbor", "login": twins.old, "realm": "family"}
    either.call(credentials.request_password_reset, **link)
    reset = str(twins.desk.mint()["link"]).partition("#token=")[2]
    done = twins.merge(choices={"email": "merged"})

    account = twins.account(twins.kept)
    assert (account.login, account.email, account.email_verified_at) == (twins.new, twins.new, None)
    assert twins.told(credentials.login_email_changed) == [twins.old]
    assert twins.told(credentials.account_closed) == [twins.new]
    assert not either.holds(token)
    used = either.refused(credentials.redeem_credential_link, token=reset, password=PASSWORD)
    assert used.code == "link_refused"
    with pytest.raises(Refused, match="credentials_refused"):
        twins.desk.sign_in(twins.old)
    caller = either.caller(twins.desk.sign_in(twins.new)["token"])
    assert {each["person_id"] for each in caller.scope["profiles"]} == {each["id"] for each in twins.clients}
    either.call(credentials.request_password_reset, organisation="harbor", login=twins.new, realm="family")
    assert twins.desk.mint()["email"] == twins.new

    either.call(merging.undo_merge, twins.admin, merge_id=done["id"])
    assert (twins.account(twins.kept).login, twins.account(twins.kept).email) == (twins.old, twins.old)
    assert twins.account(twins.merged).login == twins.new
    for address, client in ((twins.old, twins.clients[0]), (twins.new, twins.clients[1])):
        profiles = either.caller(twins.desk.sign_in(address)["token"]).scope["profiles"]
        assert [each["person_id"] for each in profiles] == [client["id"]]


def test_without_another_address_the_log_in_stays_and_only_the_closed_account_is_told(identity):
    twins = Twins(identity)
    twins.merge()
    assert twins.account(twins.kept).login == twins.old
    assert twins.account(twins.kept).email_verified_at is not None
    assert twins.told(credentials.login_email_changed) == []
    assert twins.told(credentials.account_closed) == [twins.new]


def test_an_account_with_an_address_of_its_own_keeps_it(identity):
    twins = Twins(identity)
    with identity.database.reading(None) as session:
        account = session.scalars(select(Account).where(Account.person_id == twins.kept["id"])).one()
        account.login = account.email = "own@example.org"
        session.commit()
    twins.merge(choices={"email": "merged"})
    account = twins.account(twins.kept)
    assert (account.login, account.email) == ("own@example.org", "own@example.org")
    assert account.email_verified_at is not None
    assert twins.told(credentials.login_email_changed) == []


def test_who_has_never_signed_in_is_invited_at_the_address_that_was_chosen(identity):
    desk, admin = Desk(identity), identity.admin()
    client = desk.a_client()
    kept, merged = desk.a_contact(client), desk.a_person("contact")
    desk.grant(client, kept)
    asked = len(identity.events(credentials.account_invited))
    merge(identity, admin, kept["id"], merged["id"], choices={"email": "merged"})
    assert len(identity.events(credentials.account_invited)) == asked + 1
    invitation = desk.mint()
    assert (invitation["email"], invitation["purpose"]) == (merged["email"], "temporary_password")


def test_links_of_a_closed_account_stay_void_when_the_merge_is_undone(identity):
    twins = Twins(identity)
    link = {"organisation": "harbor", "login": twins.new, "realm": "family"}
    identity.call(credentials.request_password_reset, **link)
    reset = str(twins.desk.mint()["link"]).partition("#token=")[2]
    done = twins.merge()
    identity.call(merging.undo_merge, twins.admin, merge_id=done["id"])
    refused = identity.refused(credentials.redeem_credential_link, token=reset, password=PASSWORD)
    assert refused.code == "link_refused"
    assert twins.desk.sign_in(twins.new)


def test_an_account_that_goes_over_follows_the_kept_address(identity):
    desk, admin = Desk(identity), identity.admin()
    kept = desk.a_person("contact")
    client = desk.a_client()
    merged = desk.a_contact(client)
    desk.first_sign_in(desk.grant(client, merged)["login"])
    merge(identity, admin, kept["id"], merged["id"])
    profiles = identity.caller(desk.sign_in(kept["email"])["token"]).scope["profiles"]
    assert [each["person_id"] for each in profiles] == [client["id"]]


def test_an_address_that_somebody_else_logs_in_with_is_not_taken(identity):
    twins = Twins(identity)
    stranger = twins.desk.a_contact(twins.clients[0], email=None)
    twins.desk.grant(twins.clients[0], stranger, email="third@example.org")
    version = identity.call(people_contract.get_person, twins.admin, person_id=twins.kept["id"])["version"]
    changed = {"email": "third@example.org", "person_id": twins.merged["id"]}
    with identity.database.reading(None) as session:
        session.execute(
            update(Person).where(Person.id == changed["person_id"]).values(email=changed["email"])
        )
        session.commit()
    with pytest.raises(Refused, match="login_taken"):
        twins.merge(choices={"email": "merged"})
    now = identity.call(people_contract.get_person, twins.admin, person_id=twins.kept["id"])
    assert (now["version"], now["email"]) == (version, twins.old)


def test_what_staff_attested_of_a_patients_address_does_not_hold_for_the_other_one(identity):
    admin = identity.admin()
    kept = a_patient(identity, admin, "11")
    merged = a_patient(identity, admin, "12")
    a_patient_account(identity, admin, kept["id"], "quay.one")
    before = identity.call(patients.get_patient_access, admin, person_id=kept["id"])
    assert before["attested_by"] == admin.id
    merge(identity, admin, kept["id"], merged["id"], choices={"email": "merged"})
    after = identity.call(patients.get_patient_access, admin, person_id=kept["id"])
    assert (after["email"], after["attested_by"], after["attested_at"]) == ("12@example.org", None, None)
    assert after["email_is_verified"] is False
    assert after["username"] == "quay.one"


MANAGING = ("account.manage", "account.read", "person.manage", "chart.merge", "directory.read")


@pytest.mark.fault("A25")
@pytest.mark.parametrize("is_kept", [True, False])
def test_a_merge_changes_no_account_that_holds_more_than_who_merges(identity, is_kept):
    admin, desk = identity.admin(), Desk(identity)
    lesser = desk.somebody(*MANAGING)
    victim = a_patient(identity, admin, "1")
    a_patient_account(identity, admin, victim["id"], "quay.one")
    own = identity.call(
        people_contract.create_person, lesser, last_name="Quay", email="mine@example.org", kinds=["contact"]
    )
    ids = (victim["id"], own["id"]) if is_kept else (own["id"], victim["id"])
    refused = []
    with pytest.raises(Refused) as caught:
        merge(identity, lesser, *ids, choices={"email": "merged" if is_kept else "kept"})
    refused.append((caught.value.code, caught.value.field))
    done = merge(identity, admin, *ids)
    undone = identity.refused(merging.undo_merge, lesser, merge_id=done["id"])
    refused.append((undone.code, undone.field))
    assert refused == [("right_not_held", "merged_id"), ("right_not_held", "merge_id")]


@pytest.mark.fault("A25")
def test_who_reaches_the_merged_record_is_given_the_kept_one_only_by_who_holds_as_much(identity):
    admin, desk = identity.admin(), Desk(identity)
    kept, merged = desk.a_client(), desk.a_client()
    desk.grant(merged, desk.a_contact(merged))
    with pytest.raises(Refused, match="right_not_held"):
        merge(identity, desk.somebody(*MANAGING), kept["id"], merged["id"])
    merge(identity, admin, kept["id"], merged["id"])


def disable(identity, admin, *, account=None, person=None):
    if account is not None:
        version = identity.call(accounts.get_account, admin, account_id=account.id)["version"]
        identity.call(accounts.disable_account, admin, account_id=account.id, version=version)
    if person is not None:
        version = identity.call(people_contract.get_person, admin, person_id=person["id"])["version"]
        identity.call(people_contract.disable_person, admin, person_id=person["id"], version=version)


@pytest.mark.fault("A25")
@pytest.mark.parametrize("side", ["kept", "merged"])
@pytest.mark.parametrize("what", ["account", "person"])
def test_what_staff_disable_after_a_merge_stays_so_when_it_is_undone(identity, side, what):
    twins = Twins(identity)
    done = twins.merge()
    person = getattr(twins, side)
    chosen = {"account": twins.account(person)} if what == "account" else {"person": person}
    disable(identity, twins.admin, **chosen)
    identity.call(merging.undo_merge, twins.admin, merge_id=done["id"])
    merged = identity.call(people_contract.get_person, twins.admin, person_id=twins.merged["id"])
    assert (twins.account(twins.merged).state == "disabled") is (what == "account")
    assert merged["is_disabled"] is (what == "person")
    [row] = identity.audit("person.unmerged")
    assert row.facts["stayed"] == 1


def test_details_of_a_merged_record_are_not_accepted(identity):
    admin = identity.admin()
    kept, merged = (a_patient(identity, admin, number)["id"] for number in ("1001", "1002"))
    merge(identity, admin, kept, merged)
    portals = a_service("portals", (identity.harbor.organisation_id, "harbor"))
    asked = {"person_id": merged, "realm": "patient", "home_phone": "555-0100"}
    refusal = identity.refused(people_contract.accept_own_settings, portals, **asked)
    assert (refusal.code, refusal.more["kept_id"]) == ("already_merged", kept)
    identity.call(people_contract.accept_own_settings, portals, **asked | {"person_id": kept})
