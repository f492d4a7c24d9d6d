"""Builders of employees."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.identity import hr_feed as contract
from services.contracts.identity import people as people_contract
from services.contracts.identity import relationships
from services.identity.hr_feed import imports
from services.identity.models import Account
from services.identity.secrets.passwords import hash_password
from tests.integration.identity.conftest import PASSWORD, Identity

HEADER = (
    "employee_number,first_name,last_name,date_of_birth,email,home_phone,mobile_phone,department,"
    "manager_number,employer,is_active"
)


def a_line(number: str, *, manager: str = "", last_name: str = "Quill", **cells: str) -> str:
    """A row of the feed."""
    values = {
        "first_name": "Pat",
        "date_of_birth": "1990-12-31",
        "email": f"e{number}@example.org",
        "home_phone": "",
        "mobile_phone": "555-0100",
        "department": "Docks",
        "employer": "Harbor County",
        "is_active": "true",
    } | cells
    order = (
        "first_name",
        "",
        "date_of_birth",
        "email",
        "home_phone",
        "mobile_phone",
        "department",
        "*",
        "employer",
    )
    cells_in_order = [{"": last_name, "*": manager}.get(name) or values.get(name, "") for name in order]
    return ",".join([number, *cells_in_order, values["is_active"]])


def upload(
    identity: Identity, admin: Caller, *lines: str, content: bytes | None = None, file_format: str = "csv"
) -> Any:
    """The answer to an uploaded file of these rows."""
    data = content if content is not None else "\n".join([HEADER, *lines]).encode()
    document = identity.upload(data, admin.organisation_id or "")
    return identity.call(contract.upload_hr_feed, admin, document=document, format=file_format)


def upload_json(identity: Identity, admin: Caller, rows: list[dict[str, Any]]) -> Any:
    """As `upload`, as JSON."""
    return upload(identity, admin, content=json.dumps({"employees": rows}).encode(), file_format="json")


def take_in(identity: Identity, admin: Caller, *lines: str) -> Any:
    """Upload and apply a file. Returns the import after that."""
    answer = upload(identity, admin, *lines)
    identity.call(contract.apply_hr_import, admin, import_id=answer["id"], confirm=True)
    assert imports.work(identity.runtime)
    return identity.call(contract.get_hr_import, admin, import_id=answer["id"])


def person_of(identity: Identity, admin: Caller, number: str) -> dict[str, Any]:
    """The person that the feed has added with this number."""
    found = identity.call(people_contract.list_people, admin, number=number)["items"]
    return dict(identity.call(people_contract.get_person, admin, person_id=found[0]["id"]))


def an_employee(identity: Identity, admin: Caller, number: str) -> dict[str, Any]:
    """A person registered as an employee by hand."""
    return dict(
        identity.call(
            people_contract.create_person,
            admin,
            number=number,
            first_name="Robin",
            last_name="Quay",
            email=f"e{number}@example.org",
            kinds=["employee"],
        )
    )


def an_account(identity: Identity, admin: Caller, person_id: str, *kinds: str) -> dict[str, Any]:
    """An account of the Employee Portal that can log in, with these relationships beside Self."""
    account = identity.call(
        people_contract.create_person_account, admin, person_id=person_id, realm="employee", role="employee"
    )
    for kind in kinds:
        relate(identity, admin, account["id"], person_id, kind)
    activate(identity, account["id"])
    return dict(account)


def activate(identity: Identity, account_id: str) -> None:
    """Let the account log in with PASSWORD."""

    def work(session: Session) -> None:
        account = session.get_one(Account, account_id)
        account.password_hash, account.state = hash_password(PASSWORD), "active"

    identity.database.write(None, work)


def relate(identity: Identity, admin: Caller, account_id: str, person_id: str, kind: str) -> dict[str, Any]:
    """Relate an account to a person."""
    return dict(
        identity.call(
            relationships.set_account_relationship,
            admin,
            account_id=account_id,
            person_id=person_id,
            kind=kind,
        )
    )


def enter(identity: Identity, login: str, password: str = PASSWORD) -> Caller:
    """Log in to the Employee Portal. Returns the caller."""
    return identity.caller(identity.log_in(login, password, realm="employee")["token"])


def reach(caller: Caller) -> dict[str, str]:
    """The profiles that a caller reaches: person and role."""
    return {profile["person_id"]: profile["role"] for profile in caller.scope["profiles"]}
