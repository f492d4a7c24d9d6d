"""Commands over Family Portal access: one function, one transaction each (seed S1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.credentials.invitations import send_invitation, void_links
from services.identity.credentials.login_changes import change_login_email
from services.identity.family.queries import access_view, check_may_be_given, no_access
from services.identity.models import Account, Grant, Role
from services.identity.realms import rules
from services.identity.realms.rules import normal_login
from services.identity.registry.accounts import add_portal_account, find_portal_account
from services.identity.registry.confirmation import require_confirmation
from services.identity.registry.people import find_person, load_person
from services.identity.relationships.grants import change_grant, find_open, open_grant, revoke, role_of
from services.identity.relationships.handlers import relate
from services.identity.sessions.handlers import end_sessions

Request = Mapping[str, Any]
SOURCE = "family_access"


def add_access(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Give a client or one of its contacts access to the client's profile, and invite who has never signed in.

    The person's account is used again where there is one: its password stays, and no other address is taken (S1-13,
    S1-30). Raises Refused(not_found, not_a_client, not_a_contact, access_exists, login_taken, login_is_fixed,
    account_disabled, invalid_request).
    """
    client = find_person(unit.session, request["client_id"], "client_id")
    person = load_person(unit, request["person_id"])
    check_may_be_given(unit.session, client, person)
    role = role_of(unit, rules.FAMILY, request["role"])
    account = find_portal_account(unit, rules.FAMILY, person.id)
    if account is None:
        email = request["email"] or person.email
        account = add_portal_account(unit, rules.FAMILY, person, login=None, email=email)
    else:
        _check_address(account, request["email"])
    grant = open_grant(
        unit, account, client, role, starts_at=request["starts_at"], ends_at=request["ends_at"]
    )
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
    if email is not None and normal_login(email) != account.login:
        raise Refused(
            "login_is_fixed",
            "The person has a Family Portal account: leave email out, or change the log-in of that account.",
            field="email",
        )


def resend_invitation(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Send the invitation again; the password or link of the one before is void at once (S1-17).

    Raises Refused(not_found), already_logged_in after the first sign-in (S1-18, S1-36), account_disabled.
    """
    account, _ = _load_access(unit, request)
    if account.state == "disabled":
        raise Refused("account_disabled", "The person's Family Portal account is disabled.")
    if account.last_login_at is not None:
        raise Refused(
            "already_logged_in",
            "The person has signed in already and can ask for a new password at the log-in.",
        )
    return {"invitation_id": send_invitation(unit, account).id}


def change_access(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Another role for this profile, or another end (S1-22, S1-38). Raises Refused(not_found, version_conflict)."""
    account, grant = _load_access(unit, request)
    unit.require_version(grant)
    if "role" in request:
        role = role_of(unit, rules.FAMILY, request["role"])
    else:
        role = unit.session.scalars(select(Role).where(Role.id == grant.role_id)).one()
    change_grant(unit, grant, role, request.get("ends_at", grant.ends_at))
    unit.session.flush()
    return access_view(unit.session, account, grant)


def change_login(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Change the log-in e-mail (S1-19, S1-37). Raises Refused(not_found, login_taken)."""
    person = load_person(unit, request["person_id"])
    account, grant = _load_access(unit, request)
    change_login_email(unit, person, account, request["email"])
    unit.session.flush()
    return access_view(unit.session, account, grant)


def remove_access(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Take away the access to one profile (S1-23, S1-24, S1-39). Raises Refused(not_found, confirmation_required).

    With the last profile the sessions and unused invitations of the account end, too.
    """
    account, grant = _load_access(unit, request)
    require_confirmation(request["confirm"], "The person can no longer see this client's profile.")
    revoke(unit, grant, "removed")
    left = unit.session.scalar(
        select(Grant.id).where(Grant.account_id == account.id, Grant.revoked_at.is_(None)).limit(1)
    )
    if left is None:
        end_sessions(unit, account.id, "access_removed")
        void_links(unit, account.id)
    return {}


def _load_access(unit: UnitOfWork, request: Request) -> tuple[Account, Grant]:
    """The person's account and its grant for this client, locked. Raises Refused(not_found)."""
    account = find_portal_account(unit, rules.FAMILY, request["person_id"])
    grant = find_open(unit, account.id, request["client_id"]) if account else None
    if account is None or grant is None:
        raise no_access()
    return account, grant
