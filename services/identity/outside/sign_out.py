"""Signing out here and at the provider. It loads no library that talks to providers, since everybody signs out."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.identity.outside.models import OutsideIdentity
from services.identity.realms.models import IdentityProvider
from services.identity.sessions.handlers import log_out


def find_provider(call: Call) -> IdentityProvider | None:
    """The provider in use that the caller's account is linked with.

    It may be another session that began there: at a shared screen the person may be signed in there all the same.
    """
    caller = call.caller
    assert caller is not None  # noqa: S101 - the operation's declaration lets nobody in without a passport
    with call.runtime.database.reading(caller.organisation_id) as session:
        found: IdentityProvider | None = session.scalar(
            select(IdentityProvider)
            .join(OutsideIdentity, OutsideIdentity.issuer == IdentityProvider.issuer)
            .where(
                OutsideIdentity.account_id == caller.id,
                IdentityProvider.realm == OutsideIdentity.realm,
                IdentityProvider.is_enabled.is_(True),
            )
        )
        return found


def end_session(unit: UnitOfWork, sign_out_url: str | None) -> dict[str, Any]:
    """End the caller's session. Answers where the one at the provider is ended."""
    log_out(unit)
    return {"sign_out_url": sign_out_url}
