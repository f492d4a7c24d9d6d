"""What a token stands for now, and what an account may do now.

Every request asks anew, so that a revocation takes effect with the next request. The statements are therefore built
once, here, and read plain columns: building and keying a statement for each request takes ten times as long as it runs.

Gotchas
- These statements name tables, not mapped classes. Nothing limits them to the session's organisation, so each must say
  whose rows it reads.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, bindparam, select
from sqlalchemy.orm import Session

from services.chassis.database import Database, FetchOne
from services.chassis.passports import REALM_OF_SYSTEMS, Caller
from services.chassis.unit_of_work import utc_now
from services.identity.accounts.workforce import ACCOUNT_COLUMNS, account_row, held_by
from services.identity.api_clients.handlers import is_api_token
from services.identity.api_clients.models import ApiClient, ApiSecret, ApiSession
from services.identity.employees.entry import admitted
from services.identity.models import Account, Organisation, Role
from services.identity.passports.consents import CONSENTS_DUE
from services.identity.realms import rules
from services.identity.realms.models import RealmSettings
from services.identity.realms.networks import admits
from services.identity.realms.rules import PORTAL_REALMS
from services.identity.relationships.profiles import permissions_over, profiles_of
from services.identity.secrets.rules import CLOCKS_APART
from services.identity.secrets.tokens import token_hash
from services.identity.sessions.models import LoginSession

_accounts, _roles, _organisations = Account.__table__, Role.__table__, Organisation.__table__
_sessions, _realm_settings = LoginSession.__table__, RealmSettings.__table__
_of_account = _accounts.c

_SESSION = (
    select(
        *ACCOUNT_COLUMNS,
        _sessions.c.id.label("session_id"),
        _sessions.c.last_seen_at,
        _sessions.c.expires_at,
        _sessions.c.proven_at,
        _sessions.c.emergency,
        _organisations.c.key.label("organisation_key"),
        _realm_settings.c.session_idle_minutes,
        _realm_settings.c.allowed_networks,
        CONSENTS_DUE,
    )
    .select_from(
        _sessions.join(_accounts, _of_account.id == _sessions.c.account_id)
        .join(_organisations, _organisations.c.id == _of_account.organisation_id)
        .outerjoin(_roles, _roles.c.id == _of_account.role_id)
        .outerjoin(
            _realm_settings,
            and_(
                _realm_settings.c.organisation_id == _of_account.organisation_id,
                _realm_settings.c.realm == _of_account.realm,
            ),
        )
    )
    .where(
        _sessions.c.token_hash == bindparam("token_hash"),
        _sessions.c.ended_at.is_(None),
        _of_account.state == "active",
    )
)
_API_SESSION = (
    select(
        ApiSession.__table__.c.id,
        ApiSession.__table__.c.expires_at,
        ApiSecret.__table__.c.expires_at.label("secret_expires_at"),
        ApiClient.__table__.c.id.label("client_id"),
        ApiClient.__table__.c.expires_at.label("client_expires_at"),
        ApiClient.__table__.c.revoked_at,
        ApiClient.__table__.c.scopes,
        ApiClient.__table__.c.kind,
        ApiClient.__table__.c.allowed_networks,
        _organisations.c.id.label("organisation_id"),
        _organisations.c.key.label("organisation_key"),
        _organisations.c.features,
    )
    .select_from(
        ApiSession.__table__.join(
            ApiClient.__table__, ApiClient.__table__.c.id == ApiSession.__table__.c.client_id
        )
        .join(ApiSecret.__table__, ApiSecret.__table__.c.id == ApiSession.__table__.c.secret_id)
        .join(_organisations, _organisations.c.id == ApiClient.__table__.c.organisation_id)
    )
    .where(ApiSession.__table__.c.token_hash == bindparam("token_hash"))
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A session or the link of a mail that holds, and what its account may do now.

    `link` is what a link admits: operations, member, object_id and state. A link has no session.
    """

    session_id: str | None
    last_seen_at: datetime.datetime
    account_id: str
    organisation_id: str
    organisation_key: str
    realm: str
    permissions: list[str]
    features: Sequence[str]
    scope: Mapping[str, Any] = field(default_factory=dict)
    proven_at: datetime.datetime | None = None
    consents_due: bool = False
    link: Mapping[str, Any] | None = None

    def claims(self, audience: str) -> dict[str, Any]:
        """The claims of its passport. In identity, where rights are given, all that is held counts; elsewhere what is in force."""
        is_at_home = audience == "identity"
        claims = {
            "sub": self.account_id,
            "org": self.organisation_id,
            "org_key": self.organisation_key,
            "realm": self.realm,
            "perms": self.permissions if is_at_home else rules.in_force(self.permissions, self.features),
            "scope": self.scope,
            "sid": self.session_id,
            "prov": None if self.proven_at is None else int(self.proven_at.timestamp()),
        }
        if self.consents_due:
            claims["consents_due"] = True
        return claims | {"link": self.link} if self.link else claims


