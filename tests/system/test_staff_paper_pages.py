"""Staff send documents by fax and on paper, follow plans of care up, and attach what comes back, in the browser by real keys."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest

from deploy.journey import a_pdf
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.eventually import eventually
from tests.support.pages import choose, enter, follow, reach
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Console:
    console = Console(portico, chromium)
    console.sign_in(f"admin@{HARBOR}.example.org", at="/staff/documents")
    return console


def enter_day(browser: Browser, label: str, day: datetime.date) -> None:
    """Type a day into a date field, digit by digit, as its parts take them."""
    reach(browser, label)
    type_day(browser, day)


def type_day(browser: Browser, day: datetime.date) -> None:
    for digit in f"{day:%m%d%Y}":
        browser.press(digit)
    browser.wait_for(f"document.activeElement.value === '{day.isoformat()}'")


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.pdf"
    file.write_bytes(a_pdf("Plan of care"))
    return file


@pytest.mark.seed("S4-2")
@pytest.mark.seed("S4-22")
def test_a_plan_of_care_is_faxed_and_followed_up(console: Console, plan: Path) -> None:
    browser, api = console.browser, console.api
    began = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=26)
    console.open("/staff/documents/send", "Send a document")
    console.follow("By fax or on paper", "Send a document")
    enter(browser, "Name of the signer", "Dr Grey")
    enter(browser, "Fax number", "415 555 017")
    enter(browser, "Title", "Plan of care by fax")
    browser.choose_file("send_document-file", plan)
    follow(browser, "Send")
    console.refused("telephone number")  # what was typed is still there
    follow(browser, "Fax number")  # the summary leads to the field
    enter(browser, "Fax number", "(415) 555-0177")
    choose(
        browser, "How it goes out", "On paper: you print it and its cover sheet"
    )  # and back: what was typed stays
    assert "Plan of care by fax" in browser.evaluate("document.getElementById('send_document-title').value")
    choose(browser, "How it goes out", "By fax, with a cover sheet")
    enter(browser, "Fax number once more", "415-555-0178")
    choose(browser, "What it is", "A plan of care")
    enter_day(browser, "Care began on", began)
    browser.choose_file("send_document-file", plan)
    follow(browser, "Send")
    console.refused("The two numbers differ")
    enter(browser, "Fax number once more", "415-555-0177")
    browser.choose_file("send_document-file", plan)
    console.sends("Send", "The document is on its way")
    document_id = console.last_of_address
    document = api.get(f"/v1/documents/{document_id}")
    assert (document["channel"], document["fax_number"], document["days_left"]) == (
        "fax",
        "+1 415-555-0177",
        4,
    )

    mail = console.portico.journey().await_mail("14155550177@fax.example.org", lambda _: True)
    assert mail["subject"] == "Fax"

    def is_faxed() -> None:
        assert api.get(f"/v1/documents/{document_id}")["fax_state"] == "sent"

    eventually(is_faxed)
    console.open("/staff/documents/plans-of-care", "Plans of care")
    row = console.row("Plan of care by fax")
    assert re.search(r"Awaiting signature.*4 days.*Dr Grey.*By fax.*Not yet", row, re.DOTALL)
    console.follow("Plan of care by fax", "Plan of care by fax")
    assert "The fax is sent" in browser.text
    follow(browser, "Send the fax again")
    console.refused("less than an hour ago")


@pytest.mark.seed("S4-3")
def test_a_document_on_paper_comes_back_and_is_recognised_and_attached(
    console: Console, plan: Path, tmp_path: Path
) -> None:
    browser, api = console.browser, console.api
    console.open("/staff/documents/send?way=print", "Send a document")
    enter(browser, "Name of the signer", "Dr Grey")
    enter(browser, "Title", "Order on paper")
    browser.choose_file("send_document-file", plan)
    console.sends("Send", "The document is on its way")
    document_id = console.last_of_address
    sheet = tmp_path / "scan.pdf"
    sheet.write_bytes(api.download(f"/v1/documents/{document_id}/cover-sheet"))

    console.open("/staff/documents", "Unsigned report")
    console.follow("Recognise a copy that came back", "Recognise a copy that came back")
    browser.choose_file("recognise_scan-file", plan)
    console.sends("Recognise it", "The scan is read")
    assert "There is no code" in browser.text
    browser.choose_file("recognise_scan-file", sheet)
    console.sends("Recognise it", "The scan is read")
    assert "Order on paper" in browser.text
    browser.wait_for("document.querySelector('.document-page img').naturalWidth > 500")  # the copy itself
    follow(browser, "Attach the copy")
    console.refused("Date beside the signature")  # and the copy is still there
    follow(browser, "Date beside the signature")  # the summary leads to the field
    type_day(browser, datetime.datetime.now(datetime.UTC).date())
    console.sends("Attach the copy", "The copy is attached")
    assert "Signed by hand" in browser.text
    assert api.get(f"/v1/documents/{document_id}")["is_wet"] is True
    console.sends("Mark as returned", "The document is marked as returned")


def test_a_signer_on_paper_declines_and_a_corrected_version_is_prepared(console: Console, plan: Path) -> None:
    browser, api = console.browser, console.api
    console.open("/staff/documents/send?way=print", "Send a document")
    enter(browser, "Name of the signer", "Dr Brown")
    enter(browser, "Title", "Wrong order")
    browser.choose_file("send_document-file", plan)
    console.sends("Send", "The document is on its way")
    follow(browser, "The signer declines")
    console.pick("Reason", "Something in it is wrong")
    enter(browser, "What the signer says", "The left knee.")
    console.sends("Note the refusal", "The refusal is noted")
    declined = console.last_of_address
    console.follow("Send a corrected version", "Send a document")
    assert "The left knee." in browser.text
    browser.choose_file("send_document-file", plan)
    console.sends("Send", "The document is on its way")
    corrected = api.get(f"/v1/documents/{console.last_of_address}")
    assert (corrected["addressee"], corrected["replaces_document_id"]) == ("Dr Brown", declined)


def test_a_document_goes_to_two_signers_in_order_of_whom_one_has_no_user_yet(
    console: Console, plan: Path
) -> None:
    browser, api = console.browser, console.api
    console.open("/staff/documents/send", "Send a document")
    console.follow("By e-mail to several", "Send a document")
    enter(browser, "E-mail address of recipient 1", "first.signer@clinic.example.org")
    enter(browser, "First name of recipient 1", "Fay")
    enter(browser, "Turn of recipient 1", "1")
    enter(browser, "E-mail address of recipient 2", "second.signer@clinic.example.org")
    console.pick("What recipient 2 does", "Approves")
    enter(browser, "Turn of recipient 2", "2")
    enter(browser, "Title", "Order for two")
    enter(browser, "Message", "Please read page 1.")
    browser.choose_file("send_document-file", plan)
    console.sends("Send", "The document is on its way")
    document = api.get(f"/v1/documents/{console.last_of_address}")
    told = [(each["role"], each["state"]) for each in document["recipients"]]
    assert told == [("signer", "asked"), ("approver", "waiting")]
    assert re.search(r"Fay.*Signs.*Asked.*Approves.*Others come first", browser.text, re.DOTALL)
    journey = console.portico.journey()
    signer = journey.accept_invitation({"email": "first.signer@clinic.example.org"})
    shown = signer.get(f"/v1/documents/{document['id']}")
    assert shown["message"] == "Please read page 1."
    signer.act(f"/v1/documents/{document['id']}/signature", version=shown["version"], meaning="review")
    journey.await_mail(
        "second.signer@clinic.example.org", lambda mail: "ready to be signed" in mail["subject"]
    )
    console.open("/staff/documents", "Unsigned report")
    assert "1 of 2 have signed" in console.row("Order for two")
