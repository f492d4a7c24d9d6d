"""Tables of applications."""

from __future__ import annotations

import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.portals.models import Base


class Application(TenantScoped, Base):
    """A session of an applicant. Only the browser knows its token; the row has its hash. Unsent ones are wiped when idle.

    `sending_claim` is the request that sends it right now, until `sending_until`: nothing changes meanwhile.
    """

    __tablename__ = "applications"
    __table_args__ = (
        Index(None, "address_mark", "started_at"),
        Index(None, "organisation_id", "sent_at", "seen_at"),
        Index(None, "sent_at", "seen_at"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    organisation_key: Mapped[str] = mapped_column(String(64))
    portal: Mapped[str] = mapped_column(String(40))
    first_name: Mapped[str] = mapped_column(String(100))
    last_name: Mapped[str] = mapped_column(String(100))
    # Tells equal addresses, and no address from it.
    address_mark: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    sending_claim: Mapped[str | None] = mapped_column(String(128))
    sending_until: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
