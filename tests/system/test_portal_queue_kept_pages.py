"""Nothing is lost and nothing moves on the pages of the queue: in a real browser, with others at work, without scripts, and
while a service or the broker is away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from signal import SIGCONT, SIGSTOP
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
def person_id(portico: RunningStack) -> Iterator[str]:
    given = {"first_name": "Nell", "last_name": "Kept", "kinds": ["patient"], "email": EMAIL}
    person = portico.admin.post("/v1/people", **given, date_of_birth="1980-02-29", postal_code="02139")
    portico.admin.put(
        f"/v1/patients/{person['id']}/credentials", username=PATIENT, password=PASSWORD, must_change=False,
        enable_access=True, attests_email_is_private=True,
    )  # fmt: skip
    yield str(person["id"])
    # Other tests go through the same queue by the keyboard.
    for each in portico.admin.get("/v1/portal-queue", limit=100)["items"]:
        if each["person_id"] == person["id"]:
            path = f"/v1/portal-queue/{each['id']}/dismiss"
            portico.admin.act(path, each["version"], outcome="completed")


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


def test_seven_tabs_are_usable_and_the_one_that_is_seen_is_told(console: Console, person_id: str) -> None:
    """B14: over HTTP/1.1 a browser has six connections to a server, and a page that is told holds one."""
    browser, stack = console.browser, console.portico.stack
    console.sign_in(ADMIN, at="/staff/queue")
    address = f"{stack.public_url}/staff/queue"
    with contextlib.ExitStack() as tabs:
        for _ in range(6):
            tabs.enter_context(browser.other_tab(address, hides=True))
        entered(console.portico, person_id, "Are you there?")
        browser.wait_for("!document.getElementById('stale').hidden", within_s=5)
        follow(browser, "Archive")
        wait_for_heading(browser, "Archive")
        tabs.close()
    # The first tab, which is seen again, shows that something came meanwhile.
    browser.wait_for("!document.hidden && !document.getElementById('stale').hidden", within_s=5)
    entered(console.portico, person_id, "And now?")
    follow(browser, "Show what is there now")
    browser.wait_for("document.getElementById('stale').hidden")


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


def answers(console: Console, item: dict[str, Any]) -> list[str]:
    """What the API has of the answers to an item."""
    return [each["text"] for each in console.api.get(f"/v1/portal-queue/{item['id']}")["messages"]]


@contextlib.contextmanager
def standing_still(portico: RunningStack) -> Iterator[None]:
    """Portals takes nothing and answers nothing, so the gateway gives up at its deadline (504)."""
    portico.stack.supervisor.kill("portals", SIGSTOP)
    try:
        yield
    finally:
        portico.stack.supervisor.kill("portals", SIGCONT)


@contextlib.contextmanager
def without_broker(portico: RunningStack) -> Iterator[None]:
    """The broker closes all connections and takes no new ones."""
    broker = portico.stack.broker
    assert broker is not None
    broker.ctl("stop_app")
    try:
        yield
    finally:
        broker.ctl("start_app")
        portico.stack.supervisor.wait_ready(60)


@pytest.mark.parametrize("away", [standing_still, without_broker])
def test_an_answer_that_nobody_confirms_stays_and_is_sent_once(
    console: Console, person_id: str, away: Any
) -> None:
    browser, item = console.browser, entered(console.portico, person_id, "Is it ready?")
    console.sign_in(ADMIN, at=f"/staff/queue/{item['id']}")
    wait_for_heading(browser, "Refill Request")
    enter(browser, "Message to the person", "Ready at noon.")
    with away(console.portico):
        follow(browser, "Send")
        browser.wait_for_text("This was not confirmed")
        require_good(browser)
        assert "Ready at noon." in browser.text
    words = "Send it once more"
    for _ in range(5):  # a busy service may not confirm it within the deadline either
        reach(browser, words)
        browser.evaluate("document.getElementById('error-summary')?.remove()")
        browser.press("Enter")
        browser.wait_for("document.querySelector('#done, #error-summary') !== null")
        if browser.evaluate("document.getElementById('done') !== null"):
            break
        words = "Send"
    console.done("Your message is sent")
    assert answers(console, item) == ["Ready at noon."]


@pytest.mark.parametrize("with_scripts", [True, False])
def test_two_presses_of_send_make_one_answer(console: Console, person_id: str, with_scripts: bool) -> None:
    browser, item = console.browser, entered(console.portico, person_id, "Twice?")
    console.sign_in(ADMIN, at=f"/staff/queue/{item['id']}")
    browser.send("Emulation.setScriptExecutionDisabled", value=not with_scripts)
    console.show(f"/staff/queue/{item['id']}")
    enter(browser, "Message to the person", "Once.")
    reach(browser, "Send")
    browser.press("Enter")
    browser.press("Enter")
    browser.wait_for_text("Your message is sent")
    browser.send("Emulation.setScriptExecutionDisabled", value=False)
    assert answers(console, item) == ["Once."]


def test_after_an_answer_the_way_that_was_chosen_leads_on_and_is_remembered(
    console: Console, person_id: str
) -> None:
    browser = console.browser
    first, second = (entered(console.portico, person_id, each) for each in ("First?", "Second?"))
    console.sign_in(ADMIN, at=f"/staff/queue/{first['id']}")
    enter(browser, "Message to the person", "One.")
    console.pick("Afterwards", "Go to the next that waits")
    console.sends("Send", "Your message is sent")
    assert browser.path.startswith("/staff/queue/")
    assert first["id"] not in browser.path
    console.show(f"/staff/queue/{second['id']}")
    assert browser.evaluate("document.querySelector('[name=way]').value") == "next"
    enter(browser, "Message to the person", "Two.")
    console.pick("Afterwards", "Back to the list")
    console.sends("Send", "Your message is sent")
    wait_for_heading(browser, "Requests and messages")
    assert browser.path.partition("?")[0] == "/staff/queue"
    assert (answers(console, first), answers(console, second)) == (["One."], ["Two."])


def test_an_answer_to_what_was_dismissed_in_another_tab_stays_on_the_page(
    console: Console, person_id: str
) -> None:
    browser, item = console.browser, entered(console.portico, person_id, "Which tab?")
    entered(console.portico, person_id, "And who answers me?")
    address = f"/staff/queue/{item['id']}"
    console.sign_in(ADMIN, at=address)
    wait_for_heading(browser, "Refill Request")
    enter(browser, "Message to the person", "From the first tab.")
    with browser.other_tab(f"{console.portico.stack.public_url}{address}"):
        follow(browser, "Completed")
        browser.wait_for_text("It is in the archive now")
    follow(browser, "Send")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    require_good(browser)
    assert "From the first tab." in browser.text
    assert answers(console, item) == []
    assert "Next: " in browser.text  # of those that wait, whom to answer now
    follow(browser, "Bring it back into the queue")
    browser.press("Tab")
    browser.press("Enter")
    console.done("It is back in the queue")


def test_a_message_that_the_limit_stops_is_shown_with_what_the_organisation_says(
    console: Console, person_id: str
) -> None:
    browser, settings = console.browser, "/v1/portal-queue-settings"

    def set_limit(**members: Any) -> None:
        headers = {"If-Match": f'"{console.api.get(settings)["version"]}"'}
        console.api.send("PATCH", settings, 200, json=members, headers=headers)

    console.sign_in_on_a_phone(PATIENT, PASSWORD, "/portal/patient/messages/new", "Send a Message")
    for text in ("First.", "One too many."):
        console.show("/portal/patient/messages/new")
        console.pick("What it is about", "Refill Request")
        enter(browser, "Your message", text)
        if text == "First.":
            console.sends("Send", "Your message is sent")
    set_limit(most_a_day=1, before_writing="Call 617 555 0100 instead.")
    try:
        follow(browser, "Send")
        browser.wait_for("document.activeElement.id === 'error-summary'")
        require_good(browser)
        for words in ("One too many.", "It was not sent.", "as many messages as can be answered", "Call 617"):
            assert words in browser.text, words
    finally:
        set_limit(most_a_day=10, before_writing=None)


@pytest.mark.parametrize("with_scripts", [True, False])
def test_an_answer_whose_session_ends_is_shown_to_its_writer_and_to_nobody_else(
    console: Console, person_id: str, with_scripts: bool
) -> None:
    browser, item = console.browser, entered(console.portico, person_id, "Still there?")
    address, writer = f"/staff/queue/{item['id']}", f"writer.{with_scripts}@harbor.example.org".lower()
    account_id = console.portico.create_staff(writer).get("/v1/me")["id"]
    for login in ("staff@harbor.example.org", writer):
        console.sign_in(writer, at=address)
        browser.send("Emulation.setScriptExecutionDisabled", value=not with_scripts)
        console.show(address)
        enter(browser, "Message to the person", "Private until it is sent.")
        console.api.post(f"/v1/accounts/{account_id}/sessions/end", expect=200)
        if not with_scripts:  # with them the page is told at once, and leaves by itself
            follow(browser, "Send")
        browser.wait_for_text("What you typed is kept")
        assert "Private until" not in browser.evaluate("document.documentElement.outerHTML")
        enter(browser, "E-mail address or username", login)
        enter(browser, "Password", console.portico.password_of(login))
        browser.press("Enter")
        if login == writer and not with_scripts:
            browser.wait_for_text("You are signed in again")
            follow(browser, "Show what I typed")
        browser.wait_for_text("Message to the person")
        reach_field(browser, "Message to the person")
        shown = browser.evaluate("document.activeElement.value")
        assert shown == ("Private until it is sent." if login == writer else "")
        assert answers(console, item) == []
    assert "It has not been sent" in browser.text
    follow(browser, "Send")
    browser.wait_for_text("Your message is sent")
    browser.send("Emulation.setScriptExecutionDisabled", value=False)
    assert answers(console, item) == ["Private until it is sent."]
