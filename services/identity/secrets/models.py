"""Table of counted tries."""

from __future__ import annotations

import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import UtcDateTime
from services.identity.models import Base


class Throttle(Base):
    """Tries for one key: `kind` is what is tried, `key_hash` a hash of the login, account or address.

    It belongs to no organisation: a log-in to an organisation that does not exist is counted as well.
    """

    __tablename__ = "throttles"
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(Integer, default=0)
    in_a_row: Mapped[int] = mapped_column(Integer, default=0)
    last_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)
