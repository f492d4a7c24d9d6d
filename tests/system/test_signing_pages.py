"""The signing pages in a real browser, by the keyboard alone (S4-12 to S4-18)."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from deploy.client import Portico
from deploy.journey import Journey
from tests.support.browser import PROGRAM, Browser
from tests.support.pages import choose, follow, reach, require_good
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

LONG = 80
# Notes what was clicked, by the mouse or by a key, also on the pages before.
COUNTS_CLICKS = """addEventListener("click", event => {
  if (event.isTrusted) sessionStorage.clicked = [sessionStorage.clicked, event.target.closest("a, button, input").textContent.trim()
    || event.target.value].filter(Boolean).join("|");
}, true)"""
PROVIDER = "signing.keeper@shelter.example.org"
HOSTILE = '<img src=x onerror=alert(2) hx-get="/v1/me" hx-trigger="load"> ' + "W" * 50


@dataclass
class Practice:
    """A provider to whom staff send documents."""

    portico: RunningStack
    journey: Journey
    account: dict[str, Any]
    provider: Portico
    record: dict[str, Any]

    def send(self) -> dict[str, Any]:
        """A new document to the provider."""
        return self.journey.send_document(self.record, self.account)

    def send_long(self) -> dict[str, Any]:
        """One of 80 pages."""
        how = {"title": "Long plan of care", "recipient_account_id": self.account["id"]}
        return self.portico.staff.upload(
            "/v1/documents", of_pages(LONG), "plan.pdf", "application/pdf", expect=201, **how
        )

    def now(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document as the API tells it to the provider."""
        return dict(self.provider.get(f"/v1/documents/{document['id']}"))

    def url(self, path: str) -> str:
        return self.portico.stack.public_url + path


@pytest.fixture(scope="module")
def practice(portico: RunningStack) -> Practice:
    journey = portico.journey()
    account, provider = portico.create_provider(PROVIDER, [journey.find_program("Meals to the Door")["id"]])
    record = portico.staff.post("/v1/contact-records", first_name="Rosalind", last_name="Signed")
    return Practice(portico, journey, account, provider, record)


@pytest.fixture
def browser(chromium: Browser, practice: Practice) -> Browser:
    """An empty page of a browser in which the provider is signed in."""
    chromium.open_page()
    sign_in(
        chromium,
        practice,
        f"/sign-in?organisation={HARBOR}&realm=provider&return_path=/signing",
        "/signing",
    )
    return chromium


def sign_in(browser: Browser, practice: Practice, address: str, path: str) -> None:
    browser.go(practice.url(address))
    browser.wait_for("document.activeElement.id === 'sign_in-login'")
    browser.type(PROVIDER)
    browser.tab_to("sign_in-password")
    browser.type(practice.portico.password_of(PROVIDER))
    browser.press("Enter")
    browser.wait_for(f"location.pathname === '{path}' && document.readyState === 'complete'")


def show(browser: Browser, practice: Practice, path: str) -> None:
    browser.go(practice.url(path))
    browser.wait_for("document.readyState === 'complete'")


def await_pictures(browser: Browser) -> None:
    """Wait until the pictures of pages that can be seen are there."""
    seen = "[...document.querySelectorAll('main img')].filter(it => it.getBoundingClientRect().top < innerHeight)"
    browser.wait_for(f"{seen}.length > 0 && {seen}.every(it => it.complete && it.naturalWidth > 100)")


