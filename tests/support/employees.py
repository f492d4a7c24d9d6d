"""Employees whose accounts a pick-up code has opened, for tests of pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deploy.client import Portico
from tests.support.stack import HARBOR, RunningStack

PASSWORD = "lantern-orchid-quarry-7"


@dataclass(frozen=True)
class Employee:
    """An employee of Harbor with the login of the account. `client` is signed in."""

    person_id: str
    login: str
    client: Portico

    def publish(self, admin: Portico, kind: str, **values: Any) -> None:
        """Show this to the employee in the portal."""
        admin.post(f"/v1/people/{self.person_id}/published-items", kind=kind, values=values)


def an_employee(portico: RunningStack, first_name: str, last_name: str) -> Employee:
    """A new employee; the password of the account is among those of the stack."""
    login = f"{first_name}.{last_name}@employees.example.org".lower()
    given = {"first_name": first_name, "last_name": last_name, "email": login, "kinds": ["employee"]}
    person_id = str(portico.admin.post("/v1/people", **given)["id"])
    code = portico.admin.post(f"/v1/people/{person_id}/pickup-codes")["code"]
    redeemed = {"organisation": HARBOR, "code": code, "login": login, "password": PASSWORD}
    Portico(portico.url).send("POST", "/v1/pickup-codes/redeem", 200, json=redeemed)
    portico.passwords[login] = PASSWORD
    session = {"organisation": HARBOR, "realm": "employee", "login": login, "password": PASSWORD}
    token = Portico(portico.url).send("POST", "/v1/sessions", 201, json=session)["token"]
    return Employee(person_id, login, Portico(portico.url, token))


def supervise(portico: RunningStack, chief: Employee, worker: Employee) -> None:
    """Let one employee supervise another."""
    accounts = portico.admin.get("/v1/accounts", realm="employee", limit=200)["items"]
    [account] = [each["id"] for each in accounts if each["login"] == chief.login]
    path = f"/v1/people/{worker.person_id}/relationships"
    portico.admin.post(path, account_id=account, kind="supervisor")
