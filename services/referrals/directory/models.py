"""Tables of the resource directory."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    false,
    func,
    true,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import BytewiseText, JsonValue, TenantScoped, UtcDateTime
from services.referrals.models import Base


class Resource(TenantScoped, Base):
    """An agency, program, site or program at a site. `record` holds all its data as plain JSON.

    `fingerprint` belongs to the record as last imported. An import with the same fingerprint changes nothing, so edits by
    hand stay until the source changes. `revision` is the directory's revision at the last write (see DirectoryRevision).
    `is_public` is false where the source says that only staff may see the resource (`rules.is_public`), `has_place` is true
    where its own record says where it is.
    A retired resource is inactive, and no list and no search shows it.
    """

    __tablename__ = "resources"
    __table_args__ = (
        UniqueConstraint("organisation_id", "number"),
        Index(None, "organisation_id", "agency_id"),
        Index(None, "organisation_id", "revision"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[str] = mapped_column(String(64))
    level: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(255))
    search_key: Mapped[str] = mapped_column(BytewiseText)
    status: Mapped[str] = mapped_column(String(30))
    is_public: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    has_place: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    agency_id: Mapped[str | None] = mapped_column(ForeignKey("resources.id"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    temporary_message: Mapped[Any] = mapped_column(JsonValue)
    # Deferred, because records are long and a list of names does not need them.
    record: Mapped[Any] = mapped_column(JsonValue, deferred=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    revision: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    edited_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)

    @hybrid_property
    def own_agency_id(self) -> str:
        """The agency that answers for the resource: an agency, which may take referrals itself, is its own."""
        return self.agency_id or self.id

    @own_agency_id.inplace.expression
    @classmethod
    def _own_agency_id(cls) -> ColumnElement[str]:
        return func.coalesce(cls.agency_id, cls.id)


class ResourceKey(TenantScoped, Base):
    """A number, phone number, postal code, term or word by which a resource is found, as it is compared.

    Two kinds are for no search: the places that it marks as private, and that it withholds one (`shelter`).
    """

    __tablename__ = "resource_keys"
    __table_args__ = (Index(None, "organisation_id", "kind", "key"),)

    resource_id: Mapped[str] = mapped_column(ForeignKey("resources.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(BytewiseText, primary_key=True)


class TaxonomyTerm(TenantScoped, Base):
    """A term that a resource carries (`ResourceKey` of the kind `term`), or has carried, with the longest name given to it.

    `parent_id` is the id that the term above it has, whether the directory has that one or not.
    """

    __tablename__ = "taxonomy_terms"

    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    taxonomy: Mapped[str] = mapped_column(String(10))
    code: Mapped[str] = mapped_column(BytewiseText)
    name: Mapped[str] = mapped_column(Text)
    search_key: Mapped[str] = mapped_column(BytewiseText)
    parent_id: Mapped[str | None] = mapped_column(String(32))


class DirectoryRevision(TenantScoped, Base):
    """The number of writes to an organisation's directory. Each writer locks the row, so revisions are committed in order.

    `withheld_at` is the last revision at which something was marked as private that was open before.
    """

    __tablename__ = "directory_revisions"

    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    revision: Mapped[int] = mapped_column(Integer)
    withheld_at: Mapped[int] = mapped_column(Integer, default=0, server_default="0")


class LeasedJob(TenantScoped):
    """Columns of a job that one process works on at a time (see `leases`): its requester, and the lease's holder and end."""

    if TYPE_CHECKING:
        __tablename__: str  # each job's table has its own name

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation_key: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20))
    requested_by: Mapped[str] = mapped_column(String(64))
    tries: Mapped[int] = mapped_column(Integer)
    claimed_by: Mapped[str | None] = mapped_column(String(32))
    claimed_until: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)
