"""Tables of questionnaires."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.portals.models import Base


class Questionnaire(TenantScoped, Base):
    """A questionnaire as it is edited. `version` grows with each change, `published_version` with each publishing."""

    __tablename__ = "questionnaires"
    __table_args__ = (Index(None, "organisation_id", "created_at", "id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(200))
    form: Mapped[Any] = mapped_column(JsonValue)
    has_changes: Mapped[bool] = mapped_column(Boolean)
    published_version: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class QuestionnaireVersion(TenantScoped, Base):
    """A published version. Rows are only added."""

    __tablename__ = "questionnaire_versions"
    questionnaire_id: Mapped[str] = mapped_column(ForeignKey("questionnaires.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    form: Mapped[Any] = mapped_column(JsonValue)
    published_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    published_by: Mapped[str] = mapped_column(String(32))


class PortalQuestionnaires(TenantScoped, Base):
    """The picklist of a portal. Without a row it is empty, and its version is 1."""

    __tablename__ = "portal_questionnaires"
    __table_args__ = (UniqueConstraint("organisation_id", "portal"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    portal: Mapped[str] = mapped_column(String(40))
    version: Mapped[int] = mapped_column(Integer)
    # Entries as the contract's OfferedQuestionnaire, in their order.
    items: Mapped[Any] = mapped_column(JsonValue)
