"""The recipients of a document: whose turn it is, and what each of them did. Steps inside a transaction."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.signing import documents as contract
from services.signing.documents import rules
from services.signing.documents.models import Document, Recipient


@dataclass(frozen=True)
class Invited:
    """Somebody to whom a document is sent, whose account is known and may have the role."""

    account_id: str
    role: str = rules.SIGNER
    turn: int = 1
    expires_on: datetime.date | None = None


def recipients_of(session: Session, document_id: str) -> Sequence[Recipient]:
    """The recipients of a document, in their order: a delegate after the one in whose place they sign."""
    in_order = Recipient.place, Recipient.delegated_by_id.is_not(None)
    statement = select(Recipient).where(Recipient.document_id == document_id).order_by(*in_order)
    return session.scalars(statement).all()


def find_recipient(session: Session, document_id: str, account_id: str) -> Recipient | None:
    """The row of this account. None: the document was not sent to it."""
    own = select(Recipient).where(Recipient.document_id == document_id, Recipient.account_id == account_id)
    return session.scalars(own).one_or_none()


def invite(unit: UnitOfWork, document: Document, invited: Sequence[Invited]) -> None:
    """Add the recipients of a new document, and ask those whose turn it is."""
    for place, each in enumerate(invited):
        unit.add(
            Recipient(
                id=wire.new_id(),
                document_id=document.id,
                account_id=each.account_id,
                place=place,
                role=each.role,
                turn=each.turn,
                state="waiting",
                expires_on=each.expires_on,
            )
        )
    unit.session.flush()
    go_on(unit, document)


def go_on(unit: UnitOfWork, document: Document) -> bool:
    """Ask those whose turn it is now, and show the document to those who only read it. True when all have signed."""
    everybody = recipients_of(unit.session, document.id)
    turn = rules.turn_now(map(standing_of, everybody))
    due = [each for each in everybody if rules.is_due(standing_of(each), turn)]
    for each in due:
        each.asked_at = unit.now
        if each.role in rules.DECIDING:
            each.state = "asked"
            each.next_reminder_at = rules.next_reminder(document.channel, unit.now, unit.now)
            tell_signer(unit, contract.signature_requested, document, each)
        else:
            each.state = "told"
    readers = [each.account_id for each in due if each.role not in rules.DECIDING]
    if readers:
        tell_several(unit, contract.document_shared, document, readers)
    return turn is None


def add_delegate(unit: UnitOfWork, own: Recipient, account_id: str) -> Recipient:
    """Put somebody else in the place of a signer."""
    own.state, own.decided_at, own.next_reminder_at = "delegated", unit.now, None
    delegate: Recipient = unit.add(
        Recipient(
            id=wire.new_id(),
            document_id=own.document_id,
            account_id=account_id,
            place=own.place,
            role=own.role,
            turn=own.turn,
            state="waiting",
            expires_on=own.expires_on,
            delegated_by_id=own.id,
        )
    )
    unit.session.flush()
    return delegate


def end(everybody: Iterable[Recipient]) -> None:
    """The document is decided: whoever has not signed is asked no more, and who was never asked does not see it."""
    for each in everybody:
        each.next_reminder_at = None
        if each.state in ("waiting", "asked", "expired"):
            each.state = "ended"


def tell_signer(unit: UnitOfWork, event: Any, document: Document, recipient: Recipient) -> None:
    """Publish an event about one signer of a document."""
    unit.publish(
        event,
        document.id,
        {
            "document_id": document.id,
            "recipient_account_id": recipient.account_id,
            "sender_account_id": document.sender_account_id,
        },
    )


def tell_several(unit: UnitOfWork, event: Any, document: Document, account_ids: list[str]) -> None:
    """Publish an event about several recipients of a document."""
    unit.publish(event, document.id, {"document_id": document.id, "account_ids": account_ids})


def standing_of(recipient: Recipient) -> rules.Standing:
    """Where a recipient stands."""
    return rules.Standing(recipient.role, recipient.turn, recipient.state)
