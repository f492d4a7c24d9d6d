"""Applications: a session by name alone, the picklist's questionnaires, sending them to the employer; on real databases."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.chassis import wire
from services.chassis.passports import Issuer
from services.contracts.errors import Refused
from services.contracts.identity import employees, organisations
from services.contracts.portals import applicants as contract
from services.contracts.portals import (
    configuration,
    definitions,
    fhir,
    message_files,
    portal_queue,
    questionnaires,
    responses,
)
from services.portals.applicants import idle, rules
from services.portals.applicants.models import Application
from services.portals.messages.models import Thread
from services.portals.portal_queue.models import QueueItem, QueueText
from services.portals.responses.models import Response
from tests.support.at_once import at_once
from tests.support.in_process import BAYSIDE, HARBOR, InProcess, a_caller
from tests.support.pdfs import a_pdf
from tests.support.questionnaires import a_published, an_item

STAFF = a_caller("questionnaire.manage", "questionnaire.read_answers", "portal.configure", id="5" * 32)
QUEUE = a_caller(portal_queue.WORK, id="6" * 32)
START = datetime.datetime(2026, 3, 4, 12, tzinfo=datetime.UTC)
PERSON, ACCOUNT = "7" * 32, "8" * 32
NAME = {"first_name": "Robin", "last_name": "Reed"}


class Desk:
    """Portals with an applicant portal that is on, a clock, and identity's answers."""

    def __init__(self, portals: InProcess, clock: Any) -> None:
        self.portals, self.clock = portals, clock
        portals.runtime.issuer = Issuer("portals", Ed25519PrivateKey.generate())
        for organisation in (HARBOR, BAYSIDE):
            data = {"organisation_id": organisation[0]}
            portals.deliver(organisations.organisation_created, data, organisation=organisation)
        drafted = {"person_id": PERSON, "department": "Applicants", "account": {"id": ACCOUNT}}
        portals.answers[employees.draft_applicant.address] = lambda _: drafted
        self.switch(on=True)

    def __call__(self, operation: Any, caller: Any = None, **request: Any) -> Any:
        return self.portals.call(operation, caller, **request)

    def switch(self, *, on: bool) -> None:
        now = self(definitions.describe_portal, STAFF, portal="applicant")["version"]
        self(definitions.change_portal, STAFF, portal="applicant", is_enabled=on, version=now)

    def offers(self, *items: Any, title: str = "Health history", **entry: Any) -> str:
        made = a_published(self.portals, STAFF, *(items or [an_item("a", is_required=True)]), title=title)
        before = self(questionnaires.get_offered_questionnaires, STAFF, portal="applicant")
        names = ("questionnaire_id", "order_item", "document_type", "chart_tab")
        kept = [{name: each[name] for name in names} for each in before["items"]]
        request = {"portal": "applicant", "version": before["version"]}
        self(
            questionnaires.offer_questionnaires,
            STAFF,
            items=[*kept, {"questionnaire_id": made, **entry}],
            **request,
        )
        return made

    def begins(self, address: str = "192.0.2.1", **name: Any) -> str:
        request = {"organisation": "harbor", "portal": "applicant", **NAME, **name}
        return str(self(contract.start_application, client_address=address, **request)["token"])

    def fills_in(self, token: str, questionnaire_id: str, **answers: Any) -> Any:
        draft = self(contract.start_application_response, token=token, questionnaire_id=questionnaire_id)
        given = [{"item": item, "answer": answer} for item, answer in answers.items()]
        one = {"response_id": draft["id"], "version": draft["version"], "section": 1}
        return self(contract.save_application_answers, token=token, answers=given, is_checked=True, **one)

    def refused(self, work: Any) -> Refused:
        with pytest.raises(Refused) as refused:
            work()
        return refused.value

    def kept(self, model: Any) -> list[Any]:
        with self.portals.database.reading(None) as session:
            return list(session.query(model))


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    is_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/portals.db" if is_file else request.getfixturevalue("postgres_database")
    process = InProcess("portals", url, tmp_path)
    with time_machine.travel(START, tick=False) as clock:
        yield Desk(process, clock)
    process.close()


