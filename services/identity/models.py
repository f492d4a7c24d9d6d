"""Tables of identity. Secrets are here only as hashes: passwords as argon2id, tokens as SHA-256.

Importing this module fills `Base.metadata` with the tables of every subject.
"""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
    false,
    func,
    literal_column,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.identity.access.models import (
    ApiClient,
    ApiSecret,
    ApiSession,
    LoginChallenge,
    RecoveryCode,
    SecondFactor,
)
from services.identity.employees.models import (
    Applicant,
    Employment,
    HrImport,
    HrImportLine,
    PickupCode,
    PortalEntry,
    Preferences,
)
from services.identity.merging.models import PersonMerge
from services.identity.outside.models import IdentityProvider, OutsideIdentity, OutsideSignIn
from services.identity.patients.models import (
    PatientJob,
    PatientJobItem,
    PatientRecord,
    PatientSettings,
    UnverifiedNotice,
)
from services.identity.people.models import (
    ClientContact,
    Grant,
    LoginChange,
    Person,
    PersonKind,
    RealmSettings,
    Relationship,
)
from services.identity.tables import Base

__all__ = [
    "Account",
    "ApiClient",
    "ApiSecret",
    "ApiSession",
    "Applicant",
    "Base",
    "ClientContact",
    "CredentialLink",
    "Employment",
    "Grant",
    "HrImport",
    "HrImportLine",
    "IdentityProvider",
    "Invitation",
    "LoginChallenge",
    "LoginChange",
    "LoginSession",
    "Organisation",
    "OutsideIdentity",
    "OutsideSignIn",
    "PatientJob",
    "PatientJobItem",
    "PatientRecord",
    "PatientSettings",
    "Person",
    "PersonKind",
    "PersonMerge",
    "PickupCode",
    "PortalEntry",
    "Preferences",
    "RealmSettings",
    "RecoveryCode",
    "Relationship",
    "ResourceAssignment",
    "Role",
    "RolePermission",
    "SecondFactor",
    "Throttle",
    "UnverifiedNotice",
]


class Organisation(Base):
    """A tenant. `features` is a sorted list of feature codes."""

    __tablename__ = "organisations"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    features: Mapped[Any] = mapped_column(JsonValue)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class Role(TenantScoped, Base):
    """A role of one realm: of staff and providers it is the account's security level, elsewhere that of a grant."""

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


class Account(TenantScoped, Base):
    """Somebody who can log in. `login` is the e-mail or username as it is compared; `email` is as it was given.

    A login is unique within its space: staff and providers share one, each other realm has its own (C1). Staff and
    providers have a role; every other account has its roles per profile, in its grants. A person has at most one
    account in a realm.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        UniqueConstraint("organisation_id", "login_space", "login"),
        UniqueConstraint("organisation_id", "realm", "person_id"),
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
    password_hash: Mapped[str | None] = mapped_column(String(255))
    password_set_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    must_change_password: Mapped[bool] = mapped_column(Boolean, default=False)
    # Set with a password of 8 to 14 characters, which NIST allows only beside a second factor.
    password_needs_second_factor: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    last_login_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    can_edit_capacity: Mapped[bool] = mapped_column(Boolean, default=False)
    can_change_status: Mapped[bool] = mapped_column(Boolean, default=False)
    can_access_details: Mapped[bool] = mapped_column(Boolean, default=False)
    wants_resource_assigned_emails: Mapped[bool] = mapped_column(Boolean, default=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    role: Mapped[Role | None] = relationship(lazy="joined")
    assignments: Mapped[list[ResourceAssignment]] = relationship(
        lazy="selectin", order_by="ResourceAssignment.created_at", cascade="all, delete-orphan"
    )

    @property
    def assignments_in_effect(self) -> list[ResourceAssignment]:
        """Assignments that are not suspended."""
        return [assignment for assignment in self.assignments if assignment.suspended_at is None]


# Accounts in the order of lists.
ACCOUNTS_BY_NAME = (
    func.coalesce(func.lower(Account.last_name), literal_column("''")),
    func.coalesce(func.lower(Account.first_name), literal_column("''")),
    Account.id,
)
Index("ix_accounts_organisation_id_name", Account.organisation_id, *ACCOUNTS_BY_NAME)
Index("ix_accounts_organisation_id_email", Account.organisation_id, func.lower(Account.email))


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


class LoginSession(TenantScoped, Base):
    """A log-in that holds until it ends, stands idle too long, or reaches `expires_at`."""

    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    end_reason: Mapped[str | None] = mapped_column(String(20))
    # When a password or code was last given in it: what is sensitive asks for that again (`prove_myself`).
    proven_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    # Emergency accesses that this session was given: dicts of id, type, object_id, permission, until.
    emergency: Mapped[Any] = mapped_column(JsonValue, nullable=True)


class Invitation(TenantScoped, Base):
    """A wish to send an account a link. The link itself is made when its message is rendered."""

    __tablename__ = "invitations"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(20))
    requested_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class CredentialLink(TenantScoped, Base):
    """A secret that sets a password once. It ends by use, by a newer one, or by time.

    `kind` is `link` (256 random bits) or `temporary_password` (79 random bits, held against its account only).
    """

    __tablename__ = "credential_links"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    invitation_id: Mapped[str] = mapped_column(ForeignKey("invitations.id"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20), default="link")
    purpose: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    void_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class Throttle(Base):
    """Tries for one key: `kind` is what is tried, `key_hash` the SHA-256 of whom or where from.

    Not of one organisation: a log-in for an organisation that does not exist is counted as well.
    """

    __tablename__ = "throttles"
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(Integer, default=0)
    in_a_row: Mapped[int] = mapped_column(Integer, default=0)
    last_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)
