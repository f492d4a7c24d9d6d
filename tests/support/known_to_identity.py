"""What identity answers to another service that asks about an account, a person or a role, where identity does not run."""

from __future__ import annotations

from typing import Any

from services.contracts.errors import Refused
from services.contracts.identity import accounts as accounts_contract
from services.contracts.identity import merging, passports, recipients
from services.contracts.identity import people as people_contract
from tests.support.in_process import BAYSIDE, HARBOR, InProcess
from tests.support.merged_people import MergedPeople
from tests.support.two_organisations import own_person

IDS = {"harbor": HARBOR, "bayside": BAYSIDE}
ACCOUNTS = {"harbor": "5" * 32, "bayside": "6" * 32}
PEOPLE = {"harbor": "7" * 32, "bayside": "8" * 32}


def knows_role(service: InProcess, ids: list[str]) -> None:
    """Identity's answers about roles, to a service within an organisation that has these."""

    def list_role_recipients(request: Any) -> Any:
        if request["role_id"] not in ids:
            raise Refused("not_found", "There is no such role of the staff.")
        return {"recipients": []}

    service.answers[recipients.list_role_recipients.address] = list_role_recipients


def knows_account(service: InProcess, key: str) -> None:
    """Identity's answers about accounts, to a service within this organisation."""

    def describe_account(request: Any) -> Any:
        if request["account_id"] != ACCOUNTS[key]:
            raise Refused("not_found", "There is no such account.")
        return {
            "account_id": ACCOUNTS[key],
            "first_name": None,
            "last_name": None,
            "email": f"somebody@{key}.example.org",
            "email_is_verified": True,
            "realm": "provider",
            "person_id": None,
            "state": "active",
            "can_sign": True,
            "organisation_name": f"{key} County",
            "features": ["electronic_signature"],
        }

    service.answers[accounts_contract.describe_account.address] = describe_account
    service.answers[passports.check_permission.address] = lambda request: {
        "is_allowed": request["account_id"] == ACCOUNTS[key]
    }


def knows_person(service: InProcess, key: str) -> None:
    """Identity's answers about people, to a service within this organisation."""
    people = MergedPeople({own_person(key)})
    service.answers[merging.describe_person.address] = people.describe

    def describe_people(request: Any) -> Any:
        accounts = [{"account_id": ACCOUNTS[key], "realm": "family"}]
        named = {"first_name": "Ana", "last_name": f"Vega of {key}", "accounts": accounts}
        known = [each for each in request["person_ids"] if each == own_person(key)]
        return {"items": [{"person_id": each, **named} for each in known]}

    service.answers[people_contract.describe_people.address] = describe_people
    service.answers[people_contract.describe_own_settings.address] = lambda _: {
        **dict.fromkeys(people_contract.OWN_SETTINGS),
        "editable_fields": ["home_phone"],
        "changes_are_requests": True,
        "sources": {},
    }
    service.answers[people_contract.accept_own_settings.address] = lambda request: {
        "person_id": request["person_id"]
    }