@pytest.mark.seed("S2-98")
def test_the_applicant_portal_is_there_only_while_it_is_on(desk: Desk) -> None:
    desk.offers()
    one = {"organisation": "harbor", "portal": "applicant"}
    assert desk(contract.get_applicant_portal, **one)["address"] == "/at/harbor/applicant"
    for wrong in (
        {"organisation": "bayside"},
        {"organisation": "nowhere"},
        {"portal": "employee"},
        {"portal": "none"},
    ):
        assert (
            desk.refused(lambda wrong=wrong: desk(contract.get_applicant_portal, **{**one, **wrong})).code
            == "not_found"
        )
    desk.switch(on=False)
    assert desk.refused(lambda: desk(contract.get_applicant_portal, **one)).code == "not_found"
    assert desk.refused(desk.begins).code == "not_found"


@pytest.mark.seed("S2-99")
def test_a_session_needs_the_name_alone_is_short_and_nobody_finds_it_by_the_name(desk: Desk) -> None:
    form = desk.offers()
    token = desk.begins()
    draft = desk.fills_in(token, form, a="Mine")
    again = desk.begins()
    assert again != token
    assert desk(contract.get_application, token=again)["tasks"][0]["response_id"] is None
    one = {"response_id": draft["id"]}
    assert (
        desk.refused(lambda: desk(contract.get_application_response, token=again, **one)).code == "not_found"
    )
    assert token not in str([vars(row) for row in desk.kept(Application)])
    for missing in ("first_name", "last_name"):
        assert desk.refused(lambda missing=missing: desk.begins(**{missing: " "})).code == "invalid_request"
    desk.clock.shift(datetime.timedelta(minutes=9))
    assert desk(contract.get_application, token=token)["first_name"] == "Robin"
    desk.clock.shift(datetime.timedelta(minutes=9))
    assert (
        desk(contract.get_application_response, token=token, section=1, **one)["step"]["items"][0]["answer"]
        == "Mine"
    )
    desk.clock.shift(datetime.timedelta(minutes=10))
    for work in (
        lambda: desk(contract.get_application, token=token),
        lambda: desk(contract.get_application_response, token=token, **one),
        lambda: desk(contract.send_application, token=token),
        lambda: desk.fills_in(token, form, a="x"),
    ):
        assert desk.refused(work).code == "application_ended"


def test_what_is_idle_is_wiped_and_so_is_what_somebody_ends(desk: Desk) -> None:
    form = desk.offers()
    desk.fills_in(desk.begins(), form, a="Mine")
    desk.clock.shift(datetime.timedelta(minutes=10))
    token = desk.begins(first_name="Next")
    assert desk.kept(Response) == []
    assert [row.first_name for row in desk.kept(Application) if row.first_name] == ["Next"]
    desk.fills_in(token, form, a="Theirs")
    desk(contract.end_application, token=token)
    assert desk.kept(Response) == []
    assert [row for row in desk.kept(Application) if row.last_name] == []
    assert desk.refused(lambda: desk(contract.get_application, token=token)).code == "application_ended"


@pytest.mark.seed("S2-99")
def test_one_address_begins_only_so_many_sessions(desk: Desk) -> None:
    for _ in range(contract.TRIES):
        desk.begins()
    refusal = desk.refused(desk.begins)
    assert (refusal.code, refusal.more["retry_after_s"]) == ("too_many_requests", 600)
    desk.begins(address="192.0.2.2")
    desk.clock.shift(datetime.timedelta(minutes=10))
    desk.begins()
    assert "192.0.2" not in str([vars(row) for row in desk.kept(Application)])


