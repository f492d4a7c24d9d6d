"""What the clock ends: a client, patient or employee until a certain time. The access that rests on it ends with it."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import accounts, audit, family, relationships
from services.contracts.identity import patients as patients_contract
from services.contracts.identity import people as people_contract
from services.identity.people import endings
from services.identity.relationships.profiles import profiles_of
from tests.integration.identity.conftest import Identity
from tests.integration.identity.family import Desk
from tests.integration.identity.test_employees import an_account, an_employee

START = datetime.datetime(2030, 1, 1, 9, tzinfo=datetime.UTC)
MINUTE = datetime.timedelta(minutes=1)
DAY = datetime.timedelta(days=1)


@pytest.fixture
def desk(identity: Identity) -> Desk:
    return Desk(identity)


def until(desk: Desk, kind: str, ends_at: datetime.datetime, **members: Any) -> dict[str, Any]:
    """A person of this kind until a certain time."""
    person = desk.a_person("contact", **members)
    start(desk, person, kind, ends_at=ends_at.isoformat())
    return person


def start(desk: Desk, person: dict[str, Any], kind: str, **times: str) -> Any:
    return desk.call(people_contract.start_person_kind, person_id=person["id"], kind=kind, **times)


def reached(desk: Desk, login: str) -> set[str]:
    """The profiles that the account reaches in a new session."""
    scope = desk.identity.caller(desk.sign_in(login)["token"]).scope
    return {each["person_id"] for each in scope["profiles"]}


def auditor(desk: Desk) -> Caller:
    return desk.somebody("access.explain", "person.read")


def granted(desk: Desk, person: dict[str, Any]) -> list[str]:
    """The accounts that reach this profile by a grant."""
    answer = desk.call(audit.list_who_can_see, caller=auditor(desk), person_id=person["id"])
    return [each["account_id"] for each in answer["items"] if each["by"] == "grant"]


def profiles(desk: Desk, account_id: str) -> list[str]:
    """The profiles that the account reaches now."""
    with desk.identity.database.reading(None) as session:
        return [each["person_id"] for each in profiles_of(session, account_id, utc_now())]


def access_of_contact(desk: Desk, client: dict[str, Any]) -> Any:
    (line,) = desk.call(family.list_client_contacts, client_id=client["id"])["items"]
    return line["family_access"]


def test_with_a_client_whom_the_clock_discharges_ends_the_familys_access_at_that_moment(desk: Desk) -> None:
    end = START + 3 * DAY
    with time_machine.travel(START, tick=False) as clock:
        client, other = until(desk, "client", end), desk.a_client()
        daughter = desk.a_contact(client)
        desk.add_contact(other, daughter)
        access = desk.grant(client, daughter)
        login = access["login"]
        desk.grant(other, daughter)
        desk.first_sign_in(login)

        clock.move_to(end - MINUTE)
        assert reached(desk, login) == {client["id"], other["id"]}
        assert access_of_contact(desk, client)["role"] == "family"
        assert endings.end_due(desk.identity.runtime)
        assert reached(desk, login) == {client["id"], other["id"]}

        clock.move_to(end + MINUTE)
        # Before any job has run: what the account reaches, and what staff see.
        assert reached(desk, login) == {other["id"]}
        asker = desk.identity.caller(desk.sign_in(login)["token"])
        own = {"person_id": client["id"]}
        assert desk.refused(people_contract.get_my_profile, caller=asker, **own) == "not_found"
        assert access_of_contact(desk, client) is None
        ids = {"client_id": client["id"], "person_id": daughter["id"]}
        assert desk.refused(family.get_family_access, **ids) == "not_found"
        assert desk.refused(family.change_family_access, version=1, ends_at=None, **ids) == "not_found"
        assert desk.manage(other, daughter)["other_profiles"] == []
        assert desk.identity.events(relationships.access_revoked) == []

        for _ in range(2):  # the second run finds nothing left
            assert endings.end_due(desk.identity.runtime)
        (revoked,) = desk.identity.events(relationships.access_revoked)
        assert revoked["data"] == {
            "account_id": access["account_id"],
            "resource_id": client["id"],
            "resource_kind": "profile",
        }
        (noted,) = desk.identity.audit("grant.revoked")
        assert noted.facts["reason"] == "client_discharged"
        assert len(desk.identity.audit("person.kind_ended")) == 1
        assert reached(desk, login) == {other["id"]}


def test_why_a_discharged_client_is_no_longer_reached_is_explained(desk: Desk) -> None:
    end = START + 3 * DAY
    with time_machine.travel(START, tick=False) as clock:
        client = until(desk, "client", end)
        daughter = desk.a_contact(client)
        account_id = desk.grant(client, daughter)["account_id"]
        desk.first_sign_in(desk.manage(client, daughter)["login"])
        question = {
            "account_id": account_id,
            "person_id": client["id"],
            "permission": "profile.view_schedule",
        }

        def why() -> tuple[bool, list[str]]:
            answer = desk.call(audit.explain_access, caller=auditor(desk), **question)
            return answer["is_allowed"], [
                step["found"] for step in answer["steps"] if step["name"] == "grant"
            ]

        clock.move_to(end - MINUTE)
        assert (why(), granted(desk, client)) == ((True, ["in effect"]), [account_id])
        clock.move_to(end)
        assert (why(), granted(desk, client)) == ((False, ["person is discharged"]), [])


@pytest.mark.parametrize("is_swept", [True, False])
def test_a_client_who_is_admitted_again_is_reached_by_whom_staff_let_anew(
    desk: Desk, *, is_swept: bool
) -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = until(desk, "client", START + DAY)
        daughter = desk.a_contact(client)
        login = desk.grant(client, daughter)["login"]
        desk.first_sign_in(login)
        clock.move_to(START + DAY + MINUTE)
        if is_swept:
            endings.end_due(desk.identity.runtime)
        start(desk, client, "client")
        endings.end_due(desk.identity.runtime)
        assert (reached(desk, login), access_of_contact(desk, client)) == (set(), None)
        desk.grant(client, daughter)
        endings.end_due(desk.identity.runtime)
        assert reached(desk, login) == {client["id"]}


def test_one_period_that_follows_another_without_a_gap_ends_nothing(desk: Desk) -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = until(desk, "client", START + DAY)
        daughter = desk.a_contact(client)
        login = desk.grant(client, daughter)["login"]
        desk.first_sign_in(login)
        start(desk, client, "client", starts_at=(START + DAY).isoformat())
        clock.move_to(START + DAY)
        assert reached(desk, login) == {client["id"]}
        endings.end_due(desk.identity.runtime)
        assert reached(desk, login) == {client["id"]}
        assert desk.identity.audit("person.kind_ended") == []


def test_a_patient_until_a_certain_time_loses_the_portal_then(desk: Desk) -> None:
    admin = desk.identity.admin()
    with time_machine.travel(START, tick=False) as clock:
        person = until(desk, "patient", START + DAY, email="rose@example.org", postal_code="02139")
        whom = {"person_id": person["id"]}
        enable = patients_contract.enable_patient_access
        account_id = desk.identity.call(enable, admin, attests_email_is_private=True, **whom)["account_id"]
        clock.move_to(START + DAY - MINUTE)
        endings.end_due(desk.identity.runtime)
        assert desk.identity.call(patients_contract.get_patient_access, admin, **whom)["is_enabled"]
        assert profiles(desk, account_id) == [person["id"]]
        clock.move_to(START + DAY)
        assert profiles(desk, account_id) == []  # before any job has run
        endings.end_due(desk.identity.runtime)
        assert len(desk.identity.events(relationships.access_revoked)) == 1
        start(desk, person, "patient")
        assert not desk.identity.call(patients_contract.get_patient_access, admin, **whom)["is_enabled"]


def test_an_employee_until_a_certain_time_signs_in_until_then(desk: Desk) -> None:
    identity, admin = desk.identity, desk.identity.admin()
    with time_machine.travel(START, tick=False) as clock:
        person = an_employee(identity, admin, "1")
        an_account(identity, admin, person["id"], "portal_user")
        kind = {"person_id": person["id"], "kind": "employee"}
        identity.call(people_contract.end_person_kind, admin, **kind)
        identity.call(people_contract.start_person_kind, admin, **kind, ends_at=(START + DAY).isoformat())
        told = len(identity.events(accounts.account_disabled))
        clock.move_to(START + DAY - MINUTE)
        endings.end_due(identity.runtime)
        assert identity.log_in("e1@example.org", realm="employee")["token"]
        clock.move_to(START + DAY)
        endings.end_due(identity.runtime)
        with pytest.raises(Refused, match="credentials_refused"):
            identity.log_in("e1@example.org", realm="employee")
        assert len(identity.events(accounts.account_disabled)) == told + 1
