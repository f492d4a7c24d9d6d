"""The identity service: its entrypoints and how it is put together."""

from __future__ import annotations

import random
import time
from typing import Any

from services.chassis.loop import Loop
from services.chassis.operations import Call, serves
from services.chassis.runtime import Runtime
from services.chassis.unit_of_work import utc_now
from services.contracts import referrals
from services.contracts.identity import accounts, organisations, passports, sessions
from services.contracts.identity import credentials as credentials_contract
from services.contracts.identity import login as login_contract
from services.identity import credentials, handlers, housekeeping, login, passwords, queries
from services.identity.access import challenges, clients
from services.identity.access.entrypoints import AccessEntrypoints
from services.identity.access.vault import vault_of
from services.identity.audit.entrypoints import AuditEntrypoints
from services.identity.employees import feed
from services.identity.employees.entrypoints import EmployeeEntrypoints
from services.identity.family.entrypoints import FamilyEntrypoints
from services.identity.merging.entrypoints import MergingEntrypoints
from services.identity.models import Base
from services.identity.outside.entrypoints import OutsideEntrypoints
from services.identity.patients import activation
from services.identity.patients.entrypoints import PatientEntrypoints
from services.identity.patients.jobs import PatientJobsLoop
from services.identity.people import expiry
from services.identity.people.entrypoints import PeopleEntrypoints
from services.identity.sessions_seen import WRITE_EVERY_S, SeenSessions, seen_sessions
from services.identity.settings import Settings

__all__ = ["Base", "Service", "Settings", "start_runtime"]

# A reset for a known login writes more than one for an unknown login: both are answered after the same time, and what
# little could still be measured is drowned in a random rest.
RESET_ANSWERS_AFTER_S = 0.25
RESET_JITTER_S = 0.02


def start_runtime(settings: Any) -> Runtime:
    """The runtime with identity's own background work."""
    runtime = Runtime("identity", settings, Base)
    runtime.seen_sessions = SeenSessions(runtime.database)  # type: ignore[attr-defined]
    runtime.loops.append(Loop("sessions-seen", runtime.seen_sessions.write, WRITE_EVERY_S))  # type: ignore[attr-defined]
    runtime.loops.append(
        Loop("forget-old", lambda: housekeeping.forget_old(runtime.database), housekeeping.EVERY_S)
    )
    statistics = Loop(
        "statistics", lambda: housekeeping.keep_statistics(runtime.database), housekeeping.EVERY_S
    )
    statistics.wake()  # at the start, too
    runtime.loops.append(statistics)
    runtime.loops.append(Loop("grants-expiring", lambda: expiry.tell(runtime), expiry.EVERY_S))
    runtime.loops.append(PatientJobsLoop(runtime))
    runtime.loops.append(
        Loop(
            "forget-notices",
            lambda: activation.forget_notices(runtime.database),
            activation.FORGET_EVERY_S,
        )
    )
    runtime.hr_feed = Loop("hr-feed", lambda: feed.work(runtime), feed.EVERY_S)  # type: ignore[attr-defined]
    runtime.loops.append(runtime.hr_feed)  # type: ignore[attr-defined]
    passwords.warm_up()
    vault_of(settings)  # a missing key stops the start, not somebody's log-in
    return runtime


