"""Send due deliveries: claim one, compose and send it outside of any transaction, record the outcome.

A message can be sent twice only if the process dies between the mail server's acceptance and the commit: then the lease
ends and the message is sent again, with the same Message-ID.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from eventlet import tpool
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from services.chassis import logs, wire
from services.chassis.logs import log, where
from services.chassis.loop import Loop
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.declare import Operation
from services.contracts.errors import Refused
from services.contracts.identity import accounts, credentials, organisations, patients, pickup_codes
from services.contracts.portals import appointments
from services.contracts.referrals import queues
from services.contracts.signing import paper
from services.notifications.channels import calendar_entry, email, http_provider
from services.notifications.channels.failures import Permanent, Temporary
from services.notifications.deliveries import report_signatures, rules
from services.notifications.deliveries.handlers import tell_outcome
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.traffic import Traffic, traffic_of
from services.notifications.preferences import choices
from services.notifications.preferences import rules as preference_rules
from services.notifications.templates import own_words, product_words, rendering
from services.notifications.templates.spoken import spoken_time
from services.notifications.webhooks import posting

SWEEP_EVERY_S = 1.0
PRODUCT = "Portico"
PORTAL_NAMES = {
    "provider": "Provider Portal",
    "family": "Family Portal",
    "patient": "Patient Portal",
    "employee": "Employee Portal",
    "applicant": "Applicant Portal",
}
# Codes of identity that mean that the account gets no messages any more.
NO_RECIPIENT = {
    "not_found": "account_not_found",
    "account_disabled": "account_disabled",
    "already_decided": "already_decided",  # a fax that nobody needs any more
}
# For each kind of message with a credential: placeholder of the template → member of identity's answer.
CREDENTIAL_KINDS = {
    "account_invited": {"invitation_link": "link"},
    "account_invited_with_password": {"temporary_password": "temporary_password", "username": "username"},
    "password_reset": {"reset_link": "link"},
    "password_tries_refused": {"reset_link": "link"},
    "email_confirmation": {"confirmation_link": "link"},
}
# Kinds that do not go to the address of an account: the operation that gives the address, and the id it takes.
ADDRESS_OF: dict[str, tuple[Operation, str]] = {
    # The old address: its owner learns of the change even if somebody else has made it.
    "login_email_changed": (credentials.describe_login_change, "change_id"),
    "account_closed": (credentials.describe_login_change, "change_id"),
    "identity_not_verified": (patients.take_unverified_address, "notice_id"),
    "pickup_code": (pickup_codes.mint_pickup_code, "code_id"),
}


@dataclass(frozen=True)
class Outcome:
    """The outcome of one try. `state` is one of the contract's STATES."""

    state: str
    reason: str | None = None
    # Until when it waits, where the account wants nothing now.
    waits_until: datetime.datetime | None = None
    # The provider has failed, whatever the message.
    is_outage: bool = False


SENT = Outcome("sent")


class NotNow(Exception):
    """The account wants nothing at this hour; the message waits until then."""

    def __init__(self, until: datetime.datetime) -> None:
        super().__init__("quiet_hours")
        self.outcome = Outcome("created", "quiet_hours", until)


