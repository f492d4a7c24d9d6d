"""Commands over accounts: one function, one transaction each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.declare import Event
from services.contracts.errors import Refused
from services.contracts.identity import accounts, relationships
from services.contracts.spelling import login_key
from services.identity.accounts import state
from services.identity.accounts.administrators import require_another_administrator
from services.identity.accounts.rules import ASSIGNABLE_LEVELS
from services.identity.credentials.invitations import invite, void_links
from services.identity.credentials.rules import INVITATION
from services.identity.models import Account, Person, ResourceAssignment, Role
from services.identity.realms import granting, rules
from services.identity.realms.rules import (
    APPLICANT,
    EMPLOYEE,
    PATIENT,
    PROVIDER,
    WORKFORCE_REALMS,
    login_space,
)
from services.identity.registry.accounts import account_view, load_account
from services.identity.registry.actors import caller_of
from services.identity.registry.organisations import load_organisation
from services.identity.registry.people import current_kinds, kinds_of
from services.identity.sessions.handlers import end_sessions


def note_account_read(unit: UnitOfWork, account_id: str) -> None:
    """Write the audit row of reading an account.

    The row names the account's person, because the account is part of that person's record.
    """
    person_id = unit.session.scalar(select(Account.person_id).where(Account.id == account_id))
    about = {"person_id": person_id} if person_id else {}
    unit.audit("account.read", "account", account_id, **about)


def role_of_level(unit: UnitOfWork, security_level: str) -> Role:
    """The organisation's role for a security level."""
    return unit.session.scalars(
        select(Role).where(
            Role.organisation_id == unit.organisation_id,
            Role.realm.in_(WORKFORCE_REALMS),
            Role.code == security_level,
        )
    ).one()


def add_account(
    unit: UnitOfWork, *, email: str, role: Role, first_name: str | None, last_name: str | None
) -> Account:
    """Add an account without a password. The e-mail is the login (S4-7). Raises Refused(login_taken)."""
    account = Account(
        id=wire.new_id(),
        organisation_id=unit.organisation_id,
        role=role,
        realm=role.realm,
        login_space=login_space(role.realm),
        login=login_key(email),
        email=email,
        first_name=first_name,
        last_name=last_name,
        state="invited",
        created_at=unit.now,
        assignments=[],
    )
    unit.add(account)
    try:
        unit.session.flush()
    except IntegrityError:
        raise Refused("login_taken", "Another account has this e-mail address.", field="email") from None
    unit.audit("account.created", "account", account.id, security_level=role.code)
    unit.publish(accounts.account_created, account.id, {"account_id": account.id})
    return account


def create_account(unit: UnitOfWork, *, email: str, first_name: str, last_name: str) -> dict[str, Any]:
    """Create an account at level `standard`; the level is chosen and saved afterwards (S0-18).

    Raises Refused(login_taken, right_not_held).
    """
    role = role_of_level(unit, "standard")
    granting.require_role_held(unit, role, field="email")
    account = add_account(unit, email=email, role=role, first_name=first_name, last_name=last_name)
    return account_view(account)


