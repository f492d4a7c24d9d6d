"""Mailboxes that return mail, or whose owners complain of it, and numbers that want no text messages. Nothing more is sent there.

So mail servers do not take us for a sender of spam. An address is known by its hash, so an account with another one begins anew, and
accounts that share a mailbox share its fate. A complaint holds for what can be done without; a number that has sent STOP, for all.
"""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import insert_unless_there
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.spelling import masked_address
from services.notifications.channels.status_codes import Finding
from services.notifications.deliveries import rules
from services.notifications.deliveries.models import Delivery, SuppressedAddress
from services.notifications.deliveries.outcomes import NoRecipient
from services.notifications.preferences.rules import is_critical
from services.notifications.secrets.derived import hash_of_address

MOST_IN_A_ROW = 3
# Outcomes that speak against the address.
_RETURNED = ("bounced", "recipient_refused")
_ENDED = ("sent", "delivered", "permanent_failure")
COMPLAINED, STOPPED = "complained", "stopped"
# Why a delivery to such an address ends, by why the address is on the list.
_REASONS = {COMPLAINED: "address_complained", STOPPED: "number_stopped"}


def note_address(settings: Any, delivery: Delivery, address: str) -> None:
    """Note on a delivery where it goes, before it is tried."""
    delivery.address_hash = hash_of_address(settings, delivery.organisation_id, address)
    delivery.masked_address = masked_address(address)


def note_number(settings: Any, delivery: Delivery, number: str) -> None:
    """As `note_address`, of the number of a text message."""
    delivery.address_hash = hash_of_address(settings, delivery.organisation_id, number)
    delivery.masked_address = masked_number(number)


def masked_number(number: str) -> str:
    """A number by which its owner knows it and others do not: "•••47"."""
    return f"•••{number[-2:]}"


# Built once, for every mail: plain rows cost half of what an object costs.
_SINCE = select(SuppressedAddress.__table__.c.since, SuppressedAddress.__table__.c.reason).where(
    SuppressedAddress.__table__.c.address_hash == bindparam("of_mailbox")
)


def suppressed_since(session: Session, address_hash: str | None) -> tuple[datetime.datetime, str] | None:
    """Since when, and why, nothing is sent to the address with this hash, which is one organisation's; None: it is sent to."""
    found = session.connection().execute(_SINCE, {"of_mailbox": address_hash}).one_or_none()
    return None if found is None else (found.since, found.reason)


def require_open(session: Session, delivery: Delivery) -> None:
    """Raise NoRecipient for a delivery to an address that is suppressed. After a complaint, what must be told is sent all the same."""
    found = suppressed_since(session, delivery.address_hash)
    if found is None:
        return
    _, why = found
    if why != COMPLAINED or not is_critical(delivery.kind):
        raise NoRecipient(_REASONS.get(why, "address_suppressed"))


def note_return(unit: UnitOfWork, delivery: Delivery, found: Finding) -> None:
    """Note that a mail, whose outcome is recorded already, did not arrive for good; suppress its mailbox where that is enough."""
    if delivery.address_hash is None or delivery.masked_address is None or found == "message":
        return
    reason = "unknown_mailbox" if found == "unknown_mailbox" else "returned_often"
    if found == "address" and not _is_last_of_many(unit.session, delivery.address_hash):
        return
    _suppress(unit, delivery, reason)


def note_complaint(unit: UnitOfWork, delivery: Delivery) -> None:
    """Suppress, for what can be done without, the address of a message of which its receiver has complained."""
    _suppress(unit, delivery, COMPLAINED)


def note_stop(unit: UnitOfWork, settings: Any, account_id: str, number: str, delivery_id: str | None) -> None:
    """Suppress a number whose owner has sent STOP. `delivery_id` is the account's newest text message, if one is stored."""
    address_hash = hash_of_address(settings, str(unit.organisation_id), number)
    _put_on_list(unit, address_hash, masked_number(number), account_id, delivery_id or account_id, STOPPED)


def note_start(unit: UnitOfWork, settings: Any, number: str) -> None:
    """Take a number off the list whose owner has sent START."""
    unit.session.execute(
        delete(SuppressedAddress).where(
            SuppressedAddress.address_hash == hash_of_address(settings, str(unit.organisation_id), number),
            SuppressedAddress.reason == STOPPED,
        )
    )


def _suppress(unit: UnitOfWork, delivery: Delivery, reason: str) -> None:
    if delivery.address_hash is None or delivery.masked_address is None:
        return
    account_id = None if delivery.kind in rules.WITHOUT_ACCOUNT else delivery.account_id
    _put_on_list(unit, delivery.address_hash, delivery.masked_address, account_id, delivery.id, reason)


def _put_on_list(
    unit: UnitOfWork, address_hash: str, masked: str, account_id: str | None, delivery_id: str, reason: str
) -> None:
    """Put an address on the list. Where it stands there for a complaint, another reason goes before that."""
    suppressed_id = wire.new_id()
    is_new = insert_unless_there(
        unit.session,
        SuppressedAddress.__table__,
        {
            "id": suppressed_id,
            "organisation_id": unit.organisation_id,
            "address_hash": address_hash,
            "masked_address": masked,
            "account_id": account_id,
            "delivery_id": delivery_id,
            "reason": reason,
            "since": unit.now,
        },
    )
    if is_new:
        unit.audit("address.suppressed", "address", suppressed_id, reason=reason, delivery_id=delivery_id)
    elif reason != COMPLAINED:
        unit.session.execute(
            update(SuppressedAddress)
            .where(
                SuppressedAddress.address_hash == address_hash,
                SuppressedAddress.reason == COMPLAINED,
            )
            .values(reason=reason, delivery_id=delivery_id, since=unit.now)
        )


def _is_last_of_many(session: Session, address_hash: str) -> bool:
    """Whether the newest mails to a mailbox came back, one after the other."""
    newest = (
        select(Delivery.reason)
        .where(Delivery.address_hash == address_hash, Delivery.state.in_(_ENDED))
        .order_by(Delivery.created_at.desc())
        .limit(MOST_IN_A_ROW)
    )
    reasons = list(session.scalars(newest))
    return len(reasons) == MOST_IN_A_ROW and all(each in _RETURNED for each in reasons)
