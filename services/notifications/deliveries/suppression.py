"""Mailboxes that return mail. Nothing more is sent there, so that mail servers do not take us for a sender of spam.

A mailbox is known by its hash, so an account with another address begins anew, and accounts that share a mailbox share its fate.
"""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import insert_unless_there
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.spelling import masked_address
from services.notifications.channels.status_codes import Finding
from services.notifications.deliveries import rules
from services.notifications.deliveries.models import Delivery, SuppressedAddress
from services.notifications.deliveries.outcomes import NoRecipient
from services.notifications.secrets.derived import hash_of_address

MOST_IN_A_ROW = 3
# Outcomes that speak against the address.
_RETURNED = ("bounced", "recipient_refused")
_ENDED = ("sent", "delivered", "permanent_failure")


def note_address(settings: Any, delivery: Delivery, address: str) -> None:
    """Note on a delivery where it goes, before it is tried."""
    delivery.address_hash = hash_of_address(settings, delivery.organisation_id, address)
    delivery.masked_address = masked_address(address)


# Built once, for every mail: plain rows cost half of what an object costs.
_SINCE = select(SuppressedAddress.__table__.c.since).where(
    SuppressedAddress.__table__.c.address_hash == bindparam("of_mailbox")
)


def suppressed_since(session: Session, address_hash: str | None) -> datetime.datetime | None:
    """Since when nothing is sent to the mailbox with this hash, which is one organisation's; None: mail is sent there."""
    since: datetime.datetime | None = (
        session.connection().execute(_SINCE, {"of_mailbox": address_hash}).scalar_one_or_none()
    )
    return since


def require_open(session: Session, delivery: Delivery) -> None:
    """Raise NoRecipient for a delivery to a mailbox that returns mail."""
    if suppressed_since(session, delivery.address_hash) is not None:
        raise NoRecipient("address_suppressed")


def note_return(unit: UnitOfWork, delivery: Delivery, found: Finding) -> None:
    """Note that a mail, whose outcome is recorded already, did not arrive for good; suppress its mailbox where that is enough."""
    if delivery.address_hash is None or delivery.masked_address is None or found == "message":
        return
    reason = "unknown_mailbox" if found == "unknown_mailbox" else "returned_often"
    if found == "address" and not _is_last_of_many(unit.session, delivery.address_hash):
        return
    suppressed_id = wire.new_id()
    is_new = insert_unless_there(
        unit.session,
        SuppressedAddress.__table__,
        {
            "id": suppressed_id,
            "organisation_id": delivery.organisation_id,
            "address_hash": delivery.address_hash,
            "masked_address": delivery.masked_address,
            "account_id": None if delivery.kind in rules.WITHOUT_ACCOUNT else delivery.account_id,
            "delivery_id": delivery.id,
            "reason": reason,
            "since": unit.now,
        },
    )
    if is_new:
        unit.audit("address.suppressed", "address", suppressed_id, reason=reason, delivery_id=delivery.id)


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
