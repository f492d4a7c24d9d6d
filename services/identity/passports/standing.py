"""What a session token stands for, and what its holder may do right now."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, null, select, union_all
from sqlalchemy.orm import Session

from services.chassis.passports import REALM_OF_SYSTEMS
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.identity.api_clients.handlers import may_call
from services.identity.api_clients.models import ApiClient, ApiSecret, ApiSession
from services.identity.employees.entry import admitted
from services.identity.models import Account, Organisation, ResourceAssignment, Role, RolePermission
from services.identity.realms import networks, rules
from services.identity.realms import queries as realms
from services.identity.realms.models import RealmSettings
from services.identity.realms.networks import is_inside
from services.identity.realms.rules import PORTAL_REALMS
from services.identity.registry.accounts import COLUMNS_ONLY
from services.identity.relationships.profiles import permissions_over, profiles_of
from services.identity.secrets.tokens import token_hash
from services.identity.sessions.models import LoginSession


@dataclass(frozen=True)
class Standing:
    """A session that holds, and what its account may do right now."""

    session_id: str
    last_seen_at: datetime.datetime
    account_id: str
    organisation_id: str
    organisation_key: str
    realm: str
    permissions: list[str]
    scope: Mapping[str, Any] = field(default_factory=dict)
    proven_at: datetime.datetime | None = None

    def claims(self) -> dict[str, Any]:
        """As claims of a passport."""
        return {
            "sub": self.account_id,
            "org": self.organisation_id,
            "org_key": self.organisation_key,
            "realm": self.realm,
            "perms": self.permissions,
            "scope": self.scope,
            "sid": self.session_id,
            "prov": None if self.proven_at is None else int(self.proven_at.timestamp()),
        }


def standing_of(session: Session, token: str, settings: Any, client_address: str | None = None) -> Standing:
    """What a session token stands for, in two statements. Run in a session of no organisation.

    Raises Refused(unauthenticated) for a token that is unknown, whose session has ended, is idle or has
    expired, whose account is disabled, or that is used from outside the realm's networks (S2-133).
    """
    found = session.execute(
        select(
            LoginSession.id,
            LoginSession.last_seen_at,
            LoginSession.expires_at,
            LoginSession.proven_at,
            LoginSession.emergency,
            Account,
            Role,
            Organisation,
            RealmSettings,
        )
        .join(Account, Account.id == LoginSession.account_id)
        .outerjoin(Role, Role.id == Account.role_id)
        .join(Organisation, Organisation.id == Account.organisation_id)
        .outerjoin(
            RealmSettings,
            and_(
                RealmSettings.organisation_id == Account.organisation_id,
                RealmSettings.realm == Account.realm,
            ),
        )
        .where(
            LoginSession.token_hash == token_hash(token),
            LoginSession.ended_at.is_(None),
            Account.state == "active",
        )
        .options(*COLUMNS_ONLY)
    ).one_or_none()
    if found is None:
        raise _unauthenticated()
    session_id, last_seen_at, expires_at, proven_at, emergency, account = found[:6]
    role, organisation, realm_settings = found[6:]
    now = utc_now()
    realm_rules = realms.rules_from(realm_settings, account.realm)
    idle_minutes = realms.idle_minutes(realm_rules, account.realm, settings)
    if not is_inside(client_address, realm_rules.allowed_networks):
        raise _unauthenticated()
    if now >= expires_at or now - last_seen_at >= datetime.timedelta(minutes=idle_minutes):
        raise _unauthenticated()
    permissions, scope = reach(session, account, role, organisation, now)
    if account.person_id:
        scope["person_id"] = account.person_id
    if emergency:
        scope["emergency"] = [each for each in emergency if each["until"] > now.timestamp()]
    return Standing(
        session_id,
        last_seen_at,
        account.id,
        organisation.id,
        organisation.key,
        account.realm,
        permissions,
        scope,
        proven_at,
    )


def reach(
    session: Session, account: Account, role: Role | None, organisation: Organisation, now: datetime.datetime
) -> tuple[list[str], dict[str, Any]]:
    """What an account may do now, and on what: its permissions and the scope of its passport.

    A provider reaches its resources; an account of a portal the profiles that are granted to it, each with its own
    permissions. An account without a role that is of no portal reaches nothing.
    """
    if account.realm in PORTAL_REALMS:
        profiles = admitted(session, account, profiles_of(session, account.id, now), now)
        return permissions_over(profiles), {"profiles": profiles}
    if role is None:
        return [], {}
    held, resources = _held(session, role, account.id)
    permissions = rules.effective_permissions(role.realm, held, _switches(account), organisation.features)
    if role.realm != rules.PROVIDER:
        return permissions, {}
    return permissions, {
        "resources": resources if permissions else [],
        "details": account.can_access_details,
    }


def _unauthenticated() -> Refused:
    return Refused("unauthenticated", "The session has ended. Log in again.")


def _switches(account: Account) -> dict[str, bool]:
    return {"can_edit_capacity": account.can_edit_capacity, "can_change_status": account.can_change_status}


def _held(session: Session, role: Role, account_id: str) -> tuple[list[str], list[dict[str, str]]]:
    """The role's permissions and, of a provider, the resources that are assigned and not suspended."""
    permissions = select(RolePermission.permission, null().label("level")).where(
        RolePermission.role_id == role.id
    )
    if role.realm != rules.PROVIDER:
        return [permission for permission, _ in session.execute(permissions)], []
    resources = select(ResourceAssignment.resource_id, ResourceAssignment.resource_level).where(
        ResourceAssignment.account_id == account_id, ResourceAssignment.suspended_at.is_(None)
    )
    rows: Sequence[Any] = session.execute(union_all(permissions, resources)).all()
    return [value for value, level in rows if level is None], [
        {"id": value, "level": level} for value, level in rows if level
    ]


def standing_of_client(session: Session, token: str, client_address: str | None) -> Standing:
    """What a system's token stands for: its scopes, nothing more. Run in a session of no organisation.

    Raises Refused(unauthenticated) for a token that is unknown or has expired, whose secret or client has ended, or
    that is used from outside the client's networks.
    """
    found = session.execute(
        select(ApiSession, ApiClient, ApiSecret, Organisation)
        .join(ApiClient, ApiClient.id == ApiSession.client_id)
        .join(ApiSecret, ApiSecret.id == ApiSession.secret_id)
        .join(Organisation, Organisation.id == ApiClient.organisation_id)
        .where(ApiSession.token_hash == token_hash(token))
    ).one_or_none()
    now = utc_now()
    if (
        found is None
        or found[0].expires_at <= now
        or not may_call(found[1], found[2], now)
        or not networks.is_inside(client_address, found[1].allowed_networks)
    ):
        raise Refused("unauthenticated", "The token has ended. Ask for another one.")
    api_session, client, _, organisation = found
    return Standing(
        session_id=api_session.id,
        last_seen_at=now,
        account_id=client.id,
        organisation_id=organisation.id,
        organisation_key=organisation.key,
        realm=REALM_OF_SYSTEMS,
        permissions=sorted(client.scopes),
    )
