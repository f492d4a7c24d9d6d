"""Links between outside accounts and accounts here, which owners and staff add, list and remove."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import outside as contract
from services.identity.models import Account
from services.identity.outside import rules
from services.identity.outside.models import OutsideIdentity
from services.identity.realms import granting
from services.identity.realms.sign_in_policy import provider_in_use
from services.identity.registry.accounts import find_account, load_account
from services.identity.sessions.handlers import end_sessions
from services.identity.sessions.proof import proven_caller


def list_mine(session: Session, caller: Caller) -> dict[str, Any]:
    """The outside accounts of the caller."""
    return _list(session, caller.id)


def list_of_account(session: Session, _caller: Caller, *, account_id: str) -> dict[str, Any]:
    """The outside accounts of an account. Raises Refused(not_found)."""
    return _list(session, find_account(session, account_id).id)


def _list(session: Session, account_id: str) -> dict[str, Any]:
    rows = session.scalars(
        select(OutsideIdentity)
        .where(OutsideIdentity.account_id == account_id)
        .order_by(OutsideIdentity.linked_at, OutsideIdentity.id)
    )
    return {"items": [_view(row) for row in rows]}


def _view(row: OutsideIdentity) -> dict[str, Any]:
    names = ("id", "issuer", "subject", "linked_by", "linked_at", "last_used_at")
    return {name: getattr(row, name) for name in names}


def link_by_staff(unit: UnitOfWork, *, account_id: str, subject: str) -> dict[str, Any]:
    """Link an account with a subject of its realm's provider.

    Whoever has that subject signs in as the account, so the caller must hold what the account may do.
    Raises Refused(not_found, proof_required, right_not_held, outside_identity_taken).
    """
    proven_caller(unit)
    account = load_account(unit, account_id)
    granting.require_account_held(unit, account)
    provider = provider_in_use(unit.session, account.organisation_id, account.realm)
    if provider is None:
        raise Refused("not_found", "The account's realm has no outside provider in use.")
    return _view(add(unit, account, provider.issuer, subject, rules.BY_STAFF))


def unlink_mine(unit: UnitOfWork, *, identity_id: str) -> dict[str, Any]:
    """Remove one of the caller's links. Raises Refused(not_found, proof_required, last_way_in)."""
    caller = proven_caller(unit)
    account = load_account(unit, caller.id)
    identity = _load(unit, account.id, identity_id)
    provider = provider_in_use(unit.session, account.organisation_id, account.realm)
    has_password = account.password_hash is not None and (provider is None or provider.allows_passwords)
    if not has_password:
        raise Refused("last_way_in", "Set a password first: without this link you could not sign in.")
    _remove(unit, identity, rules.BY_OWNER)
    return {}


def unlink_by_staff(unit: UnitOfWork, *, account_id: str, identity_id: str) -> dict[str, Any]:
    """Remove a link of an account and end the account's sessions.

    Raises Refused(not_found, proof_required, right_not_held).
    """
    proven_caller(unit)
    account = load_account(unit, account_id)
    granting.require_account_held(unit, account)
    _remove(unit, _load(unit, account.id, identity_id), rules.BY_STAFF)
    end_sessions(unit, account.id, "ended_by_staff")
    return {}


def add(unit: UnitOfWork, account: Account, issuer: str, subject: str, linked_by: str) -> OutsideIdentity:
    """Link an account with an outside one. The account must be locked. A link that exists already stays as it is.

    Raises Refused(outside_identity_taken) where one of the two is linked with another.
    """
    rivals = unit.session.scalars(
        select(OutsideIdentity).where(
            OutsideIdentity.issuer == issuer,
            or_(
                OutsideIdentity.account_id == account.id,
                (OutsideIdentity.realm == account.realm) & (OutsideIdentity.subject == subject),
            ),
        )
    ).all()
    for rival in rivals:
        if (rival.account_id, rival.subject) == (account.id, subject):
            return rival
        raise _taken()
    identity = OutsideIdentity(
        id=wire.new_id(),
        organisation_id=account.organisation_id,
        account_id=account.id,
        realm=account.realm,
        issuer=issuer,
        subject=subject,
        linked_by=linked_by,
        linked_at=unit.now,
    )
    unit.add(identity)
    try:
        unit.session.flush()
    except IntegrityError:  # a sign-in at the same moment was first
        raise _taken() from None
    unit.audit(
        "outside_identity.linked", "account", account.id,
        identity_id=identity.id, linked_by=linked_by, person_id=account.person_id,
    )  # fmt: skip
    _tell(unit, identity, "linked")
    return identity


def note_use(unit: UnitOfWork, account_id: str, issuer: str) -> None:
    """Note when the link was last used to sign in."""
    unit.session.execute(
        update(OutsideIdentity)
        .where(OutsideIdentity.account_id == account_id, OutsideIdentity.issuer == issuer)
        .values(last_used_at=unit.now),
        execution_options={"synchronize_session": False},
    )


def sign_in_refused() -> Refused:
    """The one refusal, whatever the cause, for somebody whom the provider knows but who cannot sign in here."""
    return Refused(
        "outside_sign_in_refused",
        "Your sign-in service knows you, but no account here can be used with it. Ask your administrator.",
    )


def _load(unit: UnitOfWork, account_id: str, identity_id: str) -> OutsideIdentity:
    identity: OutsideIdentity | None = unit.session.scalar(
        select(OutsideIdentity).where(
            OutsideIdentity.id == identity_id, OutsideIdentity.account_id == account_id
        )
    )
    if identity is None:
        raise Refused("not_found", "The account has no such link.", field="identity_id")
    return identity


def _remove(unit: UnitOfWork, identity: OutsideIdentity, removed_by: str) -> None:
    unit.session.delete(identity)
    unit.audit(
        "outside_identity.unlinked", "account", identity.account_id,
        identity_id=identity.id, removed_by=removed_by,
    )  # fmt: skip
    _tell(unit, identity, "unlinked")


def _tell(unit: UnitOfWork, identity: OutsideIdentity, change: str) -> None:
    data = {"account_id": identity.account_id, "identity_id": identity.id, "change": change}
    unit.publish(contract.outside_identity_changed, identity.account_id, data)


def _taken() -> Refused:
    return Refused(
        "outside_identity_taken",
        "That outside account, or this account, is linked with another one. Take that link away first.",
    )
