"""Who is told what concerns a person: by what each account may see at that moment."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.identity import accounts, family, realms, relationships
from services.contracts.identity import recipients as contract
from tests.integration.identity.conftest import Identity
from tests.integration.identity.employees import an_account, an_employee, relate
from tests.integration.identity.family import Desk
from tests.support.in_process import a_service


def told(identity: Identity, person_id: str, booked_by: str | None = None) -> tuple[set[str], set[str]]:
    """The accounts that are told: those of the person, and those of supervisors."""
    answer = asked(identity, contract.list_person_recipients, person_id=person_id, booked_by=booked_by)
    persons, supervisors = (
        {each["account_id"] for each in answer[name]} for name in ("persons", "supervisors")
    )
    return persons, supervisors


def asked(identity: Identity, operation: Any, **request: Any) -> Any:
    harbor = (identity.harbor.organisation_id, "harbor")
    return identity.call(operation, a_service("notifications", harbor), **request)


def test_an_employee_and_the_supervisors_of_now_are_told(identity: Identity) -> None:
    admin = identity.admin()
    one, chief, guest = (an_employee(identity, admin, number) for number in ("1001", "1002", "1003"))
    own = an_account(identity, admin, one["id"], "portal_user")["id"]
    above = an_account(identity, admin, chief["id"], "portal_user")["id"]
    kept_out = an_account(identity, admin, guest["id"])["id"]  # does not get into the portal
    supervision = relate(identity, admin, above, one["id"], "supervisor")
    relate(identity, admin, kept_out, one["id"], "supervisor")
    assert told(identity, one["id"]) == ({own}, {above})
    # A supervisor who has booked is a supervisor all the same.
    assert told(identity, one["id"], booked_by=above) == ({own}, {above})
    identity.call(relationships.end_relationship, admin, relationship_id=supervision["id"])
    assert told(identity, one["id"], booked_by=above) == ({own}, set())
    version = identity.call(accounts.get_account, admin, account_id=own)["version"]
    identity.call(accounts.disable_account, admin, account_id=own, version=version)
    assert told(identity, one["id"]) == (set(), set())


def test_an_account_that_has_not_accepted_its_invitation_counts_as_unverified(identity: Identity) -> None:
    desk = Desk(identity)
    client = desk.a_client()
    account_id = desk.grant(client)["account_id"]
    answer = asked(identity, contract.list_person_recipients, person_id=client["id"])
    assert answer["persons"] == [{"account_id": account_id, "email_is_verified": False}]


def test_who_looks_after_a_person_is_told_in_place_of_one_without_account(identity: Identity) -> None:
    desk = Desk(identity)
    client = desk.a_client()
    daughter, doctor, son = (desk.a_contact(client) for _ in range(3))
    sees = desk.grant(client, daughter, "family")["account_id"]
    other = desk.grant(client, son, "family")
    blind = desk.grant(client, doctor, "physician")["account_id"]
    assert blind not in told(identity, client["id"])[0]
    assert told(identity, client["id"]) == ({sees, other["account_id"]}, set())
    desk.call(family.remove_family_access, client_id=client["id"], person_id=son["id"], confirm=True)
    assert told(identity, client["id"], booked_by=other["account_id"]) == ({sees}, set())
    # Once the person has an account, of the others only who has booked is told, while the schedule is open to them.
    own = desk.grant(client)["account_id"]
    assert told(identity, client["id"]) == ({own}, set())
    assert told(identity, client["id"], booked_by=sees) == ({own, sees}, set())
    assert told(identity, client["id"], booked_by=blind) == ({own}, set())


def test_the_holders_of_a_role_of_the_staff_are_told(identity: Identity) -> None:
    roles = identity.call(realms.list_roles, identity.admin(), realm="staff")["items"]
    (role,) = [each for each in roles if each["code"] == "supervisor"]
    other, holder = identity.an_account(), identity.an_account("supervisor")
    answer = asked(identity, contract.list_role_recipients, role_id=role["id"])
    assert answer == {"recipients": [{"account_id": holder["id"], "email_is_verified": True}]}
    assert other["id"] not in str(answer)
    portal = identity.call(realms.list_roles, identity.admin(), realm="family")["items"][0]
    for nothing in (portal["id"], "0" * 32):
        with pytest.raises(Refused, match="not_found"):
            asked(identity, contract.list_role_recipients, role_id=nothing)
