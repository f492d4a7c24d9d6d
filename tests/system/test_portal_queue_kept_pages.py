"""Nothing is lost and nothing moves on the pages of the queue: in a real browser, with others at work and without scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.images import an_image
from tests.support.pages import enter, follow, reach, reach_field, require_good, wait_for_heading
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

PASSWORD = "lantern-orchid-quarry-7"
PATIENT, EMAIL = "nell.kept", "nell.kept@example.org"
ADMIN = f"admin@{HARBOR}.example.org"
ROWS = "[...document.querySelectorAll('main [data-row]')].map(row => row.dataset.row).join()"


@pytest.fixture(scope="module")
def person_id(portico: RunningStack) -> str:
    given = {"first_name": "Nell", "last_name": "Kept", "kinds": ["patient"], "email": EMAIL}
    person = portico.admin.post("/v1/people", **given, date_of_birth="1980-02-29", postal_code="02139")
    portico.admin.put(
        f"/v1/patients/{person['id']}/credentials", username=PATIENT, password=PASSWORD, must_change=False,
        enable_access=True, attests_email_is_private=True,
    )  # fmt: skip
    return str(person["id"])


@pytest.fixture
def console(portico: RunningStack, chromium: Browser) -> Console:
    return Console(portico, chromium)


def entered(portico: RunningStack, person_id: str, text: str) -> dict[str, Any]:
    request = {"person_id": person_id, "type": "refill_request", "text": text}
    item: dict[str, Any] = portico.admin.post("/v1/portal-queue", **request)
    return item


def test_rows_stay_where_they_are_while_others_work(console: Console, person_id: str) -> None:
    browser, first = console.browser, entered(console.portico, person_id, "One")
    console.sign_in(ADMIN, at="/staff/queue")
    wait_for_heading(browser, "Requests and messages")
    reach(browser, "Take it: Refill Request, Kept")
    before, focused = browser.evaluate(ROWS), browser.focused
    assert first["id"] in before
    second = entered(console.portico, person_id, "Two")
    browser.wait_for("!document.getElementById('stale').hidden", within_s=30)
    assert (browser.evaluate(ROWS), browser.focused) == (before, focused)
    assert second["id"] not in before
    follow(browser, "Show what is there now")
    browser.wait_for(f"{ROWS}.includes('{second['id']}')")
    assert browser.evaluate("document.getElementById('stale').hidden")


def test_a_typed_answer_survives_the_change_of_somebody_else(console: Console, person_id: str) -> None:
    browser, item = console.browser, entered(console.portico, person_id, "Which dose?")
    console.sign_in(ADMIN, at=f"/staff/queue/{item['id']}")
    wait_for_heading(browser, "Refill Request")
    enter(browser, "Message to the person", "Two a day.")
    path = f"/v1/portal-queue/{item['id']}"
    headers = {"If-Match": f'"{item["version"]}"'}
    console.api.send("PATCH", path, 200, json={"priority": "urgent"}, headers=headers)
    follow(browser, "Send")
    console.refused("Somebody else has changed this while you were working on it")
    assert "Urgent" in browser.text
    reach_field(browser, "Message to the person")
    assert browser.evaluate("document.activeElement.value") == "Two a day."
    assert console.api.get(path)["messages"] == []
    console.sends("Send", "Your message is sent")
    assert [each["text"] for each in console.api.get(path)["messages"]] == ["Two a day."]
    # Back and forward send nothing again (B10).
    browser.evaluate("history.back()")
    browser.wait_for("document.readyState === 'complete'")
    browser.evaluate("history.forward()")
    browser.wait_for_text("Two a day.")
    assert len(console.api.get(path)["messages"]) == 1


def test_a_conversation_with_a_file_without_scripts(console: Console, person_id: str, tmp_path: Path) -> None:
    browser, picture = console.browser, tmp_path / "box.png"
    picture.write_bytes(an_image("PNG", 400, 200))
    browser.open_page(width=360, height=740)
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    console.show(f"/sign-in?organisation={HARBOR}&realm=patient&return_path=/portal/patient/messages/new")
    enter(browser, "E-mail address or username", PATIENT)
    enter(browser, "Password", PASSWORD)
    browser.press("Enter")
    browser.wait_for_text("Your message")
    console.pick("What it is about", "Refill Request")
    enter(browser, "Your message", "This one.")
    follow(browser, "Send")
    browser.wait_for_text("Your message is sent")
    browser.choose_file("send_my_file-file", picture)
    follow(browser, "Send the file")
    browser.wait_for_text("Your file is sent.")
    assert "PNG" in browser.text
    found = console.api.get("/v1/portal-queue", order="newest")["items"]
    item = next(each for each in found if each["person_id"] == person_id)
    browser.open_page()
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    console.show(f"/sign-in?organisation={HARBOR}&realm=staff&return_path=/staff/queue/{item['id']}")
    enter(browser, "E-mail address or username", ADMIN)
    enter(browser, "Password", console.portico.password_of(ADMIN))
    browser.press("Enter")
    browser.wait_for_text("This one.")
    assert "Open the file" in browser.text
    enter(browser, "Message to the person", "It is ready.")
    follow(browser, "Send")
    browser.wait_for_text("Your message is sent")
    browser.send("Emulation.setScriptExecutionDisabled", value=False)
    for width in (320, 1280):
        browser.resize(width, 800)
        require_good(browser)
    follow(browser, "Send a file")
    browser.choose_file("send_file_to_person-file", picture)
    console.sends("Send the file", "Your file is sent.")
    messages = console.api.get(f"/v1/portal-queue/{item['id']}")["messages"]
    assert [bool(each["file"]) for each in messages] == [False, True, False, True]
    mail = console.portico.journey().await_mail(
        EMAIL, lambda each: "has left a message for you" in each["text"]
    )
    for word in ("Nell", "Kept", "Refill", "ready", "box"):
        assert word not in mail["text"] + mail["subject"], word
