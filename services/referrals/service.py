"""The referrals service: thin entrypoints and their wiring."""

from __future__ import annotations

from typing import Any

from services.chassis.audit_search import audit_entrypoints, ids_asked
from services.chassis.loop import Loop
from services.chassis.runtime import Runtime
from services.contracts import referrals as contract
from services.contracts.identity_merged import describe_person
from services.referrals.assignments import expiry
from services.referrals.assignments.entrypoints import AssignmentEntrypoints
from services.referrals.bulk.entrypoints import BulkEntrypoints
from services.referrals.bulk.work import BulkJobsLoop
from services.referrals.capacity import settling
from services.referrals.capacity.entrypoints import CapacityEntrypoints
from services.referrals.directory import exporting, name_index
from services.referrals.directory.entrypoints import DirectoryEntrypoints
from services.referrals.directory.importing import DirectoryImportsLoop
from services.referrals.fhir.entrypoints import FhirEntrypoints
from services.referrals.models import Base
from services.referrals.offers import expiry as offer_expiry
from services.referrals.offers.entrypoints import OfferEntrypoints
from services.referrals.queues.entrypoints import QueueEntrypoints
from services.referrals.records import printing
from services.referrals.records.entrypoints import RecordEntrypoints
from services.referrals.reports import folding
from services.referrals.reports.entrypoints import ReportEntrypoints


def start_runtime(settings: Any) -> Runtime:
    """A runtime with the loops of this service."""
    runtime = Runtime("referrals", settings, Base)
    runtime.loops.append(Loop("capacity-settling", lambda: settling.settle_due(runtime), settling.EVERY_S))
    runtime.loops.append(Loop("referrals-expiring", lambda: expiry.expire(runtime), expiry.EVERY_S))
    runtime.loops.append(Loop("offers-expiring", lambda: offer_expiry.expire(runtime), offer_expiry.EVERY_S))
    runtime.loops.extend((BulkJobsLoop(runtime), DirectoryImportsLoop(runtime), *exporting.loops(runtime)))
    runtime.loops.append(name_index.warming(runtime))
    runtime.loops.extend(folding.loops(runtime.database))
    runtime.loops.append(Loop("record-papers", lambda: printing.sweep(runtime), printing.SWEPT_EVERY_S))
    return runtime


class Service(
    AssignmentEntrypoints,
    BulkEntrypoints,
    CapacityEntrypoints,
    DirectoryEntrypoints,
    FhirEntrypoints,
    OfferEntrypoints,
    QueueEntrypoints,
    RecordEntrypoints,
    ReportEntrypoints,
    audit_entrypoints(contract.audit, ids_asked(describe_person)),
):  # type: ignore[misc]
    """Entrypoints of the referrals service."""

    name = "referrals"
