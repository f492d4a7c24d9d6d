"""Tables that several subjects share: the programs of a ReferralQ, referrals and their history.

The declarative base is here so that every subject can import it. The other tables are in `<subject>/models.py`.
"""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UnaryExpression,
    UniqueConstraint,
    false,
    literal_column,
    not_,
    text,
    type_coerce,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import NullType

from services.chassis.models import ServiceTables, TenantScoped, UtcDateTime, tables_of_service


class Base(ServiceTables, DeclarativeBase):
    """The base of referrals' tables."""

    metadata = tables_of_service()


class QueueProgram(TenantScoped, Base):
    """A program that takes referrals through a queue."""

    __tablename__ = "queue_programs"
    __table_args__ = (Index(None, "organisation_id", "program_id"),)

    queue_id: Mapped[str] = mapped_column(ForeignKey("queues.id"), primary_key=True)
    program_id: Mapped[str] = mapped_column(ForeignKey("resources.id"), primary_key=True)
    added_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


_OPEN = text("NOT is_terminal")
_OPEN_AND_DUE = text("NOT is_terminal AND due_at IS NOT NULL")
_OPEN_WITH_END_OF_CONSENT = text("NOT is_terminal AND consent_ends_at IS NOT NULL")
_OPEN_AND_URGENT = text("NOT is_terminal AND priority <> 'routine'")
_WAITING = text("is_waitlisted")
_OF_AN_OFFER = text("offer_id IS NOT NULL")
# Without a type, SQLAlchemy writes a Boolean column as its bare name.
_UNTYPED: Any = NullType()


