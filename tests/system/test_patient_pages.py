"""A patient on a phone, by the keyboard alone: signs what the portal requires, answers a questionnaire with a file, withdraws."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.client import Portico
from deploy.demo_questionnaires import published
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.images import an_image
from tests.support.pages import choose, enter, follow, wait_for_heading
from tests.support.questionnaires import an_item
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

PASSWORD = "lantern-orchid-quarry-7"
PATIENT = "nora.phone"
ITEMS = [
    an_item("smoke", "yes_no", is_required=True) | {"text": "Do you smoke?"},
    an_item("card", "file", is_required=True) | {"text": "A picture of your insurance card"},
]


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Iterator[Console]:
    """A Patient Portal that requires two consents and offers a questionnaire, and a patient."""
    admin = portico.admin
    given = {"first_name": "Nora", "last_name": "Phone", "kinds": ["patient"]}
    born = {"email": "nora.phone@example.org", "date_of_birth": "1980-02-29", "postal_code": "02139"}
    person = admin.post("/v1/people", **given, **born)
    admin.put(
        f"/v1/patients/{person['id']}/credentials", username=PATIENT, password=PASSWORD, must_change=False,
        enable_access=True, attests_email_is_private=True,
    )  # fmt: skip
    form = published(admin, "Before your visit", ITEMS, {"instructions": "It takes two minutes."})
    before = admin.get("/v1/portals/patient/questionnaires")
    _put_questionnaires(admin, [*_entries(before), {"questionnaire_id": form}])
    modules = admin.get("/v1/portals/patient/content")["modules"]
    _patch_content(admin, modules=[*modules, {"code": "questionnaire"}])
    consents = [
        admin.post("/v1/consents", title=title, text=f"The text of {title}.")["id"]
        for title in ("Treatment", "Photographs")
    ]
    admin.put("/v1/portals/patient/consents", consent_ids=consents)
    yield Console(portico, chromium)
    admin.put("/v1/portals/patient/consents", consent_ids=[])
    _put_questionnaires(admin, _entries(before))
    _patch_content(admin, modules=modules)


def _entries(picklist: Any) -> list[dict[str, Any]]:
    return [
        {"questionnaire_id": each["questionnaire_id"], "module": each["module"]} for each in picklist["items"]
    ]


def _put_questionnaires(admin: Portico, items: list[dict[str, Any]]) -> None:
    path = "/v1/portals/patient/questionnaires"
    admin.put(path, version=admin.get(path)["version"], items=items)


def _patch_content(admin: Portico, **changes: Any) -> None:
    path = "/v1/portals/patient/content"
    headers = {"If-Match": f'"{admin.get(path)["version"]}"'}
    admin.send("PATCH", path, 200, json=changes, headers=headers)


@pytest.mark.seed("S2-4", "S2-40", "S2-41")
def test_a_patient_signs_the_consents_and_answers_a_questionnaire_on_a_phone(
    console: Console, tmp_path: Path
) -> None:
    browser = console.browser
    browser.open_page(width=360, height=740)
    console.show(f"/at/{HARBOR}/patient")
    enter(browser, "E-mail address or username", PATIENT)
    enter(browser, "Password", PASSWORD)
    browser.press("Enter")
    wait_for_heading(browser, "Before you go on")
    _nothing_comes_before_the_consents(console)
    _both_are_signed(console)
    _the_questionnaire_is_answered(console, tmp_path)
    _a_consent_that_is_withdrawn_closes_the_portal(console)


def _nothing_comes_before_the_consents(console: Console) -> None:
    for address in ("/portal/patient", "/portal/patient/questionnaires", "/patient"):
        console.show(address)
        wait_for_heading(console.browser, "Before you go on")


def _both_are_signed(console: Console) -> None:
    browser = console.browser
    for left in ("Treatment", "Photographs"):
        assert f"The text of {left}." in browser.text
        choose(browser, "Your answer", "I agree")
        enter(browser, "Your name, as a signature (optional)", "Nora Phone")
        console.tick("I have read the text, and this is my signature")
        console.sends("Send my answer", "Your answer is kept")
    wait_for_heading(browser, "My consents")
    follow(browser, "Go on to your portal")
    browser.wait_for("location.pathname !== '/consents'")


def _the_questionnaire_is_answered(console: Console, folder: Path) -> None:
    browser = console.browser
    console.open("/portal/patient", "Welcome to")
    console.follow("Questionnaire", "Questionnaire")
    console.follow("Before your visit", "Before your visit")
    assert "It takes two minutes." in browser.text
    follow(browser, "Start")
    wait_for_heading(browser, "Before your visit")
    follow(browser, "Save and go on")
    console.refused("Do you smoke?", "A picture of your insurance card", "Answer this question")
    choose(browser, "Do you smoke?", "No")
    # Enter in the form goes on, and does not ask for the file.
    browser.press("Enter")
    console.refused("A picture of your insurance card")
    follow(browser, "Add a file")
    wait_for_heading(browser, "A picture of your insurance card")
    program = folder / "card.pdf"
    program.write_bytes(b"MZ no document")
    browser.choose_file("add_answer_file-file", program)
    follow(browser, "Add the file")
    console.refused("neither a PDF nor a photograph")
    picture = folder / "card.jpg"
    picture.write_bytes(an_image("JPEG", 600, 400))
    browser.choose_file("add_answer_file-file", picture)
    console.sends("Add the file", "Your file is added")
    wait_for_heading(browser, "Before your visit")
    # What was entered before is still there.
    assert browser.evaluate("document.querySelector('input[type=radio]:checked').value") == "false"
    assert "JPEG, " in browser.text
    follow(browser, "Save and go on")
    wait_for_heading(browser, "Check your answers")
    link = "document.querySelector('main dd a[download]')"
    fetched = (
        f"fetch({link}.href).then(it => Promise.all([it.status, it.headers.get('content-type'), it.blob()]))"
    )
    status, kind = browser.evaluate(f"{fetched}.then(it => it.slice(0, 2))")
    assert (status, kind) == (200, "image/jpeg")
    console.sends("Send my answers", "Your answers are sent")
    for words in ("Do you smoke?", "No", "JPEG, "):
        assert words in browser.text, words


def _a_consent_that_is_withdrawn_closes_the_portal(console: Console) -> None:
    console.show("/consents")
    console.sends("Withdraw: Photographs", "The consent is withdrawn")
    wait_for_heading(console.browser, "Before you go on")
    console.show("/portal/patient/questionnaires")
    wait_for_heading(console.browser, "Before you go on")
    assert "The text of Photographs." in console.browser.text
    assert "The text of Treatment." not in console.browser.text
