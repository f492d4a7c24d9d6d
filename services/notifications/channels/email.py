"""The e-mail channel: building a message and handing it to an SMTP server.

Every value is checked before it becomes a header, so that none can add another header. A server's answer may quote
addresses, so only its code and one of a fixed set of reasons are kept, and no exception is chained to it.
"""

from __future__ import annotations

import base64
import functools
import re
import secrets
import smtplib
import ssl
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any

from services.contracts.errors import Refused
from services.contracts.spelling import mailbox_of
from services.notifications.channels.dkim import Signer
from services.notifications.channels.failures import DeliveryFailed, Permanent, Temporary
from services.notifications.channels.status_codes import Finding, finding

MAILBOX = re.compile(r"(?:(?P<name>[^<>]*)<(?P<boxed>[^<>]*)>|(?P<bare>[^<>]*))")
MESSAGE_ID = re.compile(r"[A-Za-z0-9._-]{1,120}")
EXTRA_HEADER = re.compile(
    r"(X-[A-Za-z0-9-]{1,60}|List-Unsubscribe|List-Unsubscribe-Post|Reply-To|Importance)"
)
SUBJECT_LIMIT = 400
HEADER_LIMIT = 900
LINE_LIMIT = 998  # octets of a line without its end (RFC 5322, 2.1.1)
IDLE_S = (
    20.0  # servers hang up on a client that is silent for some minutes; a relay in between may do so earlier
)
USES = 100  # messages over one connection, as servers limit them


@dataclass(frozen=True)
class SmtpSettings:
    """Where mail goes. `security` is `none`, `starttls` or `tls`; `repr` leaves the password out."""

    host: str
    port: int
    security: str = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_s: float = 20.0
    local_hostname: str = "localhost"
    ca_file: str | None = None

    @property
    def name(self) -> str:
        """Its host and port, by which it is told from other servers."""
        return f"{self.host}:{self.port}"

    @property
    def is_encrypted(self) -> bool:
        """Whether mail goes there by TLS."""
        return self.security != "none"

    def __post_init__(self) -> None:
        if self.security not in ("none", "starttls", "tls"):
            raise ValueError("SMTP security is 'none', 'starttls' or 'tls'")


def build(
    message_id: str,
    sender: str,
    recipient: str,
    subject: str,
    text: str,
    html: str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    sent_at: datetime | None = None,
) -> EmailMessage:
    """A message with exactly one recipient.

    `message_id` is the delivery's id, so every try of a delivery has the same Message-ID. `sender` is an
    address or `Name <address>`; `headers` may hold `X-…`, `List-Unsubscribe[-Post]`, `Reply-To`, `Importance`.
    Raises Refused `email_address_invalid` or `email_header_invalid`.
    """
    name, sender_address = _mailbox(sender)
    _check_header("Subject", subject, SUBJECT_LIMIT)
    if not MESSAGE_ID.fullmatch(message_id):
        raise Refused(
            "email_header_invalid", "The message id has letters, digits, '.', '_' and '-' only.", "message_id"
        )
    message = EmailMessage(policy=_POLICY)
    message["From"] = _header(Address(display_name=name, addr_spec=sender_address))
    message["To"] = _header(Address(addr_spec=_checked_address(recipient, "recipient")))
    message["Subject"] = _literal(subject)
    message["Date"] = format_datetime(sent_at or datetime.now(UTC))
    message["Message-ID"] = f"<{message_id}@{sender_address.rpartition('@')[2]}>"
    # RFC 3834: asks for no automatic replies. The second header asks Exchange servers for the same.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    for header, value in (headers or {}).items():
        _add_extra(message, header, value)
    _set_body(message, text, html)
    return message


class _HeaderClasses(HeaderRegistry):
    """The standard library's classes of headers. It would make each of them anew for each header of each message."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        known = name.lower()
        if known not in self._made:
            self._made[known] = super().__getitem__(name)
        return self._made[known]


class _Policy(EmailPolicy):
    """Writes short ASCII headers as they are. `build` has checked them, and parsing and folding takes most of its time."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """The header as it is stored."""
        is_short = isinstance(value, str) and len(name) + len(": ") + len(value) <= SHORT_LINE
        if is_short and name in _PLAIN and value.isascii() and value.isprintable():
            return name, value
        return super().header_store_parse(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The lines of a header. The address in List-Unsubscribe has no place to break it; folded, it would be encoded."""
        if name == UNSUBSCRIBE and value.isascii():
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


UNSUBSCRIBE = "List-Unsubscribe"
SHORT_LINE = 78  # characters of a line that need no folding (RFC 5322, 2.1.1)
_POLICY = _Policy(linesep="\r\n", header_factory=_HeaderClasses())
_PLAIN = frozenset(
    {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "List-Unsubscribe-Post",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    }
)


def _header(address: Address) -> str | Address:
    """An address as a header takes it: as a text where that is the same."""
    text = str(address)
    return text if text.isascii() else address


