"""A client with a family, and the staff who manage its access: builders for the tests of S1."""

from __future__ import annotations

import dataclasses
import itertools
import time
from typing import Any

from services.chassis.passports import Caller
from services.contracts.identity import credentials as contract
from services.contracts.identity import family
from services.contracts.identity import people as people_contract
from tests.integration.identity.conftest import Identity
from tests.support.in_process import a_caller, a_service

OWN_PASSWORD = "gentle copper harvest window"
MANAGE = "workflow.manage_family_portal_access"
_NUMBERS = itertools.count(1)


class Desk:
    """Identity, with a member of the staff who may manage people and their access."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.staff = self.somebody("person.read", "person.manage", MANAGE)

    def somebody(self, *permissions: str, organisation: str = "harbor") -> Caller:
        """A member of the staff with these permissions."""
        created = (
            self.identity.harbor if organisation == "harbor" else self.identity.an_organisation(organisation)
        )
        return a_caller(
            *permissions,
            organisation=(created.organisation_id, organisation),
            id="e" * 32,
            proven_at=int(time.time()),
        )

    def unproven(self) -> Caller:
        """The member of the staff, without a fresh proof."""
        return dataclasses.replace(self.staff, proven_at=0)

    def call(
        self, operation: Any, *, version: int | None = None, caller: Caller | None = None, **request: Any
    ) -> Any:
        return self.identity.call(operation, caller or self.staff, version=version, **request)

    def refused(self, operation: Any, *, caller: Caller | None = None, **request: Any) -> str:
        """The code of the refusal."""
        return self.identity.refused(operation, caller or self.staff, **request).code

    def a_person(self, *kinds: str, email: str | None = "", **members: Any) -> dict[str, Any]:
        """A person; by default with a unique e-mail."""
        number = next(_NUMBERS)
        address = f"kin{number}@example.org" if email == "" else email
        last_name = members.pop("last_name", "Quimby")
        return dict(
            self.call(
                people_contract.create_person,
                last_name=last_name,
                email=address,
                kinds=list(kinds),
                **members,
            )
        )

    def a_client(self, **members: Any) -> dict[str, Any]:
        return self.a_person("client", **members)

    def a_contact(self, client: dict[str, Any], relation: str = "daughter", **members: Any) -> dict[str, Any]:
        """A person who is a contact of this client."""
        person = self.a_person("contact", **members)
        self.add_contact(client, person, relation)
        return person

    def add_contact(self, client: dict[str, Any], person: dict[str, Any], relation: str = "daughter") -> Any:
        return self.call(
            family.add_client_contact,
            client_id=client["id"],
            contact_id=person["id"],
            relation=relation,
        )

    def contact(self, client: dict[str, Any], person: dict[str, Any], caller: Caller | None = None) -> Any:
        """The line of a contact in the client's list."""
        items = self.call(family.list_client_contacts, client_id=client["id"], caller=caller)["items"]
        (line,) = [item for item in items if item["contact_id"] == person["id"]]
        return line

    def form(self, client: dict[str, Any], person: dict[str, Any]) -> Any:
        return self.call(family.get_family_access_form, client_id=client["id"], person_id=person["id"])

    def grant(
        self, client: dict[str, Any], person: dict[str, Any] | None = None, role: str = "family", **more: Any
    ) -> Any:
        """Access of a person (or the client) to the client's profile."""
        person = person or client
        return self.call(
            family.add_family_access, client_id=client["id"], person_id=person["id"], role=role, **more
        )

    def manage(self, client: dict[str, Any], person: dict[str, Any] | None = None) -> Any:
        person = person or client
        return self.call(family.get_family_access, client_id=client["id"], person_id=person["id"])

    def invitations(self) -> list[dict[str, Any]]:
        """The data of events about invitations, oldest first."""
        return [event["data"] for event in self.identity.events(contract.account_invited)]

    def mint(self, invitation_id: str | None = None) -> Any:
        """The credential that notifications gets for this invitation, by default the last one."""
        harbor = (self.identity.harbor.organisation_id, "harbor")
        return self.identity.call(
            contract.mint_credential_link,
            a_service("notifications", harbor),
            invitation_id=invitation_id or self.invitations()[-1]["invitation_id"],
        )

    def sign_in(self, login: str, password: str = OWN_PASSWORD, realm: str = "family", **more: Any) -> Any:
        return self.identity.log_in(login, password, realm=realm, **more)

    def first_sign_in(self, login: str) -> Caller:
        """The account signs in with the temporary password of the last invitation and chooses a new one."""
        temporary = self.mint()["temporary_password"]
        return self.identity.caller(self.sign_in(login, temporary, new_password=OWN_PASSWORD)["token"])
