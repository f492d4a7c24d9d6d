"""Questions to identity: they only read. Sessions are limited to one organisation unless said otherwise."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, null, or_, select, union_all
from sqlalchemy.orm import Session, lazyload

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.identity import rules
from services.identity.access.models import ApiClient
from services.identity.access.rules import is_inside
from services.identity.authors import authors_among
from services.identity.employees.entry import admitted
from services.identity.models import (
    ACCOUNTS_BY_NAME,
    Account,
    CredentialLink,
    LoginSession,
    Organisation,
    ResourceAssignment,
    Role,
    RolePermission,
)
from services.identity.pages import page_of
from services.identity.patients.rules import has_username
from services.identity.people import realms
from services.identity.people.models import RealmSettings
from services.identity.people.profiles import permissions_over, profiles_of
from services.identity.people.rules import (
    LINK,
    PORTAL_REALMS,
    TEMPORARY_PASSWORD,
    VERIFY_EMAIL,
    WORKFORCE,
)
from services.identity.tokens import temporary_password_hash, token_hash

Request = Mapping[str, Any]
# Where only an account's own columns are needed its role and assignments are not read along.
COLUMNS_ONLY = (lazyload(Account.role), lazyload(Account.assignments))


def account_view(account: Account) -> dict[str, Any]:
    """The members of the contract's Account. Provider settings show only at the saved provider level (S0-19)."""
    view = {
        "id": account.id,
        "version": account.version,
        "login": account.login,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "realm": account.realm,
        "security_level": account.role.code if account.role else None,
        "state": account.state,
        "email_is_verified": account.email_verified_at is not None,
        "wants_resource_assigned_emails": account.wants_resource_assigned_emails,
        "last_login_at": account.last_login_at,
    }
    if account.realm == rules.PROVIDER:
        view["resources"] = account.assignments_in_effect
        view["switches"] = account
    return view


def organisation_view(organisation: Organisation) -> dict[str, Any]:
    """The members of the contract's Organisation."""
    return {
        "id": organisation.id,
        "key": organisation.key,
        "name": organisation.name,
        "version": organisation.version,
        "features": organisation.features,
    }


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


def describe_me(session: Session, caller: Caller, _request: Request) -> dict[str, Any]:
    """The caller's own account with what it may do."""
    account = find_account(session, caller.id)
    organisation = find_organisation(session, caller.organisation_id)
    permissions, scope = reach(session, account, account.role, organisation, utc_now())
    return account_view(account) | {
        "organisation_key": organisation.key,
        "organisation_name": organisation.name,
        "permissions": permissions,
        "profiles": scope.get("profiles", []),
    }


def get_organisation(session: Session, caller: Caller, _request: Request) -> dict[str, Any]:
    """The caller's organisation."""
    return organisation_view(find_organisation(session, caller.organisation_id))


def get_account(session: Session, _caller: Caller, request: Request) -> dict[str, Any]:
    """One account. Raises Refused(not_found)."""
    return account_view(find_account(session, request["account_id"]))


def list_accounts(session: Session, _caller: Caller, request: Request) -> dict[str, Any]:
    """Accounts by last and first name. The cursor is an account's id: names do not belong into addresses."""
    page, following = page_of(session, select(Account), ACCOUNTS_BY_NAME, Account.id, request)
    return {"items": [account_view(row) for row in page], "next": following}


def find_login(
    session: Session, organisation_key: str, login: str, login_space: str = WORKFORCE
) -> tuple[Organisation | None, Account | None]:
    """Organisation and account of a login, None for what does not exist. The session is of no organisation.

    Both statements are always run, so that an unknown organisation takes as long as a known one.
    """
    organisation = session.scalar(select(Organisation).where(Organisation.key == organisation_key))
    organisation_id = organisation.id if organisation else ""
    account = session.scalar(
        select(Account)
        .where(
            Account.organisation_id == organisation_id,
            Account.login_space == login_space,
            Account.login == login,
        )
        .options(*COLUMNS_ONLY)
    )
    return organisation, account


def find_link(session: Session, token: str) -> tuple[CredentialLink, Account, Organisation] | None:
    """A link in whatever state, with its account and organisation. Run in a session of no organisation."""
    found = session.execute(
        select(CredentialLink, Account, Organisation)
        .join(Account, Account.id == CredentialLink.account_id)
        .join(Organisation, Organisation.id == CredentialLink.organisation_id)
        .where(CredentialLink.token_hash == token_hash(token), CredentialLink.kind == LINK)
        .options(*COLUMNS_ONLY)
    ).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