def test_all_addresses_of_one_customer_count_as_one(desk: Desk) -> None:
    """In IPv6 a customer has a /64, and could begin from another address each time."""
    for number in range(contract.TRIES):
        desk.begins(address=f"2001:db8:0:1::{number}")
    assert desk.refused(lambda: desk.begins(address="2001:db8:0:1:ffff::9")).code == "too_many_requests"
    desk.begins(address="2001:db8:0:2::1")


def test_what_nobody_uses_is_wiped_though_nobody_else_begins(desk: Desk) -> None:
    form, token = desk.offers(), desk.begins()
    desk.fills_in(token, form, a="Mine")
    desk.clock.shift(datetime.timedelta(minutes=9))
    assert idle.wipe(desk.portals.runtime)
    assert [row.answers for row in desk.kept(Response)] == [{"a": "Mine"}]
    desk.clock.shift(datetime.timedelta(minutes=1))
    assert idle.wipe(desk.portals.runtime)
    assert desk.kept(Response) == []
    assert [row for row in desk.kept(Application) if row.first_name or row.last_name] == []
    assert len(desk.portals.audit("applications.wiped")) == 1


@pytest.mark.seed("S2-100", "S2-101", "S2-102", "S2-106", "S2-111")
def test_what_an_applicant_fills_in_is_sent_to_the_employer(desk: Desk) -> None:
    filed = {"order_item": "Pre-placement exam", "document_type": "health-history", "chart_tab": "Applicants"}
    first, second = desk.offers(**filed), desk.offers(an_item("b"), title="Work history")
    token = desk.begins()
    [registered] = desk.portals.events(contract.applicant_registered)
    assert set(registered["data"]) == {"application_id", "portal"}
    told = desk(contract.get_application, token=token)
    assert [(each["title"], each["is_complete"]) for each in told["tasks"]] == [
        ("Health history", False), ("Work history", False),
    ]  # fmt: skip
    desk(contract.start_application_response, token=token, questionnaire_id=first)
    desk.fills_in(token, second, b="Ten years")
    refusal = desk.refused(lambda: desk(contract.send_application, token=token))
    assert [each["field"] for each in refusal.more["errors"]] == ["tasks.0"]
    assert desk.portals.asked == []
    wrong = desk.refused(lambda: desk.fills_in(token, first, a=""))
    assert [each["field"] for each in wrong.more["errors"]] == ["answers.0.answer"]
    desk.fills_in(token, first, a="Healthy")
    assert desk(contract.get_application, token=token)["can_be_sent"]
    sent = desk(contract.send_application, token=token, key="k" * 32)
    assert (sent["questionnaires"], sent["number"][:3]) == (2, "AP-")
    assert desk.portals.asked == [(employees.draft_applicant.address, NAME)]
    [event] = desk.portals.events(contract.applicant_submitted)
    assert (event["data"]["person_id"], event["data"]["account_id"]) == (PERSON, ACCOUNT)
    assert {each["data"]["person_id"] for each in desk.portals.events(responses.questionnaire_completed)} == {
        PERSON
    }
    rows = desk(responses.list_responses, STAFF, person_id=PERSON)["items"]
    read = [desk(responses.get_response, STAFF, response_id=each["id"]) for each in rows]
    history = next(each for each in read if each["title"] == "Health history")
    assert {name: history[name] for name in filed} == filed
    assert history["shown"][0]["answer"] == "Healthy"
    assert desk.refused(lambda: desk(contract.get_application, token=token)).code == "application_ended"
    # The task of whoever works on the queue: it names the person, and leads to the record.
    [task] = desk(portal_queue.list_queue, QUEUE)["items"]
    assert (task["type"], task["person_id"], task["person_name"]) == ("application", PERSON, "Reed, Robin")
    assert (task["portal"], task["account_id"], task["reference_type"]) == ("applicant", None, "application")
    whole = desk(portal_queue.get_queue_item, QUEUE, item_id=task["id"])
    assert whole["text"] == f"Application {sent['number']}: 2 questionnaires answered."
    everything = str(desk.portals.events()) + str([row.facts for row in desk.portals.audit()])
    assert "Robin" not in everything
    assert "Reed" not in everything


