"""The identity service: its entrypoints and how it is put together."""

from __future__ import annotations

import datetime
from typing import Any

from services.chassis.loop import Loop
from services.chassis.runtime import Runtime
from services.identity.accounts.entrypoints import AccountsEntrypoints
from services.identity.api_clients.entrypoints import ApiClientsEntrypoints
from services.identity.audit.entrypoints import AuditEntrypoints
from services.identity.credentials.entrypoints import CredentialsEntrypoints
from services.identity.employees.entrypoints import EmployeesEntrypoints
from services.identity.family.entrypoints import FamilyEntrypoints
from services.identity.housekeeping import retention
from services.identity.hr_feed import imports
from services.identity.hr_feed.entrypoints import HrFeedEntrypoints
from services.identity.login.entrypoints import LoginEntrypoints
from services.identity.merging.entrypoints import MergingEntrypoints
from services.identity.models import Base
from services.identity.organisations.entrypoints import OrganisationsEntrypoints
from services.identity.outside.entrypoints import OutsideEntrypoints
from services.identity.partners.entrypoints import PartnersEntrypoints
from services.identity.passports.entrypoints import PassportsEntrypoints
from services.identity.patients import activation
from services.identity.patients.entrypoints import PatientsEntrypoints
from services.identity.patients.jobs import PatientJobsLoop
from services.identity.people import endings
from services.identity.people.entrypoints import PeopleEntrypoints
from services.identity.personal_data.entrypoints import PersonalDataEntrypoints
from services.identity.personal_data.jobs import PersonalDataLoop
from services.identity.pickup_codes.entrypoints import PickupCodesEntrypoints
from services.identity.realms.entrypoints import RealmsEntrypoints
from services.identity.recipients.entrypoints import RecipientsEntrypoints
from services.identity.relationships import expiry
from services.identity.relationships.entrypoints import RelationshipsEntrypoints
from services.identity.second_factor.entrypoints import SecondFactorEntrypoints
from services.identity.secrets import passwords
from services.identity.secrets.vault import vault_of
from services.identity.sessions.entrypoints import SessionsEntrypoints
from services.identity.sessions.seen import WRITE_EVERY_S, seen_sessions
from services.identity.settings import Settings
from services.identity.web_origins.entrypoints import WebOriginsEntrypoints

__all__ = ["Base", "Service", "Settings", "start_runtime"]


def start_runtime(settings: Any) -> Runtime:
    """The runtime with identity's own background work."""
    runtime = Runtime("identity", settings, Base)
    runtime.loops.append(Loop("sessions-seen", seen_sessions(runtime).write, WRITE_EVERY_S))
    sessions_kept = datetime.timedelta(days=settings.sessions_kept_days)
    runtime.loops.append(
        Loop("forget-old", lambda: retention.forget_old(runtime.database, sessions_kept), retention.EVERY_S)
    )
    statistics = Loop("statistics", lambda: retention.keep_statistics(runtime.database), retention.EVERY_S)
    statistics.wake()  # run at the start, too
    runtime.loops.append(statistics)
    runtime.loops.append(Loop("grants-expiring", lambda: expiry.tell(runtime), expiry.EVERY_S))
    runtime.loops.append(Loop("kinds-ended", lambda: endings.end_due(runtime), endings.EVERY_S))
    runtime.loops.append(PatientJobsLoop(runtime))
    runtime.loops.append(PersonalDataLoop(runtime))
    runtime.loops.append(
        Loop(
            "forget-notices",
            lambda: activation.forget_notices(runtime.database),
            activation.FORGET_EVERY_S,
        )
    )
    runtime.loops.append(Loop(imports.LOOP, lambda: imports.work(runtime), imports.EVERY_S))
    passwords.warm_up()
    vault_of(settings)  # a missing key must show at the start, not at somebody's log-in
    return runtime


class Service(
    AccountsEntrypoints,
    ApiClientsEntrypoints,
    AuditEntrypoints,
    CredentialsEntrypoints,
    EmployeesEntrypoints,
    FamilyEntrypoints,
    HrFeedEntrypoints,
    LoginEntrypoints,
    MergingEntrypoints,
    OrganisationsEntrypoints,
    OutsideEntrypoints,
    PartnersEntrypoints,
    PassportsEntrypoints,
    PatientsEntrypoints,
    PeopleEntrypoints,
    PersonalDataEntrypoints,
    PickupCodesEntrypoints,
    RealmsEntrypoints,
    RecipientsEntrypoints,
    RelationshipsEntrypoints,
    SecondFactorEntrypoints,
    SessionsEntrypoints,
    WebOriginsEntrypoints,
):
    """Entrypoints of identity."""

    name = "identity"
