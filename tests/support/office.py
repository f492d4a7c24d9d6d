"""The console of somebody who looks after people, and what becomes of those who are let in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from deploy.client import Portico
from tests.support.console import Console
from tests.support.stack import HARBOR, RunningStack

ADMIN = f"admin@{HARBOR}.example.org"
PASSWORD = "lantern-orchid-quarry-7"
TEMPORARY = re.compile(r"temporary password[^:]*:\s*(\S+)", re.IGNORECASE)


@dataclass
class Office(Console):
    """The console of somebody who looks after people."""

    def person(self, last_name: str, *kinds: str, **members: Any) -> dict[str, Any]:
        given = {"first_name": "Ana", "last_name": last_name, "kinds": list(kinds), **members}
        made: dict[str, Any] = self.portico.admin.post("/v1/people", **given)
        return made

    def get(self, path: str) -> Any:
        return self.portico.admin.get(path)


def mails_with_temporary_password(portico: RunningStack, email: str, *other: str) -> str:
    """The temporary password of the newest invitation to this address that is none of the others."""

    def fits(mail: dict[str, Any]) -> bool:
        found = TEMPORARY.search(mail["text"])
        return found is not None and found[1] not in other

    found = TEMPORARY.search(portico.journey().await_mail(email, fits)["text"])
    assert found
    return found[1]


def in_portal(
    portico: RunningStack, realm: str, login: str, password: str, new_password: str | None = None
) -> None:
    """Sign in to a portal, where a password that others have set is replaced. Raises UnexpectedAnswer."""
    given = {"organisation": HARBOR, "realm": realm, "login": login, "password": password}
    Portico(portico.url).send(
        "POST", "/v1/sessions", json={**given, "new_password": new_password}, expect=201
    )


def first_sign_in(portico: RunningStack, email: str, temporary: str) -> None:
    """Sign in to the Family Portal with the temporary password, and set another."""
    in_portal(portico, "family", email, temporary, PASSWORD)
