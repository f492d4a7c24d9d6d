"""Tables of people: who they are, to whom they belong, which account reaches whose profile, realms' settings."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    and_,
    func,
    literal,
    literal_column,
    text,
    tuple_,
)
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.identity.tables import Base


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


class Person(TenantScoped, Base):
    """A person whom the organisation knows, with or without an account.

    `field_sources` says of each field that a feed owns which feed it is: `{"date_of_birth": "ehr"}`.
    """

    __tablename__ = "people"
    __table_args__ = (UniqueConstraint("organisation_id", "number"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[str] = mapped_column(String(40))
    first_name: Mapped[str | None] = mapped_column(String(100))
    last_name: Mapped[str] = mapped_column(String(100))
    date_of_birth: Mapped[datetime.date | None] = mapped_column(Date)
    email: Mapped[str | None] = mapped_column(String(254))
    street: Mapped[str | None] = mapped_column(String(255))
    city: Mapped[str | None] = mapped_column(String(100))
    postal_code: Mapped[str | None] = mapped_column(String(20))
    home_phone: Mapped[str | None] = mapped_column(String(40))
    mobile_phone: Mapped[str | None] = mapped_column(String(40))
    work_phone: Mapped[str | None] = mapped_column(String(40))
    field_sources: Mapped[Any] = mapped_column(JsonValue, default=dict)
    disabled_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


# People in the order of lists. SQLite and PostgreSQL use an index of expressions only for the very same expressions.
BY_NAME = (
    func.lower(Person.last_name),
    func.coalesce(func.lower(Person.first_name), literal_column("''")),
    Person.id,
)
Index("ix_people_organisation_id_name", Person.organisation_id, *BY_NAME)
# The beginning of a name: by LIKE PostgreSQL finds it only in an index of patterns, whatever the database's locale is.
Index(
    "ix_people_organisation_id_first_name",
    Person.organisation_id,
    func.lower(Person.first_name).label("first_name"),
    func.lower(Person.last_name),
    Person.id,
    postgresql_ops={"first_name": "text_pattern_ops"},
)
Index(
    "ix_people_organisation_id_last_name",
    Person.organisation_id,
    func.lower(Person.last_name).label("last_name"),
    func.coalesce(func.lower(Person.first_name), literal_column("''")),
    Person.id,
    postgresql_ops={"last_name": "text_pattern_ops"},
).ddl_if(dialect="postgresql")  # to SQLite it would be the index of BY_NAME once more
Index("ix_people_organisation_id_email", Person.organisation_id, func.lower(Person.email))
Index("ix_people_organisation_id_date_of_birth", Person.organisation_id, Person.date_of_birth)


def after(order: Sequence[Any], last: Sequence[Any]) -> ColumnElement[bool]:
    """The condition of the page that goes on after the row with these values: it walks the index of the order.

    The first comparison says the same as the second; SQLite finds the beginning in the index by it only.
    """
    return and_(order[0] >= literal(last[0]), tuple_(*order) > tuple_(*(literal(value) for value in last)))


class PersonKind(TenantScoped, Base):
    """What a person is to the organisation, and when: client, contact, patient, employee, applicant, staff."""

    __tablename__ = "person_kinds"
    __table_args__ = (Index(None, "person_id", "kind"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[str] = mapped_column(String(20))
    starts_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


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


class Relationship(TenantScoped, Base):
    """How an account stands to a person: self, portal_user, supervisor, contact. It opens nothing by itself."""

    __tablename__ = "relationships"
    __table_args__ = (Index(None, "account_id", "kind"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(40))
    starts_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class Grant(TenantScoped, Base):
    """An account may reach a person's profile in a role, for a time. At most one of a pair is not revoked.

    It holds from `starts_at` until before `ends_at` (None: without end), by the clock alone. `attested_by` and
    `attested_at`: who has last confirmed that it is still right.
    """

    __tablename__ = "grants"
    __table_args__ = (
        Index(
            "uq_grants_account_id_person_id_open",
            "account_id",
            "person_id",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    role_id: Mapped[str] = mapped_column(ForeignKey("roles.id"), index=True)
    starts_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)
    granted_by: Mapped[str] = mapped_column(String(64))
    attested_by: Mapped[str | None] = mapped_column(String(64))
    attested_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    revoke_reason: Mapped[str | None] = mapped_column(String(20))
    last_used_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    notice_sent_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
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
