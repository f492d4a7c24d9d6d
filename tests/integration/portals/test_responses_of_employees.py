"""What employees do for themselves in one portal: book an appointment, give information, answer a questionnaire (S2-10)."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis.passports import Caller
from services.contracts.portals import configuration, inbox, questionnaires, responses
from tests.integration.portals.clinic import BOOK, Clinic, a_clinic, refusal
from tests.support.in_process import a_caller
from tests.support.questionnaires import a_published

clinic = pytest.fixture(a_clinic)
EDITOR = a_caller("questionnaire.manage", "portal.configure")


def an_employee(digit: str) -> Caller:
    own = {"person_id": digit * 32, "role": "employee", "permissions": [*BOOK, "profile.view_forms"]}
    return a_caller(realm="employee", id=f"{digit}f" * 16, scope={"person_id": digit * 32, "profiles": [own]})


WORKER, COLLEAGUE = an_employee("9"), an_employee("8")


@pytest.mark.seed("S2-10")
def test_an_employee_books_gives_information_and_answers_and_nobody_else_sees_it(clinic: Clinic) -> None:
    written = {"portal": "employee", "type": "ask_a_clinical_question", "text": "I work nights now."}
    thread = clinic(inbox.send_my_message, WORKER, **written)
    assert [each["id"] for each in clinic(inbox.list_my_threads, WORKER)["items"]] == [thread["id"]]

    kind, _ = clinic.open()
    clinic.configure()
    booked = clinic.book(kind, "03-06 09:30", WORKER)
    assert clinic.mine(WORKER)["coming"] == [booked]

    form = a_published(clinic.portals, EDITOR, title="Night work")
    offer: dict[str, Any] = {"portal": "employee", "items": [{"questionnaire_id": form}]}
    clinic(questionnaires.offer_questionnaires, EDITOR, version=1, **offer)
    draft = clinic(responses.start_response, WORKER, questionnaire_id=form)
    answer = {"answers": [{"item": "a", "answer": "Since May"}], "response_id": draft["id"]}
    saved = clinic(responses.save_answers, WORKER, version=draft["version"], **answer)
    sent = clinic(responses.submit_response, WORKER, response_id=draft["id"], version=saved["version"])
    assert sent["state"] == "submitted"

    assert clinic.mine(COLLEAGUE)["coming"] == []
    assert clinic(inbox.list_my_threads, COLLEAGUE)["items"] == []
    assert clinic(responses.list_my_responses, COLLEAGUE)["items"] == []
    one = {"response_id": draft["id"]}
    assert refusal(lambda: clinic(responses.get_my_response, COLLEAGUE, **one)) == "not_found"
    # Where the portal offers none of it, the employee has none of it.
    now = clinic(configuration.get_portal_content, portal="employee")["version"]
    clinic(configuration.change_portal_content, portal="employee", version=now, modules=[])
    clinic(questionnaires.offer_questionnaires, EDITOR, version=2, portal="employee", items=[])
    assert refusal(lambda: clinic.scheduling(WORKER)) == "scheduling_not_offered"
    assert clinic(responses.list_my_questionnaires, WORKER)["items"] == []
