"""Tables of people: who they are, to whom they belong, which account reaches whose profile, realms' settings."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKey,
    Integer,
    String,
    UniqueConstraint,
    and_,
    literal,
    tuple_,
)
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.identity.models import Base


class RealmSettings(TenantScoped, Base):
    """What an organisation has set for one realm. None: the default of `people.rules` or of the process holds."""

    __tablename__ = "realm_settings"
    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    realm: Mapped[str] = mapped_column(String(20), primary_key=True)
    login_id: Mapped[str] = mapped_column(String(20))
    link_minutes: Mapped[int | None] = mapped_column(Integer)
    temporary_password_days: Mapped[int] = mapped_column(Integer)
    pickup_code_days: Mapped[int] = mapped_column(Integer)
    session_idle_minutes: Mapped[int | None] = mapped_column(Integer)
    session_absolute_hours: Mapped[int | None] = mapped_column(Integer)
    invitation_style: Mapped[str] = mapped_column(String(20))
    second_factor_required: Mapped[bool] = mapped_column(Boolean)
    allowed_networks: Mapped[Any] = mapped_column(JsonValue)
    version: Mapped[int] = mapped_column(Integer, default=1)


def after(order: Sequence[Any], last: Sequence[Any]) -> ColumnElement[bool]:
    """The condition of the page that goes on after the row with these values: it walks the index of the order.

    The first comparison says the same as the second; SQLite finds the beginning in the index by it only.
    """
    return and_(order[0] >= literal(last[0]), tuple_(*order) > tuple_(*(literal(value) for value in last)))


class ClientContact(TenantScoped, Base):
    """A person who is a contact of a client. `relation` is the staff's word for it: mother, physician."""

    __tablename__ = "client_contacts"
    __table_args__ = (UniqueConstraint("client_id", "contact_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    contact_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    relation: Mapped[str] = mapped_column(String(60))
    disabled_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class LoginChange(TenantScoped, Base):
    """A changed log-in e-mail, with the address before it: where the notice goes. No event can carry that."""

    __tablename__ = "login_changes"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    email_before: Mapped[str] = mapped_column(String(254))
    changed_by: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
