"""The signing service: its operations, its settings, and how it is put together."""

from __future__ import annotations

from typing import Any

from eventlet import tpool

from services.chassis.audit_search import ids_asked, serves_audit
from services.chassis.blobs import DOCUMENTS
from services.chassis.loop import Loop
from services.chassis.personal_data import Files, serves_personal_data
from services.chassis.runtime import Runtime
from services.chassis.settings import SettingsError
from services.chassis.unused_files import UnusedFilesLoop
from services.contracts.identity.merging import describe_person
from services.contracts.identity.personal_data import describe_personal_data_job
from services.contracts.signing.audit import trail
from services.contracts.signing.personal_data import answered
from services.signing.certificates.entrypoints import CertificateEntrypoints
from services.signing.decisions import sealing
from services.signing.decisions.entrypoints import DecisionEntrypoints
from services.signing.decisions.queries import files_in_use
from services.signing.documents.entrypoints import DocumentEntrypoints
from services.signing.documents.page_pictures import SWEPT_EVERY_S, PagePictures
from services.signing.documents.signer import Signer
from services.signing.follow_up import reminders
from services.signing.follow_up.entrypoints import FollowUpEntrypoints
from services.signing.models import Base
from services.signing.paper.entrypoints import PaperEntrypoints
from services.signing.pdf.outside_keys import KeyUnavailable
from services.signing.personal_data.kept import KEPT
from services.signing.verification.attempts import Attempts
from services.signing.verification.entrypoints import VerificationEntrypoints


def start_runtime(settings: Any) -> Runtime:
    """The runtime with its signer, pictures of pages and attempts at verifying. Makes the installation's keys at the first start."""
    # Each native thread keeps memory of its own after it has signed: no more of them than sign at once.
    tpool.set_num_threads(settings.signing_workers)
    runtime = Runtime("signing", settings, Base)
    signer = runtime.parts.keep(Signer, Signer(settings, runtime.blobs))
    try:
        signer.prepare()
    except KeyUnavailable as error:
        raise SettingsError(f"signing: {error}") from None
    pictures = runtime.parts.keep(PagePictures, PagePictures(runtime.blobs))
    runtime.parts.keep(Attempts, Attempts())
    runtime.loops.append(Loop("page-pictures", pictures.sweep, SWEPT_EVERY_S))
    runtime.loops.append(Loop("reminders", lambda: reminders.remind(runtime), reminders.EVERY_S))
    runtime.loops.append(Loop("expiry", lambda: reminders.expire(runtime), reminders.EVERY_S))
    runtime.loops.append(Loop(sealing.LOOP, lambda: sealing.seal(runtime), sealing.EVERY_S))
    runtime.loops.append(UnusedFilesLoop(runtime, DOCUMENTS, files_in_use))
    return runtime


@serves_personal_data(answered, describe_personal_data_job, Base, KEPT, Files(DOCUMENTS, files_in_use))
@serves_audit(trail, ids_asked(describe_person))
class Service(
    DocumentEntrypoints,
    DecisionEntrypoints,
    CertificateEntrypoints,
    VerificationEntrypoints,
    FollowUpEntrypoints,
    PaperEntrypoints,
):
    """Entrypoints of the signing service."""

    name = "signing"
