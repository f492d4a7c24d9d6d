"""Creating, changing and revoking partners. The broker follows a moment later (see `operator`)."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts import feed
from services.contracts.errors import Refused
from services.contracts.identity import partners as contract
from services.identity.models import Organisation
from services.identity.partners import rules
from services.identity.partners.models import Partner
from services.identity.secrets.tokens import new_token
from services.identity.sessions.proof import proven_caller


def view(partner: Partner, address: str | None) -> dict[str, Any]:
    """The members of the contract's Partner. `address` is where partners reach the broker."""
    members = ("id", "version", "name", "event_types", "created_at", "password_changed_at", "revoked_at")
    user = feed.user_of(partner.organisation_key, partner.name)
    return {name: getattr(partner, name) for name in members} | {
        "address": address,
        "virtual_host": feed.VIRTUAL_HOST,
        "user": user,
        "queue": feed.queue_of(user),
        "stream": None if partner.event_types else feed.stream_of(partner.organisation_key),
        "is_in_effect": partner.carried_out == partner.version,
    }


def list_partners(session: Session, _caller: Caller, address: str | None) -> dict[str, Any]:
    """The partners of now by name."""
    found = session.scalars(
        select(Partner)
        .where(Partner.revoked_at.is_(None))
        .order_by(Partner.name)
        .limit(contract.MOST_PARTNERS)
    )
    return {"items": [view(each, address) for each in found]}


def get_partner(session: Session, _caller: Caller, address: str | None, *, partner_id: str) -> dict[str, Any]:
    """One partner. Raises Refused(not_found)."""
    partner = session.scalar(select(Partner).where(Partner.id == partner_id))
    if partner is None:
        raise _no_such_partner()
    return view(partner, address)


def create(unit: UnitOfWork, address: str | None, *, name: str, event_types: list[str]) -> dict[str, Any]:
    """Create a partner with its first password.

    Raises Refused(proof_required, partner_name_taken, too_many_partners, invalid_request).
    """
    proven_caller(unit)
    partner, password = add(unit, name, event_types)
    return view(partner, address) | {"password": password}


def choose_types(
    unit: UnitOfWork, address: str | None, *, partner_id: str, event_types: list[str]
) -> dict[str, Any]:
    """Replace the types of events.

    Raises Refused(not_found, version_conflict, proof_required, partner_revoked, invalid_request).
    """
    proven_caller(unit)
    partner = _load(unit, partner_id)
    unit.require_version(partner)
    before, partner.event_types = (
        partner.event_types,
        rules.checked_types(event_types, feed.event_types()),
    )
    note(unit, partner, "changed", before=before, after=partner.event_types)
    return view(partner, address)


def rotate_password(unit: UnitOfWork, address: str | None, *, partner_id: str) -> dict[str, Any]:
    """Make a new password; the one before ends. Raises Refused(not_found, proof_required, partner_revoked)."""
    proven_caller(unit)
    partner = _load(unit, partner_id)
    password = renew(unit, partner)
    return view(partner, address) | {"password": password}


def revoke(unit: UnitOfWork, address: str | None, *, partner_id: str) -> dict[str, Any]:
    """End a partner's access. Ending it again changes nothing. Raises Refused(not_found)."""
    partner = _load(unit, partner_id, or_revoked=True)
    unit.honour_version(partner)
    if partner.revoked_at is None:
        end(unit, partner)
    return view(partner, address)


def address_of(call: Call) -> str | None:
    """Where partners reach the broker, as the installation says."""
    address: str | None = call.runtime.settings.partners_amqp_address
    return address


def add(unit: UnitOfWork, name: str, event_types: list[str]) -> tuple[Partner, str]:
    """A new partner of the unit's organisation, and its password. See `create`."""
    types = rules.checked_types(event_types, feed.event_types())
    # Those who create partners of one organisation at once do so one after the other, so that none is too many.
    unit.session.execute(
        select(Organisation.id).where(Organisation.id == unit.organisation_id).with_for_update()
    )
    of_now = select(Partner).where(
        Partner.organisation_id == unit.organisation_id, Partner.revoked_at.is_(None)
    )
    if unit.session.scalar(of_now.where(Partner.name == name)) is not None:
        raise Refused(
            "partner_name_taken",
            f"There is a partner {name!r}. Take another name, or give that one a new password.",
            field="name",
        )
    if (
        unit.session.scalar(select(func.count()).select_from(of_now.subquery())) or 0
    ) >= contract.MOST_PARTNERS:
        raise Refused(
            "too_many_partners",
            f"An organisation has at most {contract.MOST_PARTNERS} partners. Revoke one that does not read any more.",
        )
    password, kept = _new_password()
    partner = Partner(
        id=wire.new_id(),
        organisation_id=unit.organisation_id,
        organisation_key=unit.organisation_key,
        name=name,
        event_types=types,
        password_hash=kept,
        version=0,
        carried_out=0,
        created_at=unit.now,
        created_by=unit.actor_id,
        password_changed_at=unit.now,
    )
    unit.add(partner)
    note(unit, partner, "created", after=types)
    unit.session.flush()
    return partner, password


def renew(unit: UnitOfWork, partner: Partner) -> str:
    """Give a partner a new password and return it."""
    password, partner.password_hash = _new_password()
    partner.password_changed_at = unit.now
    note(unit, partner, "password_changed")
    return password


def end(unit: UnitOfWork, partner: Partner) -> None:
    """Revoke a partner."""
    partner.revoked_at = unit.now
    note(unit, partner, "revoked")


def note(unit: UnitOfWork, partner: Partner, change: str, **facts: Any) -> None:
    """Count the change, and tell the audit trail and everybody else of it."""
    partner.version += 1
    unit.audit(f"partner.{change}", "partner", partner.id, **facts)
    unit.publish(contract.partner_changed, partner.id, {"partner_id": partner.id, "change": change})


def _new_password() -> tuple[str, str]:
    """A random password and what is kept of it."""
    password = new_token()
    return password, rules.broker_hash(password, secrets.token_bytes(4))


def _no_such_partner() -> Refused:
    return Refused("not_found", "There is no such partner.")


def _load(unit: UnitOfWork, partner_id: str, *, or_revoked: bool = False) -> Partner:
    """The partner, locked. Raises Refused(not_found), and Refused(partner_revoked) unless `or_revoked`."""
    partner: Partner | None = unit.session.scalar(
        select(Partner).where(Partner.id == partner_id).with_for_update()
    )
    if partner is None:
        raise _no_such_partner()
    if partner.revoked_at is not None and not or_revoked:
        raise Refused("partner_revoked", "The partner's access was revoked; create another partner.")
    return partner
