"""The table of web origins."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped
from services.contracts.web_addresses import MOST_OF_ORIGIN
from services.identity.models import Base


class WebOrigin(TenantScoped, Base):
    """An origin from which browsers may call the API for the organisation. Several organisations may have the same one."""

    __tablename__ = "web_origins"
    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    origin: Mapped[str] = mapped_column(String(MOST_OF_ORIGIN), primary_key=True, index=True)
