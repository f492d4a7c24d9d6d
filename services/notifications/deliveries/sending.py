"""Send due deliveries: claim one, compose and send it outside of any transaction, record the outcome.

A message can be sent twice only if the process dies between the mail server's acceptance and the commit: then the lease
ends and the message is sent again, with the same Message-ID.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from typing import Any

from eventlet import tpool
from sqlalchemy import Boolean, bindparam, exists, or_, select, update
from sqlalchemy.orm import Session

from services.chassis import logs
from services.chassis.logs import log, where
from services.chassis.loop import Loop
from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.signing import paper
from services.contracts.spelling import dialled
from services.notifications.channels import dkim, email, http_provider
from services.notifications.channels.configured import services_of, smtp_servers
from services.notifications.channels.failures import Permanent, Temporary
from services.notifications.deliveries import clients, digests, report_signatures, rules, suppression, texting
from services.notifications.deliveries.asking import ask
from services.notifications.deliveries.composing import compose
from services.notifications.deliveries.handing_over import hand_over, require_provider
from services.notifications.deliveries.handlers import simulate, tell_outcome
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.outcomes import (
    IN_DIGEST,
    PROVIDER_RESTS,
    SENT,
    InDigest,
    NoRecipient,
    NotNow,
    Outcome,
    Simulated,
    TakenOver,
)
from services.notifications.deliveries.traffic import Traffic, traffic_of
from services.notifications.preferences.text_numbers import is_offered
from services.notifications.webhooks import posting
from services.notifications.webhooks.models import Webhook

SWEEP_EVERY_S = 1.0
LOOP = "sender"


class SenderLoop(Loop):
    """One of the parallel senders of a process."""

    def __init__(self, runtime: Runtime, channels: tuple[str, ...] = rules.CHANNELS) -> None:
        super().__init__(LOOP, self._send_due, every_s=SWEEP_EVERY_S)
        self._runtime = runtime
        self._channels = channels

    def _send_due(self) -> bool:
        delivery = _claim(self._runtime, self._channels)
        while delivery is not None:
            further = () if self.stopping.is_set() else self._channels
            delivery = _send(self._runtime, delivery, further)
        return True


def take_over(runtime: Runtime) -> None:
    """At the start, end the leases that a killed process has left: its deliveries are due now.

    This happens with SQLite only, which has one process. With PostgreSQL another replica may hold the leases.
    """
    if not runtime.database.is_sqlite:
        return

    def end_leases(session: Session) -> None:
        session.execute(update(Delivery).where(Delivery.state == "sending").values(next_try_at=utc_now()))

    runtime.database.write(None, end_leases)


def send_next(runtime: Runtime, channels: tuple[str, ...] = rules.CHANNELS) -> bool:
    """Claim the delivery of these channels that has been due the longest, and try it once. False when none may be sent."""
    delivery = _claim(runtime, channels)
    if delivery is None:
        return False
    _send(runtime, delivery, ())
    return True


def _send(runtime: Runtime, delivery: Delivery, further: tuple[str, ...]) -> Delivery | None:
    """Try a claimed delivery once. Returns the next one of `further` channels, claimed by the transaction that records the outcome."""
    logs.correlation_id.set(delivery.correlation_id)
    lease_ends = time.monotonic() + runtime.settings.lease_s
    traffic = traffic_of(runtime)
    whose = delivery.channel, delivery.organisation_id, _subscriber(delivery)
    traffic.begin(*whose)
    outcome = SENT
    try:
        outcome = _try(runtime, delivery)
    except TakenOver:
        log.warning("delivery_taken_over", delivery_id=delivery.id)
        return None
    finally:
        traffic.end(*whose, is_outage=outcome.is_outage)
    while True:
        try:
            return _settle(runtime, delivery, outcome, further)
        except Refused:
            log.warning("delivery_not_settled", delivery_id=delivery.id, outcome=outcome.state)
        if time.monotonic() >= lease_ends:
            return None
        # The database is busy. An outcome that is not recorded would send the message a second time.
        time.sleep(1)


def _subscriber(delivery: Delivery) -> str | None:
    """The webhook that a delivery goes to."""
    return delivery.account_id if delivery.channel == rules.WEBHOOK else None


def signer_of(settings: Any) -> dkim.Signer | None:
    """Who signs mails by DKIM; None where nobody does. Raises ValueError for a key that cannot be used."""
    return dkim.signer_of(settings.dkim_key_file, settings.dkim_selector, settings.mail_domain)


def _claim(runtime: Runtime, channels: tuple[str, ...] = rules.CHANNELS) -> Delivery | None:
    """Claim the delivery that has been due the longest, of the first channel that has any.

    Mostly nothing is due, which is found without a lock.
    """
    traffic = traffic_of(runtime)
    for channel in _in_use(traffic, channels):
        with runtime.database.reading(None) as session:
            is_due = session.scalar(_ID_OF_DUE, _due(traffic, channel)) is not None
        claimed = _claim_of(runtime, traffic, channel) if is_due else None
        if claimed is not None:
            return claimed
    return None


def _claim_of(runtime: Runtime, traffic: Traffic, channel: str) -> Delivery | None:
    lease_s = runtime.settings.lease_s
    claimed: Delivery | None = runtime.database.write(
        None, lambda session: _claimed(session, traffic, channel, lease_s)
    )
    return claimed


def _in_use(traffic: Traffic, channels: tuple[str, ...]) -> list[str]:
    resting = traffic.resting(channels)
    return [channel for channel in channels if channel not in resting]


# Built once: building it anew for each message costs as much as executing it.
_DUE = (
    select(Delivery)
    .where(
        Delivery.channel == bindparam("of_channel"),
        Delivery.next_try_at <= bindparam("now"),
        Delivery.organisation_id.not_in(bindparam("crowded", expanding=True)),
        Delivery.account_id.not_in(bindparam("subscribers", expanding=True)),
    )
    .order_by(Delivery.next_try_at)
    .limit(1)
)
_ID_OF_DUE = _DUE.with_only_columns(Delivery.id)
_deliveries = Delivery.__table__
_CLAIM = (
    update(Delivery)
    .where(_deliveries.c.id == _ID_OF_DUE.with_for_update(skip_locked=True).scalar_subquery())
    .values(state="sending", tries=_deliveries.c.tries + 1, next_try_at=bindparam("lease_ends"))
    .returning(*_deliveries.c)
)


def _due(traffic: Traffic, channel: str) -> dict[str, Any]:
    """The parameters of `_DUE`: what may be sent now."""
    crowded, subscribers = traffic.held_back(channel)
    held_back = {"crowded": crowded, "subscribers": subscribers if channel == rules.WEBHOOK else []}
    return {"of_channel": channel, "now": utc_now(), **held_back}


def _claimed(session: Session, traffic: Traffic, channel: str, lease_s: int) -> Delivery | None:
    lease_ends = utc_now() + datetime.timedelta(seconds=lease_s)
    found = session.connection().execute(_CLAIM, _due(traffic, channel) | {"lease_ends": lease_ends})
    row = found.mappings().one_or_none()
    return None if row is None else Delivery(**row)


def _try(runtime: Runtime, delivery: Delivery) -> Outcome:
    """Compose and send. Every failure becomes an outcome. Raises TakenOver when the lease is another sender's."""
    if delivery.tries > rules.MAX_TRIES:
        return Outcome("technical_failure", "tries_exhausted")  # no sender has recorded an outcome
    try:
        require_provider(runtime, delivery)
        clients.require_allowed(runtime, delivery)
        SEND_BY[delivery.channel](runtime, delivery)
    except TakenOver:
        raise
    except (NotNow, NoRecipient, InDigest, Simulated) as unwanted:
        return unwanted.outcome
    except Permanent as failure:
        return Outcome("permanent_failure", failure.reason, is_outage=failure.is_outage, found=failure.found)
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


