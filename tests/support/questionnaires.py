"""Items and forms of questionnaires for tests."""

from __future__ import annotations

from typing import Any

from services.chassis.passports import Caller
from services.contracts.portals import questionnaires as contract
from services.portals.questionnaires import form as forms
from tests.support.in_process import InProcess


def an_item(name: str, kind: str = "text", **members: Any) -> dict[str, Any]:
    """An item as a client sends it."""
    return {"id": name, "kind": kind, "text": f"Question {name}?", **members}


def a_choice(name: str, *values: str, kind: str = "choice", **members: Any) -> dict[str, Any]:
    """An item with answers to choose from."""
    options = [{"value": value, "text": value.capitalize()} for value in values]
    return an_item(name, kind, options=options, **members)


def asked_when(name: str, value: str, operator: str = "=") -> list[dict[str, str]]:
    """The condition that an item is asked after this answer to another."""
    return [{"item": name, "operator": operator, "value": value}]


def a_form(*items: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A form with these items, as the service keeps it."""
    return {**forms.EMPTY, "items": forms.read_items(items), **members}


def a_published(
    service: InProcess, caller: Caller, *items: dict[str, Any], title: str = "Form", **changes: Any
) -> str:
    """The id of a questionnaire with these items that is published."""
    one = {"questionnaire_id": a_draft_of(service, caller, *items, title=title)}
    changed = service.call(contract.change_questionnaire, caller, version=2, title=title, **changes, **one)
    assert changed["problems"] == []
    service.call(contract.publish_questionnaire, caller, version=3, **one)
    return one["questionnaire_id"]


def a_draft_of(service: InProcess, caller: Caller, *items: dict[str, Any], title: str = "Form") -> str:
    """The id of a questionnaire with these items that is not published, in version 2."""
    draft = service.call(contract.create_questionnaire, caller, title=title)
    one = {"questionnaire_id": str(draft["id"])}
    wanted = list(items or [an_item("a")])
    service.call(contract.replace_questionnaire_items, caller, version=1, items=wanted, **one)
    return one["questionnaire_id"]
