"""Tables of contact records."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import BytewiseText, JsonValue, TenantScoped, UtcDateTime
from services.chassis.names import NameWords, keep_names
from services.referrals.models import Base

_ABOUT_SOMEBODY = text("named_person_id IS NOT NULL")


class ContactRecord(TenantScoped, Base):
    """A record of a help-seeker's contact. It is personal data: every reading of a whole record is audited.

    `sections` is a list of `{"title", "fields": [{"label", "value"}]}`: a list, because JSONB keeps no order of keys.
    `form_code` is the contact form that was used. `person_id` is the person in identity whom the record is about, where
    known; `named_person_id` is the person who was entered. The two differ while these two people are merged.
    The columns `…_key` have the form in which names, phones and postal codes are compared, whatever their spelling; they and
    `sameness` follow from the values (`records.rules.keys_of`).
    `sameness` is equal for records that may be about one help-seeker (a hash of name, postal code and phone).
    `consent_until` is the last day of the consent to share. `consent_ends_at` is the end of that day in the time zone of
    the organisation when it was written; the record's referrals have a copy. `records/consent.py` decides whether the
    consent is over.
    """

    __tablename__ = "contact_records"
    __table_args__ = (
        UniqueConstraint("organisation_id", "number"),
        # Read backwards for "newest first".
        Index("ix_contact_records_newest", "organisation_id", "submitted_at", "id"),
        Index(None, "organisation_id", "postal_code_key"),
        Index(None, "organisation_id", "phone_key"),
        Index("ix_contact_records_sameness", "organisation_id", "sameness"),
        Index(
            "ix_contact_records_named_person",
            "organisation_id",
            "named_person_id",
            sqlite_where=_ABOUT_SOMEBODY,
            postgresql_where=_ABOUT_SOMEBODY,
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[str] = mapped_column(String(20))
    first_name: Mapped[str | None] = mapped_column(String(100))
    last_name: Mapped[str | None] = mapped_column(String(100))
    postal_code: Mapped[str | None] = mapped_column(String(20))
    phone: Mapped[str | None] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(254))
    sections: Mapped[Any] = mapped_column(JsonValue)
    form_code: Mapped[str | None] = mapped_column(String(64))
    person_id: Mapped[str | None] = mapped_column(String(32), index=True)
    named_person_id: Mapped[str | None] = mapped_column(String(32))
    sameness: Mapped[str | None] = mapped_column(String(64))
    first_name_key: Mapped[str] = mapped_column(BytewiseText, default="", server_default="")
    last_name_key: Mapped[str] = mapped_column(BytewiseText, default="", server_default="")
    phone_key: Mapped[str] = mapped_column(BytewiseText, default="", server_default="")
    postal_code_key: Mapped[str] = mapped_column(BytewiseText, default="", server_default="")
    consent_given_on: Mapped[datetime.date | None] = mapped_column(Date)
    consent_until: Mapped[datetime.date | None] = mapped_column(Date)
    consent_ends_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    # When the help-seeker asked for help (S0-34); never the time of a referral, which is `referrals.assigned_at`.
    submitted_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class ContactRecordName(NameWords, Base):
    """A word of the name on a contact record."""

    __tablename__ = "contact_record_names"
    owner_id: Mapped[str] = mapped_column(ForeignKey("contact_records.id"), primary_key=True)


keep_names(ContactRecord, ContactRecordName)


class ContactRecordChange(TenantScoped, Base):
    """A change of a contact record: which fields, by whom and when. It keeps no values. Append-only."""

    __tablename__ = "contact_record_changes"
    __table_args__ = (UniqueConstraint("contact_record_id", "version"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    contact_record_id: Mapped[str] = mapped_column(ForeignKey("contact_records.id"))
    version: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    actor_id: Mapped[str] = mapped_column(String(64))
    fields: Mapped[Any] = mapped_column(JsonValue)


class ContactRecordCounter(TenantScoped, Base):
    """The last contact record number that an organisation has given out."""

    __tablename__ = "contact_record_counters"

    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
