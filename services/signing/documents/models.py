"""The tables of documents: a document, its recipients with what each decided, and the pages that each has seen before."""

from __future__ import annotations

import datetime

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.chassis.unit_of_work import utc_now
from services.signing.documents import rules
from services.signing.models import Base


class Document(TenantScoped, Base):
    """A document that was sent to be signed, and where it stands as a whole.

    `recipient_account_id` is the first signer; all of them are rows of `Recipient`. What each decided is kept there, and the
    last decision here, too. `version` counts decisions. Views and leases leave it, so a recipient may decide on the version
    that was read. `person_id` is the person it concerns, by the id that identity uses now: that person may see who has
    opened it. `named_person_id` is the person named when it was sent. The two ids differ while the two records are merged.
    `signing_claim` is the request that is signing right now, until `signing_until`. A document on paper has an `addressee` in
    place of an account. The reminders loop works across organisations and needs their key.
    """

    __tablename__ = "documents"
    __table_args__ = (
        Index(None, "organisation_id", "sent_at", "id"),
        Index(None, "organisation_id", "recipient_account_id", "sent_at", "id"),
        Index(None, "organisation_id", "named_person_id"),
        Index(None, "organisation_id", "person_id", "sent_at", "id"),
        Index(None, "organisation_id", "original_sha256"),
        Index(None, "organisation_id", "signed_sha256"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    title: Mapped[str] = mapped_column(String(120))
    contact_record_id: Mapped[str | None] = mapped_column(String(32), index=True)
    person_id: Mapped[str | None] = mapped_column(String(32))
    named_person_id: Mapped[str | None] = mapped_column(String(32))
    sender_account_id: Mapped[str] = mapped_column(String(32))
    organisation_key: Mapped[str | None] = mapped_column(String(64))
    recipient_account_id: Mapped[str | None] = mapped_column(String(32))
    channel: Mapped[str] = mapped_column(String(10), default=rules.EMAIL)
    addressee: Mapped[str | None] = mapped_column(String(120))
    fax_number: Mapped[str | None] = mapped_column(String(40))
    fax_state: Mapped[str | None] = mapped_column(String(10))
    faxed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(20), default="document")
    care_began_on: Mapped[datetime.date | None] = mapped_column(Date)
    respond_by: Mapped[datetime.date | None] = mapped_column(Date)
    revision: Mapped[int] = mapped_column(Integer, default=1)
    replaces_document_id: Mapped[str | None] = mapped_column(ForeignKey("documents.id"))
    replaced_by_document_id: Mapped[str | None] = mapped_column(ForeignKey("documents.id"))
    signed_on: Mapped[datetime.date | None] = mapped_column(Date)
    is_wet: Mapped[bool] = mapped_column(Boolean, default=False)
    reminders: Mapped[int] = mapped_column(Integer, default=0)
    reminded_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    message: Mapped[str | None] = mapped_column(Text)
    may_delegate: Mapped[bool] = mapped_column(Boolean, default=False)
    must_see_pages: Mapped[bool] = mapped_column(Boolean, default=False)
    signatures_wanted: Mapped[int] = mapped_column(Integer, default=1)
    signatures_done: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(String(20), default="sent")
    pages: Mapped[int] = mapped_column(Integer)
    original_sha256: Mapped[str] = mapped_column(String(64))
    signed_sha256: Mapped[str | None] = mapped_column(String(64))
    meaning: Mapped[str | None] = mapped_column(String(20))
    reason_code: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    viewed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    returned_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    signing_claim: Mapped[str | None] = mapped_column(String(128))
    signing_until: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)

    @property
    def standing(self) -> str:
        """The state in the words of the Unsigned report."""
        return rules.STANDING[self.state]

    @property
    def days_left(self) -> int | None:
        """Days left of the 30 of a plan of care (`rules.days_left`)."""
        return rules.days_left(self.kind, self.state, self.care_began_on, utc_now().date())

    @property
    def is_overdue(self) -> bool:
        """Whether an answer was wanted before today."""
        return rules.is_overdue(self.state, self.respond_by, utc_now().date())

    @property
    def has_certificate(self) -> bool:
        """Whether there is a certificate of completion."""
        return self.state != "sent"

    @property
    def is_signed(self) -> bool:
        """Whether the file carries the recipient's signature."""
        return self.signed_sha256 is not None

    @property
    def sha256(self) -> str:
        """SHA-256 of the file as it stands now."""
        return self.signed_sha256 or self.original_sha256


class Recipient(TenantScoped, Base):
    """Somebody who gets a document, in which role and turn, and what they did. Paper has no recipients with an account.

    `asked_at` is when it was their turn, or when they were shown the document; before it they do not see it. `decided_in` is
    the request that carried their signature: repeated, it finds its own work. `waits_for_seal_since` is set while a decline
    waits to be signed by itself.
    """

    __tablename__ = "recipients"
    __table_args__ = (
        UniqueConstraint("document_id", "account_id"),
        Index(None, "organisation_id", "account_id", "document_id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"))
    account_id: Mapped[str] = mapped_column(String(32))
    place: Mapped[int] = mapped_column(Integer)
    role: Mapped[str] = mapped_column(String(10), default=rules.SIGNER)
    turn: Mapped[int] = mapped_column(Integer, default=1)
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    expires_on: Mapped[datetime.date | None] = mapped_column(Date, index=True)
    asked_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    viewed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    decided_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    decided_in: Mapped[str | None] = mapped_column(String(128))
    meaning: Mapped[str | None] = mapped_column(String(20))
    reason_code: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(Text)
    delegated_by_id: Mapped[str | None] = mapped_column(ForeignKey("recipients.id"))
    waits_for_seal_since: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)
    next_reminder_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)

    @property
    def decision_id(self) -> str | None:
        """The id of the signed decision of a decline, once it is signed."""
        is_sealed = self.state == "declined" and self.waits_for_seal_since is None
        return self.id if is_sealed else None


class SeenPage(TenantScoped, Base):
    """A page whose picture a recipient of a document has opened before deciding, and when first."""

    __tablename__ = "pages_seen"
    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id"), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(32), primary_key=True, index=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