def find_temporary_password(session: Session, account_id: str, password: str) -> str | None:
    """Id of the account's temporary password if this is it and it still holds. Run in a session of no organisation."""
    found: str | None = session.scalar(
        select(CredentialLink.id).where(
            CredentialLink.token_hash == temporary_password_hash(account_id, password),
            CredentialLink.kind == TEMPORARY_PASSWORD,
            CredentialLink.account_id == account_id,
            CredentialLink.used_at.is_(None),
            CredentialLink.void_at.is_(None),
            CredentialLink.expires_at > utc_now(),
        )
    )
    return found


def link_state(link: CredentialLink) -> str:
    """`usable`, `expired` or `used_or_void`."""
    if link.used_at is not None or link.void_at is not None:
        return "used_or_void"
    return "usable" if link.expires_at > utc_now() else "expired"


def inspect_link(session: Session, _caller: None, request: Request) -> dict[str, Any]:
    """What a link is for and whether it can be used. Raises Refused(not_found)."""
    found = find_link(session, request["token"])
    if found is None:
        raise Refused("not_found", "There is no such link.")
    link, account, _ = found
    needs_username = link.purpose != VERIFY_EMAIL and not has_username(account.login)
    return {"purpose": link.purpose, "state": link_state(link), "needs_username": needs_username}


def list_resource_recipients(session: Session, caller: Caller, request: Request) -> dict[str, Any]:
    """Active provider accounts with one of the resources that want the e-mail (S0-41), or that may edit its capacity.

    Nobody while the portal is closed.
    """
    concerned = (
        Account.can_edit_capacity
        if request["about"] == "capacity"
        else Account.wants_resource_assigned_emails
    )
    organisation = find_organisation(session, caller.organisation_id)
    statement = (
        select(Account.id, Account.email_verified_at)
        .join(Role, Role.id == Account.role_id)
        .where(
            Account.state == "active",
            concerned.is_(True),
            Role.realm == rules.PROVIDER,
            Account.id.in_(
                select(ResourceAssignment.account_id).where(
                    ResourceAssignment.resource_id.in_(request["resource_ids"]),
                    ResourceAssignment.suspended_at.is_(None),
                    ResourceAssignment.organisation_id == caller.organisation_id,
                )
            ),
        )
        .order_by(Account.id)
    )
    rows: Sequence[Any] = (
        session.execute(statement).all() if rules.portal_is_open(organisation.features) else []
    )
    recipients = [
        {"account_id": row.id, "email_is_verified": row.email_verified_at is not None} for row in rows
    ]
    return {"organisation_name": organisation.name, "recipients": recipients}


def describe_account(session: Session, caller: Caller, request: Request) -> dict[str, Any]:
    """Name and address of an account, for a service. Raises Refused(not_found)."""
    account = find_account(session, request["account_id"])
    organisation = find_organisation(session, caller.organisation_id)
    return {
        "account_id": account.id,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "email": account.email,
        "email_is_verified": account.email_verified_at is not None,
        "realm": account.realm,
        "person_id": account.person_id,
        "state": account.state,
        "organisation_name": organisation.name,
        "features": organisation.features,
    }


def describe_authors(session: Session, caller: Caller, request: Request) -> dict[str, Any]:
    """Accounts and API clients as others may know them, whatever their state, in three statements (MARKET R-7)."""
    organisation = find_organisation(session, caller.organisation_id)
    authors = authors_among(session, set(request["account_ids"]))
    return {"organisation_name": organisation.name, "authors": authors}


def check_permission(session: Session, caller: Caller, request: Request) -> dict[str, bool]:
    """Whether an account or API client may do something now, by what its next passport would say."""
    account = session.scalar(
        select(Account).where(Account.id == request["account_id"], Account.state == "active")
    )
    if account is not None:
        organisation = find_organisation(session, caller.organisation_id)
        permissions, _ = reach(session, account, account.role, organisation, utc_now())
        return {"is_allowed": request["permission"] in permissions}
    client = session.scalar(
        select(ApiClient).where(
            ApiClient.id == request["account_id"],
            ApiClient.revoked_at.is_(None),
            or_(ApiClient.expires_at.is_(None), ApiClient.expires_at > utc_now()),
        )
    )
    return {"is_allowed": client is not None and request["permission"] in client.scopes}


def find_account(session: Session, account_id: str) -> Account:
    """The account. Raises Refused(not_found)."""
    account: Account | None = session.scalar(select(Account).where(Account.id == account_id))
    if account is None:
        raise Refused("not_found", "There is no such account.")
    return account


def find_organisation(session: Session, organisation_id: str | None) -> Organisation:
    """The organisation. Raises Refused(not_found)."""
    organisation: Organisation | None = session.scalar(
        select(Organisation).where(Organisation.id == organisation_id)
    )
    if organisation is None:
        raise Refused("not_found", "There is no such organisation.")
    return organisation
