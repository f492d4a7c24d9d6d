"""A client's contacts, with their access to the client's Family Portal profile."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.identity.family.models import ClientContact
from services.identity.models import Account, Grant, Person, Role, is_of_kind, not_over
from services.identity.realms import rules
from services.identity.registry.confirmation import require_confirmation
from services.identity.registry.people import current_kinds, find_person, kinds_of, load_person
from services.identity.relationships.grants import revoke

MANAGE_ACCESS = "workflow.manage_family_portal_access"


def is_shown() -> ColumnElement[bool]:
    """The condition that staff see a grant as access: it is neither revoked nor over, and its client is not discharged."""
    return and_(not_over(), is_of_kind(Grant.person_id, rules.CLIENT, utc_now()))


def list_client_contacts(session: Session, caller: Caller, *, client_id: str) -> dict[str, Any]:
    """A client's contacts by name, with their Family Portal role and last sign-in (S1-34, S1-35)."""
    find_person(session, client_id)
    contacts = session.scalars(select(ClientContact).where(ClientContact.client_id == client_id))
    views = [contact_view(session, caller, contact) for contact in contacts]
    return {"items": sorted(views, key=lambda view: (view["last_name"].lower(), view["contact_id"]))}


def contact_view(session: Session, caller: Caller | None, contact: ClientContact) -> dict[str, Any]:
    """The members of the contract's ContactView.

    A caller who may not manage access is offered no actions (S1-6).
    """
    person = find_person(session, contact.contact_id)
    reached = session.execute(
        select(Grant, Role, Account)
        .join(Role, Role.id == Grant.role_id)
        .join(Account, Account.id == Grant.account_id)
        .where(
            Account.person_id == person.id,
            Account.realm == rules.FAMILY,
            Grant.person_id == contact.client_id,
            is_shown(),
        )
    ).one_or_none()
    is_disabled = contact.disabled_at is not None or person.disabled_at is not None
    actions: list[str] = []
    if caller is not None and caller.may(MANAGE_ACCESS) and not is_disabled:
        actions = ["add"] if reached is None else access_actions(reached[2])
    return {
        "contact_id": person.id,
        "version": contact.version,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "mobile_phone": person.mobile_phone,
        "relation": contact.relation,
        "is_disabled": is_disabled,
        "family_access": None if reached is None else family_standing(*reached),
        "actions": actions,
    }


def access_actions(account: Account) -> list[str]:
    """The actions on an access. The invitation can be sent again until the first sign-in (S1-18, S1-36)."""
    manage = ["change_role", "change_login", "remove"]
    return ["resend_invitation", *manage] if account.last_login_at is None else manage


def family_standing(grant: Grant, role: Role, account: Account) -> dict[str, Any]:
    """The members of the contract's FamilyStanding."""
    return {
        "role": role.code,
        "role_name": role.name or role.code,
        "starts_at": grant.starts_at,
        "ends_at": grant.ends_at,
        "last_sign_in_at": account.last_login_at,
        "last_used_at": grant.last_used_at,
    }


def is_client(session: Session, person: Person) -> bool:
    """Whether the person is a client now."""
    return rules.CLIENT in current_kinds(kinds_of(session, [person.id])[person.id])


def require_client(session: Session, person: Person) -> None:
    """Raise Refused(not_a_client) unless the person is a client now; a discharged one is not (I-2)."""
    if not is_client(session, person) or person.disabled_at is not None:
        raise Refused("not_a_client", "This person is not a client now.", field="client_id")


def add_client_contact(unit: UnitOfWork, *, client_id: str, contact_id: str, relation: str) -> dict[str, Any]:
    """Make a person a contact of a client (S1-2), or enable a disabled contact again.

    Raises Refused(not_found, not_a_client, conflict).
    """
    client = load_person(unit, client_id)
    person = find_person(unit.session, contact_id, "contact_id")
    require_client(unit.session, client)
    if person.id == client.id:
        raise Refused("conflict", "A client cannot be a contact of itself.", field="contact_id")
    if person.disabled_at is not None:
        raise Refused(
            "conflict",
            "The person's record is disabled or was merged into another one: use that one.",
            field="contact_id",
        )
    contact = find_contact(unit, client.id, person.id)
    if contact is not None and contact.disabled_at is None:
        raise Refused("conflict", "The person is a contact of this client already.", field="contact_id")
    if contact is None:
        contact = ClientContact(
            id=wire.new_id(),
            client_id=client.id,
            contact_id=person.id,
            relation=relation,
            created_at=unit.now,
            version=1,
        )
        unit.add(contact)
    else:
        contact.relation, contact.disabled_at = relation, None
        contact.version += 1
    unit.session.flush()
    unit.audit("contact.added", "client_contact", contact.id, person_id=client.id, contact_id=person.id)
    return contact_view(unit.session, unit.caller, contact)


def find_contact(unit: UnitOfWork, client_id: str, contact_id: str) -> ClientContact | None:
    """The person as a contact of the client, locked; the contact may be disabled."""
    contact: ClientContact | None = unit.session.scalar(
        select(ClientContact)
        .where(ClientContact.client_id == client_id, ClientContact.contact_id == contact_id)
        .with_for_update()
    )
    return contact


def disable_client_contact(
    unit: UnitOfWork, *, client_id: str, contact_id: str, confirm: bool
) -> dict[str, Any]:
    """Disable a contact of a client and end its access to the client's profile, which `confirm` must confirm (S1-40).

    Raises Refused(not_found, version_conflict, confirmation_required).
    """
    contact = find_contact(unit, client_id, contact_id)
    if contact is None:
        raise Refused("not_found", "The client has no such contact.")
    unit.require_version(contact)
    if contact.disabled_at is not None:
        return contact_view(unit.session, unit.caller, contact)
    grant = unit.session.scalar(
        select(Grant)
        .join(Account, Account.id == Grant.account_id)
        .where(
            Account.person_id == contact.contact_id,
            Account.realm == rules.FAMILY,
            Grant.person_id == contact.client_id,
            Grant.revoked_at.is_(None),
        )
        .with_for_update(of=Grant)
    )
    if grant is not None:
        require_confirmation(
            confirm, "The contact's access to this client's Family Portal profile ends with it."
        )
        revoke(unit, grant, "contact_disabled")
    contact.disabled_at = unit.now
    contact.version += 1
    unit.audit(
        "contact.disabled",
        "client_contact",
        contact.id,
        person_id=contact.client_id,
        contact_id=contact.contact_id,
        access_ended=grant is not None,
    )
    unit.session.flush()
    return contact_view(unit.session, unit.caller, contact)
