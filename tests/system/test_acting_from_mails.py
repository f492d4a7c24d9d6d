"""Acting from a mail, from the event to the page: a provider who has not signed in answers, confirms and is named as a link."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from deploy.client import Portico
from tests.support.browser import PROGRAM, Browser
from tests.support.pages import reach, reach_field, require_good, wait_for_heading
from tests.support.stack import RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

KEEPER = "acting.keeper@shelter.example.org"
LINK = re.compile(r"https?://\S+(/act\?\S+#token=(mail_[A-Za-z0-9_-]+))")


class Shelter:
    """A program with a provider who gets mails, in an organisation where people act from mails."""

    def __init__(self, portico: RunningStack) -> None:
        self.portico = portico
        journey = portico.journey()
        self.program = journey.find_program("Meals to the Door")
        self.queue = portico.admin.post("/v1/queues", name="Meals from mails")
        portico.admin.put(f"/v1/queues/{self.queue['id']}/programs/{self.program['id']}")
        self.account, _ = portico.create_provider(KEEPER, [self.program["id"]])
        organisation = portico.admin.get("/v1/organisation")
        self._features = organisation["features"]
        self._switch([*self._features, "act_from_mail"])

    def _switch(self, features: list[str]) -> None:
        version = self.portico.admin.get("/v1/organisation")["version"]
        self.portico.admin.put("/v1/organisation/features", version=version, features=features)

    def close(self) -> None:
        self._switch(self._features)

    def refer(self, last_name: str) -> dict[str, Any]:
        record = self.portico.staff.post(
            "/v1/contact-records", first_name="Rosalind", last_name=last_name, postal_code="94103"
        )
        given = {"queue_id": self.queue["id"], "program_id": self.program["id"]}
        return self.portico.staff.post("/v1/referrals", contact_record_id=record["id"], **given)

    def await_link(self, referral: dict[str, Any]) -> tuple[str, str]:
        """Address and token of the link in the mail about this referral."""
        number = referral["limited"]["contact_record_number"]
        mail = self.portico.journey().await_mail(
            KEEPER, lambda each: number in each["text"] and LINK.search(each["text"]) is not None
        )
        found = LINK.search(mail["text"])
        assert found is not None
        return found[1], found[2]

    def status(self, referral: dict[str, Any]) -> str:
        return str(self.portico.staff.get(f"/v1/referrals/{referral['id']}")["limited"]["status"])

    def open(self, browser: Browser, address: str) -> None:
        browser.go(self.portico.stack.public_url + address)


@pytest.fixture(scope="module")
def shelter(portico: RunningStack) -> Any:
    found = Shelter(portico)
    yield found
    found.close()


@pytest.fixture
def phone(chromium: Browser) -> Browser:
    chromium.open_page(width=320, height=640)
    return chromium


def test_a_provider_accepts_from_the_mail_on_a_phone_and_is_named_as_a_link(
    shelter: Shelter, phone: Browser
) -> None:
    referral = shelter.refer("Acceptfrommail")
    number = referral["limited"]["contact_record_number"]
    address, token = shelter.await_link(referral)
    for _ in range(2):  # a mail scanner, then the person
        shelter.open(phone, address)
        wait_for_heading(phone, "Answer a referral")
    assert shelter.status(referral) == "Referred"
    assert (phone.path, token in phone.evaluate("location.href")) == ("/act", False)
    assert number in phone.text
    assert "Meals from mails" in phone.text
    assert "Acceptfrommail" not in phone.evaluate("document.documentElement.outerHTML")
    require_good(phone)
    reach(phone, "Accept the referral")
    phone.press("Enter")
    wait_for_heading(phone, "The referral is accepted")
    require_good(phone)
    assert shelter.status(referral) == "Attempting Contact"
    history = shelter.portico.staff.get(f"/v1/referrals/{referral['id']}/history")["items"]
    assert [(line["kind"], line["actor"]["by_link"]) for line in history] == [
        ("assigned", False),
        ("accepted", True),
    ]
    shelter.open(phone, address)
    phone.wait_for_text("does nothing any more")
    require_good(phone)


def test_a_decline_from_the_mail_asks_for_its_reason(shelter: Shelter, phone: Browser) -> None:
    referral = shelter.refer("Declinefrommail")
    address, _ = shelter.await_link(referral)
    shelter.open(phone, address)
    wait_for_heading(phone, "Answer a referral")
    reach(phone, "Decline the referral")
    phone.press("Enter")
    phone.wait_for_text("There is a problem")
    require_good(phone)
    assert shelter.status(referral) == "Referred"
    reach_field(phone, "Reason")
    phone.press("ArrowDown")  # the first reason: no capacity
    reach(phone, "Decline the referral")
    phone.press("Enter")
    wait_for_heading(phone, "The referral is declined")
    assert shelter.status(referral) == "Declined"


def test_the_token_is_good_for_its_referral_and_for_nothing_else(shelter: Shelter) -> None:
    referral, other = shelter.refer("Scopedone"), shelter.refer("Scopedtwo")
    _, token = shelter.await_link(referral)
    holder = Portico(shelter.portico.url, token)
    assert holder.get(f"/v1/referrals/{referral['id']}/answer-form")["queue_name"] == "Meals from mails"
    refused = [
        "/v1/me",
        "/v1/referrals",
        f"/v1/referrals/{referral['id']}",
        f"/v1/referrals/{other['id']}/answer-form",
    ]
    for path in refused:
        answer = requests.get(
            shelter.portico.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        assert answer.status_code == 403, path
    version = shelter.portico.admin.get(f"/v1/accounts/{shelter.account['id']}")["version"]
    shelter.portico.admin.act(f"/v1/accounts/{shelter.account['id']}/disable", version=version)
    answer = requests.get(
        f"{shelter.portico.url}/v1/referrals/{referral['id']}/answer-form",
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
    assert answer.status_code == 401
