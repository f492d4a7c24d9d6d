"""Explanations of access: they agree with the passport and name the condition that decides."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.chassis import wire
from services.contracts.identity import accounts as accounts_contract
from services.contracts.identity import audit as contract
from services.contracts.identity import organisations
from services.identity.models import Account, Grant, Person, PersonKind, ResourceAssignment, Role
from services.identity.realms import rules
from services.identity.realms.rules import PROFILE_PERMISSIONS
from services.identity.relationships.profiles import permissions_over, profiles_of
from tests.integration.identity.conftest import Identity

AGENCY, PROGRAM, ELSEWHERE = "1" * 32, "2" * 32, "3" * 32
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture(autouse=True)
def _directory(identity: Identity) -> None:
    """A program of an agency, and one without an agency."""
    resources = {
        AGENCY: {"level": "agency", "agency_id": None},
        PROGRAM: {"level": "program", "agency_id": AGENCY},
        ELSEWHERE: {"level": "program", "agency_id": None},
    }
    identity.answers["referrals.describe_resource"] = lambda request: {
        "id": request["resource_id"],
        "name": "Harbor House",
        **resources[request["resource_id"]],
    }


def explained(
    identity: Identity, account_id: str, permission: str, **about: str
) -> tuple[bool, dict[str, Any]]:
    """The decision and its steps by name."""
    answer = identity.call(
        contract.explain_access, identity.admin(), account_id=account_id, permission=permission, **about
    )
    return answer["is_allowed"], {step["name"]: step for step in answer["steps"]}


def failing(steps: dict[str, Any]) -> dict[str, str]:
    return {name: step["found"] for name, step in steps.items() if not step["holds"]}


def a_person(identity: Identity, **more: Any) -> str:
    person_id = wire.new_id()
    row = {
        "id": person_id,
        "number": person_id[:8],
        "last_name": "Quill",
        "field_sources": {},
        "created_at": NOW,
    }
    organisation_id = identity.harbor.organisation_id
    client = PersonKind(id=wire.new_id(), person_id=person_id, kind="client", starts_at=NOW - DAY)

    def work(session: Session) -> None:
        session.add(Person(**row, version=1, **more))
        session.flush()
        session.add(client)

    identity.database.write(organisation_id, work)
    return person_id


def a_family_account(identity: Identity) -> str:
    account_id = wire.new_id()

    def work(session: Session) -> None:
        session.add(
            Account(
                id=account_id,
                realm="family",
                login_space="family",
                login=f"{account_id}@example.org",
                email="f@example.org",
                state="active",
                version=1,
                created_at=NOW,
                assignments=[],
            )
        )

    identity.database.write(identity.harbor.organisation_id, work)
    return account_id


def a_grant(identity: Identity, account_id: str, person_id: str, role: str = "family", **more: Any) -> str:
    grant_id = wire.new_id()

    def work(session: Session) -> None:
        role_id = session.scalars(select(Role.id).where(Role.realm == "family", Role.code == role)).one()
        values = {"starts_at": NOW - DAY, "granted_by": "x", "created_at": NOW, "version": 1} | more
        session.add(Grant(id=grant_id, account_id=account_id, person_id=person_id, role_id=role_id, **values))

    identity.database.write(identity.harbor.organisation_id, work)
    return grant_id


def set_features(identity: Identity, *features: str) -> None:
    admin = identity.admin()
    version = identity.call(organisations.get_organisation, admin)["version"]
    identity.call(organisations.set_features, admin, version=version, features=list(features))


def test_for_every_account_and_permission_it_says_what_the_passport_says(identity: Identity) -> None:
    accounts = [
        identity.an_account("trainee"),
        identity.an_account("supervisor"),
        identity.a_provider(PROGRAM, can_change_status=True),
        identity.a_provider(),
    ]
    admin = identity.admin()
    for is_open in (True, False):
        for account in accounts:
            if is_open:
                account["token"] = identity.log_in(account["login"])["token"]
        if not is_open:
            set_features(identity, "referralq")
        for account in accounts:
            held = identity.caller(account["token"]).permissions
            for wanted in sorted(rules.PERMISSIONS):
                answer = identity.call(
                    contract.explain_access, admin, account_id=account["id"], permission=wanted
                )
                assert answer["is_allowed"] is (wanted in held), (account["security_level"], wanted)


def test_it_names_what_is_in_the_way_of_a_provider(identity: Identity) -> None:
    provider = identity.a_provider(PROGRAM)
    allowed, steps = explained(identity, provider["id"], "referral.read", resource_id=PROGRAM)
    assert allowed
    assert list(steps) == ["account", "feature", "role", "assignment"]
    assert (steps["assignment"]["found"], steps["role"]["found"]) == ("direct", "provider_portal_user")

    _, steps = explained(identity, provider["id"], "referral.read", resource_id=ELSEWHERE)
    assert failing(steps) == {"assignment": "none"}
    _, steps = explained(identity, provider["id"], "capacity.edit")
    assert failing(steps) == {"switch": "can_edit_capacity is off"}
    _, steps = explained(identity, provider["id"], "record.create")
    assert failing(steps) == {"role": "provider_portal_user"}

    set_features(identity, "referralq")
    _, steps = explained(identity, provider["id"], "referral.read", resource_id=PROGRAM)
    assert failing(steps) == {"feature": "provider_portal is off"}


def test_an_agency_brings_its_programs_and_a_suspended_assignment_brings_nothing(identity: Identity) -> None:
    provider = identity.a_provider(AGENCY)
    allowed, steps = explained(identity, provider["id"], "referral.read", resource_id=PROGRAM)
    assert (allowed, steps["assignment"]["found"]) == (True, "of its agency")

    def suspend(session: Session) -> None:
        session.execute(update(ResourceAssignment).values(suspended_at=NOW))

    identity.database.write(identity.harbor.organisation_id, suspend)
    allowed, steps = explained(identity, provider["id"], "referral.read", resource_id=PROGRAM)
    assert not allowed
    assert steps["assignment"]["found"] == "of its agency, suspended"
    assert steps["assignment"]["ends_at"] == NOW.isoformat()


def test_a_disabled_account_may_nothing(identity: Identity) -> None:
    account = identity.an_account("supervisor")
    identity.call(
        accounts_contract.disable_account,
        identity.admin(),
        version=account["version"],
        account_id=account["id"],
    )
    allowed, steps = explained(identity, account["id"], "referral.read")
    assert not allowed
    assert failing(steps) == {"account": "disabled"}


@pytest.mark.parametrize(
    ("span", "found"),
    [
        ({}, "in effect"),
        ({"ends_at": NOW + DAY}, "in effect"),
        ({"ends_at": NOW - DAY / 2}, "expired"),
        ({"starts_at": NOW + DAY}, "not yet begun"),
        ({"revoked_at": NOW}, "revoked"),
    ],
)
def test_a_grant_is_shown_with_its_dates_and_what_became_of_it(
    identity: Identity, span: dict[str, Any], found: str
) -> None:
    account_id, person_id = a_family_account(identity), a_person(identity)
    a_grant(identity, account_id, person_id, **span)
    allowed, steps = explained(identity, account_id, "profile.view_schedule", person_id=person_id)
    assert (allowed, steps["grant"]["found"]) == (found == "in effect", found)
    assert steps["grant"]["starts_at"] == span.get("starts_at", NOW - DAY).isoformat()


def test_for_every_profile_it_says_what_the_passport_says(identity: Identity) -> None:
    account_id = a_family_account(identity)
    people = [a_person(identity), a_person(identity), a_person(identity, disabled_at=NOW), a_person(identity)]
    for person_id, role in zip(people[:3], ("family", "physician", "family"), strict=True):
        a_grant(identity, account_id, person_id, role)
    admin = identity.admin()
    with identity.database.reading(identity.harbor.organisation_id) as session:
        profiles = profiles_of(session, account_id, NOW)
    held = {profile["person_id"]: profile["permissions"] for profile in profiles}
    assert len(held) == 2
    for wanted in sorted(PROFILE_PERMISSIONS):
        request = {"account_id": account_id, "permission": wanted}
        anywhere = identity.call(contract.explain_access, admin, **request)["is_allowed"]
        assert anywhere is (wanted in permissions_over(profiles)), wanted
        for person_id in people:
            answer = identity.call(contract.explain_access, admin, **request, person_id=person_id)
            assert answer["is_allowed"] is (wanted in held.get(person_id, [])), wanted


def test_emergency_access_is_part_of_the_explanation(identity: Identity) -> None:
    account, person_id = identity.an_account(), a_person(identity)
    token = identity.log_in(account["login"])["token"]
    assert explained(identity, account["id"], "person.read", person_id=person_id)[0] is False
    identity.call(
        contract.break_glass,
        identity.caller(token),
        object_type="person",
        object_id=person_id,
        reason_code="immediate_danger",
        reason="Found unconscious in the lobby",
    )
    allowed, steps = explained(identity, account["id"], "person.read", person_id=person_id)
    assert allowed
    assert steps["emergency"]["ends_at"] is not None
    assert explained(identity, account["id"], "person.read", person_id=a_person(identity))[0] is False


def who(identity: Identity, **about: Any) -> dict[str, str]:
    """Accounts by the path by which they see it."""
    found: dict[str, str] = {}
    after = None
    while True:
        answer = identity.call(contract.list_who_can_see, identity.admin(), limit=2, after=after, **about)
        found |= {item["account_id"]: item["by"] for item in answer["items"]}
        after = answer["next"]
        if after is None:
            return found


def test_who_can_see_a_program_s_referrals(identity: Identity) -> None:
    direct, of_agency = identity.a_provider(PROGRAM), identity.a_provider(AGENCY)
    both, neither = identity.a_provider(PROGRAM, AGENCY), identity.a_provider(ELSEWHERE)
    staff = identity.an_account("trainee")
    disabled = identity.an_account()
    identity.call(
        accounts_contract.disable_account,
        identity.admin(),
        version=disabled["version"],
        account_id=disabled["id"],
    )
    found = who(identity, resource_id=PROGRAM)

    assert found == {
        identity.harbor.admin_account_id: "role",
        staff["id"]: "role",
        direct["id"]: "assignment",
        both["id"]: "assignment",
        of_agency["id"]: "assignment_of_agency",
    }
    assert neither["id"] not in found
    set_features(identity, "referralq")
    assert set(who(identity, resource_id=PROGRAM).values()) == {"role"}


def test_who_can_see_a_person(identity: Identity) -> None:
    person_id, granted, expired = a_person(identity), a_family_account(identity), a_family_account(identity)
    a_grant(identity, granted, person_id, ends_at=NOW + DAY)
    a_grant(identity, expired, person_id, ends_at=NOW - DAY / 2)
    supervisor = identity.an_account("supervisor")
    identity.an_account("trainee")

    assert who(identity, person_id=person_id) == {
        identity.harbor.admin_account_id: "role",
        supervisor["id"]: "role",
        granted: "grant",
    }


def preview(identity: Identity, account_id: str, **what: str) -> dict[str, Any]:
    return dict(identity.call(contract.preview_removal, identity.admin(), account_id=account_id, **what))


def test_before_an_assignment_is_removed_it_is_told_what_would_be_lost(identity: Identity) -> None:
    provider = identity.a_provider(AGENCY, PROGRAM)
    ids = {row["resource_id"]: row["id"] for row in provider["resources"]}
    program = preview(identity, provider["id"], assignment_id=ids[PROGRAM])
    assert (program["resource_ids"], program["is_still_reached_by_agency"]) == ([], True)
    agency = preview(identity, provider["id"], assignment_id=ids[AGENCY])
    assert (agency["resource_ids"], agency["assignments_left"]) == ([AGENCY], 1)
    identity.call(
        accounts_contract.remove_resource,
        identity.admin(),
        account_id=provider["id"],
        assignment_id=ids[AGENCY],
    )
    last = preview(identity, provider["id"], assignment_id=ids[PROGRAM])
    assert (last["resource_ids"], last["assignments_left"]) == ([PROGRAM], 0)
    assert (
        len(
            identity.call(accounts_contract.get_account, identity.admin(), account_id=provider["id"])[
                "resources"
            ]
        )
        == 1
    )


def test_before_a_grant_is_removed_it_is_told_what_would_be_lost(identity: Identity) -> None:
    account_id, mother, father = a_family_account(identity), a_person(identity), a_person(identity)
    a_grant(identity, account_id, mother, "family")
    grant_id = a_grant(identity, account_id, father, "physician")
    lost = preview(identity, account_id, grant_id=grant_id)
    assert (lost["person_ids"], lost["profiles_left"]) == ([father], 1)
    assert lost["permissions"] == [
        "profile.view_documents",
        "profile.view_forms",
        "profile.view_medications",
        "profile.view_vitals",
    ]
    assert preview(identity, account_id, person_id=father) == lost
    nobody = {"account_id": account_id, "person_id": a_person(identity)}
    assert identity.refused(contract.preview_removal, identity.admin(), **nobody).code == "not_found"


def test_questions_about_a_person_who_is_not_of_the_organisation_find_nothing(identity: Identity) -> None:
    identity.an_organisation("bayside")
    elsewhere, person_id = identity.admin("bayside"), a_person(identity)
    own_id = identity.an_account()["id"]
    refusal = identity.refused(contract.list_who_can_see, elsewhere, person_id=person_id)
    assert (refusal.code, refusal.field) == ("not_found", "person_id")
    about = {"account_id": own_id, "permission": "person.read", "person_id": wire.new_id()}
    assert identity.refused(contract.explain_access, identity.admin(), **about).code == "not_found"


def test_questions_about_another_organisation_s_account_find_nothing(identity: Identity) -> None:
    identity.an_organisation("bayside")
    elsewhere = identity.admin("bayside")
    account_id = identity.an_account()["id"]
    for operation, request in (
        (contract.explain_access, {"account_id": account_id, "permission": "referral.read"}),
        (contract.preview_removal, {"account_id": account_id, "grant_id": wire.new_id()}),
    ):
        assert identity.refused(operation, elsewhere, **request).code == "not_found"
    answer = identity.call(contract.list_who_can_see, elsewhere, resource_id=PROGRAM)
    assert [item["name"] for item in answer["items"]] == ["ada@example.org"]
    assert account_id not in {item["account_id"] for item in answer["items"]}


def test_a_question_names_one_object(identity: Identity) -> None:
    admin = identity.admin()
    for operation, request in (
        (contract.list_who_can_see, {}),
        (contract.list_who_can_see, {"resource_id": PROGRAM, "person_id": PROGRAM}),
        (contract.preview_removal, {"account_id": PROGRAM}),
        (contract.preview_removal, {"account_id": PROGRAM, "grant_id": PROGRAM, "person_id": PROGRAM}),
    ):
        assert identity.refused(operation, admin, **request).code == "invalid_request"
