"""The live process: open pages are told within a second, of what they may read, until their session ends."""

from __future__ import annotations

import base64
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

import pytest
import requests

from deploy.client import Portico
from gateway.live.server import SESSION
from gateway.web.protection import Protection, of_session
from tests.support.eventually import eventually
from tests.support.stack import HARBOR, RunningStack

STAFF = "live@harbor.example.org"
PATIENTS_PASSWORD = "lantern-orchid-quarry-7"


class Page:
    """An open page as a browser has it: the lines of its stream, read from the socket until it is closed."""

    def __init__(self, address: tuple[str, int], request: str) -> None:
        self.lines: list[str] = []
        self._is_open = True
        self._socket = socket.create_connection(address, timeout=10)
        self._socket.sendall(request.encode())
        self._socket.settimeout(0.1)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def close(self) -> None:
        self._is_open = False
        self._reader.join()
        self._socket.close()

    def told(self, view: str) -> bool:
        return any(line.startswith("data: ") and view in line.split() for line in self.lines)

    def _read(self) -> None:
        text = ""
        while self._is_open:
            try:
                piece = self._socket.recv(4096)
            except TimeoutError:
                continue
            if not piece:
                break
            *whole, text = (text + piece.decode()).split("\n")
            self.lines += [line.strip() for line in whole]
        self.lines.append("closed")


def comes_true(condition: Callable[[], Any]) -> None:
    def probe() -> None:
        assert condition()

    eventually(probe)


def sealed(portico: RunningStack, token: str, views: list[str], organisation: str = HARBOR) -> str:
    """What the gateway seals for a page: here of a page of our own, so that a test can watch what it likes."""
    key = base64.urlsafe_b64decode((portico.stack.folder / "keys/pages.key").read_text().strip())
    page = {
        "organisation": organisation,
        "account": account_of(portico, token),
        "views": views,
        "name": "Sam F.",
    }
    return Protection(key, None).sealed(page, of_session("live", token), 60)


def account_of(portico: RunningStack, token: str) -> str:
    me: dict[str, Any] = Portico(portico.url, token).get("/v1/me")
    return str(me["id"])


def ask(portico: RunningStack, token: str, page: str, **headers: str) -> requests.Response:
    return requests.get(
        f"http://127.0.0.1:{portico.stack.ports.live}/live",
        params={"page": page},
        headers={"Origin": portico.stack.public_url, "Cookie": f"{SESSION}={token}", **headers},
        stream=True,
        timeout=30,
    )


@contextmanager
def open_page(portico: RunningStack, token: str, page: str, **headers: str) -> Iterator[Page]:
    given = {
        "Host": "localhost",
        "Origin": portico.stack.public_url,
        "Cookie": f"{SESSION}={token}",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    address = ("127.0.0.1", portico.stack.ports.live)
    opened = Page(address, f"GET /live?page={page} HTTP/1.1\r\n{lines}\r\n")
    try:
        comes_true(lambda: any(line.startswith("id: ") for line in opened.lines))
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="module")
def staff(portico: RunningStack) -> Portico:
    return portico.create_staff(STAFF)


@pytest.fixture
def token(portico: RunningStack, staff: Portico) -> str:
    return str(portico.log_in(HARBOR, STAFF).token)


def enter(staff: Portico) -> dict[str, Any]:
    record: dict[str, Any] = staff.post("/v1/contact-records", last_name="Livewell")
    return record


def test_an_open_page_is_told_within_a_second_and_no_other(
    portico: RunningStack, staff: Portico, token: str
) -> None:
    mine = sealed(portico, token, ["contact_record:*"])
    other = sealed(portico, token, ["contact_record:none"])
    foreign = sealed(portico, token, ["contact_record:*"], organisation="bayside")
    with (
        open_page(portico, token, mine) as told,
        open_page(portico, token, other) as silent,
        open_page(portico, token, foreign) as elsewhere,
    ):
        record = enter(staff)
        began = time.monotonic()
        comes_true(lambda: told.told("contact_record:*"))
        took = time.monotonic() - began
        assert took < 5  # a second on a machine of its own
        assert record["id"] not in " ".join(told.lines)
        assert not silent.told("contact_record:none")
        assert "event: stale" not in elsewhere.lines


def test_who_else_has_an_item_open_is_told_and_when_they_have_gone(portico: RunningStack, token: str) -> None:
    other = portico.create_staff("other-live@harbor.example")
    mine, theirs = (sealed(portico, each, ["item:1"]) for each in (token, str(other.token)))
    with open_page(portico, token, mine) as page:
        with open_page(portico, str(other.token), theirs):
            comes_true(lambda: any("Sam" in line for line in page.lines if line.startswith("data: [")))
        comes_true(lambda: page.lines[-1] == "data: []" or "data: []" in page.lines[-3:])


