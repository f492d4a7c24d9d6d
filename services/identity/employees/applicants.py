"""Applicants: a person with an account that is drafted and cannot log in, in the applicants' department (S2-102)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.identity import accounts as contract
from services.identity.employees.entry import entry_of
from services.identity.employees.models import Applicant
from services.identity.models import Account
from services.identity.realms.rules import APPLICANT, login_space
from services.identity.registry.accounts import account_view
from services.identity.registry.people import add_person
from services.identity.relationships.handlers import relate

Request = Mapping[str, Any]


def register(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Add an applicant with a drafted account. Two who have one name are two people until staff merge them."""
    members = {name: request[name] for name in ("first_name", "last_name", "date_of_birth", "email")}
    person = add_person(unit, None, [APPLICANT], **members)
    department = entry_of(unit.session, str(unit.organisation_id), APPLICANT).applicant_department
    account_id = wire.new_id()
    account = Account(
        id=account_id,
        organisation_id=unit.organisation_id,
        realm=APPLICANT,
        login_space=login_space(APPLICANT),
        person_id=person.id,
        # Nobody logs in with it: an address would be one that somebody else may need.
        login=f"applicant-{account_id}",
        email=person.email,
        first_name=person.first_name,
        last_name=person.last_name,
        state="disabled",
        created_at=unit.now,
        version=1,
        assignments=[],
    )
    unit.add(account)
    unit.add(Applicant(id=wire.new_id(), person_id=person.id, department=department, created_at=unit.now))
    unit.session.flush()
    relate(unit, account, person, "self", "account")
    unit.audit("account.drafted", "account", account.id, realm=APPLICANT, person_id=person.id)
    unit.publish(contract.account_created, account.id, {"account_id": account.id})
    return {"person_id": person.id, "department": department, "account": account_view(account)}