class NoRecipient(Exception):
    """The account gets no message; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.outcome = Outcome("suppressed", reason)


LOOP = "sender"


class SenderLoop(Loop):
    """One of the parallel senders of a process."""

    def __init__(self, runtime: Any, channels: tuple[str, ...] = rules.CHANNELS) -> None:
        super().__init__(LOOP, self._send_due, every_s=SWEEP_EVERY_S)
        self._runtime = runtime
        self._channels = channels

    def _send_due(self) -> bool:
        looks_first = True
        while not self.stopping.is_set() and send_next(
            self._runtime, self._channels, looks_first=looks_first
        ):
            looks_first = False  # where one message was due, mostly more are
        return True


def take_over(runtime: Any) -> None:
    """At the start, end the leases that a killed process has left: its deliveries are due now.

    This happens with SQLite only, which has one process. With PostgreSQL another replica may hold the leases.
    """
    if not runtime.database.is_sqlite:
        return

    def end_leases(session: Session) -> None:
        session.execute(update(Delivery).where(Delivery.state == "sending").values(next_try_at=utc_now()))

    runtime.database.write(None, end_leases)


def send_next(runtime: Any, channels: tuple[str, ...] = rules.CHANNELS, *, looks_first: bool = True) -> bool:
    """Claim the delivery of these channels that has been due the longest, and try it once. False when none may be sent.

    `looks_first`: it is likely that nothing is due, so that is looked for without a lock.
    """
    delivery = _claim(runtime, channels, looks_first=looks_first)
    if delivery is None:
        return False
    logs.correlation_id.set(delivery.correlation_id)
    lease_ends = time.monotonic() + runtime.settings.lease_s
    traffic = traffic_of(runtime)
    whose = delivery.channel, delivery.organisation_id, _subscriber(delivery)
    traffic.begin(*whose)
    outcome = SENT
    try:
        outcome = _try(runtime, delivery)
    finally:
        traffic.end(*whose, is_outage=outcome.is_outage)
    while not _settled(runtime, delivery, outcome) and time.monotonic() < lease_ends:
        time.sleep(
            1
        )  # the database is busy: an outcome that is not recorded would send the message a second time
    return True


def _subscriber(delivery: Delivery) -> str | None:
    """The webhook that a delivery goes to."""
    return delivery.account_id if delivery.channel == rules.WEBHOOK else None


def smtp_settings(settings: Any) -> email.SmtpSettings:
    """The mail server. Without SMTP_SECURITY, only a server on this machine is used without TLS."""
    is_local = settings.smtp_host in ("127.0.0.1", "::1", "localhost")
    return email.SmtpSettings(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_security or ("none" if is_local else "starttls"),
        username=settings.smtp_username,
        password=settings.smtp_password,
        local_hostname=settings.mail_domain,
    )


def _claim(
    runtime: Any, channels: tuple[str, ...] = rules.CHANNELS, *, looks_first: bool = True
) -> Delivery | None:
    traffic = traffic_of(runtime)
    resting = traffic.resting(channels)
    for channel in channels:
        if channel in resting:
            continue
        claimed = _claim_of(runtime, traffic, channel, looks_first=looks_first)
        if claimed is not None:
            return claimed
    return None


# Built once: building it anew for each message costs as much as executing it.
_DUE = (
    select(Delivery)
    .where(
        Delivery.channel == bindparam("channel"),
        Delivery.next_try_at <= bindparam("now"),
        Delivery.organisation_id.not_in(bindparam("crowded", expanding=True)),
        Delivery.account_id.not_in(bindparam("subscribers", expanding=True)),
    )
    .order_by(Delivery.next_try_at)
    .limit(1)
)
_ID_OF_DUE = _DUE.with_only_columns(Delivery.id)
_DUE_UNLOCKED = _DUE.with_for_update(skip_locked=True)


def _claim_of(runtime: Any, traffic: Traffic, channel: str, *, looks_first: bool) -> Delivery | None:
    def due() -> dict[str, Any]:
        crowded, subscribers = traffic.held_back(channel)
        held_back = {"crowded": crowded, "subscribers": subscribers if channel == rules.WEBHOOK else []}
        return {"channel": channel, "now": utc_now(), **held_back}

    if looks_first:
        with runtime.database.reading(None) as session:
            if session.scalar(_ID_OF_DUE, due()) is None:
                return None

    def claim(session: Session) -> Delivery | None:
        delivery = session.scalars(_DUE_UNLOCKED, due()).first()
        if delivery is not None:
            delivery.state = "sending"
            delivery.tries += 1
            delivery.next_try_at = utc_now() + datetime.timedelta(seconds=runtime.settings.lease_s)
        return delivery

    claimed: Delivery | None = runtime.database.write(None, claim)
    return claimed


def _try(runtime: Any, delivery: Delivery) -> Outcome:
    """Compose and send. Every failure becomes an outcome."""
    if delivery.tries > rules.MAX_TRIES:
        return Outcome("technical_failure", "tries_exhausted")  # no sender has recorded an outcome
    try:
        SEND_BY[delivery.channel](runtime, delivery)
    except (NotNow, NoRecipient) as unwanted:
        return unwanted.outcome
    except Permanent as failure:
        return Outcome("permanent_failure", failure.reason, is_outage=failure.is_outage)
    except (Temporary, Refused) as error:
        return _after(delivery, error)
    except Exception as error:
        log.error("delivery_broke", delivery_id=delivery.id, error=type(error).__name__, where=where(error))
        return _again(delivery, "internal_error")
    return SENT


def _after(delivery: Delivery, error: Temporary | Refused) -> Outcome:
    if isinstance(error, Temporary):
        return _again(delivery, error.reason, is_outage=error.is_outage)
    if error.code == "email_address_invalid" and error.field == "recipient":
        return Outcome("permanent_failure", "address_invalid")
    return _again(delivery, error.code)


def _again(delivery: Delivery, reason: str, *, is_outage: bool = False) -> Outcome:
    state = "technical_failure" if rules.pause_after(delivery.tries) is None else "temporary_failure"
    return Outcome(state, reason, is_outage=is_outage)


def _send_mail(runtime: Any, delivery: Delivery) -> None:
    _mail(runtime, delivery, _compose(runtime, delivery))


def _mail(runtime: Any, delivery: Delivery, message: EmailMessage) -> None:
    settings, connections = runtime.settings, traffic_of(runtime).connections
    # The Message-ID of the delivery, even if MAIL_FROM has another domain by now.
    message.replace_header("Message-ID", f"<{delivery.message_id}>")
    bounces_to = report_signatures.bounce_address(settings, delivery.id)
    email.send(smtp_settings(settings), message, connections, bounces_to=bounces_to)


def _send_fax(runtime: Any, delivery: Delivery) -> None:
    """Fax a document. Raises Permanent(no_fax_service) without a service, and NoRecipient when the document is decided."""
    settings = runtime.settings
    if settings.fax_provider_url is None and settings.fax_mail_domain is None:
        raise Permanent("no_fax_service")
    fax = _ask(runtime, delivery, paper.describe_fax, {"document_id": delivery.context["document_id"]})
    digits = "".join(filter(str.isdigit, fax["fax_number"]))
    parts = (("cover.pdf", fax["cover_sheet_sha256"]), ("document.pdf", fax["document_sha256"]))

    def files() -> list[tuple[str, bytes]]:
        found = ((name, runtime.blobs.find(delivery.organisation_id, sha256)) for name, sha256 in parts)
        return [(name, path.read_bytes()) for name, path in found]

    if settings.fax_provider_url is not None:
        provider = http_provider.HttpProvider(settings.fax_provider_url, settings.fax_provider_key)
        http_provider.send_fax(provider, delivery.id, f"+{digits}", tpool.execute(files))
    else:
        recipient = f"{digits}@{settings.fax_mail_domain}"
        # Reading and encoding some megabytes takes longer than the other greenlets should wait.
        _mail(runtime, delivery, tpool.execute(_fax_mail, settings.mail_from, delivery.id, recipient, files))


def _fax_mail(
    sender: str, delivery_id: str, recipient: str, files: Callable[[], list[tuple[str, bytes]]]
) -> EmailMessage:
    """A mail to the fax service: the number is its address, and the pages are attached. It has no other words."""
    message = email.build(delivery_id, sender, recipient, "Fax", "Two files are attached.")
    for name, content in files():
        message.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    return message


SEND_BY: Mapping[str, Callable[[Any, Delivery], None]] = {
    rules.EMAIL: _send_mail,
    rules.FAX: _send_fax,
    rules.WEBHOOK: posting.post,
}


def _require_wanted(runtime: Any, delivery: Delivery) -> None:
    """Raise NoRecipient for what the account has switched off, NotNow in its quiet hours. Neither holds for what must be told."""
    group = preference_rules.group_of(delivery.kind)
    if group is None:
        return
    with runtime.database.reading(delivery.organisation_id) as session:
        chosen = choices.of_account(session, delivery.account_id)
    if chosen is None:
        return
    if group in chosen.switched_off:
        raise NoRecipient("switched_off")
    hours = chosen.quiet_from, chosen.quiet_until, chosen.time_zone
    until = preference_rules.quiet_end(utc_now(), *hours)
    if until is not None and preference_rules.can_wait(delivery.kind):
        raise NotNow(until)


def _compose(runtime: Any, delivery: Delivery) -> EmailMessage:
    settings = runtime.settings
    _require_wanted(runtime, delivery)
    # Before `_recipient`, which may make a secret: a try that fails here makes none.
    facts = _ask(
        runtime,
        delivery,
        organisations.get_public_organisation,
        {"organisation": delivery.organisation_key},
    )
    appointment = _appointment(runtime, delivery)
    recipient, values = _recipient(runtime, delivery)
    language = str(values.pop("language", None) or "") or None
    if appointment:
        values |= _when_and_where(appointment, language)
    realm = values.pop("realm", None)
    values |= {
        "product_name": PRODUCT,
        "portal_name": PORTAL_NAMES.get(str(realm), PRODUCT),
        "portal_link": _page(settings, delivery, realm),
    }
    kind = _variant(delivery.kind, values)
    if kind == "appointment_cancelled" and appointment["is_due_again"]:
        kind = "appointment_released"
    with runtime.database.reading(delivery.organisation_id) as session:
        words = own_words.words_of(session, kind, language)
    delivery.template, delivery.template_language = kind, words.language
    delivery.template_version = words.version
    rendered = rendering.render(product_words.kind_of(kind), words.template, values, facts["telephone"])
    message = email.build(
        delivery.id, settings.mail_from, recipient, rendered.subject, rendered.text, rendered.html
    )
    if appointment and delivery.kind in rules.CALENDAR_METHODS:
        calendar_entry.attach(
            message,
            method=rules.CALENDAR_METHODS[delivery.kind],
            uid=f"{delivery.about_id}@{delivery.organisation_key}.portico",
            sequence=appointment["version"],
            starts_at=appointment["starts_at"],
            ends_at=appointment["ends_at"],
            place=appointment["place"],
            organisation=str(values["organisation_name"]),
            made_at=utc_now(),
        )
    return message


def _appointment(runtime: Any, delivery: Delivery) -> Any:
    """The appointment that a message is about, as it is now; None for other messages.

    Raises NoRecipient when it has changed since: the message about the change follows.
    """
    if "appointment_id" not in delivery.context:
        return None
    question = {"appointment_id": delivery.context["appointment_id"]}
    try:
        known = _ask(runtime, delivery, appointments.describe_appointment, question)
    except NoRecipient:  # it is not there any more
        raise NoRecipient("outdated") from None
    if known["version"] != delivery.about_version:
        raise NoRecipient("outdated")
    return known


def _when_and_where(appointment: Any, language: str | None) -> dict[str, str | int]:
    at_place = appointment["starts_at"].astimezone(ZoneInfo(appointment["time_zone"]))
    return {"appointment_time": spoken_time(at_place, language), "place": appointment["place"]}


def _variant(kind: str, values: dict[str, str | int]) -> str:
    """The kind of message for these values: some kinds have variants that say whose it is, or the partner's text."""
    if "partner_text" in values:
        return f"{kind}_with_text"
    for value, variant in (("whose", f"{kind}_with_name"), ("username", f"{kind}_with_username")):
        if value in values and variant in product_words.KINDS:
            return variant
    return kind