def lists_begun(desk: Desk) -> None:
    version = desk(portal_queue.get_queue_settings, STAFF)["version"]
    desk(portal_queue.change_queue_settings, STAFF, version=version, lists_begun_applications=True)


def listed(desk: Desk) -> list[Any]:
    return list(desk(portal_queue.list_queue, QUEUE)["items"])


@pytest.mark.seed("S2-111")
def test_an_application_is_a_task_from_when_it_is_begun_and_gets_its_person_when_it_is_sent(
    desk: Desk,
) -> None:
    form = desk.offers()
    desk.begins()
    assert listed(desk) == []  # as usual
    lists_begun(desk)
    token = desk.begins()
    [begun] = listed(desk)
    assert (begun["type"], begun["person_id"], begun["person_name"]) == ("application", None, "Reed, Robin")
    assert (begun["portal"], begun["account_id"], begun["reference_type"]) == (
        "applicant",
        None,
        "application",
    )
    whole = desk(portal_queue.get_queue_item, QUEUE, item_id=begun["id"])
    assert whole["text"] == f"Application {rules.number_of(begun['reference_id'])}: begun, not sent yet."
    # There is nobody to write to, and no system takes the application for a person.
    answer = {"item_id": begun["id"], "version": begun["version"], "text": "Welcome"}
    refusal = desk.refused(lambda: desk(portal_queue.answer_queue_item, QUEUE, **answer))
    assert (refusal.code, refusal.field) == ("no_portal_account", "item_id")
    file = {"item_id": begun["id"], "version": begun["version"], "document": desk.portals.upload(a_pdf("x"))}
    refusal = desk.refused(lambda: desk(message_files.send_file_to_person, QUEUE, **file))
    assert (refusal.code, refusal.field) == ("no_portal_account", "item_id")
    assert {"subject", "requester"}.isdisjoint(resource(desk, begun))
    claimed = desk(portal_queue.claim_queue_item, QUEUE, item_id=begun["id"], version=begun["version"])
    desk.clock.shift(datetime.timedelta(minutes=5))
    desk.fills_in(token, form, a="Healthy")
    desk(contract.send_application, token=token)
    [sent] = listed(desk)
    assert (sent["id"], sent["person_id"], sent["assigned_to"]) == (begun["id"], PERSON, QUEUE.id)
    assert sent["due_at"] > claimed["due_at"]
    assert sent["version"] > claimed["version"]
    whole = desk(portal_queue.get_queue_item, QUEUE, item_id=sent["id"])
    assert whole["text"].endswith(": 1 questionnaire answered.")
    assert [each["step"] for each in whole["steps"]] == ["received", "claimed", "application_sent"]
    assert resource(desk, sent)["subject"]["identifier"]["value"] == PERSON
    named = [row.person_id for row in desk.portals.audit() if row.object_id == sent["id"]]
    assert named[0] is None
    assert named[-1] == PERSON
    dismissal = {"item_id": sent["id"], "version": sent["version"], "outcome": "completed"}
    desk(portal_queue.dismiss_queue_item, QUEUE, **dismissal)
    for word, found in (("answered", 1), ("begun", 0)):
        assert len(desk(portal_queue.search_archive, QUEUE, words=word)["items"]) == found