def standing_of(
    database: Database, fetch_one: FetchOne, token: str, settings: Any, client_address: str | None = None
) -> Standing | None:
    """What the token of a person's session or of an API client stands for.

    None for a token that is unknown, whose session has ended, is idle or has expired, whose account is disabled, or that is
    used from outside the realm's networks (S2-133).
    """
    if is_api_token(token):
        return _of_api_client(fetch_one, token, client_address)
    now = utc_now()
    row = fetch_one(_SESSION, {"token_hash": token_hash(token), "now": now})
    if row is None:
        return None
    networks = row.allowed_networks or ()
    idle_minutes = row.session_idle_minutes or settings.session_idle_minutes.of(row.realm)
    if (
        not admits(client_address, networks)
        or now >= row.expires_at
        or row.last_seen_at - now > CLOCKS_APART  # the clock was set back
        or now - row.last_seen_at >= datetime.timedelta(minutes=idle_minutes)
    ):
        return None
    if row.realm in PORTAL_REALMS:
        with database.reading(None) as session:
            permissions, scope = permissions_and_scope(session, row, now)
    else:
        permissions, scope = held_by(row)
    if row.person_id:
        scope["person_id"] = row.person_id
    if row.emergency:
        scope["emergency"] = [each for each in row.emergency if each["until"] > now.timestamp()]
    return Standing(
        row.session_id,
        row.last_seen_at,
        row.id,
        row.organisation_id,
        row.organisation_key,
        row.realm,
        permissions,
        row.features,
        scope,
        row.proven_at,
        row.realm in PORTAL_REALMS and bool(row.consents_due),
    )


def account_standing(
    session: Session, caller: Caller, account_id: str, now: datetime.datetime
) -> tuple[list[str], dict[str, Any]]:
    """Permissions and scope of an existing account of the caller's organisation, as its next passport would say."""
    account = account_row(session, caller, account_id)
    permissions, scope = permissions_and_scope(session, account, now)
    return rules.in_force(permissions, account.features), scope


def permissions_and_scope(
    session: Session, account: Any, now: datetime.datetime
) -> tuple[list[str], dict[str, Any]]:
    """What an account may do now, and on what: its permissions and the scope of its passport. `account` is a row.

    An account of a portal reaches the profiles that are granted to it, each with its own permissions; any other what it
    holds by its role.
    """
    if account.realm in PORTAL_REALMS:
        profiles = admitted(session, account, profiles_of(session, account.id, now), now)
        return permissions_over(profiles), {"profiles": profiles}
    return held_by(account)


def _of_api_client(fetch_one: FetchOne, token: str, client_address: str | None) -> Standing | None:
    """The standing of an API client: its scopes, and no more."""
    row = fetch_one(_API_SESSION, {"token_hash": token_hash(token)})
    now = utc_now()
    if (
        row is None
        or row.expires_at <= now
        or row.revoked_at is not None
        or not (row.client_expires_at is None or now < row.client_expires_at)
        or not (row.secret_expires_at is None or now < row.secret_expires_at)
        or not admits(client_address, row.allowed_networks)
    ):
        return None
    return Standing(
        session_id=row.id,
        last_seen_at=now,
        account_id=row.client_id,
        organisation_id=row.organisation_id,
        organisation_key=row.organisation_key,
        realm=REALM_OF_SYSTEMS,
        permissions=sorted(row.scopes),
        features=row.features,
        scope={} if row.kind == "normal" else {"client_kind": row.kind},
    )
