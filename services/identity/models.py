"""Tables that several subjects of identity share: organisations, roles, accounts, people, relationships and grants.

Every other table lies in its subject's `models.py`. Loading `service.py` fills `Base.metadata` with all of them.
Secrets are here only as hashes: passwords as argon2id, tokens as SHA-256.
"""

from __future__ import annotations

import datetime
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
    exists,
    false,
    or_,
    text,
    true,
)
from sqlalchemy.orm import (
    DeclarativeBase,
    InstrumentedAttribute,
    Mapped,
    mapped_column,
    relationship,
    validates,
)

from services.chassis.models import (
    BytewiseText,
    JsonValue,
    ServiceTables,
    TenantScoped,
    UtcDateTime,
    tables_of_service,
)
from services.chassis.names import NameWords, keep_names
from services.chassis.unit_of_work import utc_now
from services.contracts.spelling import login_key, phone_key, postal_code_key, search_key


class Base(ServiceTables, DeclarativeBase):
    """The base of identity's tables."""

    metadata = tables_of_service()


class Organisation(Base):
    """A tenant. `features` is a sorted list of feature codes, `published_realms` one of realms.

    `short_name` is its name in addresses; where it has none, that is the key.
    """

    __tablename__ = "organisations"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    features: Mapped[Any] = mapped_column(JsonValue)
    short_name: Mapped[str | None] = mapped_column(String(40), unique=True)
    telephone: Mapped[str | None] = mapped_column(String(40))
    # Where it can be found; null: that is shown nowhere.
    postal_address: Mapped[str | None] = mapped_column(String(300))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC", server_default="UTC")
    # None: all realms.
    published_realms: Mapped[Any] = mapped_column(JsonValue, nullable=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class Role(TenantScoped, Base):
    """A role of one realm. For staff and providers it is the account's security level; in the portals a grant has it."""

    __tablename__ = "roles"
    __table_args__ = (UniqueConstraint("organisation_id", "realm", "code"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(64))
    realm: Mapped[str] = mapped_column(String(20))
    name: Mapped[str | None] = mapped_column(String(100))
    disabled_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    second_factor_required: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    version: Mapped[int] = mapped_column(Integer, default=1)


class RolePermission(TenantScoped, Base):
    """One permission of a role."""

    __tablename__ = "role_permissions"
    role_id: Mapped[str] = mapped_column(ForeignKey("roles.id"), primary_key=True)
    permission: Mapped[str] = mapped_column(String(64), primary_key=True)


_KEEPS_ITS_LOGIN = text("state <> 'disabled' OR login_space <> 'workforce'")


def keys_of(first_name: str | None, last_name: str | None, email: str | None) -> dict[str, str | None]:
    """The values of the columns that `Spelt` has, for these."""
    return {
        "first_name_key": search_key(first_name or ""),
        "last_name_key": search_key(last_name or ""),
        "email_key": None if email is None else login_key(email),
    }


class Spelt:
    """Mixin of rows with a name and an e-mail. The columns `…_key` have the form in which these are compared.

    They follow every value that is set on a row. A statement that writes a name or an e-mail past the rows writes `keys_of`.
    """

    first_name_key: Mapped[str] = mapped_column(BytewiseText, default="", server_default="")
    last_name_key: Mapped[str] = mapped_column(BytewiseText, default="", server_default="")
    email_key: Mapped[str | None] = mapped_column(BytewiseText)

    @validates("first_name", "last_name")
    def _fold(self, column: str, name: str | None) -> str | None:
        setattr(self, f"{column}_key", search_key(name or ""))
        return name

    @validates("email")
    def _fold_email(self, _column: str, email: str | None) -> str | None:
        self.email_key = None if email is None else login_key(email)
        return email


class Account(Spelt, TenantScoped, Base):
    """Somebody who can log in. `login` is the e-mail or username as it is compared; `email` is as it was entered.

    A login is unique within its space: staff and providers share one, each other realm has its own (C1). A disabled account
    of staff or of a provider leaves its login to others. Staff and providers have a role; every other account has its roles
    per profile, in its grants. A person has at most one account in a realm.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        Index(None, "organisation_id", "login_space", "login"),
        Index(
            "uq_accounts_login",
            "organisation_id",
            "login_space",
            "login",
            unique=True,
            sqlite_where=_KEEPS_ITS_LOGIN,
            postgresql_where=_KEEPS_ITS_LOGIN,
        ),
        UniqueConstraint("organisation_id", "realm", "person_id"),
        Index(None, "organisation_id", "email_key"),
        Index(None, "email_key"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    realm: Mapped[str] = mapped_column(String(20))
    login_space: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), index=True)
    role_id: Mapped[str | None] = mapped_column(ForeignKey("roles.id"), index=True)
    login: Mapped[str] = mapped_column(String(254))
    email: Mapped[str | None] = mapped_column(String(254))
    email_verified_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    first_name: Mapped[str | None] = mapped_column(String(100))
    last_name: Mapped[str | None] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(20), default="invited")
    # Why it is disabled, where that follows from something else: it ends when that does. None: staff have decided it.
    disabled_for: Mapped[str | None] = mapped_column(String(20))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    password_set_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    must_change_password: Mapped[bool] = mapped_column(Boolean, default=False)
    # True while the password has only 8 to 14 characters: NIST allows that only together with a second factor.
    password_needs_second_factor: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    last_login_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    can_edit_capacity: Mapped[bool] = mapped_column(Boolean, default=False)
    can_change_status: Mapped[bool] = mapped_column(Boolean, default=False)
    can_access_details: Mapped[bool] = mapped_column(Boolean, default=False)
    wants_resource_assigned_emails: Mapped[bool] = mapped_column(Boolean, default=True)
    language: Mapped[str | None] = mapped_column(String(35))
    appearance: Mapped[str | None] = mapped_column(String(10))
    has_shortcuts: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    role: Mapped[Role | None] = relationship(lazy="joined")
    assignments: Mapped[list[ResourceAssignment]] = relationship(
        lazy="selectin", order_by="ResourceAssignment.created_at", cascade="all, delete-orphan"
    )

    @property
    def state_once_enabled(self) -> str:
        """The state of the account when it is enabled again: without a password its owner still has an invitation to accept."""
        return "active" if self.password_hash else "invited"

    @property
    def assignments_in_effect(self) -> list[ResourceAssignment]:
        """Assignments that are not suspended."""
        return [assignment for assignment in self.assignments if assignment.suspended_at is None]


# The order in which lists show accounts.
ACCOUNTS_BY_NAME = (Account.last_name_key, Account.first_name_key, Account.id)
Index("ix_accounts_organisation_id_name", Account.organisation_id, *ACCOUNTS_BY_NAME)


class ResourceAssignment(TenantScoped, Base):
    """A directory resource that a provider works for. Suspended while the account has another level (S0-19)."""

    __tablename__ = "resource_assignments"
    __table_args__ = (UniqueConstraint("account_id", "resource_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    resource_id: Mapped[str] = mapped_column(String(32), index=True)
    resource_name: Mapped[str] = mapped_column(String(255))
    resource_level: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    suspended_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


PHONE_KEYS = ("home_phone_key", "mobile_phone_key", "work_phone_key")


class Person(Spelt, TenantScoped, Base):
    """A person whom the organisation knows, with or without an account.

    `field_sources` maps each field that a feed owns to the name of the feed: `{"date_of_birth": "ehr"}`.
    """

    __tablename__ = "people"
    __table_args__ = (
        UniqueConstraint("organisation_id", "number"),
        Index(None, "organisation_id", "email_key"),
        Index(None, "organisation_id", "date_of_birth"),
        *(Index(None, "organisation_id", key) for key in (*PHONE_KEYS, "postal_code_key")),
    )
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
    insurer: Mapped[str | None] = mapped_column(String(100))
    insurance_number: Mapped[str | None] = mapped_column(String(40))
    home_phone_key: Mapped[str] = mapped_column(BytewiseText, default="", server_default="")
    mobile_phone_key: Mapped[str] = mapped_column(BytewiseText, default="", server_default="")
    work_phone_key: Mapped[str] = mapped_column(BytewiseText, default="", server_default="")
    postal_code_key: Mapped[str] = mapped_column(BytewiseText, default="", server_default="")
    field_sources: Mapped[Any] = mapped_column(JsonValue, default=dict)
    disabled_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)

    @validates("home_phone", "mobile_phone", "work_phone")
    def _fold_phone(self, column: str, number: str | None) -> str | None:
        setattr(self, f"{column}_key", phone_key(number))
        return number

    @validates("postal_code")
    def _fold_postal_code(self, _column: str, code: str | None) -> str | None:
        self.postal_code_key = postal_code_key(code)
        return code


# The order in which lists show people.
BY_NAME = (Person.last_name_key, Person.first_name_key, Person.id)
Index("ix_people_organisation_id_name", Person.organisation_id, *BY_NAME)


class PersonName(NameWords, Base):
    """A word of a person's name."""

    __tablename__ = "person_names"
    owner_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)


class AccountName(NameWords, Base):
    """A word of the name of an account of staff or of a provider. Others are found by the names of their people."""

    __tablename__ = "account_names"
    owner_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), primary_key=True)


