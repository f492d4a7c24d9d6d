"""Questionnaires as staff keep them: drafts, published versions, FHIR, picklists; in process on real databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.portals import configuration, drafts
from services.contracts.portals import questionnaires as contract
from tests.support.in_process import BAYSIDE, InProcess, a_caller
from tests.support.questionnaires import a_choice, a_published, an_item, asked_when

STAFF = a_caller("questionnaire.manage", id="5" * 32)
OF_OTHERS = a_caller("questionnaire.manage", organisation=BAYSIDE)


@pytest.fixture(params=["sqlite", "postgresql"])
def portals(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[InProcess]:
    is_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/portals.db" if is_file else request.getfixturevalue("postgres_database")
    process = InProcess("portals", url, tmp_path)
    yield process
    process.close()


def made(portals: InProcess, *items: Any, title: str = "Respirator") -> Any:
    """A draft with these items."""
    draft = portals.call(contract.create_questionnaire, STAFF, title=title)
    return on(portals, contract.replace_questionnaire_items, draft, items=list(items or [an_item("a")]))


def on(portals: InProcess, operation: Any, draft: Any, **request: Any) -> Any:
    return portals.call(operation, STAFF, questionnaire_id=draft["id"], version=draft["version"], **request)


def refusal(work: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        work()
    return refused.value


@pytest.mark.seed("S2-4")
def test_a_draft_is_built_item_by_item_and_published_as_a_version_that_never_changes(
    portals: InProcess,
) -> None:
    draft = portals.call(contract.create_questionnaire, STAFF, title="Injury")
    assert (draft["state"], draft["problems"][0]["path"]) == ("draft", "items")
    draft = on(portals, contract.add_questionnaire_item, draft, kind="section", text="You")
    draft = on(portals, contract.add_questionnaire_item, draft, kind="yes_no", text="Hurt?", parent="q1")
    draft = on(
        portals, contract.add_questionnaire_item, draft, kind="text", text="Where?", parent="q1",
        conditions=asked_when("q2", "true"),
    )  # fmt: skip
    assert [row["id"] for row in draft["flat"]] == ["q1", "q2", "q3"]
    assert draft["problems"] == []
    draft = on(portals, contract.move_questionnaire_item, draft, item="q3", direction="up")
    assert [each["path"] for each in draft["problems"]] == ["items.0.items.0.conditions.0.item"]
    told = refusal(lambda: on(portals, contract.publish_questionnaire, draft))
    assert (told.code, told.field) == ("invalid_request", "items.0.items.0.conditions.0.item")
    draft = on(portals, contract.move_questionnaire_item, draft, item="q3", direction="down")
    draft = on(portals, contract.publish_questionnaire, draft)
    assert (draft["state"], draft["published_version"], draft["has_changes"]) == ("published", 1, False)
    assert (
        refusal(lambda: on(portals, contract.publish_questionnaire, draft)).code == "questionnaire_unchanged"
    )
    first = portals.call(contract.get_questionnaire_version, STAFF, questionnaire_id=draft["id"], number=1)
    draft = on(
        portals, contract.change_questionnaire_item, draft, item="q2", kind="yes_no", text="Were you hurt?"
    )
    draft = on(portals, contract.remove_questionnaire_item, draft, item="q3")
    draft = on(portals, contract.publish_questionnaire, draft)
    again = portals.call(contract.get_questionnaire_version, STAFF, questionnaire_id=draft["id"], number=1)
    assert again == first
    second = portals.call(contract.get_questionnaire_version, STAFF, questionnaire_id=draft["id"], number=2)
    assert [item["text"] for item in second["items"][0]["items"]] == ["Were you hurt?"]
    assert [each["data"]["number"] for each in portals.events(contract.questionnaire_published)] == [1, 2]
    for number in (3, 99):
        asked = {"questionnaire_id": draft["id"], "number": number}
        assert (
            refusal(lambda asked=asked: portals.call(contract.get_questionnaire_version, STAFF, **asked)).code
            == "not_found"
        )


def test_two_editors_at_once_lose_nothing(portals: InProcess) -> None:
    draft = made(portals)
    on(portals, contract.change_questionnaire, draft, title="Of the first")
    late = refusal(lambda: on(portals, contract.change_questionnaire, draft, title="Of the second"))
    assert late.code == "version_conflict"
    assert (
        portals.call(contract.get_questionnaire, STAFF, questionnaire_id=draft["id"])["title"]
        == "Of the first"
    )


def test_what_holds_for_the_whole_changes_as_it_is_given(portals: InProcess) -> None:
    other, draft = made(portals, title="For supervisors"), made(portals)
    given = {
        "instructions": "Read it.",
        "variants": [{"code": "us-ca", "name": "California"}],
        "needs_supervisor_review": True,
        "supervisor_orders": [other["id"]],
        "notices": [{"item": "a", "operator": "exists", "value": "true", "department": "safety"}],
    }
    changed = on(portals, contract.change_questionnaire, draft, **given)
    assert {name: changed[name] for name in given} == given
    assert on(portals, contract.change_questionnaire, changed, title="New")["notices"] == given["notices"]
    unknown = {"supervisor_orders": [other["id"], "9" * 32]}
    told = refusal(
        lambda: portals.call(
            contract.change_questionnaire,
            STAFF,
            questionnaire_id=draft["id"],
            version=changed["version"] + 1,
            **unknown,
        )
    )
    assert (told.code, told.field) == ("questionnaire_not_found", "supervisor_orders.1")


def test_a_retired_questionnaire_is_no_longer_offered_or_edited(portals: InProcess) -> None:
    draft = on(portals, contract.publish_questionnaire, made(portals))
    entry = {
        "questionnaire_id": draft["id"],
        "order_item": "Pre-placement",
        "document_type": "form",
        "chart_tab": "Forms",
    }
    offered = portals.call(contract.offer_questionnaires, STAFF, portal="applicant", items=[entry], version=1)
    assert offered["items"] == [{**entry, "module": "questionnaire", "title": "Respirator"}]
    late = refusal(
        lambda: portals.call(contract.offer_questionnaires, STAFF, portal="applicant", items=[], version=1)
    )
    assert late.code == "version_conflict"
    retired = on(portals, contract.retire_questionnaire, draft)
    assert retired["state"] == "retired"
    assert portals.call(contract.get_offered_questionnaires, STAFF, portal="applicant")["items"] == []
    assert (
        refusal(lambda: on(portals, contract.change_questionnaire, retired, title="x")).code
        == "questionnaire_retired"
    )
    assert len(portals.events(contract.questionnaire_retired)) == 1
    states = {
        state: len(portals.call(contract.list_questionnaires, STAFF, state=state)["items"])
        for state in contract.STATES
    }
    assert states == {"draft": 0, "published": 0, "retired": 1}


@pytest.mark.seed("S2-108", "S2-109")
def test_a_picklist_takes_what_is_published_and_each_once(portals: InProcess) -> None:
    draft, ready = made(portals), on(portals, contract.publish_questionnaire, made(portals))

    def offer(*ids: str, caller: Any = STAFF, portal: str = "applicant", version: int = 1) -> Any:
        entries = [{"questionnaire_id": each} for each in ids]
        return portals.call(
            contract.offer_questionnaires, caller, portal=portal, items=entries, version=version
        )

    told = refusal(lambda: offer(ready["id"], draft["id"]))
    assert (told.code, told.field) == ("questionnaire_not_published", "items.1.questionnaire_id")
    told = refusal(lambda: offer("9" * 32))
    assert (told.code, told.field) == ("questionnaire_not_found", "items.0.questionnaire_id")
    assert refusal(lambda: offer(ready["id"], caller=OF_OTHERS)).code == "questionnaire_not_found"
    assert refusal(lambda: offer(ready["id"], ready["id"])).code == "invalid_request"
    assert refusal(lambda: offer(ready["id"], portal="nowhere")).code == "not_found"
    assert [each["questionnaire_id"] for each in offer(ready["id"])["items"]] == [ready["id"]]
    # Each portal of each organisation has a picklist of its own.
    for caller, portal in ((STAFF, "employee"), (OF_OTHERS, "applicant")):
        assert portals.call(contract.get_offered_questionnaires, caller, portal=portal)["items"] == []


def test_a_fhir_questionnaire_becomes_a_draft_and_comes_back(portals: InProcess) -> None:
    item = {"linkId": "1", "type": "string", "text": "Name", "initial": [{"valueString": "x"}]}
    resource = {"resourceType": "Questionnaire", "status": "active", "title": "Intake", "item": [item]}
    reply = portals.call(contract.import_questionnaire, STAFF, resource=resource)
    assert [each["path"] for each in reply["not_supported"]] == ["resource.item.0.initial"]
    draft = reply["questionnaire"]
    exported = portals.call(contract.export_questionnaire, STAFF, questionnaire_id=draft["id"])["resource"]
    assert (exported["item"], exported["status"], exported["title"]) == ([item], "draft", "Intake")
    on(portals, contract.publish_questionnaire, draft)
    again = portals.call(contract.export_questionnaire, STAFF, questionnaire_id=draft["id"], number=1)[
        "resource"
    ]
    assert (again["status"], again["version"]) == ("active", "1")
    too_much = {**resource, "copyright": "x" * 400_000}
    assert (
        "kB" in refusal(lambda: portals.call(contract.import_questionnaire, STAFF, resource=too_much)).detail
    )


def test_lists_come_in_pages_and_show_the_own_organisation_alone(portals: InProcess) -> None:
    titles = [made(portals, a_choice("c", "x"), title=f"Form {number}")["title"] for number in range(3)]
    found, after = [], None
    while True:
        page = portals.call(contract.list_questionnaires, STAFF, limit=2, after=after)
        found += [each["title"] for each in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert found == titles[::-1]
    assert portals.call(contract.list_questionnaires, OF_OTHERS)["items"] == []
    for caller in (a_caller(), a_caller("questionnaire.manage", realm="employee")):
        assert (
            refusal(lambda caller=caller: portals.call(contract.list_questionnaires, caller)).code
            == "forbidden"
        )


def test_a_form_that_is_too_much_for_every_answer_is_refused(portals: InProcess) -> None:
    many = [an_item("q0"), *[an_item(f"q{n}", conditions=asked_when("q0", "x") * 20) for n in range(1, 52)]]
    told = refusal(lambda: made(portals, *many))
    assert (told.code, told.field) == ("invalid_request", "items")
    draft = made(portals, *many[:51])
    one = {"kind": "text", "text": "More?", "conditions": asked_when("q0", "x")}
    assert refusal(lambda: on(portals, contract.add_questionnaire_item, draft, **one)).field == "items"
    said = [{"linkId": "q0", "type": "string", "text": "t"}]
    when = [{"question": "q0", "operator": "=", "answerString": "x"}] * 20
    said += [{**said[0], "linkId": f"q{n}", "enableWhen": when} for n in range(1, 52)]
    resource = {"resourceType": "Questionnaire", "item": said}
    assert (
        refusal(lambda: portals.call(contract.import_questionnaire, STAFF, resource=resource)).field
        == "items"
    )


def test_what_a_portal_offers_without_the_module_that_leads_to_it_is_told(portals: InProcess) -> None:
    draft = on(portals, contract.publish_questionnaire, made(portals))

    def offered(portal: str, module: str) -> list[str]:
        now = portals.call(contract.get_offered_questionnaires, STAFF, portal=portal)["version"]
        items = [{"questionnaire_id": draft["id"], "module": module}]
        told = portals.call(contract.offer_questionnaires, STAFF, portal=portal, version=now, items=items)
        assert portals.call(contract.get_offered_questionnaires, STAFF, portal=portal) == told
        return [each["code"] for each in told["missing_modules"]]

    # A patient portal has its first modules from the start, and this is none of them.
    assert offered("patient", "questionnaire") == ["questionnaire"]
    configurer = a_caller("portal.configure", id="6" * 32)
    now = portals.call(configuration.get_portal_content, configurer, portal="patient")["version"]
    modules = [{"code": "questionnaire"}]
    portals.call(
        configuration.change_portal_content, configurer, portal="patient", version=now, modules=modules
    )
    assert offered("patient", "questionnaire") == []
    # Applicants need no module, and supervisors find what is offered without one.
    assert offered("applicant", "questionnaire") == offered("supervisor", "questionnaire") == []


@pytest.mark.seed("S2-64", "S2-81")
def test_a_draft_warns_of_questionnaires_that_nobody_is_asked(portals: InProcess) -> None:
    asked, other = (a_published(portals, STAFF) for _ in range(2))
    configurer = a_caller("portal.configure", id="6" * 32)
    entry = {"portal": "patient", "version": 1, "items": [{"questionnaire_id": asked}]}
    told = portals.call(contract.offer_questionnaires, STAFF, **entry)
    assert [each["code"] for each in told["missing_modules"]] == ["questionnaire"]
    chosen = (asked, other, None, None)
    modules = [{"code": "questionnaire", "questionnaire_id": each} for each in chosen]
    links = [{"title": "Ask", "kind": "questionnaire", "questionnaire_id": other}]
    draft = portals.call(
        drafts.change_portal_draft, configurer, portal="patient", version=1, modules=modules,
        resources=[{"title": "Forms", "links": links}],
    )  # fmt: skip
    assert [each["path"] for each in draft["warnings"]] == [
        "modules.3.questionnaire_id",
        "modules.1.questionnaire_id",
        "resources.0.links.0.questionnaire_id",
    ]

    def missing(*own: str) -> list[str]:
        now = portals.call(configuration.get_portal_content, configurer, portal="patient")["version"]
        given = [{"code": "questionnaire", "questionnaire_id": each} for each in own]
        portals.call(
            configuration.change_portal_content, configurer, portal="patient", version=now, modules=given
        )
        offered = portals.call(contract.get_offered_questionnaires, STAFF, portal="patient")
        return [each["code"] for each in offered["missing_modules"]]

    assert missing(other) == ["questionnaire"], "nothing leads to the one that is asked"
    assert missing(asked) == []