def test_an_application_that_ends_leaves_no_name_in_the_queue(desk: Desk) -> None:
    lists_begun(desk)
    desk.offers()
    token = desk.begins()
    desk.begins()
    _, other = listed(desk)
    dismissal = {"item_id": other["id"], "version": other["version"], "outcome": "not_completed"}
    desk(portal_queue.dismiss_queue_item, QUEUE, **dismissal)
    desk(contract.end_application, token=token)
    desk.clock.shift(datetime.timedelta(minutes=11))
    assert idle.wipe(desk.portals.runtime)
    [left] = listed(desk)  # nothing closes by itself
    archived = desk(portal_queue.search_archive, QUEUE)["items"]
    for each in (left, *archived):
        number = rules.number_of(each["reference_id"])
        whole = desk(portal_queue.get_queue_item, QUEUE, item_id=each["id"])
        assert (each["person_name"], whole["text"]) == (number, rules.ended_in_words(number))
        assert whole["steps"][-1]["step"] == "application_ended"
    assert desk(portal_queue.search_archive, QUEUE, words="robin")["items"] == []
    for model in (QueueItem, QueueText, Thread):
        assert "robin" not in str([vars(row) for row in desk.kept(model)]).lower()


def test_a_task_that_was_dismissed_before_is_a_new_one_when_the_application_is_sent(desk: Desk) -> None:
    lists_begun(desk)
    form = desk.offers()
    token = desk.begins()
    [begun] = listed(desk)
    dismissal = {"item_id": begun["id"], "version": begun["version"], "outcome": "completed"}
    desk(portal_queue.dismiss_queue_item, QUEUE, **dismissal)
    desk.fills_in(token, form, a="Healthy")
    desk(contract.send_application, token=token)
    [sent] = listed(desk)
    assert (sent["id"] == begun["id"], sent["person_id"]) == (False, PERSON)


def resource(desk: Desk, item: Any) -> Any:
    asked = {"resource_id": item["id"]}
    return desk(fhir.fhir_read_communication_request, QUEUE, **asked)["resource"]


@pytest.mark.seed("S2-108")
def test_an_applicant_answers_only_what_is_in_the_picklist(desk: Desk) -> None:
    offered = desk.offers()
    other = a_published(desk.portals, STAFF, title="For employees")
    token = desk.begins()
    for unknown in (other, "9" * 32):
        one = {"token": token, "questionnaire_id": unknown}
        refusal = desk.refused(lambda one=one: desk(contract.start_application_response, **one))
        assert (refusal.code, refusal.field) == ("not_found", "questionnaire_id")
    assert desk.fills_in(token, offered, a="x")["questionnaire_id"] == offered


@pytest.mark.seed("S2-104", "S2-105")
def test_permitted_staff_edit_what_applicants_see_and_the_next_visit_shows_it(desk: Desk) -> None:
    desk.offers(title="Health history")
    one = {"organisation": "harbor", "portal": "applicant"}
    look = {"portal": "applicant", "name": "Join us", "colour": "#123456", "ticker": []}
    desk(configuration.configure_portal, STAFF, version=1, **look)
    request = {"portal": "applicant", "description": "Bring your **glasses**.", "version": 2}
    request["notices"] = {"confirmation": {"heading": "Thank you", "text": "We call you."}}
    desk(configuration.change_portal_content, STAFF, **request)
    seen = desk(contract.get_applicant_portal, **one)
    assert seen == {
        "name": "Join us", "colour": "#123456", "instructions": "Bring your glasses.",
        "questionnaires": ["Health history"], "address": "/at/harbor/applicant",
        "confirmation": {"title": None, "heading": "Thank you", "text": "We call you."},
    }  # fmt: skip
    stranger = a_caller(id="4" * 32)
    for operation, changed in (
        (configuration.configure_portal, look),
        (configuration.change_portal_content, {"portal": "applicant", "description": "x"}),
        (questionnaires.offer_questionnaires, {"portal": "applicant", "items": []}),
    ):
        refusal = desk.refused(
            lambda operation=operation, changed=changed: desk(operation, stranger, version=3, **changed)
        )
        assert refusal.code == "forbidden"


