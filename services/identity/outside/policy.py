"""What a realm's outside provider means for others: whether passwords work, what a front end shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.contracts.errors import Refused
from services.identity.models import Organisation
from services.identity.outside.models import IdentityProvider


def provider_in_use(session: Session, organisation_id: str, realm: str) -> IdentityProvider | None:
    """The provider that people of a realm can sign in with now."""
    found: IdentityProvider | None = session.scalar(
        select(IdentityProvider).where(
            IdentityProvider.organisation_id == organisation_id,
            IdentityProvider.realm == realm,
            IdentityProvider.is_enabled.is_(True),
        )
    )
    return found


def allows_password(session: Session, organisation_id: str, realm: str) -> bool:
    """Whether a password lets somebody of this realm in. Without a provider in use it always does."""
    provider = provider_in_use(session, organisation_id, realm)
    return provider is None or provider.allows_passwords


def password_not_allowed() -> Refused:
    """The answer to a right password where only the provider lets in. A wrong one is not told this."""
    return Refused(
        "outside_sign_in_required",
        "Accounts like yours sign in with your organisation's own sign-in service.",
    )


def realms_with_provider(session: Session) -> frozenset[str]:
    """Realms of the session's organisation that have a provider in use."""
    return frozenset(
        session.scalars(select(IdentityProvider.realm).where(IdentityProvider.is_enabled.is_(True)))
    )


def list_options(session: Session, _caller: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """How one signs in to a realm. An organisation that does not exist looks like one without a provider."""
    provider = session.scalar(
        select(IdentityProvider)
        .join(Organisation, Organisation.id == IdentityProvider.organisation_id)
        .where(
            Organisation.key == request["organisation"],
            IdentityProvider.realm == request["realm"],
            IdentityProvider.is_enabled.is_(True),
        )
    )
    if provider is None:
        return {"has_password": True, "outside": None}
    start_path = f"/sign-in/{request['organisation']}/{request['realm']}"
    return {
        "has_password": provider.allows_passwords,
        "outside": {"button_name": provider.button_name, "start_path": start_path},
    }
