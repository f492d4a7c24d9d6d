"""The mail catcher keeps mails and shows them without running scripts in them."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.mailcatcher import MailCatcher
from deploy.ports import free_block


@pytest.fixture
def catcher(tmp_path: Path) -> Iterator[MailCatcher]:
    smtp = free_block(2)
    running = MailCatcher(tmp_path / "mail", smtp, smtp + 1)
    running.start()
    yield running
    running.stop()


def send(
    catcher: MailCatcher, subject: str = "Invitation", text: str = "Hello", html: str | None = None
) -> None:
    message = EmailMessage()
    message["From"] = "Portico <no-reply@portico.example>"
    message["To"] = "ada@harbor.example"
    message["Subject"] = subject
    message["Message-ID"] = "<1@portico.example>"
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    with smtplib.SMTP("127.0.0.1", catcher.smtp_port) as client:
        client.send_message(message)


def listed(catcher: MailCatcher) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = httpx.get(f"{catcher.url}/messages.json").json()
    return rows


def test_a_mail_is_listed_with_its_envelope_and_plain_text(catcher: MailCatcher) -> None:
    send(catcher, subject="Grüße", text="Open the portal.", html="<p>Open</p>")
    [mail] = listed(catcher)
    assert mail["from"] == "no-reply@portico.example"
    assert mail["to"] == ["ada@harbor.example"]
    assert mail["subject"] == "Grüße"
    assert mail["message_id"] == "<1@portico.example>"
    assert mail["text"].strip() == "Open the portal."
    assert set(mail) == {"id", "from", "to", "subject", "date", "message_id", "unsubscribe", "text"}


def test_the_newest_mail_comes_first(catcher: MailCatcher) -> None:
    send(catcher, subject="first")
    send(catcher, subject="second")
    assert [mail["subject"] for mail in listed(catcher)] == ["second", "first"]


def test_mails_survive_a_restart(catcher: MailCatcher, tmp_path: Path) -> None:
    send(catcher, subject="kept")
    before = listed(catcher)
    catcher.stop()
    again = MailCatcher(tmp_path / "mail", catcher.smtp_port, catcher.http_port)
    again.start()
    try:
        assert listed(again) == before
    finally:
        again.stop()
        catcher.start()  # The fixture stops it.


def test_markup_in_a_mail_is_shown_and_not_run(catcher: MailCatcher) -> None:
    send(catcher, subject="<script>alert(1)</script>", text='<img src=x> "https://x.example/?a=1&b=<2>"')
    [mail] = listed(catcher)
    for path in ("/", f"/messages/{mail['id']}"):
        page = httpx.get(catcher.url + path)
        assert "<script>" not in page.text
        assert "<img" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]


def test_a_link_in_a_mail_can_be_followed(catcher: MailCatcher) -> None:
    send(catcher, text="Go to http://localhost:8400/invite#t=1&u=2 now")
    [mail] = listed(catcher)
    page = httpx.get(f"{catcher.url}/messages/{mail['id']}").text
    assert 'href="http://localhost:8400/invite#t=1&amp;u=2"' in page


def test_a_page_under_another_host_name_cannot_read_along(catcher: MailCatcher) -> None:
    answer = httpx.get(f"{catcher.url}/messages.json", headers={"Host": "evil.example:80"})
    assert answer.status_code == 421


@pytest.mark.parametrize("path", ["/messages/../../etc/passwd", "/messages/", "/nothing", "/messages/1"])
def test_an_unknown_page_is_not_found(catcher: MailCatcher, path: str) -> None:
    assert httpx.get(catcher.url + path).status_code == 404


def test_it_says_that_it_is_well(catcher: MailCatcher) -> None:
    assert httpx.get(f"{catcher.url}/healthz").text == "ok\n"


def test_a_body_in_an_unknown_charset_is_still_shown(catcher: MailCatcher) -> None:
    raw = b"Subject: odd\r\nContent-Type: text/plain; charset=x-nobody-knows\r\n\r\nplain \xff\r\n"
    with smtplib.SMTP("127.0.0.1", catcher.smtp_port) as client:
        client.sendmail("a@x.example", ["b@x.example", "c@x.example"], raw)
    [mail] = listed(catcher)
    assert mail["to"] == ["b@x.example", "c@x.example"]
    assert mail["text"].startswith("plain ")