@pytest.mark.seed("S4-12", "S4-16", "S4-17", "S4-18")
def test_a_document_is_read_and_signed_in_three_clicks_from_the_start_page(
    practice: Practice, browser: Browser
) -> None:
    document = practice.send()
    show(browser, practice, "/provider")
    follow(browser, "Plan of care")  # 1
    browser.wait_for_text("Page 1 of 1")
    await_pictures(browser)
    alt = browser.evaluate("document.querySelector('main img').alt")
    assert alt == "Picture of page 1 of 1. Its text follows."
    follow(browser, "Text of page 1")
    assert practice.record["number"] in browser.text
    assert practice.now(document)["viewed_at"]
    assert practice.now(document)["seen_pages"] == [1]
    browser.wait_for("document.getElementById('pages-seen').textContent === '1'")
    assert browser.evaluate("document.getElementById('next-page').hidden")
    choose(browser, "What your signature means", "I have reviewed it")  # 2
    reach(browser, "Note")
    browser.type("Agreed, with thanks.")
    follow(browser, "Sign the document")  # 3
    browser.wait_for_text("The document is signed.")
    assert browser.focused == "done"
    require_good(browser)
    assert "Pat K." in browser.text
    assert "I have reviewed it" in browser.text
    assert "Agreed, with thanks." in browser.text
    signed = practice.now(document)
    assert (signed["state"], signed["meaning"], signed["note"]) == (
        "signed",
        "review",
        "Agreed, with thanks.",
    )
    file = browser.evaluate("document.querySelector('a[download]').getAttribute('href')")
    assert practice.provider.download(file).startswith(b"%PDF-")
    browser.send("Page.reload")
    browser.wait_for("document.readyState === 'complete'")
    assert "Sign the document" not in browser.text
    assert practice.now(document)["version"] == signed["version"]


def of_pages(count: int) -> bytes:
    """A document of so many pages."""
    canvas = Canvas(buffer := io.BytesIO())
    for number in range(1, count + 1):
        canvas.drawString(72, 700, f"Page {number} of the long plan")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def pictures_asked(browser: Browser) -> int:
    """How many pictures of pages the browser has asked for."""
    asked = "performance.getEntriesByType('resource').filter(it => it.name.endsWith('/picture'))"
    return int(browser.evaluate(f"{asked}.length"))


def clicked(browser: Browser) -> list[str]:
    return str(browser.evaluate("sessionStorage.clicked ?? ''")).split("|")


@pytest.fixture
def on_a_phone(chromium: Browser) -> Browser:
    """An empty page as wide as a phone, in which clicks are noted."""
    chromium.open_page(width=390, height=844)
    chromium.send("Page.addScriptToEvaluateOnNewDocument", source=COUNTS_CLICKS)
    return chromium


def open_by_mail(browser: Browser, practice: Practice, document: dict[str, Any]) -> None:
    """Sign in by the link of the mail, which leads to the document."""
    path = f"/signing/{document['id']}"
    sign_in(browser, practice, f"/sign-in?organisation={HARBOR}&realm=provider&return_path={path}", path)
    browser.evaluate("delete sessionStorage.clicked")


@pytest.mark.seed("S4-14", "S4-16")
def test_eighty_pages_on_a_phone_are_signed_in_three_clicks_after_signing_in(
    practice: Practice, on_a_phone: Browser
) -> None:
    browser, document = on_a_phone, practice.send_long()
    open_by_mail(browser, practice, document)
    browser.wait_for_text(f"Page 1 of {LONG}")
    await_pictures(browser)
    assert 1 <= pictures_asked(browser) <= 10
    assert len(practice.now(document)["seen_pages"]) <= 10
    require_good(browser)

    follow(browser, "To signing")
    reach(browser, "I approve it")
    browser.press(" ")
    reach(browser, "Type your name")
    browser.type("Pat Keeper")
    follow(browser, "Sign the document")

    browser.wait_for_text("The document is signed.")
    assert clicked(browser) == ["To signing", "approval", "Sign the document"]
    assert practice.now(document)["state"] == "signed"
    assert pictures_asked(browser) <= 10
    require_good(browser)


@pytest.mark.seed("S4-17")
def test_eighty_pages_on_a_phone_are_declined_in_three_clicks_after_signing_in(
    practice: Practice, on_a_phone: Browser
) -> None:
    browser, document = on_a_phone, practice.send_long()
    sign_in(
        browser,
        practice,
        f"/sign-in?organisation={HARBOR}&realm=provider&return_path=/signing",
        "/signing",
    )
    browser.evaluate("delete sessionStorage.clicked")
    follow(browser, "Long plan of care")
    browser.wait_for_text(f"Page 1 of {LONG}")

    follow(browser, "To declining")
    reach(browser, "Reason")
    browser.press("ArrowDown")
    follow(browser, "Decline to sign")

    browser.wait_for_text("You have declined to sign.")
    assert clicked(browser) == ["Long plan of care", "To declining", "Decline to sign"]
    declined = practice.now(document)
    assert (declined["state"], declined["reason_code"]) == ("declined", "wrong_person")