class Referral(TenantScoped, Base):
    """A contact record that was assigned to a program through a ReferralQ.

    `holds_capacity` says whether it takes one of the program's places. Claim and release set it in the transaction that
    counts the place, so each place is given back exactly once. `capacity_line_id` is the line on which the place was
    counted, or the line that a waitlisted referral waits for (None: any). `note` is the last shared note of either side
    (S0-32). `consent_ends_at` is a copy of the contact record's value, so that an index finds expired consents.

    `ended_by` is `sender` where the referral was withdrawn or reassigned: then no provider sees it and it never reopens,
    whatever its last status was. `provider` and `client` name the side that declined.
    """

    __tablename__ = "referrals"
    __table_args__ = (
        # Read backwards for "newest first", so the same order serves both ways.
        Index("ix_referrals_of_program", "organisation_id", "program_id", "assigned_at", "id"),
        Index("ix_referrals_newest", "organisation_id", "assigned_at", "id"),
        Index("ix_referrals_of_queue", "organisation_id", "queue_id", "assigned_at", "id"),
        Index("ix_referrals_of_status", "organisation_id", "queue_id", "status", "assigned_at", "id"),
        Index(
            "ix_referrals_due",
            "organisation_id",
            "due_at",
            "id",
            sqlite_where=_OPEN_AND_DUE,
            postgresql_where=_OPEN_AND_DUE,
        ),
        Index(
            "ix_referrals_waiting",
            "program_id",
            "waitlisted_at",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index(
            "ix_referrals_of_offer",
            "offer_id",
            sqlite_where=_OF_AN_OFFER,
            postgresql_where=_OF_AN_OFFER,
        ),
        Index(
            "ix_referrals_due_of_program",
            "program_id",
            "due_at",
            sqlite_where=_OPEN_AND_DUE,
            postgresql_where=_OPEN_AND_DUE,
        ),
        Index(
            "ix_referrals_consent",
            "organisation_id",
            "consent_ends_at",
            sqlite_where=_OPEN_WITH_END_OF_CONSENT,
            postgresql_where=_OPEN_WITH_END_OF_CONSENT,
        ),
        Index(
            "ix_referrals_consent_of_program",
            "program_id",
            "consent_ends_at",
            sqlite_where=_OPEN_WITH_END_OF_CONSENT,
            postgresql_where=_OPEN_WITH_END_OF_CONSENT,
        ),
        Index(
            "ix_referrals_urgent",
            "organisation_id",
            "assigned_at",
            "id",
            sqlite_where=_OPEN_AND_URGENT,
            postgresql_where=_OPEN_AND_URGENT,
        ),
        # For systems that poll for changes since a given time (FHIR `_lastUpdated`).
        Index("ix_referrals_updated", "organisation_id", "updated_at", "id"),
        Index("ix_referrals_idle", "queue_id", "updated_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index(
            "uq_referrals_open",
            "contact_record_id",
            "queue_id",
            "program_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    contact_record_id: Mapped[str] = mapped_column(ForeignKey("contact_records.id"), index=True)
    queue_id: Mapped[str] = mapped_column(ForeignKey("queues.id"))
    program_id: Mapped[str] = mapped_column(ForeignKey("resources.id"))
    status: Mapped[str] = mapped_column(String(64))
    status_since: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    is_terminal: Mapped[bool] = mapped_column(Boolean, default=False)
    note: Mapped[str | None] = mapped_column(Text)
    priority: Mapped[str] = mapped_column(String(10), default="routine")
    holds_capacity: Mapped[bool] = mapped_column(Boolean, default=False)
    capacity_line_id: Mapped[str | None] = mapped_column(String(32))
    is_waitlisted: Mapped[bool] = mapped_column(Boolean, default=False)
    waitlisted_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    assigned_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String(10))
    reason_code: Mapped[str | None] = mapped_column(String(64))
    outcome_code: Mapped[str | None] = mapped_column(String(64))
    replaced_by_id: Mapped[str | None] = mapped_column(String(32))
    offer_id: Mapped[str | None] = mapped_column(String(32))
    consent_ends_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, default=1)

    # In conditions these two are spelled exactly as in the partial indexes, on both databases. A plain Boolean becomes
    # `= 0` or `= 1` in SQLite, and `is_(False)` becomes IS FALSE in PostgreSQL: neither would use its index.

    @hybrid_property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return not self.is_terminal

    @is_open.inplace.expression
    @classmethod
    def _is_open(cls) -> ColumnElement[bool]:
        return not_(type_coerce(cls.is_terminal, _UNTYPED))

    @hybrid_property
    def is_waiting(self) -> bool:
        """Whether it is on the waitlist."""
        return self.is_waitlisted

    @is_waiting.inplace.expression
    @classmethod
    def _is_waiting(cls) -> ColumnElement[bool]:
        column: Any = cls.is_waitlisted
        return UnaryExpression(column.__clause_element__(), operator=custom_op(""), type_=_UNTYPED)


def is_overdue(now: datetime.datetime) -> ColumnElement[bool]:
    """Condition: an open referral past its due time. It is false (never NULL) where there is no due time."""
    return Referral.is_open & Referral.due_at.is_not(None) & (Referral.due_at < now)


def is_urgent() -> ColumnElement[bool]:
    """Condition: an open referral with a priority above routine, spelled as its index is."""
    return Referral.is_open & (Referral.priority != literal_column("'routine'"))


class StatusChange(TenantScoped, Base):
    """One line of a referral's history, with the labels of that time. Append-only.

    `kind` says what happened (see the contract's `KINDS`). A note has the same status before and after. Only the partner
    sees internal notes, never a provider. `actor_realm` tells the two sides apart; it is None where the system acted.
    """

    __tablename__ = "referral_status_changes"
    __table_args__ = (
        UniqueConstraint("referral_id", "position"),
        # For rebuilding the reports week by week. BRIN fits because the lines are written in order of time.
        Index(None, "at", postgresql_using="brin"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    referral_id: Mapped[str] = mapped_column(ForeignKey("referrals.id"))
    position: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(20))
    from_key: Mapped[str | None] = mapped_column(String(64))
    from_label: Mapped[str | None] = mapped_column(String(40))
    to_key: Mapped[str] = mapped_column(String(64))
    to_label: Mapped[str] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(Text)
    is_internal: Mapped[bool] = mapped_column(Boolean, default=False)
    reason_code: Mapped[str | None] = mapped_column(String(64))
    outcome_code: Mapped[str | None] = mapped_column(String(64))
    actor_id: Mapped[str] = mapped_column(String(64))
    actor_realm: Mapped[str | None] = mapped_column(String(40))
    # The account has not signed in, but used the link of a mail.
    by_link: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