def _page(settings: Any, delivery: Delivery, realm: str | int | None) -> str:
    """The address of the page that the message is about. The organisation's entrance for the realm goes on to it."""
    root, organisation = settings.public_url.rstrip("/"), delivery.organisation_key
    if delivery.kind in rules.PAGES_FOR_ALL:
        known = {**delivery.context, "organisation": organisation}
        return str(root + rules.PAGES_FOR_ALL[delivery.kind].format_map(known))
    entrance = f"{root}/at/{organisation}" + (f"/{realm}" if realm else "")
    if not realm or delivery.kind not in rules.PAGES:
        return entrance
    page = rules.PAGES[delivery.kind].format_map(delivery.context)
    return f"{entrance}?{urlencode({'return_path': page}, safe='/')}"


def _recipient(runtime: Any, delivery: Delivery) -> tuple[str, dict[str, str | int]]:
    """The address and the values for the template, as identity answers now.

    Raises NoRecipient, or Refused when identity does not answer. Links of invitations and pick-up codes are made by this
    call, so that their lifetime starts when they are sent.
    """
    if delivery.kind in CREDENTIAL_KINDS:
        minted = _ask(
            runtime,
            delivery,
            credentials.mint_credential_link,
            {"invitation_id": delivery.context["invitation_id"]},
        )
        brought = {name: minted[member] for name, member in CREDENTIAL_KINDS[delivery.kind].items()}
        if minted["username"] and minted["username"].lower() != (minted["email"] or "").lower():
            # Several patients may share an address (S3-32): the username says whose link it is.
            brought["username"] = minted["username"]
        if minted["first_name"]:
            masked = minted["masked_username"]
            brought["whose"] = f"{minted['first_name']} ({masked})" if masked else minted["first_name"]
        return _address(minted), brought | {
            "lifetime": rules.spoken(minted["lifetime_minutes"]),
            "organisation_name": minted["organisation_name"],
            "realm": minted["realm"],
            "language": minted.get("language"),
        }
    if delivery.kind in ADDRESS_OF:
        operation, named = ADDRESS_OF[delivery.kind]
        known = _ask(runtime, delivery, operation, {named: delivery.context[named]})
        values = {"organisation_name": known["organisation_name"]}
        if delivery.kind == "pickup_code":
            values |= {"pickup_code": known["code"], "lifetime": rules.spoken(known["lifetime_minutes"])}
            values |= {"realm": "employee"}
        return _address(known), values
    return _of_account(runtime, delivery)