def find_or_invite_signers(unit: UnitOfWork, *, people: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The account of each address among staff and providers; a new one of a provider where there is none (S4-15).

    The sender of a document needs no right over accounts for it: such an account reaches nothing but what is sent to it.
    Raises Refused(feature_is_off, conflict).
    """
    features = load_organisation(unit).features
    if rules.SIGNATURE not in features or not rules.portal_is_open(features):
        raise Refused("feature_is_off", "The provider portal or electronic signature is switched off.")
    found = []
    for person in people:
        account_id = unit.session.scalar(
            select(Account.id).where(
                Account.login_space == login_space(PROVIDER), Account.login == login_key(person["email"])
            )
        )
        found.append({"email": person["email"], "account_id": account_id or _new_signer(unit, person).id})
    return {"items": found}


def _new_signer(unit: UnitOfWork, person: Mapping[str, Any]) -> Account:
    role = role_of_level(unit, rules.PROVIDER_LEVEL)
    names = {name: person[name] for name in ("first_name", "last_name")}
    try:
        account = add_account(unit, email=person["email"], role=role, **names)
    except Refused as taken:
        raise Refused("conflict", "Somebody has just created this account.", retry_after_s=1) from taken
    invite(unit, account, INVITATION)
    return account


def set_security_level(unit: UnitOfWork, *, account_id: str, security_level: str) -> dict[str, Any]:
    """Change the level of somebody else and end the account's sessions.

    The caller must hold what both levels permit: nobody makes an administrator, or unmakes one, without being one.
    Leaving the provider level suspends the account's assignments; returning to it restores them (S0-19).
    Raises Refused(not_found, version_conflict, not_a_workforce_account, feature_is_off, last_administrator, own_rights,
    right_not_held).
    """
    account = load_account(unit, account_id)
    unit.require_version(account)
    granting.require_somebody_else(unit, account.id)
    granting.require_account_held(unit, account)
    if account.role is None:
        raise Refused(
            "not_a_workforce_account",
            "Only staff and providers have a security level; this account has a role for each profile.",
            field="account_id",
        )
    before, after = account.role.code, security_level
    if after == before:
        return account_view(account)
    if after == rules.PROVIDER_LEVEL and not rules.portal_is_open(load_organisation(unit).features):
        raise Refused("feature_is_off", "The provider portal is switched off.", field="security_level")
    role = role_of_level(unit, after)
    granting.require_role_held(unit, role, field="security_level")
    require_another_administrator(unit, account)
    account.role = role
    account.realm = account.role.realm
    account.version += 1
    if before == rules.PROVIDER_LEVEL:
        _suspend_assignments(unit, account)
    elif after == rules.PROVIDER_LEVEL:
        _restore_assignments(unit, account)
    end_sessions(unit, account.id, "level_changed")
    unit.audit("account.level_changed", "account", account.id, before=before, after=after)
    return account_view(account)


def _suspend_assignments(unit: UnitOfWork, account: Account) -> None:
    for assignment in account.assignments_in_effect:
        assignment.suspended_at = unit.now
        _publish_access(unit, relationships.access_revoked, assignment)


def _restore_assignments(unit: UnitOfWork, account: Account) -> None:
    for assignment in account.assignments:
        if assignment.suspended_at is not None:
            assignment.suspended_at = None
            _publish_access(unit, relationships.access_granted, assignment)


def _publish_access(unit: UnitOfWork, event: Event, assignment: ResourceAssignment) -> None:
    unit.publish(
        event,
        assignment.account_id,
        {"account_id": assignment.account_id, "resource_id": assignment.resource_id},
    )


def disable_account(unit: UnitOfWork, *, account_id: str) -> dict[str, Any]:
    """Disable an account: its sessions and links end in the same transaction.

    Raises Refused(not_found, version_conflict, right_not_held, last_administrator).
    """
    account = load_account(unit, account_id)
    unit.require_version(account)
    granting.require_account_held(unit, account)
    if account.state != "disabled":
        require_another_administrator(unit, account)
        state.disable(unit, account)
        unit.audit("account.disabled", "account", account.id)
    account.disabled_for = None  # staff have decided it, whatever it was disabled for before
    return account_view(account)


def enable_account(unit: UnitOfWork, *, account_id: str) -> dict[str, Any]:
    """Let a disabled account log in again with the password it had. Sessions and links stay ended.

    Raises Refused(not_found, version_conflict, right_not_held), Refused(login_taken) where another account has its log-in
    meanwhile, and Refused(cannot_be_enabled) for an applicant, a patient, or an account whose person is disabled or left.
    """
    account = load_account(unit, account_id)
    unit.require_version(account)
    granting.require_account_held(unit, account)
    if account.state == "disabled":
        _require_can_be_enabled(unit, account)
        state.enable(unit, account)
        unit.audit("account.enabled", "account", account.id, state=account.state)
    return account_view(account)


def _require_can_be_enabled(unit: UnitOfWork, account: Account) -> None:
    if account.realm == APPLICANT:
        raise _cannot_be_enabled("Applicants cannot log in: merge the applicant into the employee's record.")
    if account.realm == PATIENT:
        raise _cannot_be_enabled(
            "A patient's access is enabled with enable_patient_access, which asks what it needs."
        )
    person = unit.session.scalar(select(Person).where(Person.id == account.person_id))
    if person is not None and person.disabled_at is not None:
        raise _cannot_be_enabled(
            "The person's record is disabled or was merged into another one: use that one's account."
        )
    if account.realm == EMPLOYEE and person is not None:
        kinds = current_kinds(kinds_of(unit.session, [person.id])[person.id])
        if EMPLOYEE not in kinds:
            raise _cannot_be_enabled("The person is not an employee now.")


def _cannot_be_enabled(detail: str) -> Refused:
    return Refused("cannot_be_enabled", detail, field="account_id")


def require_provider(account: Account) -> None:
    """Raise Refused(not_a_provider_account) unless the account's saved level is `provider_portal_user` (S0-19)."""
    if account.realm != rules.PROVIDER:
        raise Refused(
            "not_a_provider_account",
            "Save the security level provider_portal_user first.",
            field="account_id",
        )


def assign_resource(unit: UnitOfWork, resource: Mapping[str, Any], *, account_id: str) -> dict[str, Any]:
    """Add a resource to a provider account. Adding it again only refreshes its name (S0-16, S0-21, S0-36).

    `resource` is the answer of `referrals.describe_resource`.
    Raises Refused(not_found, not_a_provider_account, resource_not_found, own_rights, right_not_held).
    """
    account = load_account(unit, account_id)
    unit.honour_version(account)
    require_provider(account)
    granting.require_somebody_else(unit, account.id)
    granting.require_account_held(unit, account)
    if resource["level"] not in ASSIGNABLE_LEVELS:
        raise Refused(
            "resource_not_found", "Agencies and programs can be assigned, sites cannot.", field="resource_id"
        )
    present = next((row for row in account.assignments if row.resource_id == resource["id"]), None)
    if present is not None:
        present.resource_name = resource["name"]
        return account_view(account)
    assignment = ResourceAssignment(
        id=wire.new_id(),
        organisation_id=unit.organisation_id,
        account_id=account.id,
        resource_id=resource["id"],
        resource_name=resource["name"],
        resource_level=resource["level"],
        created_at=unit.now,
    )
    account.assignments.append(assignment)
    account.version += 1
    unit.audit(
        "resource.assigned",
        "account",
        account.id,
        resource_id=assignment.resource_id,
        level=assignment.resource_level,
    )
    _publish_access(unit, relationships.access_granted, assignment)
    return account_view(account)


def remove_resource(unit: UnitOfWork, *, account_id: str, assignment_id: str) -> dict[str, Any]:
    """Delete an assignment. The account's next passport is without it (S0-27); the audit trail keeps a record.

    Raises Refused(not_found, right_not_held).
    """
    account = load_account(unit, account_id)
    unit.honour_version(account)
    granting.require_account_held(unit, account)
    assignment = next((row for row in account.assignments if row.id == assignment_id), None)
    if assignment is None:
        raise Refused("not_found", "The account has no such assignment.")
    account.assignments.remove(assignment)
    account.version += 1
    unit.audit("resource.removed", "account", account.id, resource_id=assignment.resource_id)
    if assignment.suspended_at is None:
        _publish_access(unit, relationships.access_revoked, assignment)
    return account_view(account)


def set_provider_switches(
    unit: UnitOfWork,
    *,
    account_id: str,
    can_edit_capacity: bool,
    can_change_status: bool,
    can_access_details: bool,
) -> dict[str, Any]:
    """Set what a provider may do (S0-22, S0-23, S0-24). It takes effect with the account's next passport (S0-26).

    Raises Refused(not_found, not_a_provider_account, own_rights, right_not_held).
    """
    account = load_account(unit, account_id)
    unit.honour_version(account)
    require_provider(account)
    granting.require_somebody_else(unit, account.id)
    granting.require_account_held(unit, account)
    for switch, is_on in (("can_edit_capacity", can_edit_capacity), ("can_change_status", can_change_status)):
        if is_on and not getattr(account, switch):
            granting.require_held(unit, [rules.permission_of_switch(switch)], field=switch)
    before = (account.can_edit_capacity, account.can_change_status, account.can_access_details)
    if before != (can_edit_capacity, can_change_status, can_access_details):
        account.can_edit_capacity = can_edit_capacity
        account.can_change_status = can_change_status
        account.can_access_details = can_access_details
        account.version += 1
        unit.audit(
            "account.switches_changed",
            "account",
            account.id,
            can_edit_capacity=can_edit_capacity,
            can_change_status=can_change_status,
            can_access_details=can_access_details,
        )
    return account_view(account)


def set_my_notifications(unit: UnitOfWork, *, resource_assigned_emails: bool) -> dict[str, Any]:
    """Switch the caller's e-mails about assigned resources (S0-39).

    This is the only change that a provider can make to its own profile (S0-40).
    """
    account = load_account(unit, caller_of(unit).id)
    unit.honour_version(account)
    _switch_resource_emails(unit, account, is_on=resource_assigned_emails)
    return account_view(account)


def stop_resource_emails(unit: UnitOfWork, *, account_id: str) -> dict[str, str]:
    """Switch them off for an account whose owner has asked by the link of such an e-mail. Raises Refused `not_found`."""
    _switch_resource_emails(unit, load_account(unit, account_id), is_on=False)
    return {"account_id": account_id}


def _switch_resource_emails(unit: UnitOfWork, account: Account, *, is_on: bool) -> None:
    if account.wants_resource_assigned_emails != is_on:
        account.wants_resource_assigned_emails = is_on
        account.version += 1
        unit.audit("account.notifications_changed", "account", account.id, resource_assigned_emails=is_on)


def set_my_preferences(unit: UnitOfWork, *, language: str | None, appearance: str | None) -> dict[str, Any]:
    """Keep how the caller wants pages. Nobody else edits it, so the account's version stays."""
    account = load_account(unit, caller_of(unit).id)
    if (account.language, account.appearance) != (language, appearance):
        account.language, account.appearance = language, appearance
        unit.audit("account.preferences_changed", "account", account.id)
    return {"language": language, "appearance": appearance}


def set_my_shortcuts(unit: UnitOfWork, *, has_shortcuts: bool) -> dict[str, bool]:
    """Keep whether the caller wants keyboard shortcuts. As with the other preferences, the account's version stays."""
    account = load_account(unit, caller_of(unit).id)
    if account.has_shortcuts != has_shortcuts:
        account.has_shortcuts = has_shortcuts
        unit.audit("account.preferences_changed", "account", account.id)
    return {"has_shortcuts": has_shortcuts}


def invite_account(unit: UnitOfWork, *, account_id: str) -> dict[str, Any]:
    """Have the link sent that sets the first password; one that was sent before is void.

    Raises Refused(not_found, right_not_held, account_disabled, already_active).
    """
    account = load_account(unit, account_id)
    granting.require_account_held(unit, account)
    if account.state == "disabled":
        raise Refused("account_disabled", "The account is disabled.")
    if account.state == "active":
        raise Refused(
            "already_active",
            "The account has a password; `request_password_reset` sends a link for a new one.",
        )
    void_links(unit, account.id)
    return {"invitation_id": invite(unit, account, INVITATION).id}