def test_sending_twice_makes_one_person_and_a_failed_sending_can_be_repeated(desk: Desk) -> None:
    form = desk.offers()
    token = desk.begins()
    desk.fills_in(token, form, a="x")

    def down(_: Any) -> Any:
        raise Refused("service_unavailable", "Down.")

    up = desk.portals.answers[employees.draft_applicant.address]
    desk.portals.answers[employees.draft_applicant.address] = down
    key = wire.new_id()
    assert (
        desk.refused(lambda: desk(contract.send_application, token=token, key=key)).code
        == "service_unavailable"
    )
    desk.portals.answers[employees.draft_applicant.address] = up
    sent = desk(contract.send_application, token=token, key=key)
    assert desk(contract.send_application, token=token, key=key) == sent
    assert len(desk.portals.events(contract.applicant_submitted)) == 1


@pytest.mark.seed("S2-98")
def test_a_terminal_of_the_company_is_reached_from_its_network_alone(desk: Desk) -> None:
    asked = desk.offers()
    now = desk(definitions.describe_portal, STAFF, portal="applicant")["version"]
    desk(definitions.change_portal, STAFF, portal="applicant", networks=["192.0.2.0/24"], version=now)
    token = desk.begins(address="192.0.2.9")
    refused = desk.refused(lambda: desk.begins(address="198.51.100.1"))
    assert (refused.code, refused.field) == ("not_found", "portal")
    draft = {"token": token, "questionnaire_id": asked}
    desk(contract.start_application_response, client_address="192.0.2.9", **draft)
    outside = desk.refused(lambda: desk(contract.get_application, client_address="198.51.100.1", token=token))
    assert outside.code == "application_ended"
    assert desk(contract.get_application, client_address="192.0.2.9", token=token)["tasks"]


def test_of_several_that_send_an_application_at_once_one_does(desk: Desk) -> None:
    token = desk.begins()
    desk.fills_in(token, desk.offers(), a="x")
    told = at_once(*[lambda: desk(contract.send_application, token=token) for _ in range(4)])
    refused = [each for each in told if isinstance(each, str)]
    assert len(refused) == 3
    assert set(refused) <= {"conflict", "application_ended"}
    assert len(desk.portals.asked) == 1
    assert len(desk.portals.events(contract.applicant_submitted)) == 1
    assert [row.answers for row in desk.kept(Response)] == [{"a": "x"}]


def test_tries_of_one_request_at_once_are_answered_alike(desk: Desk) -> None:
    token, key = desk.begins(), "3" * 32
    desk.fills_in(token, desk.offers(), a="x")
    first, *others = at_once(
        *[lambda: desk(contract.send_application, token=token, key=key) for _ in range(4)]
    )
    assert first["questionnaires"] == 1
    assert others == [first] * 3
    assert len(desk.portals.events(contract.applicant_submitted)) == 1


def test_nothing_changes_while_an_application_is_being_sent(desk: Desk) -> None:
    form, token = desk.offers(), desk.begins()
    work = desk.fills_in(token, form, a="Right")
    later = desk.offers(title="Later")
    one = {"token": token, "response_id": work["id"], "version": work["version"]}
    meanwhile = (
        lambda: desk(contract.send_application, token=token),
        lambda: desk(contract.end_application, token=token),
        lambda: desk(contract.save_application_answers, answers=[{"item": "a", "answer": ""}], **one),
        lambda: desk(contract.start_application_response, token=token, questionnaire_id=later),
    )
    told = []

    def slow(_: Any) -> Any:
        told.extend(desk.refused(each).code for each in meanwhile)
        return {"person_id": PERSON, "department": "Applicants", "account": {"id": ACCOUNT}}

    desk.portals.answers[employees.draft_applicant.address] = slow
    desk.fills_in(token, later, a="x")
    desk(contract.send_application, token=token)
    assert told == ["conflict"] * 4
    assert {(row.person_id, row.answers["a"]) for row in desk.kept(Response)} == {
        (PERSON, "Right"), (PERSON, "x"),
    }  # fmt: skip
    assert [row.first_name for row in desk.kept(Application)] == [""]