def _set_body(message: EmailMessage, text: str, html: str | None) -> None:
    message["MIME-Version"] = "1.0"
    if html is None:
        _write(message, text, "plain")
        return
    message["Content-Type"] = f'multipart/alternative; boundary="{secrets.token_hex(12)}"'
    for words, subtype in ((text, "plain"), (html, "html")):
        part = EmailMessage(policy=_POLICY)
        _write(part, words, subtype)
        message.attach(part)


def _write(part: EmailMessage, words: str, subtype: str) -> None:
    """Give a part its text. `set_content` does the same, and reads each header again that it writes."""
    body = _body(words)
    encoding = _encoding(body)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = encoding
    # In Base64 a line ends as it does in a mail (RFC 2046, 4.1.1); elsewhere the generator writes that end.
    end = b"\n" if encoding == "7bit" else b"\r\n"
    lines = b"".join(line + end for line in body.encode().splitlines())
    part.set_payload((lines if encoding == "7bit" else base64.encodebytes(lines)).decode("ascii"))


def _encoding(body: str) -> str:
    """How a body travels. Never as quoted-printable: it breaks long links in two, and programs exist that do not mend them."""
    is_plain = body.isascii() and all(len(line) <= LINE_LIMIT for line in body.splitlines())
    return "7bit" if is_plain else "base64"


