"""The table of signing: a document, its recipient, and what was decided."""

from __future__ import annotations

import datetime

from sqlalchemy import Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.signing.documents.rules import STANDING
from services.signing.models import Base


class Document(TenantScoped, Base):
    """A document that was sent to an account for its signature.

    `version` counts decisions. Views and leases leave it, so a recipient may decide on the version that was read.
    `person_id` is the person it concerns, by the id that identity uses now: that person may see who has opened it.
    `named_person_id` is the person named when it was sent. The two ids differ while the two records are merged.
    `signing_claim` is the request that is signing right now, until `signing_until`.
    """

    __tablename__ = "documents"
    __table_args__ = (
        Index(None, "organisation_id", "sent_at", "id"),
        Index(None, "organisation_id", "recipient_account_id", "sent_at", "id"),
        Index(None, "organisation_id", "named_person_id"),
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
    recipient_account_id: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(20), default="sent")
    pages: Mapped[int] = mapped_column(Integer)
    original_sha256: Mapped[str] = mapped_column(String(64))
    signed_sha256: Mapped[str | None] = mapped_column(String(64))
    meaning: Mapped[str | None] = mapped_column(String(20))
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
        return STANDING[self.state]

    @property
    def is_signed(self) -> bool:
        """Whether the file carries the recipient's signature."""
        return self.signed_sha256 is not None

    @property
    def sha256(self) -> str:
        """SHA-256 of the file as it stands now."""
        return self.signed_sha256 or self.original_sha256
