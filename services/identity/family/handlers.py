"""Commands over Family Portal access (seed S1): one function, one transaction each."""

from __future__ import annotations

import datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import select

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.spelling import login_key
from services.identity.credentials.invitations import send_invitation, void_links
from services.identity.credentials.login_changes import change_login_email
from services.identity.family.contacts import is_client
from services.identity.family.queries import access_view, check_may_be_given, no_access
from services.identity.models import Account, Grant, Role
from services.identity.realms import granting, rules
from services.identity.registry.accounts import add_portal_account, find_portal_account
from services.identity.registry.confirmation import require_confirmation
from services.identity.registry.people import find_person, load_person
from services.identity.relationships.grants import change_grant, find_open, open_grant, revoke, role_of
from services.identity.relationships.handlers import relate
from services.identity.sessions.handlers import end_sessions

SOURCE = "family_access"


def add_access(
    unit: UnitOfWork,
    *,
    client_id: str,
    person_id: str,
    email: str | None,
    role: str,
    starts_at: datetime.datetime | None,
    ends_at: datetime.datetime | None,
) -> dict[str, Any]:
    """Give a client or one of its contacts access to the client's profile. A person who never signed in is invited.

    Where the person has an account it is used: its password and address stay (S1-13, S1-30).
    Raises Refused(not_found, not_a_client, not_a_contact, right_not_held, access_exists, login_taken, login_is_fixed,
    account_disabled, invalid_request).
    """
    client = find_person(unit.session, client_id, "client_id")
    person = load_person(unit, person_id)
    check_may_be_given(unit.session, client, person)
    granted = role_of(unit, rules.FAMILY, role)
    granting.require_role_held(unit, granted, field="role")
    account = find_portal_account(unit, rules.FAMILY, person.id)
    if account is None:
        account = add_portal_account(unit, rules.FAMILY, person, login=None, email=email or person.email)
    else:
        _check_address(account, email)
    grant = open_grant(unit, account, client, granted, starts_at=starts_at, ends_at=ends_at)
    if person.id == client.id:
        relate(unit, account, client, "self", SOURCE)
    relate(unit, account, client, "portal_user", SOURCE)
    if account.last_login_at is None:
        send_invitation(unit, account)
    unit.session.flush()
    return access_view(unit.session, account, grant)


def _check_address(account: Account, email: str | None) -> None:
    if account.state == "disabled":
        raise Refused("account_disabled", "The person's Family Portal account is disabled.")
    if email is not None and login_key(email) != account.login:
        raise Refused(
            "login_is_fixed",
            "The person has a Family Portal account: leave email out, or change the log-in of that account.",
            field="email",
        )


def resend_invitation(unit: UnitOfWork, *, client_id: str, person_id: str) -> dict[str, Any]:
    """Send the invitation again. The earlier link or temporary password is void at once (S1-17).

    Raises Refused(not_found, account_disabled), and Refused(already_logged_in) after the first sign-in (S1-18, S1-36).
    """
    account, _ = _load_access(unit, client_id=client_id, person_id=person_id)
    if account.state == "disabled":
        raise Refused("account_disabled", "The person's Family Portal account is disabled.")
    if account.last_login_at is not None:
        raise Refused(
            "already_logged_in",
            "The person has signed in already and can ask for a new password at the log-in.",
        )
    return {"invitation_id": send_invitation(unit, account).id}


class AccessChanges(TypedDict, total=False):
    """What changes of an access. What is left out stays; without `ends_at` (None) it has no end."""

    role: str
    ends_at: datetime.datetime | None


def change_access(
    unit: UnitOfWork, *, client_id: str, person_id: str, **changes: Unpack[AccessChanges]
) -> dict[str, Any]:
    """Change the role or the end of the access to a profile (S1-22, S1-38). Members that are left out stay.

    Raises Refused(not_found, version_conflict, right_not_held).
    """
    account, grant = _load_access(unit, client_id=client_id, person_id=person_id)
    unit.require_version(grant)
    if "role" in changes:
        role = role_of(unit, rules.FAMILY, changes["role"])
    else:
        role = unit.session.scalars(select(Role).where(Role.id == grant.role_id)).one()
    granting.require_role_held(unit, role, field="role")
    change_grant(unit, grant, role, changes.get("ends_at", grant.ends_at))
    unit.session.flush()
    return access_view(unit.session, account, grant)


def change_login(unit: UnitOfWork, *, client_id: str, person_id: str, email: str) -> dict[str, Any]:
    """Change the log-in e-mail (S1-19, S1-37). Raises Refused(not_found, proof_required, login_taken)."""
    person = load_person(unit, person_id)
    account, grant = _load_access(unit, client_id=client_id, person_id=person_id)
    unit.honour_version(grant)
    change_login_email(unit, person, account, email)
    unit.session.flush()
    return access_view(unit.session, account, grant)


def remove_access(unit: UnitOfWork, *, client_id: str, person_id: str, confirm: bool) -> dict[str, Any]:
    """Remove the access to one profile (S1-23, S1-24, S1-39). Raises Refused(not_found, confirmation_required).

    With the account's last profile its sessions and unused invitations end, too.
    """
    account, grant = _load_access(unit, client_id=client_id, person_id=person_id)
    require_confirmation(confirm, "The person can no longer see this client's profile.")
    revoke(unit, grant, "removed")
    left = unit.session.scalar(
        select(Grant.id).where(Grant.account_id == account.id, Grant.revoked_at.is_(None)).limit(1)
    )
    if left is None:
        end_sessions(unit, account.id, "access_removed")
        void_links(unit, account.id)
    return {}


def _load_access(unit: UnitOfWork, *, client_id: str, person_id: str) -> tuple[Account, Grant]:
    """The person's account and its grant for the client's profile, locked. Raises Refused(not_found)."""
    account = find_portal_account(unit, rules.FAMILY, person_id)
    grant = find_open(unit, account.id, client_id) if account else None
    if account is None or grant is None or not is_client(unit.session, find_person(unit.session, client_id)):
        raise no_access()
    return account, grant