class Connections:
    """Connections to mail servers that wait for their next message. Each is used by one sender at a time."""

    def __init__(self, most: int = 16) -> None:
        self._most = most
        self._idle: list[tuple[SmtpSettings, smtplib.SMTP, int, float]] = []
        self._lock = threading.Lock()

    @contextmanager
    def one(self, settings: SmtpSettings) -> Iterator[smtplib.SMTP]:
        """A connection that has just answered, kept for the next message unless this one breaks it."""
        server, uses = self._waiting(settings) or (_connected(settings), 0)
        try:
            yield server
        except (smtplib.SMTPServerDisconnected, OSError):
            server.close()
            raise
        except BaseException as error:
            self._give_back(settings, server, uses + 1, is_sound=isinstance(error, smtplib.SMTPException))
            raise
        self._give_back(settings, server, uses + 1, is_sound=True)

    def close(self) -> None:
        """Hang up everywhere."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, server, _, _ in idle:
            server.close()

    def _waiting(self, settings: SmtpSettings) -> tuple[smtplib.SMTP, int] | None:
        while (found := self._taken(settings)) is not None:
            server, uses = found
            try:
                # It also ends what the last message has left behind. A server that hung up is noticed before the next
                # message, so that a message is never offered twice.
                if server.rset()[0] == RSET_DONE:
                    return server, uses
            except (smtplib.SMTPException, OSError):
                pass  # hung up meanwhile: the next one, or a new one
            server.close()
        return None

    def _taken(self, settings: SmtpSettings) -> tuple[smtplib.SMTP, int] | None:
        stale, found = [], None
        with self._lock:
            for each in list(self._idle):
                wanted, server, uses, since = each
                if time.monotonic() - since > IDLE_S:
                    self._idle.remove(each)
                    stale.append(server)
                elif wanted == settings and found is None:
                    self._idle.remove(each)
                    found = server, uses
        for server in stale:
            server.close()
        return found

    def _give_back(self, settings: SmtpSettings, server: smtplib.SMTP, uses: int, *, is_sound: bool) -> None:
        with self._lock:
            if is_sound and uses < USES and len(self._idle) < self._most:
                self._idle.append((settings, server, uses, time.monotonic()))
                return
        server.close()


def send(
    settings: SmtpSettings,
    message: EmailMessage,
    connections: Connections | None = None,
    *,
    bounces_to: str | None = None,
    signer: Signer | None = None,
) -> None:
    """Hand a message made by `build` to the server. When this returns, the server has accepted it.

    It takes a connection of `connections`, or its own, and may wait `timeout_s` several times: call it outside of any
    transaction. `bounces_to` is the sender of the envelope, to which servers return what they cannot deliver; `signer` signs
    the message (DKIM). Raises Temporary or Permanent. Neither holds an address or has a cause.
    """
    sender, recipient = bounces_to or _envelope(message, "From"), _envelope(message, "To")
    pool = connections or Connections(0)
    failure: DeliveryFailed | None = None
    is_offered = is_answered = False
    try:
        with pool.one(settings) as server:
            content = message.as_bytes()
            is_offered = True
            server.sendmail(sender, [recipient], content if signer is None else signer.signed(content))
    except smtplib.SMTPException as error:
        failure = _failure(error)
        is_answered = isinstance(error, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused)
    except ssl.SSLError:
        failure = Temporary("tls_failed", is_outage=True)
    except OSError as error:
        reason = "timeout" if isinstance(error, TimeoutError) else "connection_failed"
        failure = Temporary(reason, is_outage=True)
    if failure is not None:
        # A server that says nothing after it was offered the message may have taken it.
        failure.is_untaken = is_answered or not is_offered
        # Raised outside the except block, so that the original error, which quotes addresses, is not its context.
        raise failure


def _connected(settings: SmtpSettings) -> smtplib.SMTP:
    where, name, timeout_s = (settings.host, settings.port), settings.local_hostname, settings.timeout_s
    server: smtplib.SMTP
    if settings.security == "tls":
        context = ssl.create_default_context(cafile=settings.ca_file)
        server = smtplib.SMTP_SSL(*where, local_hostname=name, timeout=timeout_s, context=context)
    else:
        server = smtplib.SMTP(*where, local_hostname=name, timeout=timeout_s)
    try:
        if settings.security == "starttls":
            server.starttls(context=ssl.create_default_context(cafile=settings.ca_file))
        if settings.username is not None:
            server.login(settings.username, settings.password or "")
    except BaseException:
        server.close()
        raise
    return server


RSET_DONE = 250
UNAVAILABLE = 421  # the server closes the connection (RFC 5321, 4.2.2)

# A refused login or sender is an error of the configuration and not of the message: worth another try.
TEMPORARY_REASONS: tuple[tuple[type[smtplib.SMTPResponseException], str], ...] = (
    (smtplib.SMTPAuthenticationError, "login_refused"),
    (smtplib.SMTPSenderRefused, "sender_refused"),
    (smtplib.SMTPResponseException, "server_refused"),
)


def _failure(error: smtplib.SMTPException) -> DeliveryFailed:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, told = next(iter(error.recipients.values()))
        return _refused(code, told, "address") if code >= 500 else Temporary("recipient_deferred", code)
    if isinstance(error, smtplib.SMTPDataError):
        code, said = error.smtp_code, error.smtp_error
        return _refused(code, said, "message") if code >= 500 else Temporary("message_deferred", code)
    if isinstance(error, smtplib.SMTPResponseException):
        reason = next(reason for kind, reason in TEMPORARY_REASONS if isinstance(error, kind))
        is_outage = reason == "login_refused" or error.smtp_code == UNAVAILABLE
        return Temporary(reason, error.smtp_code, is_outage=is_outage)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Temporary("server_lacks_feature", is_outage=True)
    # smtplib reports a timeout while it reads as "disconnected". The timeout is only in the context.
    reason = "timeout" if isinstance(error.__context__, TimeoutError) else "connection_lost"
    return Temporary(reason, is_outage=True)


def _refused(code: int, said: bytes | str, usual: Finding) -> Permanent:
    """A refusal for good. Without a status code in what the server said, it is about what was offered last."""
    text = said if isinstance(said, str) else said.decode("ascii", "replace")
    found = finding(text, otherwise=usual)
    return Permanent("message_refused" if found == "message" else "recipient_refused", code, found=found)


def domain_of(sender: str) -> str:
    """The domain of a sender, as `build` writes it into the Message-ID. Raises Refused `email_header_invalid`."""
    return _mailbox(sender)[1].rpartition("@")[2]


@functools.lru_cache(16)  # nearly every message has the sender of the installation
def _mailbox(sender: str) -> tuple[str, str]:
    match = MAILBOX.fullmatch(sender.strip())
    if match is None or _has_control(sender):
        raise Refused(
            "email_header_invalid", "The sender is an address, or a name and an address in <>.", "sender"
        )
    name = _literal((match["name"] or "").strip().strip('"'))
    return name, _checked_address((match["boxed"] or match["bare"] or ""), "sender")


def recipient_of(message: EmailMessage) -> str:
    """The address to which a message made by `build` goes."""
    return _envelope(message, "To")


def _envelope(message: EmailMessage, header: str) -> str:
    # As it is stored: `message[header]` would parse it anew.
    stored = next(value for name, value in message.raw_items() if name == header)
    return parseaddr(str(stored))[1]


def _add_extra(message: EmailMessage, header: str, value: str) -> None:
    if not EXTRA_HEADER.fullmatch(header):
        raise Refused("email_header_invalid", "This header may not be set.", "headers")
    _check_header(header, value, HEADER_LIMIT)
    if header == "Reply-To":
        name, address = _mailbox(value)
        message[header] = Address(display_name=name, addr_spec=address)
    else:
        message[header] = _literal(value)


def _check_header(name: str, value: str, limit: int) -> None:
    if not value.strip() or len(value) > limit or _has_control(value):
        raise Refused(
            "email_header_invalid", f"{name} is one line of at most {limit} characters.", name.lower()
        )


def _literal(text: str) -> str:
    """A header's text, in which nothing is an encoded word (RFC 2047).

    The email package decodes what looks like one when it stores a header, and writes the line ends in it: words of a person
    would be another header.
    """
    return text.replace("=?", "= ?")


def _has_control(text: str) -> bool:
    return any(unicodedata.category(each) in ("Cc", "Zl", "Zp", "Cs") for each in text)


def _body(text: str) -> str:
    # The email package corrects line ends, but passes on NUL, which RFC 5322, 2.3 forbids and servers treat differently.
    return text.replace("\0", "")


def _checked_address(address: str, field_name: str) -> str:
    """The address with its domain in ASCII. The refusal does not repeat it."""
    try:
        return mailbox_of(address)
    except ValueError as error:
        raise Refused("email_address_invalid", str(error), field_name) from None
