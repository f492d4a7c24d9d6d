"""Questions about an organisation."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.spelling import login_key
from services.identity.models import Account, Organisation
from services.identity.organisations import rules
from services.identity.realms.rules import REGISTRATION
from services.identity.registry.accounts import COLUMNS_ONLY
from services.identity.registry.organisations import find_organisation

MOST_REMINDED = 50  # accounts with one address


def organisation_view(organisation: Organisation) -> dict[str, Any]:
    """The members of the contract's Organisation."""
    return {
        "id": organisation.id,
        "key": organisation.key,
        "name": organisation.name,
        "version": organisation.version,
        "features": organisation.features,
        "short_name": organisation.short_name or organisation.key,
        "telephone": organisation.telephone,
        "postal_address": organisation.postal_address,
        "time_zone": organisation.time_zone,
        "published_realms": rules.published(organisation.published_realms),
    }


def get_public_organisation(session: Session, _caller: None, *, organisation: str | None) -> dict[str, Any]:
    """What anybody may know of an organisation. Raises Refused(not_found)."""
    found = _named(session, organisation) if organisation else _only(session)
    if found is None:
        raise Refused("not_found", "There is no organisation of this name.", field="organisation")
    return {
        "key": found.key,
        "short_name": found.short_name or found.key,
        "name": found.name,
        "telephone": found.telephone,
        "postal_address": found.postal_address,
        "time_zone": found.time_zone,
        "realms": rules.open_realms(found.published_realms, found.features),
        "takes_registrations": REGISTRATION in found.features,
    }


def _named(session: Session, name: str) -> Organisation | None:
    """The organisation with this key, else with this short name: nobody can take an address that another's key has."""
    found: Organisation | None = session.scalar(
        select(Organisation)
        .where(or_(Organisation.key == name, Organisation.short_name == name))
        .order_by(Organisation.key != name)
        .limit(1)
    )
    return found


def _only(session: Session) -> Organisation | None:
    found = session.scalars(select(Organisation).order_by(Organisation.id).limit(2)).all()
    return found[0] if len(found) == 1 else None


def accounts_with(session: Session, email: str) -> list[tuple[Account, Organisation]]:
    """An account with this address in each organisation that has one which can be used."""
    found = session.execute(
        select(Account, Organisation)
        .join(Organisation, Organisation.id == Account.organisation_id)
        .where(Account.email_key == login_key(email), Account.state != "disabled")
        .order_by(Account.id)
        .limit(MOST_REMINDED)
        .options(*COLUMNS_ONLY)
    )
    by_organisation = {organisation.id: (account, organisation) for account, organisation in found}
    return list(by_organisation.values())


def get_organisation(session: Session, caller: Caller) -> dict[str, Any]:
    """The caller's organisation."""
    return organisation_view(find_organisation(session, caller.organisation_id))