def test_a_page_that_was_interrupted_is_told_what_it_missed(
    portico: RunningStack, staff: Portico, token: str
) -> None:
    page = sealed(portico, token, ["contact_record:*"])
    with open_page(portico, token, page) as first:
        last = next(line for line in first.lines if line.startswith("id: "))[4:]
    enter(staff)
    with open_page(
        portico, token, page
    ) as watching:  # the event has come when another page is told of the next one
        enter(staff)
        comes_true(lambda: watching.told("contact_record:*"))
    with open_page(portico, token, page, **{"Last-Event-ID": last}) as back:
        comes_true(lambda: back.told("contact_record:*"))


@pytest.mark.parametrize("end", ["signed out", "ended by staff", "level changed"])
def test_a_stream_ends_with_its_session(portico: RunningStack, token: str, end: str) -> None:
    page = sealed(portico, token, ["contact_record:*"])
    with open_page(portico, token, page) as opened:
        account = account_of(portico, token)
        if end == "signed out":
            Portico(portico.url, token).delete("/v1/sessions/current", expect=204)
        elif end == "ended by staff":
            portico.admin.post(f"/v1/accounts/{account}/sessions/end", expect=200)
        else:
            version = portico.admin.get(f"/v1/accounts/{account}")["version"]
            path = f"/v1/accounts/{account}/security-level"
            portico.admin.put(path, version=version, security_level="supervisor")
        comes_true(lambda: "event: ended" in opened.lines and "0" in opened.lines)  # the last chunk
    # The browser does not come again: 204 tells it so.
    assert ask(portico, token, page).status_code == 204


def test_nobody_is_told_without_a_page_of_their_own_session(
    portico: RunningStack, staff: Portico, token: str
) -> None:
    page = sealed(portico, token, ["contact_record:*"])
    another = str(portico.log_in(HARBOR, STAFF).token)
    assert ask(portico, another, page).status_code == 204
    assert ask(portico, "", page).status_code == 204
    assert ask(portico, token, page[:-4] + "AAAA").status_code == 204
    assert ask(portico, token, "").status_code == 204
    assert ask(portico, token, page, Origin="https://elsewhere.example").status_code == 204
    live = f"http://127.0.0.1:{portico.stack.ports.live}"
    assert requests.get(f"{live}/healthz", timeout=5).json() == {"service": "live", "ok": True}
    assert requests.get(f"{live}/readyz", timeout=5).json()["ok"] is True
    assert requests.get(f"{live}/metrics", timeout=5).status_code == 404
    assert requests.post(f"{live}/live", timeout=5).status_code == 404
    metrics = requests.get(f"http://127.0.0.1:{portico.stack.ports.live_metrics}/metrics", timeout=5).text
    assert "portico_live_streams" in metrics


def test_a_person_of_a_portal_is_told_of_a_message_and_of_their_own_reading(
    portico: RunningStack, staff: Portico
) -> None:
    given = {"first_name": "Lena", "last_name": "Live", "kinds": ["patient"], "email": "lena@example.org"}
    person = portico.admin.post("/v1/people", **given, date_of_birth="1980-02-29", postal_code="02139")
    portico.admin.put(
        f"/v1/patients/{person['id']}/credentials", username="lena.live", password=PATIENTS_PASSWORD,
        must_change=False, enable_access=True, attests_email_is_private=True,
    )  # fmt: skip
    signed_in = Portico(portico.url).post(
        "/v1/sessions", organisation=HARBOR, realm="patient", login="lena.live", password=PATIENTS_PASSWORD
    )
    token = signed_in["token"]
    shown = requests.get(
        f"{portico.url}/portal/patient/messages", headers={"Cookie": f"{SESSION}={token}"}, timeout=30
    )
    assert shown.status_code == 200, shown.text
    page = unescape(str(re.search(r'data-live="([^"]+)"', shown.text)[1]))  # type: ignore[index]
    view = f"account:{account_of(portico, token)}"
    with open_page(portico, token, page) as opened:
        portico.admin.post(f"/v1/people/{person['id']}/messages", text="Please call us.")
        comes_true(lambda: opened.told(view))
        assert "Please" not in " ".join(opened.lines)
    patient = Portico(portico.url, token)
    (thread,) = patient.get("/v1/me/threads")["items"]
    with open_page(portico, token, page) as opened:
        patient.get(f"/v1/me/threads/{thread['id']}")
        comes_true(lambda: opened.told(view))