keep_names(Person, PersonName)
keep_names(Account, AccountName, lambda account: account.login_space == "workforce")


_IS_NOT_CLOSED = text("ends_at IS NOT NULL AND closed_at IS NULL")


class PersonKind(TenantScoped, Base):
    """What a person is to the organisation, and when: client, contact, patient, employee, applicant, staff.

    The clock alone decides when it ends. `closed_at` is when the access that rests on it was ended, too.
    """

    __tablename__ = "person_kinds"
    __table_args__ = (
        Index(None, "person_id", "kind"),
        Index(
            "ix_person_kinds_ends_at_not_closed",
            "ends_at",
            sqlite_where=_IS_NOT_CLOSED,
            postgresql_where=_IS_NOT_CLOSED,
        ),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    kind: Mapped[str] = mapped_column(String(20))
    starts_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)

    def end(self, now: datetime.datetime) -> None:
        """End it now, or before it begins. The caller ends the access that rests on it in the same transaction."""
        self.ends_at = max(now, self.starts_at)
        self.closed_at = now


class Relationship(TenantScoped, Base):
    """How an account stands to a person: self, portal_user, supervisor, contact. It grants no access by itself."""

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
    """An account may reach a person's profile in a role, for a time. The two have at most one that is not revoked.

    It is in effect from `starts_at` until just before `ends_at` (None: without end); the clock alone decides.
    `attested_by` and `attested_at` say who last confirmed that it is still right, and when.
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


def is_of_kind(
    person_id: InstrumentedAttribute[str], kind: str, now: datetime.datetime
) -> ColumnElement[bool]:
    """The condition that the person of this column is of a kind now."""
    return exists().where(
        PersonKind.person_id == person_id,
        PersonKind.kind == kind,
        PersonKind.starts_at <= now,
        or_(PersonKind.ends_at.is_(None), PersonKind.ends_at > now),
    )


def in_effect(now: datetime.datetime) -> ColumnElement[bool]:
    """The condition that a grant is in effect now. No job is needed: the clock ends it."""
    return and_(
        Grant.revoked_at.is_(None),
        Grant.starts_at <= now,
        or_(Grant.ends_at.is_(None), Grant.ends_at > now),
    )


def not_over() -> ColumnElement[bool]:
    """The condition that a grant is not revoked and has not ended; it may begin later."""
    return and_(Grant.revoked_at.is_(None), or_(Grant.ends_at.is_(None), Grant.ends_at > utc_now()))
