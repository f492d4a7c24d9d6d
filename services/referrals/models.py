"""All tables of this service. Importing them here fills `Base.metadata`."""

from __future__ import annotations

from services.referrals.assignments.models import Referral, StatusChange
from services.referrals.capacity.models import Capacity
from services.referrals.directory.models import DirectoryImport, DirectoryRevision, Resource
from services.referrals.queues.models import Queue, QueueProgram, QueueStatus
from services.referrals.records.models import ContactRecord, ContactRecordChange, ContactRecordCounter
from services.referrals.tables import Base

__all__ = [
    "Base",
    "Capacity",
    "ContactRecord",
    "ContactRecordChange",
    "ContactRecordCounter",
    "DirectoryImport",
    "DirectoryRevision",
    "Queue",
    "QueueProgram",
    "QueueStatus",
    "Referral",
    "Resource",
    "StatusChange",
]
