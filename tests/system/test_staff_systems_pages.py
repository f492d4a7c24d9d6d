"""Other systems in the staff console, in a real browser by the keyboard: API clients, partners, webhooks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import amqp
import pytest

from deploy.client import Portico
from services.chassis.link import connect
from tests.integration.notifications.subscriber import Subscriber
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.eventually import eventually
from tests.support.pages import enter, follow, reach, require_good, wait_for_heading
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{HARBOR}.example.org"


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Console:
    console = Console(portico, chromium)
    console.sign_in(ADMIN, at="/staff/administration")
    return console


def test_another_system_gets_a_secret_once_and_is_revoked(console: Console) -> None:
    browser = console.browser
    console.open("/staff/api-clients", "Other systems")
    console.follow("New API client", "New API client")
    enter(browser, "Name", "Bed board")
    reach(browser, "See referrals")
    browser.press(" ")
    console.sends("Create and show the secret", "The other system may call")
    wait_for_heading(browser, "Bed board")
    client_id, secret = browser.evaluate(
        "[...document.querySelectorAll('.notice code')].map(it => it.textContent)"
    )
    session = {"client_id": client_id, "client_secret": secret}
    other = Portico(console.portico.url)
    other.post("/v1/api-sessions", **session)
    follow(browser, "Revoke")
    console.sends("Revoke for good", "can no longer call")
    other.post("/v1/api-sessions", expect=401, **session)
    console.open("/staff/api-clients", "Other systems")
    assert secret not in browser.text


def test_a_test_client_reaches_nobody_and_its_message_is_found_by_its_reference(console: Console) -> None:
    """From the request to the page of the message, through all services (N-10, N-11)."""
    browser, api, email = console.browser, console.api, "nobody.reached@harbor.example.org"
    held = set(api.get("/v1/roles", realm="staff")["permissions"]["staff"]) - {"document.sign"}
    client = api.post("/v1/api-clients", name="Trial", kind="test", scopes=sorted(held))
    session = {"client_id": client["id"], "client_secret": client["secret"]}
    other = Portico(
        console.portico.url, Portico(console.portico.url).post("/v1/api-sessions", **session)["token"]
    )
    account = api.post("/v1/accounts", email=email, first_name="No", last_name="Body")
    path, reference = f"/v1/accounts/{account['id']}/invitations", "trial-17"
    other.send("POST", path, json={}, headers={"Client-Reference": reference}, expect=202)

    def is_simulated() -> None:
        items = api.get("/v1/deliveries", reference=reference)["items"]
        found = [(each["account_id"], each["state"], each["reason"]) for each in items]
        assert found == [(account["id"], "delivered", "simulated")]

    eventually(is_simulated)
    console.open(f"/staff/deliveries?reference={reference}", "Messages sent")
    require_good(browser)
    console.follow("Invitation", "Invitation")
    assert "Another system, as a test: nothing is really sent" in browser.text
    assert "Simulated: nothing was really sent." in browser.text
    require_good(browser)
    console.open(f"/staff/api-clients/{client['id']}", "Trial")
    assert "Nobody: they are simulated" in browser.text


def test_a_partner_is_created_reads_at_the_broker_and_is_revoked(console: Console) -> None:
    """The watch makes the broker follow what is done on the page."""
    browser, stack = console.browser, console.portico.stack
    console.open("/staff/partners", "Partners")
    console.follow("New partner", "New partner")
    enter(browser, "Name", "Mercy Hospital")
    follow(browser, "Create and show the password")
    console.refused("Name: ")
    enter(browser, "Name", "mercy")
    console.sends("Create and show the password", "The partner may read")
    wait_for_heading(browser, "mercy")
    require_good(browser)
    user, password = browser.evaluate(
        "[...document.querySelectorAll('.notice code')].map(it => it.textContent)"
    )
    assert stack.broker is not None
    address = stack.broker.uri_for(user, password, "portico-feeds")
    eventually(lambda: _admits(address), timeout_s=60)
    console.show(f"/staff/partners/{console.last_of_address}")
    eventually(lambda: _is_in_use(console), timeout_s=60)
    assert f"{user}.events" in browser.text

    enter(browser, "Types of events", "portico.referrals.referral_assigned.v1")
    console.sends("Save", "The types of events are saved")
    assert "None: it holds all types of events" in browser.text
    follow(browser, "Revoke")
    console.sends("Revoke for good", "can no longer read")
    eventually(lambda: _refuses(address), timeout_s=60)
    console.open("/staff/partners", "Partners")
    assert console.row("mercy") == ""


def _admits(address: str) -> None:
    try:
        connect(address).close()
    except amqp.AccessRefused as error:
        raise AssertionError("the broker does not follow yet") from error


def _is_in_use(console: Console) -> None:
    console.show(console.browser.evaluate("location.pathname"))
    assert "In use" in console.browser.text


def _refuses(address: str) -> None:
    with contextlib.suppress(amqp.AccessRefused):
        connect(address).close()
        raise AssertionError("the broker does not follow yet")


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    found = Subscriber()
    yield found
    found.close()


@pytest.mark.seed("S2-7")
def test_another_system_is_told_by_a_webhook_that_is_tried_paused_and_removed(
    console: Console, subscriber: Subscriber
) -> None:
    browser = console.browser
    console.open("/staff/webhooks", "Webhooks")
    console.follow("New webhook", "New webhook")
    enter(browser, "Name", "Data lake")
    enter(browser, "Address", "http://example.org/hook")
    reach(browser, "A document is signed")
    browser.press(" ")
    follow(browser, "Create and show the secret")
    console.refused("encrypted addresses only")
    enter(browser, "Address", f"{subscriber.url}/hook")
    console.sends("Create and show the secret", "The other system will be told")
    wait_for_heading(browser, "Data lake")
    secret = browser.evaluate("document.querySelector('.notice code').textContent")
    assert secret.startswith("whsec_")
    address = browser.evaluate("location.pathname")

    subscriber.statuses = [500]
    console.sends("Send a test message", "A test message is on its way")
    eventually(lambda: _shows(console, address, "answered with an error"), timeout_s=30)
    console.open("/staff/webhooks", "Webhooks")
    assert "answered with an error" in browser.text
    assert secret not in browser.text
    # It is tried again by itself.
    eventually(lambda: _shows(console, address, "Sent"), timeout_s=30)
    assert len({post.headers["webhook-id"] for post in subscriber.posts}) == 1

    console.follow("Change or pause", "Change Data lake")
    console.tick("Paused")
    console.sends("Save", "The webhook is saved")
    assert "Paused" in browser.text
    follow(browser, "Send a test message")
    console.refused("paused")
    follow(browser, "Remove")
    console.sends("Remove for good", "The webhook is removed")
    assert "No other system is told of anything yet" in browser.text


def _shows(console: Console, address: str, words: str) -> None:
    console.show(address)
    assert words in console.browser.text
