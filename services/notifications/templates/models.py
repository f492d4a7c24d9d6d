"""The tables of an organisation's own words."""

from __future__ import annotations

import datetime

from sqlalchemy import Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.notifications.models import Base


class MessageTemplate(TenantScoped, Base):
    """An organisation's own words for a kind of message in a language. After a reset they are NULL. Version 1 is without a row."""

    __tablename__ = "message_templates"
    __table_args__ = (UniqueConstraint("organisation_id", "kind", "language"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(35))
    version: Mapped[int] = mapped_column(Integer)
    subject: Mapped[str | None] = mapped_column(String(200))
    text: Mapped[str | None] = mapped_column(Text)
    html: Mapped[str | None] = mapped_column(Text)
    saved_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class TemplateVersion(TenantScoped, Base):
    """What the words were from one saving until the next. A delivery names the version that it was sent with."""

    __tablename__ = "template_versions"
    __table_args__ = (UniqueConstraint("organisation_id", "kind", "language", "version"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(35))
    version: Mapped[int] = mapped_column(Integer)
    subject: Mapped[str | None] = mapped_column(String(200))
    text: Mapped[str | None] = mapped_column(Text)
    html: Mapped[str | None] = mapped_column(Text)
    saved_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    # The account that has saved it. NULL: it was saved before versions were kept.
    saved_by: Mapped[str | None] = mapped_column(String(64))