@pytest.mark.seed("S4-13", "S4-16", "S4-17")
def test_from_the_mail_a_document_is_declined_and_needs_a_reason(
    practice: Practice, chromium: Browser
) -> None:
    document = practice.send()
    mail = practice.journey.await_mail(PROVIDER, lambda each: document["id"] in each["text"])
    link = re.search(r"https?://[^/\s]+(/\S+)", mail["text"])
    assert link is not None
    chromium.open_page()
    sign_in(chromium, practice, link[1], f"/signing/{document['id']}")
    follow(chromium, "Decline to sign", 120)
    chromium.wait_for("document.activeElement.id === 'error-summary'")
    require_good(chromium)
    assert practice.now(document)["state"] == "sent"
    chromium.press("Tab")
    chromium.press("Enter")  # the summary leads to the field
    chromium.wait_for("document.activeElement.id === 'decline-note'")
    chromium.type("The medication is wrong.")
    chromium.evaluate("document.getElementById('decline-reason_code').value = 'content_wrong'")
    follow(chromium, "Decline to sign")
    chromium.wait_for_text("You have declined to sign.")
    require_good(chromium)
    declined = practice.now(document)
    assert (declined["state"], declined["reason_code"], declined["note"]) == (
        "declined",
        "content_wrong",
        "The medication is wrong.",
    )
    assert "Something in it is wrong" in chromium.text
    show(chromium, practice, f"/signing/{document['id']}/larger?after=0")
    await_pictures(chromium)
    require_good(chromium)


def test_what_was_typed_stays_when_the_note_is_refused(practice: Practice, browser: Browser) -> None:
    document = practice.send()
    show(browser, practice, f"/signing/{document['id']}")
    choose(browser, "What your signature means", "I am its author")
    browser.evaluate("document.getElementById('sign-note').removeAttribute('maxlength')")
    reach(browser, "Note")
    browser.type("x" * 2001)
    follow(browser, "Sign the document")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    assert browser.evaluate("document.querySelector('input[name=meaning]:checked').value") == "authorship"
    assert len(browser.evaluate("document.getElementById('sign-note').value")) == 2001
    assert browser.evaluate("document.getElementById('decline-note').value") == ""
    assert practice.now(document)["state"] == "sent"


def test_what_was_signed_meanwhile_can_no_longer_be_declined(practice: Practice, browser: Browser) -> None:
    document = practice.send()
    show(browser, practice, f"/signing/{document['id']}")
    path = f"/v1/documents/{document['id']}"
    practice.provider.act(f"{path}/signature", version=document["version"], meaning="approval")
    reach(browser, "Why you do not sign", 120)
    browser.type("Too late.")
    follow(browser, "Decline to sign")
    browser.wait_for_text("There is a problem")
    assert "signed, to return" in browser.text
    assert "Download the signed file" in browser.text
    assert practice.now(document)["state"] == "signed"


def test_two_documents_are_signed_in_one_act_with_a_drawn_signature_on_a_phone(
    practice: Practice, browser: Browser
) -> None:
    sent = [practice.send() for _ in range(2)]
    for each in sent:
        practice.provider.download(f"/v1/documents/{each['id']}/file")
    browser.resize(320, 700)
    show(browser, practice, "/signing/together")
    require_good(browser)
    for each in sent:
        browser.evaluate(f"document.querySelector('input[value=\"{each['id']}\"]').focus()")
        browser.press(" ")
    choose(browser, "What your signature means", "I approve it")
    browser.evaluate("document.querySelector('canvas').scrollIntoView({block: 'center'})")
    x, y = browser.evaluate("(({x, y}) => [x, y])(document.querySelector('canvas').getBoundingClientRect())")
    for kind, right, down in (
        ("mousePressed", 20, 20),
        ("mouseMoved", 120, 60),
        ("mouseMoved", 200, 30),
        ("mouseReleased", 200, 30),
    ):
        browser.send(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x + right,
            y=y + down,
            button="left",
            buttons=0 if kind == "mouseReleased" else 1,
            clickCount=1,
        )
    assert len(browser.evaluate("document.querySelector('[name=drawing]').value").split(" ")) == 3
    follow(browser, "Sign what is ticked")
    browser.wait_for_text("What could be signed is signed.")
    assert [practice.now(each)["state"] for each in sent] == ["signed", "signed"]


