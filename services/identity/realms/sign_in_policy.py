"""How a realm lets people in: by password, by its outside provider, or by both."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.contracts.errors import Refused
from services.identity.realms.models import IdentityProvider


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
    """Whether people of this realm may log in with a password. Without a provider in use they always may."""
    provider = provider_in_use(session, organisation_id, realm)
    return provider is None or provider.allows_passwords


def password_not_allowed() -> Refused:
    """The refusal of a right password where people sign in only with the provider. A wrong password is not told this."""
    return Refused(
        "outside_sign_in_required",
        "Accounts like yours sign in with your organisation's own sign-in service.",
    )


def realms_with_provider(session: Session) -> frozenset[str]:
    """Realms of the session's organisation that have a provider in use."""
    return frozenset(
        session.scalars(select(IdentityProvider.realm).where(IdentityProvider.is_enabled.is_(True)))
    )
