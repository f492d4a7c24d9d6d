"""The table of the workflow settings."""

from __future__ import annotations

from sqlalchemy import Boolean, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped
from services.referrals.models import Base


class WorkflowSettings(TenantScoped, Base):
    """An organisation's settings for its ReferralQs. Without a row the defaults of `queries.py` hold."""

    __tablename__ = "workflow_settings"

    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    has_status_changes: Mapped[bool] = mapped_column(Boolean)
    can_refer_to_agencies: Mapped[bool] = mapped_column(Boolean)
