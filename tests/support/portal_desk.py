"""Portals in this process with people and staff, a clock, and shortcuts for what they write to each other."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals import inbox, messages, portal_queue
from tests.support.in_process import InProcess, a_caller
from tests.support.merged_people import MergedPeople

START = datetime.datetime(2026, 3, 4, 12, tzinfo=datetime.UTC)
ANA, BEN, EVE = "1" * 32, "2" * 32, "3" * 32
NAMES = {ANA: ("Ana", "Vega"), BEN: ("Benno", "Ärzt"), EVE: ("Eve", "Quill")}
ACCOUNTS = {ANA: "a1" * 16, BEN: "b2" * 16}
STAFF = a_caller(messages.WORK, id="c" * 32)
OTHER_STAFF = a_caller(messages.WORK, id="d" * 32)


def a_person(person_id: str = ANA, realm: str = "patient", **more: Any) -> Caller:
    """Somebody who reads and writes in a portal about themselves."""
    profile = {
        "person_id": person_id,
        "role": "patient",
        "permissions": ["profile.send_messages", "profile.view_medications"],
    }
    scope = {"person_id": person_id, "profiles": [profile]} | more.pop("scope", {})
    return a_caller(realm=realm, id=more.pop("id", ACCOUNTS.get(person_id, "e" * 32)), scope=scope, **more)


class PortalDesk:
    """Portals with a clock. Ana and Ben have an account of the Patient Portal, Eve has none."""

    def __init__(self, portals: InProcess, clock: Any = None) -> None:
        self.portals, self.clock = portals, clock
        self.realm = "patient"  # of the accounts
        self.people = MergedPeople(set(NAMES))
        self.workers = {STAFF.id, OTHER_STAFF.id}
        portals.answers |= {
            "identity.describe_person": self.people.describe,
            "identity.describe_people": self._people,
            "identity.describe_authors": self._authors,
            "identity.check_permission": lambda asked: {"is_allowed": asked["account_id"] in self.workers},
        }

    def _people(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        found = [each for each in asked["person_ids"] if each in NAMES]
        return {
            "items": [
                {
                    "person_id": each,
                    "first_name": NAMES[each][0],
                    "last_name": NAMES[each][1],
                    "accounts": [{"account_id": ACCOUNTS[each], "realm": self.realm}]
                    if each in ACCOUNTS
                    else [],
                }
                for each in found
            ]
        }

    def _authors(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        named = {STAFF.id: "Sam F.", OTHER_STAFF.id: "Kim L."}
        authors = [{"id": each, "name": named[each]} for each in asked["account_ids"] if each in named]
        return {"organisation_name": "Harbor", "authors": authors}

    def __call__(self, operation: Any, caller: Caller = STAFF, **request: Any) -> Any:
        return self.portals.call(operation, caller, **request)

    def send(self, caller: Caller | None = None, text: str = "I need more of it.", **more: Any) -> Any:
        """A person writes; the item that the queue has for it."""
        request = {"portal": "patient", "type": "refill_request"} | more
        thread = self(inbox.send_my_message, caller or a_person(), text=text, **request)
        found = self(portal_queue.list_queue, order="newest", limit=200)["items"]
        wanted = [each for each in found if self.item(each)["messages"]]
        return next(each for each in wanted if self.item(each)["messages"][0]["thread_id"] == thread["id"])

    def item(self, item: Any, caller: Caller = STAFF) -> Any:
        return self(portal_queue.get_queue_item, caller, item_id=item["id"])

    def change(self, operation: Any, item: Any, caller: Caller = STAFF, **request: Any) -> Any:
        """A change of an item in the version in which it is given."""
        return self(operation, caller, item_id=item["id"], version=item["version"], **request)

    def answer(self, item: Any, text: str = "It is ready.", caller: Caller = STAFF, **more: Any) -> Any:
        return self.change(portal_queue.answer_queue_item, item, caller, text=text, **more)

    def dismiss(self, item: Any, outcome: str = "completed", caller: Caller = STAFF, **more: Any) -> Any:
        return self.change(portal_queue.dismiss_queue_item, item, caller, outcome=outcome, **more)

    def queue(self, caller: Caller = STAFF, **filters: Any) -> list[str]:
        return [each["id"] for each in self(portal_queue.list_queue, caller, **filters)["items"]]

    def archive(self, **filters: Any) -> list[str]:
        return [each["id"] for each in self(portal_queue.search_archive, **filters)["items"]]

    def steps(self, item: Any) -> list[str]:
        return [each["step"] for each in self.item(item)["steps"]]

    def events(self, event: Any) -> list[Any]:
        return [each["data"] for each in self.portals.events(event)]

    def refused(self, call: Any) -> tuple[str, str | None]:
        """The code and the field of the refusal that this call ends with."""
        try:
            call()
        except Refused as refusal:
            return refusal.code, refusal.field
        raise AssertionError("it was not refused")
