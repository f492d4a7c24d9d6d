"""Tables of what decides about a passport: consents, which another service owns."""

from __future__ import annotations

import datetime

from sqlalchemy import Boolean, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.identity.models import Base


class RequiredConsent(TenantScoped, Base):
    """A consent that a portal requires of the accounts of a realm, and the version that must be signed.

    `generation` grows with each change that portals makes to the row, so that an older event changes nothing.
    """

    __tablename__ = "required_consents"
    __table_args__ = (Index(None, "organisation_id", "realm"),)
    portal: Mapped[str] = mapped_column(String(40), primary_key=True)
    consent_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    realm: Mapped[str] = mapped_column(String(20))
    text_version: Mapped[int] = mapped_column(Integer)
    is_required: Mapped[bool] = mapped_column(Boolean)
    generation: Mapped[int] = mapped_column(Integer)


class GivenConsent(TenantScoped, Base):
    """What an account last did about a consent: it has signed a version, or taken it back (`is_given` is false).

    `valid_until` is null where it holds without end. `generation` grows with each signature and withdrawal.
    """

    __tablename__ = "given_consents"
    account_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    consent_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    text_version: Mapped[int] = mapped_column(Integer)
    is_given: Mapped[bool] = mapped_column(Boolean)
    valid_until: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    generation: Mapped[int] = mapped_column(Integer)
