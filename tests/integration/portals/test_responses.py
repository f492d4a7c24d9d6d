"""Answers to questionnaires: drafts, sending, observations, reviews, orders, notices; in process on real databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from services.chassis import wire
from services.contracts.errors import Refused
from services.contracts.portals import message_types, portal_queue, questionnaires
from services.contracts.portals import responses as contract
from services.portals.questionnaires import answering
from services.portals.responses.answers import require_room
from tests.integration.portals.answering_desk import (
    CHIEF,
    COLLEAGUE,
    EDITOR,
    OTHER_CHIEF,
    OTHER_WORKER,
    PERSON,
    STAFF,
    SYSTEM,
    WORKER,
    Desk,
    a_desk,
    somebody,
    told,
)
from tests.support.at_once import at_once
from tests.support.in_process import BAYSIDE, InProcess, a_caller
from tests.support.merged_people import MergedPeople
from tests.support.questionnaires import a_published, an_item

desk = pytest.fixture(a_desk, params=["sqlite", "postgresql"])


def test_a_draft_stays_on_the_server_section_by_section_until_it_is_sent(desk: Desk) -> None:
    form = desk.offers()
    [offered] = desk(contract.list_my_questionnaires)["items"]
    assert (offered["questionnaire_id"], offered["draft_id"], offered["portal"]) == (form, None, "employee")
    draft = desk.starts(form)
    assert (draft["state"], draft["goes_on_to"], [each["title"] for each in draft["steps"]]) == (
        "draft",
        "sections/1",
        ["You", None],
    )
    draft = desk.saves(draft, section=1, name="Pat", is_checked=True)
    assert draft["goes_on_to"] == "sections/2"
    # The browser was closed: the same draft is gone on with, with its answers.
    assert desk(contract.list_my_questionnaires)["items"][0]["draft_id"] == draft["id"]
    again = desk.starts(form)
    assert (again["id"], again["version"]) == (draft["id"], draft["version"])
    shown = desk(contract.get_my_response, response_id=draft["id"], section=1)["step"]
    assert [(item["id"], item["answer"]) for item in shown["items"]] == [("name", "Pat"), ("age", None)]
    # More is asked in the same section after this answer, so it comes again.
    draft = desk.saves(draft, section=2, smokes="yes", tools=["saw", "axe"], is_checked=True)
    assert draft["goes_on_to"] == "sections/2"
    draft = desk.saves(draft, section=2, often="10", is_checked=True)
    assert (draft["goes_on_to"], draft["problems"]) == ("review", [])
    sent = desk.sends(draft)
    assert (sent["state"], sent["needs_review"], sent["steps"]) == ("submitted", False, [])
    assert [(each["item"], each["answer"]) for each in sent["shown"]] == [
        ("you", None), ("name", "Pat"), ("smokes", True), ("often", 10), ("tools", "Saw, axe"),
    ]  # fmt: skip
    for late in (lambda: desk.sends(sent), lambda: desk.saves(sent, name="X"), lambda: _discards(desk, sent)):
        assert desk.refused(late).code == "response_submitted"
    assert desk.starts(form)["id"] != sent["id"]


def _discards(desk: Desk, draft: Any) -> Any:
    return desk(contract.discard_response, response_id=draft["id"], version=draft["version"])


def test_every_problem_is_told_beside_its_field_and_wrong_answers_can_be_left_for_later(desk: Desk) -> None:
    draft = desk.starts(desk.offers())
    refusal = desk.refused(lambda: desk.saves(draft, section=1, name="", age="old", is_checked=True))
    assert set(told(refusal)) == {"answers.0.answer", "answers.1.answer"}
    missing = desk.refused(lambda: desk.saves(draft, section=1, age="40", is_checked=True))
    assert set(told(missing)) == {"answers.name"}
    draft = desk.saves(draft, section=1, age="old", is_leaving=True)
    assert draft["goes_on_to"] == "saved"
    assert [(each["item"], each["section"]) for each in draft["problems"]] == [("name", 1), ("age", 1)]
    draft = desk.saves(draft, section=2, smokes="yes")
    assert set(told(desk.refused(lambda: desk.sends(draft)))) == {
        "answers.name",
        "answers.age",
        "answers.often",
    }
    unknown = desk.refused(lambda: desk.saves(draft, made_up="1", you="2"))
    assert set(told(unknown)) == {"answers.0.item", "answers.1.item"}
    late = desk.refused(lambda: desk.saves({**draft, "version": 1}, name="x"))
    assert late.code == "version_conflict"
    draft = desk.saves(draft, age="", name="Pat", smokes="no")
    assert desk.sends(draft)["state"] == "submitted"


def test_a_draft_can_be_thrown_away_and_begun_anew(desk: Desk) -> None:
    form = desk.offers()
    draft = desk.saves(desk.starts(form), name="Pat")
    _discards(desk, draft)
    assert desk.refused(lambda: desk(contract.get_my_response, response_id=draft["id"])).code == "not_found"
    fresh = desk.starts(form)
    assert fresh["id"] != draft["id"]
    assert fresh["problems"] != []


@pytest.mark.seed("S2-25")
def test_an_injury_report_asks_what_the_state_asks(desk: Desk) -> None:
    variants = [{"code": "us-ca", "name": "California"}, {"code": "us-wa", "name": "Washington"}]
    items = [
        an_item("what", is_required=True),
        an_item("dwc", is_required=True, jurisdictions=["us-ca"]),
        an_item("lni", is_required=True, jurisdictions=["us-wa"]),
        an_item("rest", jurisdictions=["other"]),
    ]
    form = desk.offers(*items, module="report_injury", variants=variants)
    assert desk(contract.list_my_questionnaires)["items"][0]["module"] == "report_injury"
    for nowhere in (None, "us-tx"):
        refusal = desk.refused(lambda nowhere=nowhere: desk.starts(form, jurisdiction=nowhere))
        assert refusal.field == "jurisdiction"
        assert "California, Washington, or somewhere else" in told(refusal)["jurisdiction"]
        assert "us-" not in told(refusal)["jurisdiction"]
    for state, asked in (("us-ca", ["what", "dwc"]), ("us-wa", ["what", "lni"]), ("other", ["what", "rest"])):
        draft = desk.starts(form, jurisdiction=state)
        step = desk(contract.get_my_response, response_id=draft["id"], section=1)["step"]
        assert [item["id"] for item in step["items"]] == asked
        draft = desk.saves(draft, what="Cut", lni="L", dwc="D")
        assert desk.sends(draft)["jurisdiction"] == state
    assert desk.starts(desk.offers(an_item("x")), jurisdiction="us-ca")["jurisdiction"] is None


@pytest.mark.seed("S2-13", "S2-107")
def test_sending_tells_ids_and_a_system_with_the_scope_reads_what_is_stored(desk: Desk) -> None:
    form = desk.offers()
    draft = desk.starts(form)
    for caller in (SYSTEM,):
        assert (
            desk.refused(
                lambda caller=caller: desk(contract.get_observations, caller, response_id=draft["id"])
            ).code
            == "not_found"
        )
    assert desk.portals.events(contract.questionnaire_completed) == []
    sent = desk.sends(desk.saves(draft, name="Patricia", smokes="yes", often=12, tools=["saw"]))
    [event] = desk.portals.events(contract.questionnaire_completed)
    assert event["data"] == {
        "response_id": sent["id"], "questionnaire_id": form, "questionnaire_version": 1, "person_id": PERSON,
    }  # fmt: skip
    stored = desk(contract.get_observations, SYSTEM, response_id=event["data"]["response_id"])
    assert [(each["code"], each["value"]) for each in stored["items"]] == [("72166-2", True), ("8663-7", 12)]
    assert stored["person_id"] == PERSON
    [row] = desk.portals.audit("observations.read")
    assert (row.actor_kind, row.person_id) == ("api_client", PERSON)
    for stranger in (STAFF, a_caller(realm="api"), WORKER):
        refusal = desk.refused(
            lambda stranger=stranger: desk(contract.get_observations, stranger, response_id=sent["id"])
        )
        assert refusal.code == "forbidden"
    others = a_caller("observation.read", realm="api", organisation=BAYSIDE)
    assert (
        desk.refused(lambda: desk(contract.get_observations, others, response_id=sent["id"])).code
        == "not_found"
    )
    everything = str(desk.portals.events()) + str([row.facts for row in desk.portals.audit()])
    assert "Patricia" not in everything


def test_staff_read_what_was_sent_and_each_look_is_audited(desk: Desk) -> None:
    form = desk.offers()
    sent = desk.completes(form, name="Pat")
    desk.starts(form)
    [row] = desk(contract.list_responses, STAFF, person_id=PERSON)["items"]
    assert (row["id"], row["title"]) == (sent["id"], "Form")
    read = desk(contract.get_response, STAFF, response_id=sent["id"])
    assert [each["answer"] for each in read["shown"]] == [None, "Pat"]
    assert (read["document_type"], read["chart_tab"], read["order_item"]) == ("form", "Forms", None)
    resource = desk(contract.export_response, STAFF, response_id=sent["id"])["resource"]
    assert resource["item"][0]["item"][0]["answer"] == [{"valueString": "Pat"}]
    assert len(desk.portals.audit("responses.read")) == len(desk.portals.audit("response.exported")) == 1
    for action in ("response.read", "response.exported"):
        assert [row.person_id for row in desk.portals.audit(action)] == [PERSON]
    other = a_caller("questionnaire.read_answers", organisation=BAYSIDE)
    for operation in (contract.get_response, contract.export_response):
        assert (
            desk.refused(lambda operation=operation: desk(operation, other, response_id=sent["id"])).code
            == "not_found"
        )


def test_nobody_answers_for_others_or_reads_their_answers(desk: Desk) -> None:
    form, patients = desk.offers(), desk.offers(portal="patient")
    draft = desk.starts(form)
    for caller in (OTHER_WORKER, CHIEF, somebody("a", realm="employee")):
        for work in (
            lambda caller=caller: desk(contract.get_my_response, caller, response_id=draft["id"]),
            lambda caller=caller: desk.saves(draft, caller, name="x"),
            lambda caller=caller: desk.sends(draft, caller),
        ):
            assert desk.refused(work).code == "not_found"
    assert desk.refused(lambda: desk.starts(form, CHIEF, person_id=PERSON)).code == "not_found"
    assert desk.refused(lambda: desk.starts(patients)).code == "not_found"
    proxy = somebody("f", (PERSON, "proxy"), realm="patient")
    assert desk.starts(patients, proxy, person_id=PERSON)["person_id"] == PERSON
    blind = a_caller(
        realm="patient", scope={"profiles": [{"person_id": PERSON, "role": "proxy", "permissions": []}]}
    )
    assert desk.refused(lambda: desk.starts(patients, blind, person_id=PERSON)).code == "not_found"
    assert [each["id"] for each in desk(contract.list_my_responses)["items"]] == [draft["id"]]
    assert desk(contract.list_my_responses, OTHER_WORKER)["items"] == []


@pytest.mark.seed("S2-4")
def test_a_draft_keeps_the_version_that_it_began_with(desk: Desk) -> None:
    form = desk.offers(an_item("a", text="Old?"))
    draft = desk.starts(form)
    one = {"questionnaire_id": form, "version": 4}
    desk(questionnaires.change_questionnaire_item, EDITOR, item="a", kind="text", text="New?", **one)
    desk(questionnaires.publish_questionnaire, EDITOR, questionnaire_id=form, version=5)
    step = desk(contract.get_my_response, response_id=draft["id"], section=1)["step"]
    assert step["items"][0]["text"] == "Old?"
    assert desk.sends(draft)["questionnaire_version"] == 1
    assert desk.starts(form)["questionnaire_version"] == 2


@pytest.mark.seed("S2-95")
def test_supervisors_review_designated_questionnaires_of_their_employees_alone(desk: Desk) -> None:
    designated, private = desk.offers(needs_supervisor_review=True), desk.offers()
    said = {
        each["questionnaire_id"]: each["supervisor_sees_answers"]
        for each in desk(contract.list_my_questionnaires)["items"]
    }
    assert said == {designated: True, private: False}
    draft = desk.starts(designated)
    assert draft["supervisor_sees_answers"]
    assert desk(contract.list_reviews, CHIEF)["items"] == []
    sent, hidden = desk.sends(desk.saves(draft, name="Pat")), desk.completes(private, name="Pat")
    [event] = desk.portals.events(contract.review_requested)
    assert event["data"]["response_id"] == sent["id"]
    [row] = desk(contract.list_reviews, CHIEF, is_open=True)["items"]
    assert row["id"] == sent["id"]
    review = desk(contract.get_review, CHIEF, response_id=sent["id"])
    assert [each["answer"] for each in review["shown"]] == [None, "Pat"]
    for caller in (OTHER_CHIEF, WORKER, OTHER_WORKER):
        assert desk(contract.list_reviews, caller)["items"] == []
        assert (
            desk.refused(lambda caller=caller: desk(contract.get_review, caller, response_id=sent["id"])).code
            == "not_found"
        )
    for unseen in (hidden["id"], desk.starts(designated)["id"]):
        assert (
            desk.refused(lambda unseen=unseen: desk(contract.get_review, CHIEF, response_id=unseen)).code
            == "not_found"
        )
    one = {"response_id": sent["id"], "version": review["version"]}
    assert desk.refused(lambda: desk(contract.mark_reviewed, OTHER_CHIEF, **one)).code == "not_found"
    marked = desk(contract.mark_reviewed, CHIEF, **one)
    assert marked["reviewed_at"] is not None
    assert desk(contract.list_reviews, CHIEF, is_open=True)["items"] == []
    assert [each["id"] for each in desk(contract.list_reviews, CHIEF, is_open=False)["items"]] == [sent["id"]]
    [event] = desk.portals.events(contract.response_reviewed)
    assert event["data"] == {"response_id": sent["id"], "account_id": CHIEF.id, "person_id": PERSON}


@pytest.mark.seed("S2-96")
def test_completing_one_questionnaire_orders_another_of_the_supervisor(desk: Desk) -> None:
    ordered = a_published(
        desk.portals, EDITOR, an_item("fit", "yes_no", is_required=True), title="Fit for work?"
    )
    first = desk.offers(supervisor_orders=[ordered])
    draft = desk.starts(first)
    assert desk(contract.list_my_questionnaires, CHIEF)["items"][-1]["order_id"] is None
    sent = desk.sends(desk.saves(draft, name="Pat"))
    [event] = desk.portals.events(contract.questionnaire_ordered)
    assert (event["data"]["questionnaire_id"], event["data"]["response_id"]) == (ordered, sent["id"])
    task = desk(contract.list_my_questionnaires, CHIEF)["items"][-1]
    assert (task["title"], task["person_id"], task["order_id"]) == (
        "Fit for work?",
        PERSON,
        event["data"]["order_id"],
    )
    one = {"questionnaire_id": ordered, "order_id": task["order_id"]}
    for caller in (WORKER, OTHER_CHIEF):
        assert all(
            each["order_id"] is None for each in desk(contract.list_my_questionnaires, caller)["items"]
        )
        refusal = desk.refused(lambda caller=caller: desk(contract.start_response, caller, **one))
        assert (refusal.code, refusal.field) == ("not_found", "order_id")
    wrong = {**one, "questionnaire_id": first}
    assert desk.refused(lambda: desk(contract.start_response, CHIEF, **wrong)).field == "questionnaire_id"
    begun = desk(contract.start_response, CHIEF, **one)
    assert begun["person_id"] == PERSON
    done = desk.sends(desk.saves(begun, CHIEF, fit="yes"), CHIEF)
    assert done["state"] == "submitted"
    assert all(each["order_id"] is None for each in desk(contract.list_my_questionnaires, CHIEF)["items"])
    assert len(desk.portals.events(contract.questionnaire_ordered)) == 1
    assert desk.refused(lambda: desk(contract.get_my_response, response_id=done["id"])).code == "not_found"


def test_of_two_supervisors_who_answer_one_order_at_once_one_does(desk: Desk, tmp_path: Path) -> None:
    ordered = a_published(desk.portals, EDITOR, an_item("fit", "yes_no"), title="Fit for work?")
    desk.completes(desk.offers(supervisor_orders=[ordered]), name="Pat")
    one = {
        "questionnaire_id": ordered,
        "order_id": desk(contract.list_my_questionnaires, CHIEF)["items"][-1]["order_id"],
    }
    deputy = somebody("9", ("5" * 32, "employee"), (PERSON, "supervisor"), own="5" * 32)
    url = desk.portals.database.engine.url.render_as_string(hide_password=False)
    beside = Desk(InProcess("portals", url, tmp_path))
    drafts = [desk(contract.start_response, caller, **one) for caller in (CHIEF, deputy)]
    told = at_once(
        lambda: desk.sends(drafts[0], CHIEF)["state"], lambda: beside.sends(drafts[1], deputy)["state"]
    )
    beside.portals.close()
    assert sorted(told) == ["not_found", "submitted"]


@pytest.mark.seed("S2-6")
def test_a_module_leads_to_its_own_questionnaires(desk: Desk) -> None:
    form, report = desk.offers(), desk.offers(module="report_injury")
    found = {
        module: [
            each["questionnaire_id"] for each in desk(contract.list_my_questionnaires, module=module)["items"]
        ]
        for module in (None, "questionnaire", "report_injury")
    }
    assert found == {None: [form, report], "questionnaire": [form], "report_injury": [report]}


def test_who_comes_back_to_a_draft_finds_the_answers_as_they_count(desk: Desk) -> None:
    form = desk.offers(an_item("sure", "yes_no"), an_item("on", "date"), an_item("n", "number", most=5))
    draft = desk.saves(desk.starts(form), sure="true", on="20260101", n="70")
    read = desk(contract.get_my_response, response_id=draft["id"], section=1)
    assert [each["answer"] for each in read["step"]["items"]] == [True, "2026-01-01", "70"]
    assert [each["answer"] for each in read["shown"]] == [True, "2026-01-01", 70]


def test_what_is_asked_is_worked_out_once_before_and_once_after_answers_are_saved(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, counted = desk.starts(desk.offers()), []
    asked = answering.asked

    def counting(*about: Any) -> Any:
        counted.append(about)
        return asked(*about)

    monkeypatch.setattr(answering, "asked", counting)
    draft = desk.saves(draft, section=1, name="Pat", is_checked=True)
    assert len(counted) == 2
    desk(contract.get_my_response, response_id=draft["id"], section=1)
    assert len(counted) == 3


def test_notices_of_one_form_load_it_once(desk: Desk) -> None:
    notices = [{"item": "pain", "operator": ">=", "value": "7", "department": "health"}]
    form = desk.offers(an_item("pain", "number"), notices=notices)

    def statements() -> int:
        noted: list[str] = []

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            noted.append(statement)

        engine = desk.portals.database.engine
        event.listen(engine, "before_cursor_execute", note)
        desk(contract.list_answer_notices, STAFF)
        event.remove(engine, "before_cursor_execute", note)
        return len(noted)

    desk.completes(form, pain=7)
    of_one = statements()
    for _ in range(5):
        desk.completes(form, pain=8)
    assert len(desk(contract.list_answer_notices, STAFF)["items"]) == 6
    assert statements() == of_one


@pytest.mark.seed("S2-136")
def test_an_answers_value_tells_a_department(desk: Desk) -> None:
    notices = [{"item": "pain", "operator": ">=", "value": "7", "department": "occupational-health"}]
    form = desk.offers(an_item("pain", "number", text="How bad is it?"), notices=notices)
    desk.completes(form, pain=6)
    assert desk(contract.list_answer_notices, STAFF)["items"] == []
    sent = desk.completes(form, pain=7)
    [event] = desk.portals.events(contract.department_told)
    assert (event["data"]["department"], event["data"]["response_id"]) == ("occupational-health", sent["id"])
    [notice] = desk(contract.list_answer_notices, STAFF, department="occupational-health")["items"]
    assert (notice["id"], notice["question"], notice["person_id"]) == (
        event["data"]["answer_notice_id"],
        "How bad is it?",
        PERSON,
    )
    assert desk(contract.list_answer_notices, STAFF, department="records")["items"] == []
    closed = desk(contract.close_answer_notice, STAFF, answer_notice_id=notice["id"])
    assert closed["closed_at"] is not None
    assert desk(contract.close_answer_notice, STAFF, answer_notice_id=notice["id"]) == closed
    other = a_caller("questionnaire.read_answers", organisation=BAYSIDE)
    assert desk(contract.list_answer_notices, other)["items"] == []
    one = {"answer_notice_id": notice["id"]}
    assert desk.refused(lambda: desk(contract.close_answer_notice, other, **one)).code == "not_found"


def test_answers_follow_a_merge_and_go_back(desk: Desk) -> None:
    sent = desk.completes(desk.offers(needs_supervisor_review=True), name="Pat")
    people = MergedPeople().answer(desk.portals)
    people.tell_merge(desk.portals, COLLEAGUE, PERSON)
    assert [each["id"] for each in desk(contract.list_reviews, OTHER_CHIEF)["items"]] == [sent["id"]]
    people.tell_undoing(desk.portals, COLLEAGUE, PERSON)
    assert desk(contract.list_reviews, OTHER_CHIEF)["items"] == []
    assert [each["id"] for each in desk(contract.list_reviews, CHIEF)["items"]] == [sent["id"]]


def test_lists_of_answers_come_in_pages(desk: Desk) -> None:
    form = desk.offers(needs_supervisor_review=True)
    sent = [desk.completes(form, name=str(number))["id"] for number in range(3)][::-1]
    for operation, caller, request in (
        (contract.list_my_responses, WORKER, {}),
        (contract.list_responses, STAFF, {"person_id": PERSON}),
        (contract.list_reviews, CHIEF, {}),
    ):
        first = desk(operation, caller, limit=2, **request)
        rest = desk(operation, caller, limit=2, after=first["next"], **request)
        assert [each["id"] for each in first["items"] + rest["items"]] == sent
        assert rest["next"] is None


def test_an_injury_report_and_what_a_message_type_carries_come_into_the_queue(desk: Desk) -> None:
    report, form = desk.offers(module="report_injury", title="Injury"), desk.offers()
    sent = desk.completes(report, name="Pat")
    (item,) = queued(desk)
    assert (item["type"], item["reference_type"], item["reference_id"]) == (
        "report_injury_or_illness", "response", sent["id"],
    )  # fmt: skip
    assert (item["person_id"], item["person_name"], item["account_id"]) == (PERSON, "Quill, Pat", WORKER.id)
    # Another questionnaire does not, until a message type carries it.
    desk.completes(form, name="Pat")
    assert len(queued(desk)) == 1
    clerk = a_caller("portal.manage_chart_tabs")
    carries = {"name": "Form", "item_kind": "request", "department": "Desk", "questionnaire_id": form}
    desk(message_types.create_message_type, clerk, code="form", is_enabled=True, **carries)
    desk.completes(form, name="Pat")
    assert [each["type"] for each in queued(desk)] == ["report_injury_or_illness", "form"]
    desk(message_types.change_message_type, clerk, code="form", version=1, is_enabled=False, **carries)
    desk.completes(form, name="Pat")
    assert len(queued(desk)) == 2


def queued(desk: Desk) -> list[Any]:
    return list(desk(portal_queue.list_queue, a_caller("portal_queue.work"))["items"])


@pytest.mark.fault("A1")
def test_all_answers_together_stay_so_small_that_they_can_be_read(desk: Desk) -> None:
    """Every save answers with all of them. What no answer can hold could be read by nobody any more, and never be sent."""
    long = "\u6f22" * 20_000  # 60 kB each
    draft = desk.starts(desk.offers(*(an_item(f"i{number}") for number in range(6))))
    draft = desk.saves(draft, i0=long, i1=long)

    refusal = desk.refused(lambda: desk.saves(draft, i2=long, i3=long))
    assert (refusal.code, refusal.field) == ("invalid_request", "answers")
    assert "at most 150 kB" in refusal.detail

    draft = desk.saves(draft, i2="\u6f22" * 9_000)  # the most there can be
    assert desk.refused(lambda: desk.saves(draft, i3="\u6f22" * 1_000)).field == "answers"
    shorter = desk.saves(draft, i0="short", i3="\u6f22" * 1_000)
    sent = desk.sends(shorter)
    read = desk(contract.get_response, STAFF, response_id=sent["id"])
    assert len(wire.encode(read)) < wire.MAX_BODY_BYTES / 2
    assert [each["answer"] for each in read["shown"]][:2] == ["short", long]


@pytest.mark.parametrize(
    ("before", "after", "is_refused"), [(200, 199, False), (200, 200, False), (200, 201, True)]
)
def test_answers_that_were_too_many_before_may_be_shortened_bit_by_bit(
    before: int, after: int, is_refused: bool
) -> None:
    old, new = ({"a": "x" * 1000 * size} for size in (before, after))
    if is_refused:
        with pytest.raises(Refused):
            require_room(old, new)
    else:
        require_room(old, new)
