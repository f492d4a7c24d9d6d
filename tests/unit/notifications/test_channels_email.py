"""The e-mail channel: messages as built, messages at a real SMTP server, kinds of refusals."""

from __future__ import annotations

import itertools
import socket
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from services.contracts.errors import Refused
from services.notifications.channels.email import (
    Connections,
    DeliveryFailed,
    Permanent,
    SmtpSettings,
    Temporary,
    build,
    send,
)

SENDER = "Harbor House <no-reply@harbor.example>"
RECIPIENT = "ana.ruiz@clinic.example"


class Mailbox:
    """The handler of an SMTP server. It remembers messages and answers as the test sets it."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.rcpt_answer = "250 OK"
        self.data_answer = "250 OK"
        self.connections: set[Any] = set()

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Any
    ) -> str:
        if self.rcpt_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt_answer

    async def handle_DATA(  # noqa: N802 - the library's name
        self, server: Any, session: Any, envelope: Envelope
    ) -> str:
        self.connections.add(session.peer)
        self.taken.append(envelope)
        return self.data_answer


@pytest.fixture
def mailbox() -> Mailbox:
    """Remembers."""
    return Mailbox()


@pytest.fixture
def smtp(mailbox: Mailbox) -> Iterator[SmtpSettings]:
    """Settings of a server on loopback in front of the mailbox."""
    controller = Controller(mailbox, hostname="127.0.0.1", port=_free_port())
    controller.start()
    try:
        yield SmtpSettings("127.0.0.1", controller.port, security="none", timeout_s=5)
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _a_message(**changed: Any) -> EmailMessage:
    arguments: dict[str, Any] = {
        "message_id": "delivery-1",
        "sender": SENDER,
        "recipient": RECIPIENT,
        "subject": "New referral: record 4711",
        "text": "Sign in to see it.",
    }
    return build(**(arguments | changed))


def _parsed(envelope: Envelope) -> EmailMessage:
    parsed = message_from_bytes(envelope.content, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_a_message_arrives_with_its_headers_and_both_bodies(smtp: SmtpSettings, mailbox: Mailbox) -> None:
    at = datetime(2026, 10, 28, 9, 3, tzinfo=UTC)
    send(smtp, _a_message(subject="Überweisung 4711", text="Grüße\n.\nend", html="<p>Grüße</p>", sent_at=at))
    (envelope,) = mailbox.taken
    arrived = _parsed(envelope)
    body, markup = arrived.get_body(("plain",)), arrived.get_body(("html",))
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@harbor.example", [RECIPIENT])
    assert arrived["Subject"] == "Überweisung 4711"
    assert arrived["Message-ID"] == "<delivery-1@harbor.example>"
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert arrived["Date"] == "Wed, 28 Oct 2026 09:03:00 +0000"
    assert body is not None
    assert body.get_content().splitlines() == ["Grüße", ".", "end"]
    assert markup is not None
    assert markup.get_content().strip() == "<p>Grüße</p>"


def test_the_same_delivery_keeps_its_message_id() -> None:
    assert _a_message()["Message-ID"] == _a_message()["Message-ID"]


def test_allowed_headers_are_added() -> None:
    message = _a_message(
        headers={"Reply-To": "Help <help@harbor.example>", "X-Portico-Kind": "referral_assigned"}
    )
    assert message["Reply-To"] == "Help <help@harbor.example>"
    assert message["X-Portico-Kind"] == "referral_assigned"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("a@b.co", "a@b.co"),
        ("Ana.Ruiz+portal@Clinic.Example", "Ana.Ruiz+portal@clinic.example"),
        ("x@münchen.example", "x@xn--mnchen-3ya.example"),
        ("x@例え.テスト", "x@xn--r8jz45g.xn--zckzah"),
        ("o'neil@mail.sub.example", "o'neil@mail.sub.example"),
        (" a@b.exa\u200bmple\u2028\n", "a@b.example"),
    ],
)
def test_a_valid_address_is_taken_with_its_domain_in_ascii(address: str, expected: str) -> None:
    (recipient,) = _a_message(recipient=address)["To"].addresses
    assert recipient.addr_spec == expected


@pytest.mark.parametrize(
    "address",
    [
        "",
        "plain",
        "@b.example",
        "a@",
        "a@b",
        "a@b.example.",
        "a@.example",
        "a@b..example",
        "a@-b.example",
        "a@b_.example",
        "a@127.0.0.1",
        "a@[127.0.0.1]",
        "a b@c.example",
        ".a@b.example",
        "a.@b.example",
        "a..a@b.example",
        '"a b"@c.example',
        "a@b.example, c@d.example",
        "a@b.example;c@d.example",
        "A <a@b.example>",
        "a@b@c.example",
        "ä@b.example",
        "a" * 65 + "@b.example",
        "a@" + "b" * 64 + ".example",
        "a@" + ".".join(["b" * 60] * 5),
        "a(comment)@b.example",
    ],
)
def test_an_invalid_address_is_refused(address: str) -> None:
    with pytest.raises(Refused) as refused:
        _a_message(recipient=address)
    assert refused.value.code == "email_address_invalid"
    assert not address or address not in refused.value.detail


BREAKS = ["\r\n", "\n", "\r", "\n ", "\r\n\t", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x00"]
INJECTED = [
    "Bcc: victim@x.example",
    "Cc: victim@x.example",
    "Subject: other",
    "\r\n<script>x</script>",
    "RCPT TO:<v@x.example>",
]
PLACES = ["subject", "recipient", "sender", "message_id", "header_value", "header_name"]
# 12 breaks x 5 payloads x 6 places: 360 injections.
INJECTIONS = list(itertools.product(PLACES, BREAKS, INJECTED))


def _injected(place: str, payload: str) -> EmailMessage:
    if place == "header_value":
        return _a_message(headers={"X-Portico-Kind": payload})
    if place == "header_name":
        return _a_message(headers={"X-Kind" + payload: "1"})
    start = {"subject": "Hello", "recipient": RECIPIENT, "sender": "Harbor", "message_id": "delivery-1"}[
        place
    ]
    end = " <no-reply@harbor.example>" if place == "sender" else ""
    return _a_message(**{place: start + payload + end})


@pytest.mark.parametrize("place", PLACES)
def test_no_injection_adds_a_header_or_a_recipient(place: str) -> None:
    tried = [break_ + payload for where, break_, payload in INJECTIONS if where == place]
    accepted = []
    codes = set()
    for payload in tried:
        try:
            accepted.append(_injected(place, payload))
        except Refused as refused:
            codes.add(refused.code)
    assert codes <= {"email_header_invalid", "email_address_invalid"}
    assert len(INJECTIONS) >= 200
    assert len(tried) == 60
    assert accepted == []


@pytest.mark.parametrize(
    "text", ["Bcc: victim@x.example", "\r\n.\r\nMAIL FROM:<v@x.example>\r\n", "\n.\n", "\r.\r", "a\0b"]
)
def test_a_body_ends_nowhere_but_at_its_end(text: str, smtp: SmtpSettings, mailbox: Mailbox) -> None:
    send(smtp, _a_message(text=f"first\n{text}\nlast", html=f"<p>first</p>\n{text}\n<p>last</p>"))
    (envelope,) = mailbox.taken
    arrived = _parsed(envelope)
    body = arrived.get_body(("plain",))
    assert envelope.rcpt_tos == [RECIPIENT]
    assert arrived["Bcc"] is None
    assert not set(b"\r\n\0") & set(envelope.content.replace(b"\r\n", b""))
    assert body is not None
    assert body.get_content().splitlines()[-1] == "last"


@pytest.mark.parametrize(
    "header", ["Bcc", "Cc", "To", "From", "Subject", "Sender", "Content-Type", "Received", "x"]
)
def test_a_header_that_is_ours_may_not_be_set(header: str) -> None:
    with pytest.raises(Refused) as refused:
        _a_message(headers={header: "victim@x.example"})
    assert refused.value.code == "email_header_invalid"


@pytest.mark.parametrize(
    ("rcpt", "data", "kind", "reason", "code"),
    [
        (f"550 no such user {RECIPIENT}", "250 OK", Permanent, "recipient_refused", 550),
        (f"450 try {RECIPIENT} later", "250 OK", Temporary, "recipient_deferred", 450),
        ("250 OK", f"554 spam for {RECIPIENT}", Permanent, "message_refused", 554),
        ("250 OK", "451 later", Temporary, "message_deferred", 451),
        ("421 closing", "250 OK", Temporary, "recipient_deferred", 421),
    ],
)
def test_refusals_are_told_apart_and_hold_no_address(
    rcpt: str,
    data: str,
    kind: type[DeliveryFailed],
    reason: str,
    code: int,
    smtp: SmtpSettings,
    mailbox: Mailbox,
) -> None:
    mailbox.rcpt_answer, mailbox.data_answer = rcpt, data
    with pytest.raises(DeliveryFailed) as failed:
        send(smtp, _a_message())
    assert type(failed.value) is kind
    assert (failed.value.reason, failed.value.code) == (reason, code)
    assert RECIPIENT not in "".join(traceback.format_exception(failed.value))
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None


def test_a_server_that_is_not_there_is_temporary() -> None:
    with pytest.raises(Temporary) as failed:
        send(SmtpSettings("127.0.0.1", _free_port(), security="none", timeout_s=1), _a_message())
    assert failed.value.reason == "connection_failed"


def test_a_silent_server_is_temporary_after_the_timeout() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings = SmtpSettings("127.0.0.1", silent.getsockname()[1], security="none", timeout_s=0.2)
        with pytest.raises(Temporary) as failed:
            send(settings, _a_message())
    assert failed.value.reason == "timeout"


def test_a_server_without_starttls_gets_no_message_when_starttls_is_asked(
    smtp: SmtpSettings, mailbox: Mailbox
) -> None:
    with pytest.raises(Temporary) as failed:
        send(SmtpSettings(smtp.host, smtp.port, security="starttls", timeout_s=5), _a_message())
    assert failed.value.reason == "server_lacks_feature"
    assert mailbox.taken == []


def test_the_password_does_not_print() -> None:
    assert "hunter2" not in repr(SmtpSettings("mail.example", 587, username="portico", password="hunter2"))


LONG_LINK = "https://portal.example/credentials?" + "next=/a=b&" * 30 + "#token=" + "abcdef0123456789" * 8


@pytest.mark.parametrize("text", [f"Open this:\n{LONG_LINK}\n", f"Öffnen:\n{LONG_LINK}\n"])
def test_a_link_is_never_broken_in_two(smtp: SmtpSettings, mailbox: Mailbox, text: str) -> None:
    send(smtp, _a_message(text=text, html=f'<a href="{LONG_LINK}">{text}</a>'))
    (envelope,) = mailbox.taken
    assert isinstance(envelope.content, bytes)
    assert b"quoted-printable" not in envelope.content.lower()
    assert LONG_LINK.encode() in envelope.content or not text.isascii()
    for kind in ("plain", "html"):
        part = _parsed(envelope).get_body((kind,))
        assert part is not None
        assert LONG_LINK in part.get_content()


def test_a_line_longer_than_mail_allows_is_encoded(smtp: SmtpSettings, mailbox: Mailbox) -> None:
    send(smtp, _a_message(text="x" * 5000))
    (envelope,) = mailbox.taken
    assert isinstance(envelope.content, bytes)
    assert max(map(len, envelope.content.splitlines())) <= 998
    part = _parsed(envelope).get_body(("plain",))
    assert part is not None
    assert part.get_content().strip() == "x" * 5000


def test_messages_share_a_connection(smtp: SmtpSettings, mailbox: Mailbox) -> None:
    connections = Connections()
    for number in range(3):
        send(smtp, _a_message(message_id=f"m{number}"), connections)
    assert (len(mailbox.taken), len(mailbox.connections)) == (3, 1)
    connections.close()
    send(smtp, _a_message(message_id="m4"), connections)
    assert (len(mailbox.taken), len(mailbox.connections)) == (4, 2)
    connections.close()


def test_after_a_refusal_the_connection_serves_the_next_message(smtp: SmtpSettings, mailbox: Mailbox) -> None:
    connections = Connections()
    mailbox.rcpt_answer = "550 no such user"
    with pytest.raises(Permanent):
        send(smtp, _a_message(), connections)
    mailbox.rcpt_answer = "250 OK"
    send(smtp, _a_message(), connections)
    assert [envelope.rcpt_tos for envelope in mailbox.taken] == [[RECIPIENT]]
    connections.close()


def test_a_connection_that_the_server_closed_meanwhile_loses_and_doubles_nothing(mailbox: Mailbox) -> None:
    port, connections = _free_port(), Connections()
    settings = SmtpSettings("127.0.0.1", port, security="none", timeout_s=5)
    for number in range(2):
        controller = Controller(mailbox, hostname="127.0.0.1", port=port)
        controller.start()
        try:
            send(settings, _a_message(message_id=f"m{number}"), connections)
        finally:
            controller.stop()
    assert [_parsed(envelope)["Message-ID"] for envelope in mailbox.taken] == [
        "<m0@harbor.example>",
        "<m1@harbor.example>",
    ]
    connections.close()


@pytest.mark.parametrize(("limit", "value"), [("USES", 1), ("IDLE_S", -1.0)])
def test_a_connection_is_used_only_so_often_and_waits_only_so_long(
    smtp: SmtpSettings, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    monkeypatch.setattr(f"services.notifications.channels.email.{limit}", value)
    connections = Connections()
    for number in range(2):
        send(smtp, _a_message(message_id=f"m{number}"), connections)
    assert len(mailbox.connections) == 2
    connections.close()


def test_mails_that_cannot_be_delivered_return_to_the_envelopes_sender(
    smtp: SmtpSettings, mailbox: Mailbox
) -> None:
    send(smtp, _a_message(), bounces_to="bounces+x=y@harbor.example")
    (envelope,) = mailbox.taken
    assert (envelope.mail_from, _parsed(envelope)["From"]) == ("bounces+x=y@harbor.example", SENDER)


@pytest.mark.parametrize("text", ["One\ntwo é", "One\r\ntwo é\r\n", "One\rtwo é"])
def test_lines_of_a_text_in_base64_end_as_those_of_a_mail_do(text: str) -> None:
    """RFC 2046, 4.1.1."""
    built = build("a" * 32, "portal@example.org", "maria@example.org", "Subject", text).as_bytes()
    assert b"\n" not in built.replace(b"\r\n", b"")
    read = message_from_bytes(built)
    assert read.get_payload(decode=True) == "One\r\ntwo é\r\n".encode()
