"""The referrals service: thin entrypoints and their wiring."""

from __future__ import annotations

from typing import Any

from services.chassis.audit_search import ids_asked, serves_audit
from services.chassis.blobs import IMPORTS
from services.chassis.loop import Loop
from services.chassis.personal_data import serves_personal_data
from services.chassis.runtime import Runtime
from services.chassis.unused_files import UnusedFilesLoop
from services.contracts.identity.merging import describe_person
from services.contracts.identity.personal_data import describe_personal_data_job
from services.contracts.referrals.audit import trail
from services.contracts.referrals.personal_data import answered
from services.referrals.assignments.entrypoints import AssignmentEntrypoints
from services.referrals.bulk.entrypoints import BulkEntrypoints
from services.referrals.bulk.work import BulkJobsLoop
from services.referrals.capacity import due_lines
from services.referrals.capacity.entrypoints import CapacityEntrypoints
from services.referrals.directory import name_index
from services.referrals.directory.entrypoints import DirectoryEntrypoints
from services.referrals.directory_exports import jobs as export_jobs
from services.referrals.directory_exports.entrypoints import DirectoryExportEntrypoints
from services.referrals.directory_imports import jobs as import_jobs
from services.referrals.directory_imports.entrypoints import DirectoryImportEntrypoints
from services.referrals.fhir.entrypoints import FhirEntrypoints
from services.referrals.fhir_exports import jobs as fhir_export_jobs
from services.referrals.fhir_exports.entrypoints import FhirExportEntrypoints
from services.referrals.hsds.entrypoints import HsdsEntrypoints
from services.referrals.intakes.entrypoints import IntakeEntrypoints
from services.referrals.models import Base
from services.referrals.offers import expiry as offer_expiry
from services.referrals.offers.entrypoints import OfferEntrypoints
from services.referrals.personal_data.kept import KEPT
from services.referrals.queues.entrypoints import QueueEntrypoints
from services.referrals.records.entrypoints import RecordEntrypoints
from services.referrals.records.pdf import handlers as record_pdf
from services.referrals.reports import folding
from services.referrals.reports.entrypoints import ReportEntrypoints
from services.referrals.status_changes import expiry
from services.referrals.status_changes.entrypoints import StatusChangeEntrypoints
from services.referrals.workflow.entrypoints import WorkflowEntrypoints


def start_runtime(settings: Any) -> Runtime:
    """A runtime with the loops of this service."""
    runtime = Runtime("referrals", settings, Base)
    runtime.loops.append(Loop("capacity-settling", lambda: due_lines.settle_due(runtime), due_lines.EVERY_S))
    runtime.loops.append(Loop("referrals-expiring", lambda: expiry.expire(runtime), expiry.EVERY_S))
    runtime.loops.append(Loop("offers-expiring", lambda: offer_expiry.expire(runtime), offer_expiry.EVERY_S))
    runtime.loops.extend((BulkJobsLoop(runtime), import_jobs.DirectoryImportsLoop(runtime)))
    runtime.loops.extend((*export_jobs.loops(runtime), *fhir_export_jobs.loops(runtime)))
    runtime.loops.append(UnusedFilesLoop(runtime, IMPORTS, import_jobs.files_in_use))
    runtime.loops.append(name_index.warming(runtime))
    runtime.loops.extend(folding.loops(runtime.database))
    runtime.loops.append(Loop("record-papers", lambda: record_pdf.sweep(runtime), record_pdf.SWEPT_EVERY_S))
    return runtime


@serves_personal_data(answered, describe_personal_data_job, Base, KEPT)
@serves_audit(trail, ids_asked(describe_person))
class Service(
    AssignmentEntrypoints,
    BulkEntrypoints,
    CapacityEntrypoints,
    DirectoryEntrypoints,
    DirectoryExportEntrypoints,
    DirectoryImportEntrypoints,
    FhirEntrypoints,
    FhirExportEntrypoints,
    HsdsEntrypoints,
    IntakeEntrypoints,
    OfferEntrypoints,
    QueueEntrypoints,
    RecordEntrypoints,
    ReportEntrypoints,
    StatusChangeEntrypoints,
    WorkflowEntrypoints,
):
    """Entrypoints of the referrals service."""

    name = "referrals"