class Service(
    AccessEntrypoints,
    AuditEntrypoints,
    EmployeeEntrypoints,
    FamilyEntrypoints,
    MergingEntrypoints,
    OutsideEntrypoints,
    PatientEntrypoints,
    PeopleEntrypoints,
):
    """Entrypoints of identity."""

    name = "identity"

    @serves(passports.issue_passport)
    def issue_passport(self, call: Call) -> Any:
        token, address = call.request["token"], call.context.client_address
        with call.runtime.database.reading(None) as session:
            standing = (
                clients.standing_of_client(session, token, address)
                if clients.is_api_token(token)
                else queries.standing_of(session, token, call.runtime.settings, address)
            )
        passport = call.runtime.issuer.for_account(call.request["audience"], standing.claims())
        seen_sessions(call.runtime).note(standing.session_id, standing.last_seen_at, utc_now())
        return {
            "passport": passport,
            "account_id": standing.account_id,
            "organisation_id": standing.organisation_id,
        }

    @serves(login_contract.log_in)
    def log_in(self, call: Call) -> Any:
        verified = login.verified(call)
        challenges.refuse_without_code(call, verified)
        return call.commit(
            credentials.start_session,
            verified.organisation,
            verified.account.id,
            verified.account.password_hash,
            call.runtime.settings,
            verified.new_password,
        )

    @serves(sessions.log_out)
    def log_out(self, call: Call) -> Any:
        return call.commit(credentials.log_out)

    @serves(passports.describe_me)
    def describe_me(self, call: Call) -> Any:
        return call.read(queries.describe_me)

    @serves(accounts.set_my_notifications)
    def set_my_notifications(self, call: Call) -> Any:
        return call.commit(handlers.set_my_notifications)

    @serves(organisations.get_organisation)
    def get_organisation(self, call: Call) -> Any:
        return call.read(queries.get_organisation)

    @serves(organisations.set_features)
    def set_features(self, call: Call) -> Any:
        return call.commit(handlers.set_features)

    @serves(accounts.create_account)
    def create_account(self, call: Call) -> Any:
        return call.commit(handlers.create_account)

    @serves(accounts.get_account)
    def get_account(self, call: Call) -> Any:
        answer = call.read(queries.get_account)
        call.transact(lambda unit: handlers.note_account_read(unit, answer["id"]))
        return answer

    @serves(accounts.list_accounts)
    def list_accounts(self, call: Call) -> Any:
        return call.read(queries.list_accounts)

    @serves(accounts.set_security_level)
    def set_security_level(self, call: Call) -> Any:
        return call.commit(handlers.set_security_level)

    @serves(accounts.disable_account)
    def disable_account(self, call: Call) -> Any:
        return call.commit(handlers.disable_account)

    @serves(accounts.enable_account)
    def enable_account(self, call: Call) -> Any:
        return call.commit(handlers.enable_account)

    @serves(accounts.assign_resource)
    def assign_resource(self, call: Call) -> Any:
        with call.runtime.database.reading(call.organisation_id) as session:
            handlers.require_provider(queries.find_account(session, call.request["account_id"]))
        resource = call.ask(referrals.describe_resource, {"resource_id": call.request["resource_id"]})
        return call.commit(handlers.assign_resource, resource)

    @serves(accounts.remove_resource)
    def remove_resource(self, call: Call) -> Any:
        return call.commit(handlers.remove_resource)

    @serves(accounts.set_provider_switches)
    def set_provider_switches(self, call: Call) -> Any:
        return call.commit(handlers.set_provider_switches)

    @serves(accounts.invite_account)
    def invite_account(self, call: Call) -> Any:
        return call.commit(handlers.invite_account)

    @serves(credentials_contract.request_password_reset)
    def request_password_reset(self, call: Call) -> Any:
        answer_at = time.monotonic() + RESET_ANSWERS_AFTER_S + random.uniform(0, RESET_JITTER_S)  # noqa: S311 - noise
        organisation, account = login.reset_target(call)
        answer = call.commit(credentials.request_reset, organisation, account.id if account else None)
        time.sleep(max(0.0, answer_at - time.monotonic()))
        return answer

    @serves(credentials_contract.inspect_credential_link)
    def inspect_credential_link(self, call: Call) -> Any:
        return call.read(queries.inspect_link)

    @serves(credentials_contract.redeem_credential_link)
    def redeem_credential_link(self, call: Call) -> Any:
        return call.commit(credentials.redeem_link, login.new_password(call), call.runtime.settings)

    @serves(credentials_contract.mint_credential_link)
    def mint_credential_link(self, call: Call) -> Any:
        return call.transact(lambda unit: credentials.mint_link(unit, call.request, call.runtime.settings))

    @serves(accounts.list_resource_recipients)
    def list_resource_recipients(self, call: Call) -> Any:
        return call.read(queries.list_resource_recipients)

    @serves(accounts.describe_account)
    def describe_account(self, call: Call) -> Any:
        return call.read(queries.describe_account)

    @serves(accounts.describe_authors)
    def describe_authors(self, call: Call) -> Any:
        return call.read(queries.describe_authors)

    @serves(passports.check_permission)
    def check_permission(self, call: Call) -> Any:
        return call.read(queries.check_permission)
