"""The portals service: its entrypoints."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy.orm import Session

from services.chassis.audit_search import ids_asked, serves_audit
from services.chassis.blobs import ANSWERS, IMAGES
from services.chassis.loop import Loop
from services.chassis.personal_data import Files, serves_personal_data
from services.chassis.runtime import Runtime
from services.chassis.unused_files import UnusedFilesLoop
from services.contracts.identity.merging import describe_person
from services.contracts.identity.personal_data import describe_personal_data_job
from services.contracts.portals.audit import trail
from services.contracts.portals.personal_data import answered
from services.portals.absences.entrypoints import AbsencesEntrypoints
from services.portals.answer_files import queries as answer_files
from services.portals.answer_files.entrypoints import AnswerFilesEntrypoints
from services.portals.applicants import idle
from services.portals.applicants.entrypoints import ApplicantsEntrypoints
from services.portals.appointment_invitations.entrypoints import AppointmentInvitationEntrypoints
from services.portals.appointment_requests.entrypoints import AppointmentRequestEntrypoints
from services.portals.appointments.entrypoints import AppointmentEntrypoints
from services.portals.calendar_feeds.entrypoints import CalendarFeedsEntrypoints
from services.portals.configuration import time_zones
from services.portals.configuration.entrypoints import ConfigurationEntrypoints
from services.portals.consents.entrypoints import ConsentsEntrypoints
from services.portals.definitions.entrypoints import DefinitionsEntrypoints
from services.portals.drafts.entrypoints import DraftsEntrypoints
from services.portals.fhir.entrypoints import FhirEntrypoints
from services.portals.images import queries as images
from services.portals.images.entrypoints import ImagesEntrypoints
from services.portals.inbox.entrypoints import InboxEntrypoints
from services.portals.merged_people.entrypoints import MergedPeopleEntrypoints
from services.portals.message_files import queries as message_files
from services.portals.message_files.entrypoints import MessageFilesEntrypoints
from services.portals.message_types.entrypoints import MessageTypesEntrypoints
from services.portals.messages.entrypoints import MessagesEntrypoints
from services.portals.models import Base
from services.portals.my_appointments.entrypoints import MyAppointmentEntrypoints
from services.portals.orders.entrypoints import OrdersEntrypoints
from services.portals.own_changes.entrypoints import OwnChangesEntrypoints
from services.portals.personal_data.kept import KEPT
from services.portals.portal_queue import escalation
from services.portals.portal_queue.entrypoints import PortalQueueEntrypoints
from services.portals.published_items.entrypoints import PublishedItemsEntrypoints
from services.portals.questionnaires.entrypoints import QuestionnairesEntrypoints
from services.portals.responses.entrypoints import ResponsesEntrypoints
from services.portals.saved_replies.entrypoints import SavedRepliesEntrypoints
from services.portals.schedules.entrypoints import ScheduleEntrypoints
from services.portals.staff_groups.entrypoints import StaffGroupsEntrypoints
from services.portals.start_page.entrypoints import StartPageEntrypoints
from services.portals.supervision.entrypoints import SupervisionEntrypoints


def files_in_use(session: Session, sha256s: Collection[str]) -> set[str]:
    """Those of these files that an answer or a message names."""
    return answer_files.files_in_use(session, sha256s) | message_files.files_in_use(session, sha256s)


def start_runtime(settings: Any) -> Runtime:
    """The runtime and its loops: files that no row names, idle applications, what nobody answers, missing time zones."""
    runtime = Runtime("portals", settings, Base)
    runtime.loops.append(UnusedFilesLoop(runtime, IMAGES, images.files_in_use))
    runtime.loops.append(UnusedFilesLoop(runtime, ANSWERS, files_in_use))
    runtime.loops.append(Loop("idle-applications", lambda: idle.wipe(runtime), idle.EVERY_S))
    runtime.loops.append(Loop("escalation", lambda: escalation.tell_due(runtime), escalation.EVERY_S))
    unknown: set[str] = set()  # organisations that identity does not know
    zones = Loop("time-zones", lambda: time_zones.ask_for_missing(runtime, unknown), time_zones.EVERY_S)
    zones.wake()  # those of before are missing from the start
    runtime.loops.append(zones)
    return runtime


@serves_personal_data(answered, describe_personal_data_job, Base, KEPT, Files(ANSWERS, files_in_use))
@serves_audit(trail, ids_asked(describe_person))
class Service(
    ConfigurationEntrypoints,
    DefinitionsEntrypoints,
    DraftsEntrypoints,
    ImagesEntrypoints,
    PublishedItemsEntrypoints,
    SupervisionEntrypoints,
    StartPageEntrypoints,
    ConsentsEntrypoints,
    ScheduleEntrypoints,
    SavedRepliesEntrypoints,
    AppointmentInvitationEntrypoints,
    AppointmentEntrypoints,
    MyAppointmentEntrypoints,
    AppointmentRequestEntrypoints,
    CalendarFeedsEntrypoints,
    QuestionnairesEntrypoints,
    ResponsesEntrypoints,
    AnswerFilesEntrypoints,
    ApplicantsEntrypoints,
    PortalQueueEntrypoints,
    StaffGroupsEntrypoints,
    AbsencesEntrypoints,
    OwnChangesEntrypoints,
    MessagesEntrypoints,
    MessageFilesEntrypoints,
    MessageTypesEntrypoints,
    MergedPeopleEntrypoints,
    InboxEntrypoints,
    FhirEntrypoints,
    OrdersEntrypoints,
):
    """Entrypoints of portals."""

    name = "portals"
