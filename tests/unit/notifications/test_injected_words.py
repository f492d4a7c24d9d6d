"""A20: words of people that would be another header, another recipient, a template or a script. They stay words, or are refused."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from deploy.ports import free_block
from services.contracts.errors import Refused
from services.notifications.channels import email
from services.notifications.channels.email import SmtpSettings
from services.notifications.deliveries.sending import _fax_mail
from services.notifications.templates import product_words, rendering
from services.notifications.templates.own_words import SAMPLES

pytestmark = pytest.mark.fault("A20")
SENDER, RECIPIENT = "Harbor House <no-reply@harbor.example>", "ana.ruiz@clinic.example"
EVIL = "evil@example.net"
ENCODED = "=?utf-8?q?=0d=0aBcc:_evil=40example.net?="
BREAKS = (
    "\r\n",
    "\n",
    "\r",
    "\u2028",
    "\u2029",
    "\x85",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x00\r\n",
    "%0d%0a",
    "\\r\\n",
    "&#13;&#10;",
)
HEADERS = (
    f"Bcc: {EVIL}", f"To: {EVIL}", f"Cc: {EVIL}", f"Reply-To: {EVIL}", "Subject: other", "Content-Type: text/html", "X-Injected: 1",
    f"RCPT TO:<{EVIL}>", "\r\nMIME-Version: 1.0\r\n\r\n<b>body</b>", ".\r\nMAIL FROM:<a@b.example>",
)  # fmt: skip
# 1,787,569 and "aaaaaaaaaaaaa" are seen only if one of these was carried out.
TEMPLATES = (
    "{{ 1337*1337 }}", "{{1337*1337}}", "${1337*1337}", "#{1337*1337}", "<%= 1337*1337 %>", "{% print(1337*1337) %}", "{{'a'*13}}",
    "${{1337*1337}}", "@(1337*1337)", "*{1337*1337}", "[[${1337*1337}]]", "{{ partner_text }}", "{{ invitation_link }}",
    "{{ temporary_password }}", "{organisation_name}", "{0.__class__}", "{organisation_name.__class__.__mro__}",
    "%(organisation_name)s",
    "%s%s%s", "%n", "$organisation_name", "${organisation_name}", "{{config}}", "{{ self.__init__.__globals__ }}",
    "{{''.__class__.__mro__[1].__subclasses__()}}", "{%import os%}{{os.popen('id').read()}}", "#set($x=1337*1337)$x",
    ENCODED, "=?utf-8?b?DQpCY2M6IGV2aWxAZXhhbXBsZS5uZXQ=?=", "{# #}", "{{", "}}", "{%", "%}",
)  # fmt: skip
SCRIPTS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<a href=javascript:alert(1)>x</a>",
    "<style>*{display:none}</style>",
    "<!--", "-->", "</html>", "<form action=https://evil.example>", "<iframe src=//evil.example>", "<base href=//evil.example>",
    "&lt;script&gt;", "<svg/onload=alert(1)>", "<meta http-equiv=refresh content=0>", "<b>bold</b>", "' onmouseover='x",
)  # fmt: skip
TAGS = re.compile(
    r"<(script|img|style|form|iframe|base|svg|meta|a href=javascript)\b|\son\w+=[^&]*>", re.IGNORECASE
)


def payloads() -> list[str]:
    """More than two hundred."""
    joined = [f"Harbor{br}{header}" for br, header in itertools.product(BREAKS, HEADERS)]
    quoted = [f"O'{each}" for each in TEMPLATES]
    return [*joined, *TEMPLATES, *quoted, *SCRIPTS]


def built(kind: str, values: dict[str, Any]) -> EmailMessage:
    """The message of a kind with these values, as it is handed to the mail server."""
    rendered = rendering.render(
        product_words.kind_of(kind), product_words.kind_of(kind).default, values, "+1 555 0100"
    )
    return email.build(
        "7" * 32,
        SENDER,
        RECIPIENT,
        rendered.subject,
        rendered.text,
        rendered.html,
        {"X-Portico-Kind": kind.replace("_", "-")},
    )


def read(message: EmailMessage) -> EmailMessage:
    """The message as its reader's program takes it."""
    found = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def wrong_in(message: EmailMessage, headers: list[str], payload: str) -> list[str]:
    """What is wrong with a message that holds the payload. `headers`: those of the same message without it."""
    wrong = []
    if [name for name, _ in message.items()] != headers:
        wrong.append(f"headers {[name for name, _ in message.items()]}")
    if str(message["To"]) != RECIPIENT or EVIL in str(message["From"]):
        wrong.append("another recipient or sender")
    parts = [str(message["Subject"])]
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        if part is not None:
            parts.append(str(part.get_content()))
            if kind == "html" and TAGS.search(parts[-1]) and "<" in payload:
                wrong.append("markup")
    if any("1787569" in each or "a" * 13 in each or "<class" in each or "uid=" in each for each in parts):
        wrong.append("evaluated")
    return wrong


