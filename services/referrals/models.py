"""All tables of this service. Importing them here fills `Base.metadata`."""

from __future__ import annotations

from services.referrals.assignments.models import Referral, StatusChange
from services.referrals.bulk.models import BulkJob, BulkJobLine
from services.referrals.capacity.models import CapacitySettings, Change, Line, Term
from services.referrals.directory.models import (
    DirectoryExport,
    DirectoryImport,
    DirectoryRevision,
    Resource,
)
from services.referrals.offers.models import Offer
from services.referrals.queues.models import Queue, QueueProgram, QueueStatus
from services.referrals.records.models import ContactRecord, ContactRecordChange, ContactRecordCounter
from services.referrals.reports.models import (
    ReportCapacityDay,
    ReportCell,
    ReportCount,
    ReportDay,
    ReportDelta,
    ReportMove,
    ReportPlace,
    ReportProgress,
    ReportSettings,
    ReportWeek,
)
from services.referrals.tables import Base

__all__ = [
    "Base",
    "BulkJob",
    "BulkJobLine",
    "CapacitySettings",
    "Change",
    "ContactRecord",
    "ContactRecordChange",
    "ContactRecordCounter",
    "DirectoryExport",
    "DirectoryImport",
    "DirectoryRevision",
    "Line",
    "Offer",
    "Queue",
    "QueueProgram",
    "QueueStatus",
    "Referral",
    "ReportCapacityDay",
    "ReportCell",
    "ReportCount",
    "ReportDay",
    "ReportDelta",
    "ReportMove",
    "ReportPlace",
    "ReportProgress",
    "ReportSettings",
    "ReportWeek",
    "Resource",
    "StatusChange",
    "Term",
]
