"""Links with which people act from a mail, without signing in (see MAIL_ACTIONS).

Only the hash of a token is stored. A link is asked with every request whether it still holds, as a session is: it ends after
seven days, when the organisation switches acting from mails off, and when its account is disabled or has another address,
log-in or role. The service that owns the object compares the state for which it was made (`Caller.require_state`), so what
was done once ends all links to the same.
"""

from __future__ import annotations

import datetime
import hashlib
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import Database, FetchOne
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.identity.passports import ACT_FROM_MAIL, MAIL_ACTIONS
from services.identity.accounts.workforce import ACCOUNT_COLUMNS
from services.identity.models import Account, Organisation, Role
from services.identity.passports.consents import CONSENTS_DUE
from services.identity.passports.standing import Standing, account_standing, permissions_and_scope
from services.identity.realms.models import RealmSettings
from services.identity.realms.networks import admits
from services.identity.realms.rules import PORTAL_REALMS
from services.identity.registry.accounts import find_account
from services.identity.registry.organisations import find_organisation
from services.identity.secrets.tokens import new_token, token_hash
from services.identity.sessions.models import MailLink

LASTS = datetime.timedelta(days=7)
TOKEN_MARK = "mail_"  # noqa: S105 - how such a token begins
_links, _accounts, _roles = MailLink.__table__.c, Account.__table__, Role.__table__
_organisations, _realm_settings = Organisation.__table__, RealmSettings.__table__

_LINK = (
    select(
        *ACCOUNT_COLUMNS,
        _accounts.c.email,
        _accounts.c.login,
        _accounts.c.role_id,
        _links.purpose,
        _links.object_id,
        _links.object_state,
        _links.holder_mark,
        _links.expires_at,
        _links.void_at,
        _organisations.c.key.label("organisation_key"),
        _organisations.c.name.label("organisation_name"),
        _realm_settings.c.allowed_networks,
        CONSENTS_DUE,
    )
    .select_from(
        MailLink.__table__.join(_accounts, _accounts.c.id == _links.account_id)
        .join(_organisations, _organisations.c.id == _accounts.c.organisation_id)
        .outerjoin(_roles, _roles.c.id == _accounts.c.role_id)
        .outerjoin(
            _realm_settings,
            and_(
                _realm_settings.c.organisation_id == _accounts.c.organisation_id,
                _realm_settings.c.realm == _accounts.c.realm,
            ),
        )
    )
    .where(_links.token_hash == bindparam("token_hash"))
)


def is_mail_token(token: str) -> bool:
    """Whether a token belongs to the link of a mail, not to a session."""
    return token.startswith(TOKEN_MARK)


def mint_mail_link(
    unit: UnitOfWork,
    public_url: str,
    *,
    account_id: str,
    message_id: str,
    purpose: str,
    object_id: str,
    object_state: str,
) -> dict[str, Any]:
    """Make a link, or none where the organisation allows none or the account may not do it. Raises Refused `not_found`."""
    account = find_account(unit.session, account_id)
    organisation = find_organisation(unit.session, unit.organisation_id)
    if account.state != "active" or ACT_FROM_MAIL not in organisation.features:
        return {"link": None}
    assert unit.caller is not None  # noqa: S101 - only notifications calls
    permissions, _ = account_standing(unit.session, unit.caller, account.id, unit.now)
    if MAIL_ACTIONS[purpose].permissions[0] not in permissions:
        return {"link": None}
    unit.session.execute(
        update(MailLink)
        .where(MailLink.message_id == message_id, MailLink.void_at.is_(None))
        .values(void_at=unit.now),
        execution_options={"synchronize_session": False},
    )
    token = TOKEN_MARK + new_token()
    link = MailLink(
        id=wire.new_id(),
        account_id=account.id,
        message_id=message_id,
        purpose=purpose,
        object_id=object_id,
        object_state=object_state,
        holder_mark=_mark_of(account),
        token_hash=token_hash(token),
        created_at=unit.now,
        expires_at=unit.now + LASTS,
    )
    unit.add(link)
    unit.audit("mail_link.made", "account", account.id, purpose=purpose, link_id=link.id)
    where = urlencode({"organisation": organisation.key, "realm": account.realm})
    # The token is in the fragment, which browsers do not send: no log, proxy or Referer contains it.
    return {"link": f"{public_url.rstrip('/')}/act?{where}#token={token}"}


def inspect_mail_link(session: Session, _caller: Caller | None, *, token: str) -> dict[str, Any]:
    """What a link is for, and whether it can be used. Raises Refused `not_found`."""
    row = session.execute(_LINK, {"token_hash": token_hash(token), "now": utc_now()}).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no such link.")
    ended = "expired" if row.expires_at <= utc_now() else "ended"
    return {
        "purpose": row.purpose,
        "object_id": row.object_id,
        "state": "usable" if _holds(row) else ended,
        "organisation_key": row.organisation_key,
        "organisation_name": row.organisation_name,
        "realm": row.realm,
    }


def standing_of_link(
    database: Database, fetch_one: FetchOne, token: str, client_address: str | None
) -> Standing | None:
    """What the holder of a link may do now, None for one that is unknown or does not hold any more."""
    row = fetch_one(_LINK, {"token_hash": token_hash(token), "now": utc_now()})
    if row is None or not admits(client_address, row.allowed_networks or ()):
        return None
    if not _holds(row):
        return None
    action = MAIL_ACTIONS[row.purpose]
    with database.reading(None) as session:
        permissions, scope = permissions_and_scope(session, row, utc_now())
    return Standing(
        session_id=None,
        last_seen_at=utc_now(),
        account_id=row.id,
        organisation_id=row.organisation_id,
        organisation_key=row.organisation_key,
        realm=row.realm,
        permissions=[each for each in permissions if each in action.permissions],
        features=row.features,
        scope=scope | ({"person_id": row.person_id} if row.person_id else {}),
        consents_due=row.realm in PORTAL_REALMS and bool(row.consents_due),
        link={
            "operations": list(action.operations),
            "member": action.member,
            "object_id": row.object_id,
            "state": row.object_state,
        },
    )


def _holds(row: Any) -> bool:
    """Whether a link holds: it is of now, of the account as it was, and the organisation allows it."""
    return (
        row.void_at is None
        and utc_now() < row.expires_at
        and row.state == "active"
        and ACT_FROM_MAIL in row.features
        and row.holder_mark == _mark_of(row)
    )


def _mark_of(account: Any) -> str:
    """A hash of what a link depends on of its account: address, log-in, role."""
    return hashlib.sha256(f"{account.email}\0{account.login}\0{account.role_id}".encode()).hexdigest()
