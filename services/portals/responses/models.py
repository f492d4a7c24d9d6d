"""Tables of answers."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, ForeignKeyConstraint, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.portals.models import Base


class OfPerson:
    """Rows about a person. `person_id` follows merges; whom the row was made for stays."""

    person_id: Mapped[str] = mapped_column(String(32))
    first_person_id: Mapped[str] = mapped_column(String(32))


class Response(OfPerson, TenantScoped, Base):
    """The answers of one author to one version of a questionnaire. `draft_key` keeps one draft of each author."""

    __tablename__ = "responses"
    __table_args__ = (
        ForeignKeyConstraint(
            ["questionnaire_id", "number"],
            ["questionnaire_versions.questionnaire_id", "questionnaire_versions.number"],
        ),
        UniqueConstraint("organisation_id", "draft_key"),
        Index(None, "person_id", "submitted_at", "id"),
        Index(None, "account_id", "saved_at", "id"),
        Index(None, "first_person_id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    questionnaire_id: Mapped[str] = mapped_column(String(32))
    number: Mapped[int] = mapped_column(Integer)
    # Null of an applicant: their session holds the answers.
    account_id: Mapped[str | None] = mapped_column(String(32))
    realm: Mapped[str] = mapped_column(String(20))
    portal: Mapped[str | None] = mapped_column(String(40))
    jurisdiction: Mapped[str | None] = mapped_column(String(64))
    answers: Mapped[Any] = mapped_column(JsonValue)
    draft_key: Mapped[str | None] = mapped_column(String(140))
    order_id: Mapped[str | None] = mapped_column(String(32))
    order_item: Mapped[str | None] = mapped_column(String(100))
    document_type: Mapped[str | None] = mapped_column(String(64))
    chart_tab: Mapped[str | None] = mapped_column(String(100))
    needs_review: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    saved_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    submitted_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    reviewed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    reviewed_by: Mapped[str | None] = mapped_column(String(32))


class AnswerFile(TenantScoped, Base):
    """A file in the answers of a response, which name it by its id. It goes with them."""

    __tablename__ = "answer_files"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    response_id: Mapped[str] = mapped_column(ForeignKey("responses.id", ondelete="CASCADE"), index=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    added_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class SupervisorOrder(OfPerson, TenantScoped, Base):
    """A questionnaire about an employee that was ordered of their supervisors, until one of them has answered it (S2-96)."""

    __tablename__ = "supervisor_orders"
    __table_args__ = (
        UniqueConstraint("organisation_id", "ordered_by", "questionnaire_id"),
        Index(None, "person_id", "completed_at"),
        Index(None, "first_person_id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    questionnaire_id: Mapped[str] = mapped_column(ForeignKey("questionnaires.id"), index=True)
    # The response whose completion has ordered this.
    ordered_by: Mapped[str] = mapped_column(ForeignKey("responses.id"))
    ordered_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    completed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class AnswerNotice(OfPerson, TenantScoped, Base):
    """An answer that a department is told of."""

    __tablename__ = "answer_notices"
    __table_args__ = (
        Index(None, "organisation_id", "noted_at", "id"),
        Index(None, "first_person_id"),
        Index(None, "person_id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    department: Mapped[str] = mapped_column(String(64))
    response_id: Mapped[str] = mapped_column(ForeignKey("responses.id"), index=True)
    item: Mapped[str] = mapped_column(String(255))
    noted_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