def _send_mail(runtime: Runtime, delivery: Delivery) -> None:
    message = compose(runtime, delivery)
    clients.divert(delivery, email.recipient_of(message))
    _mail(runtime, delivery, message)


def _mail(runtime: Runtime, delivery: Delivery, message: EmailMessage) -> None:
    settings, connections = runtime.settings, traffic_of(runtime).connections
    # The Message-ID of the delivery, even if MAIL_FROM has another domain by now.
    if not delivery.message_id.endswith(f"@{email.domain_of(settings.mail_from)}"):
        message.replace_header("Message-ID", f"<{delivery.message_id}>")
    bounces_to = report_signatures.bounce_address(settings, delivery.id)
    signer = signer_of(settings)

    def hand_to(server: email.SmtpSettings) -> None:
        email.send(server, message, connections, bounces_to=bounces_to, signer=signer)

    hand_over(runtime, delivery, smtp_servers(settings), hand_to)


def _send_fax(runtime: Runtime, delivery: Delivery) -> None:
    """Fax a document. Raises Permanent(no_fax_service) without a service, and NoRecipient when the document is decided."""
    settings = runtime.settings
    if settings.fax_provider_url is None and settings.fax_mail_domain is None:
        raise Permanent("no_fax_service")
    fax = ask(runtime, delivery, paper.describe_fax, {"document_id": delivery.context["document_id"]})
    number = dialled(fax["fax_number"])
    clients.divert(delivery, number)
    parts = (("cover.pdf", fax["cover_sheet_sha256"]), ("document.pdf", fax["document_sha256"]))

    def files() -> list[tuple[str, bytes]]:
        found = ((name, runtime.blobs.find(delivery.organisation_id, sha256)) for name, sha256 in parts)
        return [(name, path.read_bytes()) for name, path in found]

    providers = services_of(settings, rules.FAX)
    if providers:
        pages = tpool.execute(files)
        hand_over(
            runtime,
            delivery,
            providers,
            lambda provider: http_provider.send_fax(provider, delivery.id, number, pages),
        )
    else:
        recipient = f"{number.removeprefix('+')}@{settings.fax_mail_domain}"
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