def test_a_sending_that_failed_can_be_repeated_by_anybody_and_makes_one_person(desk: Desk) -> None:
    token = desk.begins()
    desk.fills_in(token, desk.offers(), a="x")
    named, ask = [], desk.portals.runtime.ask

    def noting(*asked: Any, context: wire.CallContext, **more: Any) -> Any:
        named.append(context.request_id)
        drafted = ask(*asked, context=context, **more)
        if len(named) == 1:
            raise Refused("timeout", "The answer was lost.")
        return drafted

    desk.portals.runtime.ask = noting
    assert desk.refused(lambda: desk(contract.send_application, token=token, key="1" * 32)).code == "timeout"
    assert desk(contract.send_application, token=token, key="2" * 32)["questionnaires"] == 1
    # Identity answers the same request id with the same person.
    assert len(named) == 2
    assert len(set(named)) == 1


def test_a_claim_that_a_crash_left_ends_by_itself(desk: Desk) -> None:
    token = desk.begins()
    desk.fills_in(token, desk.offers(), a="x")

    def crash(_: Any) -> Any:
        raise KeyboardInterrupt

    up = desk.portals.answers[employees.draft_applicant.address]
    desk.portals.answers[employees.draft_applicant.address] = crash
    with pytest.raises(KeyboardInterrupt):
        desk(contract.send_application, token=token)
    desk.portals.answers[employees.draft_applicant.address] = up
    assert desk.refused(lambda: desk(contract.send_application, token=token)).code == "conflict"
    desk.clock.shift(rules.LEASE)
    assert desk(contract.send_application, token=token)["questionnaires"] == 1


@pytest.mark.seed("S2-98")
def test_a_portal_that_is_switched_off_ends_the_applications_that_run(desk: Desk) -> None:
    form, token = desk.offers(), desk.begins()
    draft = desk.fills_in(token, form, a="x")
    one = {"token": token, "response_id": draft["id"]}
    desk.switch(on=False)
    for work in (
        lambda: desk(contract.get_application, token=token),
        lambda: desk(contract.get_application_response, **one),
        lambda: desk(contract.save_application_answers, version=draft["version"], answers=[], **one),
        lambda: desk(contract.send_application, token=token),
    ):
        assert desk.refused(work).code == "application_ended"
    assert desk.portals.asked == []


@pytest.mark.seed("S2-108")
def test_what_the_portal_does_not_ask_any_more_is_neither_needed_nor_sent(desk: Desk) -> None:
    kept, withdrawn = desk.offers(), desk.offers(title="Withdrawn")
    token = desk.begins()
    desk.fills_in(token, kept, a="x")
    desk(contract.start_application_response, token=token, questionnaire_id=withdrawn)
    now = desk(questionnaires.get_offered_questionnaires, STAFF, portal="applicant")["version"]
    left = [{"questionnaire_id": kept}]
    desk(questionnaires.offer_questionnaires, STAFF, portal="applicant", version=now, items=left)
    assert desk(contract.get_application, token=token)["can_be_sent"]
    assert desk(contract.send_application, token=token)["questionnaires"] == 1
    assert [row.questionnaire_id for row in desk.kept(Response)] == [kept]


def test_an_applicant_is_asked_for_no_file(desk: Desk) -> None:
    """Whoever has not signed in leaves no file in the store."""
    file = an_item("card", "file", is_required=True)
    form = desk.offers(an_item("a"), an_item("part", "section", items=[file, an_item("b")]))
    token = desk.begins()
    draft = desk(contract.start_application_response, token=token, questionnaire_id=form)
    asked = desk(contract.get_application_response, token=token, response_id=draft["id"], section=2)
    assert [item["id"] for item in asked["step"]["items"]] == ["b"]
    assert desk.fills_in(token, form, a="x", b="y")["problems"] == []
    assert desk(contract.send_application, token=token)["questionnaires"] == 1
