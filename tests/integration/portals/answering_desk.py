"""Portals with questionnaires, and the people who answer and read them; in process on real databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals import questionnaires
from services.contracts.portals import responses as contract
from tests.support.in_process import InProcess, a_caller
from tests.support.merged_people import MergedPeople
from tests.support.questionnaires import a_choice, a_published, an_item, asked_when

EDITOR = a_caller("questionnaire.manage")
STAFF = a_caller("questionnaire.read_answers", id="5" * 32)
SYSTEM = a_caller("observation.read", realm="api", id="6" * 32)
PERSON, COLLEAGUE = "1" * 32, "2" * 32
SEES = ["profile.view_forms"]


def somebody(
    number: str, *profiles: tuple[str, str], realm: str = "employee", own: str | None = None
) -> Caller:
    """Who has these roles over the profiles of these people."""
    held = [
        {"person_id": person, "role": role, "permissions": [] if role == "supervisor" else SEES}
        for person, role in profiles
    ]
    return a_caller(realm=realm, id=number * 32, scope={"person_id": own, "profiles": held})


WORKER = somebody("a", (PERSON, "employee"), own=PERSON)
OTHER_WORKER = somebody("b", (COLLEAGUE, "employee"), own=COLLEAGUE)
CHIEF = somebody("d", ("3" * 32, "employee"), (PERSON, "supervisor"), own="3" * 32)
OTHER_CHIEF = somebody("e", ("4" * 32, "employee"), (COLLEAGUE, "supervisor"), own="4" * 32)
ITEMS = (
    an_item(
        "you",
        "section",
        text="You",
        items=[an_item("name", is_required=True), an_item("age", "number", most=120)],
    ),
    an_item("smokes", "yes_no", observation={"code": "72166-2"}),
    an_item(
        "often",
        "number",
        is_required=True,
        conditions=asked_when("smokes", "true"),
        observation={"code": "8663-7"},
    ),
    a_choice("tools", "saw", "drill", kind="many_choice", is_open=True),
)


FLAGS = ("is_checked", "is_leaving", "file_for")


class Desk:
    """Portals, and shortcuts for what people do with questionnaires."""

    def __init__(self, portals: InProcess) -> None:
        self.portals = portals

    def __call__(self, operation: Any, caller: Caller = WORKER, **request: Any) -> Any:
        return self.portals.call(operation, caller, **request)

    def offers(
        self, *items: Any, portal: str = "employee", module: str = "questionnaire", **changes: Any
    ) -> str:
        made = a_published(self.portals, EDITOR, *(items or ITEMS), **changes)
        before = self(questionnaires.get_offered_questionnaires, EDITOR, portal=portal)
        kept = [{name: each[name] for name in ("questionnaire_id", "module")} for each in before["items"]]
        entry = {"questionnaire_id": made, "module": module, "document_type": "form", "chart_tab": "Forms"}
        request = {"portal": portal, "items": [*kept, entry], "version": before["version"]}
        self(questionnaires.offer_questionnaires, EDITOR, **request)
        return made

    def starts(self, questionnaire_id: str, caller: Caller = WORKER, **more: Any) -> Any:
        return self(contract.start_response, caller, questionnaire_id=questionnaire_id, **more)

    def saves(self, draft: Any, caller: Caller = WORKER, section: int | None = None, **answers: Any) -> Any:
        given = [
            {"item": item, **({"answers": value} if isinstance(value, list) else {"answer": value})}
            for item, value in answers.items()
            if item not in FLAGS
        ]
        flags = {name: answers[name] for name in FLAGS if name in answers}
        one = {"response_id": draft["id"], "version": draft["version"], "section": section}
        return self(contract.save_answers, caller, answers=given, **one, **flags)

    def sends(self, draft: Any, caller: Caller = WORKER) -> Any:
        return self(contract.submit_response, caller, response_id=draft["id"], version=draft["version"])

    def completes(self, questionnaire_id: str, caller: Caller = WORKER, **answers: Any) -> Any:
        draft = self.starts(questionnaire_id, caller)
        return self.sends(self.saves(draft, caller, **answers), caller)

    def refused(self, work: Any) -> Refused:
        with pytest.raises(Refused) as refused:
            work()
        return refused.value


def a_desk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    is_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/portals.db" if is_file else request.getfixturevalue("postgres_database")
    process = InProcess("portals", url, tmp_path)
    desk = Desk(process)
    people_named(desk)
    yield desk
    process.close()


def told(refusal: Refused) -> dict[str, str]:
    return {each["field"]: each["rule"] for each in refusal.more["errors"]}


def people_named(desk: Desk) -> None:
    desk.portals.answers |= {
        "identity.describe_person": MergedPeople({PERSON}).describe,
        "identity.describe_people": lambda asked: {
            "items": [
                {"person_id": each, "first_name": "Pat", "last_name": "Quill", "accounts": []}
                for each in asked["person_ids"]
            ]
        },
        "identity.describe_authors": lambda asked: {"organisation_name": "Harbor", "authors": []},
    }