def _send_text(runtime: Runtime, delivery: Delivery) -> None:
    """Send a text message. Raises Permanent(no_text_service) without a service, and what `text_of` raises."""
    settings = runtime.settings
    if not is_offered(settings):
        raise Permanent("no_text_service")
    number, words = texting.text_of(runtime, delivery)
    clients.divert(delivery, number)
    providers = services_of(settings, rules.TEXT)
    if providers:
        hand_over(
            runtime,
            delivery,
            providers,
            lambda provider: http_provider.send_text(provider, delivery.id, number, words),
        )
    else:
        recipient = f"{number.removeprefix('+')}@{settings.text_mail_domain}"
        _mail(
            runtime, delivery, email.build(delivery.id, settings.mail_from, recipient, "Text message", words)
        )


SEND_BY: Mapping[str, Callable[[Any, Delivery], None]] = {
    rules.EMAIL: _send_mail,
    rules.FAX: _send_fax,
    rules.TEXT: _send_text,
    rules.WEBHOOK: posting.post,
}


def _settle(
    runtime: Runtime, delivery: Delivery, outcome: Outcome, further: tuple[str, ...]
) -> Delivery | None:
    """Record the outcome, and claim the next delivery of `further` channels. Raises Refused when the database is busy."""
    settings, traffic = runtime.settings, traffic_of(runtime)
    is_report_due = report_signatures.is_report_due(settings, delivery.channel)

    def record(unit: UnitOfWork) -> Delivery | None:
        _record(unit, delivery, outcome, is_report_due=is_report_due)
        for channel in _in_use(traffic, further):
            claimed = _claimed(unit.session, traffic, channel, settings.lease_s)
            if claimed is not None:
                return claimed
        return None

    sender = itself(runtime, delivery.organisation_id, delivery.organisation_key)
    claimed = transact_as(runtime, sender, record, delivery.correlation_id)
    log.info(
        "delivery_tried",
        delivery_id=delivery.id,
        outcome=outcome.state,
        reason=outcome.reason,
        tries=delivery.tries,
    )
    return claimed


# What a try notes on its delivery, whatever becomes of it.
_NOTED = (
    "template", "template_language", "template_version", "address_hash", "masked_address", "provider"
)  # fmt: skip
_WRITTEN = ("state", "reason", "next_try_at", "sent_at", "report_due_at", *_NOTED)
# Most organisations have no webhook: the statement that records the outcome says so, so that no further one asks.
_HAS_WEBHOOKS = (
    exists()
    .where(Webhook.organisation_id == bindparam("of_organisation"), Webhook.is_paused.is_(False))
    .label("has_webhooks")
)
# No row, if another sender took the delivery over after the lease had ended: of this try only success counts, if none is recorded.
_RECORD = (
    update(Delivery)
    .where(
        _deliveries.c.id == bindparam("of_id"),
        _deliveries.c.state.not_in(sorted(rules.FINAL_STATES)),
        or_(_deliveries.c.tries == bindparam("of_tries"), bindparam("is_sent", type_=Boolean)),
    )
    .values(
        tries=_deliveries.c.tries - bindparam("untried"),
        **{name: bindparam(f"to_{name}") for name in _WRITTEN},
    )
    .returning(*_deliveries.c, _HAS_WEBHOOKS)
)


def _record(unit: UnitOfWork, claimed: Delivery, outcome: Outcome, *, is_report_due: bool) -> None:
    is_sent, is_in_digest = outcome.state == SENT.state, outcome.reason == IN_DIGEST
    is_put_off = outcome.waits_until is not None and not is_in_digest  # it was not tried
    pause = rules.pause_after(claimed.tries) if outcome.state == "temporary_failure" else None
    again_at = unit.now + pause if pause else None
    written = {
        "state": outcome.state,
        "reason": outcome.reason,
        "next_try_at": outcome.waits_until if is_put_off else again_at,
        "sent_at": unit.now if is_sent else None,
        "report_due_at": unit.now + rules.REPORT_WITHIN if is_sent and is_report_due else None,
        **{name: getattr(claimed, name) for name in _NOTED},
    }
    which = {"of_id": claimed.id, "of_tries": claimed.tries, "is_sent": is_sent, "untried": int(is_put_off)}
    which |= {"of_organisation": claimed.organisation_id}
    values = {f"to_{name}": value for name, value in written.items()}
    found = unit.session.connection().execute(_RECORD, which | values)
    recorded = found.mappings().one_or_none()
    if recorded is None:
        return
    row = Delivery(**{each.name: recorded[each.name] for each in _deliveries.c})
    if is_in_digest and outcome.waits_until:
        digests.add(unit, row, outcome.waits_until)
    if row.channel == rules.WEBHOOK:
        posting.note(unit, row)
    if is_sent:
        clients.count(unit, row)
    tell_outcome(unit, row, has_webhooks=recorded["has_webhooks"])
    if outcome.state == "permanent_failure":
        suppression.note_return(unit, row, outcome.found)
    if outcome.reason != PROVIDER_RESTS:  # nothing was done, and that again and again
        unit.audit(
            f"delivery.{outcome.state}",
            "delivery",
            row.id,
            kind=row.kind,
            reason=outcome.reason,
            tries=row.tries,
        )
    if outcome.simulated is not None:
        simulate(unit, row.id, outcome.simulated)