def failures(kinds: list[str], words: list[str]) -> tuple[int, int, dict[str, list[str]]]:
    """Put each payload in place of every value but links. How many were tried and refused, and what is wrong."""
    tried = refused = 0
    wrong: dict[str, list[str]] = {}
    values = {**SAMPLES, "appointment_time": "Tuesday"}
    for kind in kinds:
        headers = [name for name, _ in read(built(kind, values)).items()]
        for payload in words:
            injected = {
                name: value if name.endswith("_link") else payload
                for name, value in values.items()
                if isinstance(value, str)
            }
            tried += 1
            try:
                found = wrong_in(read(built(kind, {**values, **injected})), headers, payload)
            except Refused:
                refused += 1
                continue
            if found:
                wrong[f"{kind}: {payload!r}"] = found
    return tried, refused, wrong


def test_there_are_two_hundred_of_them() -> None:
    assert len(set(payloads())) >= 200


def test_no_word_becomes_a_header_or_is_evaluated() -> None:
    """Every message with one of each sort."""
    tried, refused, wrong = failures(
        [*product_words.KINDS], [f"Harbor\r\nBcc: {EVIL}", ENCODED, "{{ 7*7 }}", SCRIPTS[0]]
    )
    assert wrong == {}
    assert refused < tried / 20, "a name with an odd character must not keep a message back"


@pytest.mark.parametrize("header", ["Subject", "From", "Reply-To", "X-Portico-Kind"])
def test_an_encoded_word_is_not_decoded_in_any_header(header: str) -> None:
    """It holds a line end and another header."""
    given = {
        "Subject": ENCODED,
        "From": f"{ENCODED} <no-reply@harbor.example>",
        "Reply-To": f"{ENCODED} <desk@harbor.example>",
        "X-Portico-Kind": ENCODED,
    }
    more = {header: given[header]} if header in ("Reply-To", "X-Portico-Kind") else {}
    sender = given["From"] if header == "From" else SENDER
    subject = ENCODED if header == "Subject" else "Hello"
    message = read(email.build("7" * 32, sender, RECIPIENT, subject, "Hello", None, more))
    assert "Bcc" not in message
    assert "= ?utf-8?q?=0d=0aBcc:_evil=40example.net?=" in str(message[header])


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_no_word_of_any_message_becomes_a_header_or_is_evaluated() -> None:
    tried, refused, wrong = failures([*product_words.KINDS], payloads())
    print(
        f"A20 words: attempted {tried} refused {refused} headers injected or templates evaluated {len(wrong)}"
    )
    assert wrong == {}


class Sink:
    """A mail server that remembers to whom each message went."""

    def __init__(self) -> None:
        self.recipients: list[list[str]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"


@pytest.fixture
def sink() -> Iterator[tuple[Sink, SmtpSettings]]:
    handler = Sink()
    controller = Controller(handler, hostname="127.0.0.1", port=free_block(1))
    controller.start()
    yield handler, SmtpSettings("127.0.0.1", controller.port, security="none", timeout_s=5)
    controller.stop()


def odd_recipients() -> list[str]:
    """Addresses that would be two, or a command to the mail server."""
    return [
        address
        for payload in (*payloads(), f", {EVIL}", f"; {EVIL}", f" {EVIL}", f"> RCPT TO:<{EVIL}", f"<{EVIL}>", f"@{EVIL}", "(x)")
        for address in (f"ana{payload}@clinic.example", f"{RECIPIENT}{payload}", f"{payload}{RECIPIENT}")
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["mail", "fax"])
def test_each_message_goes_to_one_recipient_and_no_other(sink: tuple[Sink, SmtpSettings], form: str) -> None:
    handler, settings = sink
    refused = 0
    every = odd_recipients()
    pool = email.Connections()
    for address in every:
        try:
            if form == "mail":
                message = email.build("7" * 32, SENDER, address, "Hello", "Hello")
            else:
                message = _fax_mail(SENDER, "7" * 32, address, lambda: [("cover.pdf", b"%PDF-")])
        except Refused:
            refused += 1
            continue
        email.send(settings, message, pool)
        assert handler.recipients[-1] == [address]
        assert "\n" not in address
        assert EVIL not in address or address.endswith("@clinic.example")
    pool.close()
    print(
        f"A20 {form}: attempted {len(every)} refused {refused} sent {len(handler.recipients)} to others than the one 0"
    )
    assert refused > len(every) * 0.8
