"""Questions to identity about people and about the authors of something. Never asked inside a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.chassis.logs import log
from services.chassis.operations import Call
from services.contracts.errors import Refused
from services.contracts.identity import accounts, merging, passports, people
from services.contracts.ids import plain_id

_MOST_ASKED = 200


@dataclass(frozen=True)
class Addressee:
    """A person by name. `accounts` are pairs of id and realm of the accounts of portals that the person can sign in to."""

    person_id: str
    first_name: str | None
    last_name: str
    accounts: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The name as lists show it: "Vega, Ana"."""
        return ", ".join(filter(None, (self.last_name, self.first_name)))


def addressee(call: Call, person_id: str) -> Addressee:
    """The person for whom this id stands now. Raises Refused `not_found`."""
    current_id = call.ask(merging.describe_person, {"person_id": person_id})["person_id"]
    found = call.ask(people.describe_people, {"person_ids": [current_id]})["items"]
    if not found:
        raise Refused("not_found", "There is no such person.", field="person_id")
    (known,) = found
    reached = tuple((each["account_id"], each["realm"]) for each in known["accounts"])
    return Addressee(known["person_id"], known["first_name"], known["last_name"], reached)


def require_people(call: Call, person_ids: list[str]) -> None:
    """Raises Refused `not_found` unless all of these at most 200 people exist."""
    found = call.ask(people.describe_people, {"person_ids": person_ids})["items"]
    if {each["person_id"] for each in found} != set(person_ids):
        raise Refused("not_found", "There is no such person.", field="person_ids")


def require_worker(call: Call, account_id: str, permission: str, field: str = "account_id") -> None:
    """Raises Refused `not_found` unless this account of the organisation may do the work now."""
    answer = call.ask(passports.check_permission, {"account_id": account_id, "permission": permission})
    if not answer["is_allowed"]:
        raise Refused(
            "not_found", "There is nobody with this account who may work on the queue.", field=field
        )


def add_person_names(call: Call, things: Iterable[dict[str, Any]]) -> None:
    """Set `person_name` of each of these dumped replies: the name of the person there, None where it is unknown."""
    shown = list(things)
    wanted = sorted({each["person_id"] for each in shown})
    names: dict[str, str] = {}
    try:
        for start in range(0, len(wanted), _MOST_ASKED):
            question = {"person_ids": wanted[start : start + _MOST_ASKED]}
            for each in call.ask(people.describe_people, question)["items"]:
                names[each["person_id"]] = ", ".join(filter(None, (each["last_name"], each["first_name"])))
    except Refused as refusal:
        # A list without names is better than none.
        log.warning("people_without_names", reason=refusal.code)
    for each in shown:
        each["person_name"] = names.get(each["person_id"])


def add_names(call: Call, **things: Iterable[dict[str, Any]]) -> None:
    """Add `<member>_name` to dumped replies, given by member: the name of the account there, None where it is unknown."""
    shown = [(member, each) for member, those in things.items() for each in those]
    names = _names(call, {each[member] for member, each in shown})
    for member, each in shown:
        each[f"{member}_name"] = names.get(each[member])


def _names(call: Call, account_ids: Iterable[str | None]) -> Mapping[str | None, str | None]:
    wanted = sorted(each for each in account_ids if each and plain_id(each))
    names: dict[str | None, str | None] = {}
    try:
        for start in range(0, len(wanted), _MOST_ASKED):
            question = {"account_ids": wanted[start : start + _MOST_ASKED]}
            answer = call.ask(accounts.describe_authors, question)
            names |= {each["id"]: each["name"] for each in answer["authors"]}
    except Refused as refusal:
        # A list without names is better than none.
        log.warning("authors_without_names", reason=refusal.code)
    return names
