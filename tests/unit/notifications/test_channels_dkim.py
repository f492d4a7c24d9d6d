"""Signatures of mails by DKIM, verified by a library that knows nothing of our code (`dkimpy`), as a server got them."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dkim as verifier
import pytest
from aiosmtpd.controller import Controller
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from services.notifications.channels import dkim, email
from services.notifications.settings import Settings

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519 = Ed25519PrivateKey.generate()
TEXT = "Hello  there,\n\nsomething\twaits   \n.\n\n\n"


class Mailbox:
    """Keeps what the server got."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.got.append(envelope.original_content)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, email.SmtpSettings]]:
    kept = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    yield kept, email.SmtpSettings("127.0.0.1", port, security="none")
    controller.stop()


def in_dns(key: Any) -> bytes:
    """The record of a key, as DNS has it."""
    public = key.public_key()
    if isinstance(key, Ed25519PrivateKey):
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return b"v=DKIM1; k=ed25519; p=" + base64.b64encode(raw)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )


def is_valid(message: bytes, key: Any, asked: list[bytes] | None = None) -> bool:
    def answer(name: bytes, timeout: int = 5) -> bytes:
        if asked is not None:
            asked.append(name)
        return in_dns(key)

    return bool(verifier.verify(message, dnsfunc=answer))


def sent(
    mailbox: tuple[Mailbox, email.SmtpSettings], key: Any, html: str | None = None, subject: str = "News"
) -> bytes:
    kept, settings = mailbox
    headers = {"List-Unsubscribe": "<https://portico.example/x>"}
    message = email.build(
        "m1", "Harbor <no-reply@mail.example.org>", "ana@example.org", subject, TEXT, html, headers
    )
    email.send(settings, message, signer=dkim.Signer(key, "mail.example.org", "2026a"))
    return kept.got[-1]


@pytest.mark.parametrize("html", [None, "<p>Hello  <b>there</b></p>"])
@pytest.mark.parametrize("subject", ["News", "Número " + "muy largo " * 20])
def test_what_the_server_gets_is_validly_signed(mailbox: Any, html: str | None, subject: str) -> None:
    asked: list[bytes] = []
    message = sent(mailbox, RSA, html, subject)
    assert is_valid(message, RSA, asked)
    assert asked == [b"2026a._domainkey.mail.example.org."]
    assert max(map(len, message.split(b"\r\n\r\n")[0].split(b"\r\n"))) < email.LINE_LIMIT


def test_a_signature_of_ed25519_is_over_the_hash_as_rfc_8463_says() -> None:
    signed = dkim.Signer(ED25519, "x.example", "s").signed(b"From: a@x.example\r\n\r\nHi\r\n")
    head = signed.partition(b"From: a@")[0]
    before, _, pieces = head.partition(b" b=")
    hashed = b"from:a@x.example\r\n" + b"dkim-signature:" + b" ".join((before + b" b=").split()[1:])
    ED25519.public_key().verify(base64.b64decode(b"".join(pieces.split())), hashlib.sha256(hashed).digest())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"something", b"somebody "),
        (b"Subject: News", b"Subject: Bill"),
        (b"\r\nFrom:", b"\r\nFrom: boss@example.org\r\nFrom:"),
        (b"no-reply@", b"other@"),
    ],
)
def test_a_change_on_the_way_is_found(mailbox: Any, old: bytes, new: bytes) -> None:
    message = sent(mailbox, RSA)
    assert old in message
    assert not is_valid(message.replace(old, new, 1), RSA)


def test_lines_that_a_relay_folds_anew_stay_valid(mailbox: Any) -> None:
    message = sent(mailbox, RSA)
    assert is_valid(
        message.replace(b"Subject: News", b"Subject:\r\n   News").replace(b"\twaits", b" waits"), RSA
    )


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n"])
def test_an_empty_body_is_hashed_as_nothing(body: bytes) -> None:
    assert dkim.relaxed_body(body) == b""


def test_the_key_of_the_settings_signs_and_one_that_is_too_short_does_not(tmp_path: Path) -> None:
    file, short = tmp_path / "dkim.pem", tmp_path / "short.pem"
    file.write_bytes(RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    signer = dkim.signer_of(str(file), "2026a", "mail.example.org")
    assert signer is not None
    assert is_valid(signer.signed(b"From: a@mail.example.org\r\n\r\nHi\r\n"), RSA)
    assert dkim.signer_of(None, None, "mail.example.org") is None
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    short.write_bytes(weak.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ValueError, match="at least 2048 bits"):
        dkim.signer_of(str(short), "2026a", "mail.example.org")


@pytest.mark.parametrize("given", [{"DKIM_KEY_FILE": "/x"}, {"DKIM_SELECTOR": "2026a"}])
def test_key_and_selector_are_given_together(given: dict[str, str]) -> None:
    needed = {name: "http://x.example" for name, each in Settings().fields.items() if each.required}
    needed |= {"MAIL_FROM": "no-reply@x.example", "AMQP_URI": "amqp://x.example"}

    def problems(settings: dict[str, str]) -> dict[str, Any]:
        return dict(Settings().validate(needed | settings))

    assert set(problems(given)) == {"DKIM_SELECTOR"}
    assert problems({"DKIM_KEY_FILE": "/x", "DKIM_SELECTOR": "2026a"}) == {}
    assert problems({}) == {}
