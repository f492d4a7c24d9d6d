"""The ways to sign in that a realm offers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity.models import Organisation
from services.identity.realms.models import IdentityProvider


def list_options(session: Session, _caller: Any, *, organisation: str, realm: str) -> dict[str, Any]:
    """How people sign in to a realm. An organisation that does not exist looks like one without a provider."""
    provider = session.scalar(
        select(IdentityProvider)
        .join(Organisation, Organisation.id == IdentityProvider.organisation_id)
        .where(
            Organisation.key == organisation,
            IdentityProvider.realm == realm,
            IdentityProvider.is_enabled.is_(True),
        )
    )
    if provider is None:
        return {"has_password": True, "outside": None}
    start_path = f"/sign-in/{organisation}/{realm}"
    return {
        "has_password": provider.allows_passwords,
        "outside": {"button_name": provider.button_name, "start_path": start_path},
    }
