"""The e-mail channel: building a message and handing it to an SMTP server.

Every value is checked before it becomes a header, so that none can add another header. A server's answer may quote
addresses, so only its code and one of a fixed set of reasons are kept, and no exception is chained to it.
"""

from __future__ import annotations

import re
import smtplib
import ssl
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from services.contracts.errors import Refused
from services.contracts.spelling import mailbox_of

MAILBOX = re.compile(r"(?:(?P<name>[^<>]*)<(?P<boxed>[^<>]*)>|(?P<bare>[^<>]*))")
MESSAGE_ID = re.compile(r"[A-Za-z0-9._-]{1,120}")
EXTRA_HEADER = re.compile(
    r"(X-[A-Za-z0-9-]{1,60}|List-Unsubscribe|List-Unsubscribe-Post|Reply-To|Importance)"
)
SUBJECT_LIMIT = 400
HEADER_LIMIT = 900


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

    def __post_init__(self) -> None:
        if self.security not in ("none", "starttls", "tls"):
            raise ValueError("SMTP security is 'none', 'starttls' or 'tls'")


class DeliveryFailed(Exception):
    """The server did not accept a message. `reason` is one of a fixed set; `smtp_code` is the server's, if it gave one."""

    def __init__(self, reason: str, smtp_code: int | None = None) -> None:
        super().__init__(f"{reason} ({smtp_code})" if smtp_code else reason)
        self.reason = reason
        self.smtp_code = smtp_code


class Temporary(DeliveryFailed):
    """Another try may succeed: a network error, a 4xx answer, or a wrong configuration that an operator can correct."""


class Permanent(DeliveryFailed):
    """The server will never accept this message for this recipient (5xx)."""


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
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(display_name=name, addr_spec=sender_address)
    message["To"] = Address(addr_spec=_checked_address(recipient, "recipient"))
    message["Subject"] = subject
    message["Date"] = format_datetime(sent_at or datetime.now(UTC))
    message["Message-ID"] = f"<{message_id}@{sender_address.rpartition('@')[2]}>"
    # RFC 3834: asks for no automatic replies. The second header asks Exchange servers for the same.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    for header, value in (headers or {}).items():
        _add_extra(message, header, value)
    message.set_content(_body(text))
    if html is not None:
        message.add_alternative(_body(html), subtype="html")
    return message


def send(settings: SmtpSettings, message: EmailMessage) -> None:
    """Hand a message made by `build` to the server. When this returns, the server has accepted it.

    It opens its own connection and may wait `timeout_s` several times: call it outside of any transaction. Raises
    Temporary or Permanent. Neither holds an address or has a cause.
    """
    sender, recipient = _envelope(message, "From"), _envelope(message, "To")
    failure: DeliveryFailed | None = None
    try:
        with _connected(settings) as server:
            server.send_message(message, from_addr=sender, to_addrs=[recipient])
    except smtplib.SMTPException as error:
        failure = _failure(error)
    except ssl.SSLError:
        failure = Temporary("tls_failed")
    except OSError as error:
        failure = Temporary("timeout" if isinstance(error, TimeoutError) else "connection_failed")
    if failure is not None:
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


# A refused login or sender is an error of the configuration and not of the message: worth another try.
TEMPORARY_REASONS: tuple[tuple[type[smtplib.SMTPResponseException], str], ...] = (
    (smtplib.SMTPAuthenticationError, "login_refused"),
    (smtplib.SMTPSenderRefused, "sender_refused"),
    (smtplib.SMTPResponseException, "server_refused"),
)


def _failure(error: smtplib.SMTPException) -> DeliveryFailed:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = next(iter(error.recipients.values()))[0]
        return Permanent("recipient_refused", code) if code >= 500 else Temporary("recipient_deferred", code)
    if isinstance(error, smtplib.SMTPDataError):
        code = error.smtp_code
        return Permanent("message_refused", code) if code >= 500 else Temporary("message_deferred", code)
    if isinstance(error, smtplib.SMTPResponseException):
        reason = next(reason for kind, reason in TEMPORARY_REASONS if isinstance(error, kind))
        return Temporary(reason, error.smtp_code)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Temporary("server_lacks_feature")
    # smtplib reports a timeout while it reads as "disconnected". The timeout is only in the context.
    return Temporary("timeout" if isinstance(error.__context__, TimeoutError) else "connection_lost")


def _mailbox(sender: str) -> tuple[str, str]:
    match = MAILBOX.fullmatch(sender.strip())
    if match is None or _has_control(sender):
        raise Refused(
            "email_header_invalid", "The sender is an address, or a name and an address in <>.", "sender"
        )
    name = (match["name"] or "").strip().strip('"')
    return name, _checked_address((match["boxed"] or match["bare"] or ""), "sender")


def _envelope(message: EmailMessage, header: str) -> str:
    (address,) = message[header].addresses
    return str(address.addr_spec)


def _add_extra(message: EmailMessage, header: str, value: str) -> None:
    if not EXTRA_HEADER.fullmatch(header):
        raise Refused("email_header_invalid", "This header may not be set.", "headers")
    _check_header(header, value, HEADER_LIMIT)
    if header == "Reply-To":
        name, address = _mailbox(value)
        message[header] = Address(display_name=name, addr_spec=address)
    else:
        message[header] = value


def _check_header(name: str, value: str, limit: int) -> None:
    if not value.strip() or len(value) > limit or _has_control(value):
        raise Refused(
            "email_header_invalid", f"{name} is one line of at most {limit} characters.", name.lower()
        )


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
