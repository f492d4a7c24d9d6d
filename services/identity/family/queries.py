"""Queries over Family Portal access: the form before it is added, and the screen on which staff manage it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.identity.credentials.models import CredentialLink, Invitation
from services.identity.credentials.rules import RESET, RESET_AFTER_TRIES
from services.identity.family.contacts import access_actions, is_shown, require_client
from services.identity.family.models import ClientContact
from services.identity.models import Account, Grant, Person, Role
from services.identity.realms import rules
from services.identity.registry.people import find_person


def check_may_be_given(session: Session, client: Person, person: Person) -> None:
    """Raise Refused(not_a_client, not_a_contact) unless the person may get access to the client's profile.

    Only the client and the client's contacts may (S1-1, S1-2).
    """
    require_client(session, client)
    if person.id == client.id:
        return
    contact = session.scalar(
        select(ClientContact.id).where(
            ClientContact.client_id == client.id,
            ClientContact.contact_id == person.id,
            ClientContact.disabled_at.is_(None),
        )
    )
    if contact is None or person.disabled_at is not None:
        raise Refused(
            "not_a_contact",
            "Add the person to the client's contacts first (`add_client_contact`).",
            field="person_id",
        )


def get_access_form(session: Session, _caller: Caller, *, client_id: str, person_id: str) -> dict[str, Any]:
    """The form before access is added. It shows the e-mail on record (S1-10) or the account's log-in (S1-13, S1-30).

    Raises Refused(not_found, not_a_client, not_a_contact).
    """
    client = find_person(session, client_id, "client_id")
    person = find_person(session, person_id, "person_id")
    check_may_be_given(session, client, person)
    account = session.scalar(
        select(Account).where(Account.realm == rules.FAMILY, Account.person_id == person.id)
    )
    has_access = account is not None and _find_access(session, account.id, client.id) is not None
    return {
        "client_id": client.id,
        "person_id": person.id,
        "email": account.email if account else person.email,
        "email_is_fixed": account is not None,
        "roles": role_choices(session),
        "actions": access_actions(account) if account is not None and has_access else ["add"],
    }


def get_access(session: Session, _caller: Caller, *, person_id: str, client_id: str) -> dict[str, Any]:
    """Somebody's access to a client's profile (S1-19 to S1-22, S1-41). Raises Refused(not_found)."""
    account = session.scalar(
        select(Account).where(Account.realm == rules.FAMILY, Account.person_id == person_id)
    )
    grant = _find_access(session, account.id, client_id) if account else None
    if account is None or grant is None:
        raise no_access()
    return access_view(session, account, grant)


def no_access() -> Refused:
    """The refusal where the person has no access to the profile."""
    return Refused("not_found", "The person has no access to this client's profile.")


def _find_access(session: Session, account_id: str, client_id: str) -> Grant | None:
    found: Grant | None = session.scalar(
        select(Grant).where(Grant.account_id == account_id, Grant.person_id == client_id, is_shown())
    )
    return found


def access_view(session: Session, account: Account, grant: Grant) -> dict[str, Any]:
    """The members of the contract's FamilyAccess."""
    rows = session.execute(
        select(Grant, Role, Person)
        .join(Role, Role.id == Grant.role_id)
        .join(Person, Person.id == Grant.person_id)
        .where(Grant.account_id == account.id, is_shown())
        .order_by(Person.last_name, Person.id)
    ).all()
    profiles = {row.Grant.id: _profile(row.Grant, row.Role, row.Person) for row in rows}
    return profiles.pop(grant.id) | {
        "person_id": account.person_id,
        "account_id": account.id,
        "login": account.login,
        "last_sign_in_at": account.last_login_at,
        "invitation": _pending_invitation(session, account),
        "other_profiles": list(profiles.values()),
        "roles": role_choices(session),
        "actions": access_actions(account),
    }


def _profile(grant: Grant, role: Role, client: Person) -> dict[str, Any]:
    return {
        "client_id": client.id,
        "first_name": client.first_name,
        "last_name": client.last_name,
        "version": grant.version,
        "role": role.code,
        "role_name": role.name or role.code,
        "starts_at": grant.starts_at,
        "ends_at": grant.ends_at,
        "last_used_at": grant.last_used_at,
    }


def role_choices(session: Session) -> list[dict[str, str]]:
    """The organisation's roles of the Family Portal that can be given (S1-14)."""
    roles = session.scalars(
        select(Role).where(Role.realm == rules.FAMILY, Role.disabled_at.is_(None)).order_by(Role.code)
    )
    return [{"code": role.code, "name": role.name or role.code} for role in roles]


def _pending_invitation(session: Session, account: Account) -> dict[str, Any] | None:
    """The last invitation of an account that has not signed in, and when it expires (I-8)."""
    if account.last_login_at is not None:
        return None
    invitation = session.scalar(
        select(Invitation)
        .where(Invitation.account_id == account.id, Invitation.purpose.not_in((RESET, RESET_AFTER_TRIES)))
        .order_by(Invitation.requested_at.desc(), Invitation.id)
        .limit(1)
    )
    if invitation is None:
        return None
    expires_at = session.scalar(
        select(CredentialLink.expires_at).where(
            CredentialLink.invitation_id == invitation.id, CredentialLink.void_at.is_(None)
        )
    )
    return {
        "requested_at": invitation.requested_at,
        "expires_at": expires_at,
        "is_expired": expires_at is not None and expires_at <= utc_now(),
    }
