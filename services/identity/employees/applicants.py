"""Applicants: people in the applicants' department, with a drafted account that cannot log in (S2-102)."""

from __future__ import annotations

import datetime
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


def register(
    unit: UnitOfWork,
    *,
    first_name: str,
    last_name: str,
    date_of_birth: datetime.date | None,
    email: str | None,
) -> dict[str, Any]:
    """Add an applicant with a drafted account. Applicants with the same name are two people until staff merge them."""
    person = add_person(
        unit,
        None,
        [APPLICANT],
        first_name=first_name,
        last_name=last_name,
        date_of_birth=date_of_birth,
        email=email,
    )
    department = entry_of(unit.session, str(unit.organisation_id), APPLICANT).applicant_department
    account_id = wire.new_id()
    account = Account(
        id=account_id,
        organisation_id=unit.organisation_id,
        realm=APPLICANT,
        login_space=login_space(APPLICANT),
        person_id=person.id,
        # Nobody logs in with this login. An address would be taken from an account that needs it.
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
