"""Questions about an organisation."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.identity.models import Organisation
from services.identity.registry.organisations import find_organisation


def organisation_view(organisation: Organisation) -> dict[str, Any]:
    """The members of the contract's Organisation."""
    return {
        "id": organisation.id,
        "key": organisation.key,
        "name": organisation.name,
        "version": organisation.version,
        "features": organisation.features,
    }


def get_organisation(session: Session, caller: Caller) -> dict[str, Any]:
    """The caller's organisation."""
    return organisation_view(find_organisation(session, caller.organisation_id))