def _of_account(runtime: Any, delivery: Delivery) -> tuple[str, dict[str, str | int]]:
    """As `_recipient`, for a message to an account. Raises NoRecipient also for an unverified address (S0-43)."""
    account = _ask(runtime, delivery, accounts.describe_account, {"account_id": delivery.account_id})
    if account["state"] == "disabled":
        raise NoRecipient("account_disabled")
    address = _address(account)
    if not account["email_is_verified"] and delivery.kind not in rules.ALSO_UNVERIFIED:
        raise NoRecipient("address_unverified")
    values: dict[str, str | int] = {
        "organisation_name": account["organisation_name"],
        "realm": account["realm"],
        "language": account.get("language"),
    }
    if "contact_record_number" in delivery.context:
        values["record_number"] = delivery.context["contact_record_number"]
    if "queue_id" in delivery.context:
        # The ReferralQ's text as it is now: the partner's words to its providers, the same for every referral.
        queue = _ask(runtime, delivery, queues.describe_queue, {"queue_id": delivery.context["queue_id"]})
        if queue["assignment_email_text"]:
            values["partner_text"] = queue["assignment_email_text"]
    if "document_id" in delivery.context:
        values["document_number"] = delivery.context["document_id"][:8].upper()
    return address, values


def _address(answer: Any) -> str:
    if answer["email"] is None:
        raise NoRecipient("no_address")
    return str(answer["email"])


