"""Tables of consents."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.portals.models import Base


class Consent(TenantScoped, Base):
    """A consent of the picklist. `version` grows with each change, `text_version` with each new text."""

    __tablename__ = "consents"
    __table_args__ = (Index(None, "organisation_id", "created_at", "id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    text_version: Mapped[int] = mapped_column(Integer)
    title: Mapped[Any] = mapped_column(JsonValue)
    text: Mapped[Any] = mapped_column(JsonValue)
    text_hashes: Mapped[Any] = mapped_column(JsonValue)
    questionnaire_id: Mapped[str | None] = mapped_column(String(32))
    renewal: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)

    @property
    def is_retired(self) -> bool:
        """Whether no portal may require it."""
        return self.retired_at is not None


class PortalConsent(TenantScoped, Base):
    """A consent that a portal requires, or once did. The row stays, because `generation` only grows."""

    __tablename__ = "portal_consents"
    __table_args__ = (
        UniqueConstraint("organisation_id", "portal", "consent_id"),
        Index(None, "organisation_id", "realm"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    portal: Mapped[str] = mapped_column(String(40))
    consent_id: Mapped[str] = mapped_column(ForeignKey("consents.id"), index=True)
    realm: Mapped[str] = mapped_column(String(20))
    position: Mapped[int] = mapped_column(Integer)
    renewal: Mapped[str | None] = mapped_column(String(40))
    is_required: Mapped[bool] = mapped_column(Boolean)
    generation: Mapped[int] = mapped_column(Integer)


class ConsentStanding(TenantScoped, Base):
    """How an account stands to a consent now, by the last thing that it did about it."""

    __tablename__ = "consent_standings"
    __table_args__ = (UniqueConstraint("organisation_id", "account_id", "consent_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(32))
    consent_id: Mapped[str] = mapped_column(ForeignKey("consents.id"), index=True)
    text_version: Mapped[int] = mapped_column(Integer)
    is_given: Mapped[bool] = mapped_column(Boolean)
    signed_consent_id: Mapped[str | None] = mapped_column(String(32))
    signed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    valid_until: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    generation: Mapped[int] = mapped_column(Integer)


class SignedConsent(TenantScoped, Base):
    """One decision of a person about a consent, with everything that was shown. Rows are only added."""

    __tablename__ = "signed_consents"
    __table_args__ = (Index(None, "account_id", "at", "id"), Index(None, "person_id", "at", "id"))
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    consent_id: Mapped[str] = mapped_column(ForeignKey("consents.id"), index=True)
    text_version: Mapped[int] = mapped_column(Integer)
    language: Mapped[str] = mapped_column(String(35))
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    text_hash: Mapped[str] = mapped_column(String(64))
    decision: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    valid_until: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    account_id: Mapped[str] = mapped_column(String(32))
    person_id: Mapped[str | None] = mapped_column(String(32))
    session_id: Mapped[str | None] = mapped_column(String(32))
    realm: Mapped[str] = mapped_column(String(20))
    typed_name: Mapped[str | None] = mapped_column(String(200))
    method: Mapped[str | None] = mapped_column(String(40))