def test_everything_works_without_scripts_and_on_a_phone(practice: Practice, browser: Browser) -> None:
    document = practice.send()
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    browser.resize(320, 700)
    show(browser, practice, "/signing")
    follow(browser, "Plan of care")
    browser.wait_for_text("Page 1 of 1")
    follow(browser, "To signing")
    follow(browser, "Sign the document")
    browser.wait_for_text(
        "What your signature means: this is needed."
    )  # nobody's decision is made by a box that was ticked before
    assert practice.now(document)["state"] == "sent"
    choose(browser, "What your signature means", "I approve it")
    follow(browser, "Sign the document")
    browser.wait_for_text("The document is signed.")
    assert practice.now(document)["state"] == "signed"


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (320, "light"),
        pytest.param(320, "dark", marks=pytest.mark.full),
        pytest.param(1280, "light", marks=pytest.mark.full),
        pytest.param(1280, "dark", marks=pytest.mark.full),
    ],
)
def test_every_state_is_good(practice: Practice, browser: Browser, width: int, scheme: str) -> None:
    waiting, declined = practice.send(), practice.send()
    practice.provider.act(
        f"/v1/documents/{declined['id']}/decline", version=declined["version"], note=HOSTILE
    )
    browser.show_as(prefers_color_scheme=scheme)
    browser.resize(width, 700)
    for path in (
        "/signing",
        "/signing?is_decided=true",
        f"/signing/{waiting['id']}",
        f"/signing/{declined['id']}",
    ):
        show(browser, practice, path)
        require_good(browser)
    assert "onerror=alert(2)" in browser.text
    assert browser.evaluate("document.querySelectorAll('main [onerror], main [hx-get]').length") == 0


def test_texts_can_be_translated(practice: Practice, browser: Browser) -> None:
    document = practice.send()
    browser.evaluate("document.cookie = 'language=ar-x-mirrored; path=/; secure'")
    browser.resize(320, 700)
    for path in ("/signing", f"/signing/{document['id']}"):
        show(browser, practice, path)
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        labels = (
            "[...document.querySelectorAll('h1, h2, h3, th, label, legend, summary, button, main nav a, dt')]"
        )
        texts = browser.evaluate(
            f"{labels}.filter(it => !it.closest('.languages')).map(it => it.textContent.trim())"
        )
        assert [text for text in texts if text and "[" not in text and text != "Pat"] == []


def test_nothing_to_sign_is_told_and_a_document_of_somebody_else_is_not_found(
    practice: Practice, browser: Browser
) -> None:
    account, other = practice.portico.create_provider("signing.other@shelter.example.org", [])
    foreign = practice.journey.send_document(practice.record, account)
    show(browser, practice, f"/signing/{foreign['id']}")
    assert "This page cannot be found" in browser.text
    picture = f"/v1/documents/{foreign['id']}/pages/1/picture"
    assert browser.evaluate(f"fetch('{picture}').then(it => it.status)") == 404
    path = f"/v1/documents/{foreign['id']}/decline"
    other.act(path, version=foreign["version"], note="Not mine.")
    for document in practice.provider.get("/v1/documents?state=sent")["items"]:
        practice.provider.act(
            f"/v1/documents/{document['id']}/decline", version=document["version"], note="Done."
        )
    show(browser, practice, "/signing")
    assert "Nothing waits for your signature." in browser.text
    require_good(browser)