def _ask(runtime: Any, delivery: Delivery, operation: Any, request: dict[str, Any]) -> Any:
    # Every try has a new request id: identity refuses a repeated one if the answer holds a secret.
    context = wire.CallContext(wire.new_id(), correlation_id=delivery.correlation_id)
    try:
        return runtime.ask(
            operation,
            request,
            organisation=(delivery.organisation_id, delivery.organisation_key),
            context=context,
        )
    except Refused as refusal:
        if refusal.code in NO_RECIPIENT:
            raise NoRecipient(NO_RECIPIENT[refusal.code]) from None
        raise


def _settled(runtime: Any, delivery: Delivery, outcome: Outcome) -> bool:
    """Record the outcome. False when the database is busy."""
    sender = itself(runtime, delivery.organisation_id, delivery.organisation_key)
    try:
        is_report_due = report_signatures.is_report_due(runtime.settings, delivery.channel)
        transact_as(
            runtime,
            sender,
            lambda unit: _record(unit, delivery, outcome, is_report_due=is_report_due),
            delivery.correlation_id,
        )
    except Refused:
        log.warning("delivery_not_settled", delivery_id=delivery.id, outcome=outcome.state)
        return False
    log.info(
        "delivery_tried",
        delivery_id=delivery.id,
        outcome=outcome.state,
        reason=outcome.reason,
        tries=delivery.tries,
    )
    return True


def _record(unit: UnitOfWork, claimed: Delivery, outcome: Outcome, *, is_report_due: bool) -> None:
    row = unit.session.get(Delivery, claimed.id, with_for_update=True)
    if row is None or row.state in rules.FINAL_STATES:
        return  # another sender took it over after the lease had ended, and has recorded the outcome
    if row.tries != claimed.tries and outcome.state != "sent":
        return  # another sender has taken it over, so of this try only success counts
    row.state, row.reason = outcome.state, outcome.reason
    for name in ("template", "template_language", "template_version"):
        setattr(row, name, getattr(claimed, name))
    pause = rules.pause_after(row.tries)
    row.next_try_at = unit.now + pause if outcome.state == "temporary_failure" and pause else None
    if outcome.waits_until:
        row.next_try_at, row.tries = outcome.waits_until, row.tries - 1  # it was not tried
    if outcome == SENT:
        row.sent_at = unit.now
        row.report_due_at = unit.now + rules.REPORT_WITHIN if is_report_due else None
    if row.channel == rules.WEBHOOK:
        posting.note(unit, row)
    tell_outcome(unit, row)
    unit.audit(
        f"delivery.{outcome.state}", "delivery", row.id, kind=row.kind, reason=outcome.reason, tries=row.tries
    )
