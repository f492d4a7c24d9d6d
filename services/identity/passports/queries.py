"""Questions about what somebody may do now."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.declare import STAFF
from services.identity.api_clients.models import ApiClient
from services.identity.models import Account
from services.identity.passports.standing import account_standing
from services.identity.people.models import Preferences
from services.identity.realms.queries import idle_minutes, rules_of
from services.identity.realms.rules import in_force
from services.identity.registry.accounts import account_view, find_account
from services.identity.registry.organisations import find_organisation
from services.identity.sessions.models import LoginSession


def describe_me(session: Session, caller: Caller, settings: Any) -> dict[str, Any]:
    """The caller's own account with what it may do, and when its session ends."""
    account = find_account(session, caller.id)
    organisation = find_organisation(session, caller.organisation_id)
    permissions, scope = account_standing(session, caller, caller.id, utc_now())
    return account_view(account) | {
        "organisation_key": organisation.key,
        "organisation_name": organisation.name,
        "organisation_short_name": organisation.short_name or organisation.key,
        "organisation_telephone": organisation.telephone,
        "organisation_postal_address": organisation.postal_address,
        "organisation_time_zone": organisation.time_zone,
        "time_zone": session.scalar(
            select(Preferences.preferred_time_zone).where(Preferences.person_id == account.person_id)
        ),
        "language": account.language,
        "appearance": account.appearance,
        "has_shortcuts": account.has_shortcuts if account.realm in STAFF else None,
        "permissions": permissions,
        "profiles": scope.get("profiles", []),
        **_session_ends(session, caller.session_id, account, settings),
    }


def _session_ends(
    session: Session, session_id: str | None, account: Account, settings: Any
) -> dict[str, datetime.datetime]:
    login = session.get_one(LoginSession, session_id)
    idle = idle_minutes(rules_of(session, account.organisation_id, account.realm), account.realm, settings)
    return {
        "expires_at": login.expires_at,
        "idle_ends_at": min(login.expires_at, login.last_seen_at + datetime.timedelta(minutes=idle)),
    }


def check_permission(
    session: Session, caller: Caller, *, account_id: str, permission: str, person_id: str | None
) -> dict[str, bool]:
    """Whether an account or API client may do something now, by what its next passport would say.

    With `person_id`: on that person's profile, which API clients and accounts of no portal do not reach.
    """
    account = session.scalar(select(Account).where(Account.id == account_id, Account.state == "active"))
    if account is not None:
        permissions, scope = account_standing(session, caller, account.id, utc_now())
        if person_id is not None:
            profiles = {each["person_id"]: each["permissions"] for each in scope.get("profiles", ())}
            permissions = profiles.get(person_id, [])
        return {"is_allowed": permission in permissions}
    client = session.scalar(
        select(ApiClient).where(
            ApiClient.id == account_id,
            ApiClient.revoked_at.is_(None),
            or_(ApiClient.expires_at.is_(None), ApiClient.expires_at > utc_now()),
        )
    )
    if client is None or person_id is not None:
        return {"is_allowed": False}
    features = find_organisation(session, caller.organisation_id).features
    return {"is_allowed": permission in in_force(client.scopes, features)}
