"""What an account of staff or of a provider may do now, by plain columns in one statement.

Gotchas
- These statements name tables, not mapped classes. Nothing limits them to the session's organisation, so each must say
  whose rows it reads.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.identity.models import Account, Organisation, ResourceAssignment, Role, RolePermission
from services.identity.realms import rules

_accounts, _roles, _organisations = Account.__table__, Role.__table__, Organisation.__table__
_held, _assigned = RolePermission.__table__.c, ResourceAssignment.__table__.c
_of_account = _accounts.c

_BLANK: Any = literal_column(
    "' '"
)  # Any: `aggregate_strings` takes columns, too, but is typed to take only str
_COLON: ColumnElement[str] = literal_column("':'")
_PERMISSIONS = (
    select(func.aggregate_strings(_held.permission, _BLANK))
    .where(_held.role_id == _of_account.role_id)
    .correlate(_accounts)
    .scalar_subquery()
)
_RESOURCES = (
    select(func.aggregate_strings(_assigned.resource_id + _COLON + _assigned.resource_level, _BLANK))
    .where(_assigned.account_id == _of_account.id, _assigned.suspended_at.is_(None))
    .correlate(_accounts)
    .scalar_subquery()
)
# What decides about what an account may do.
ACCOUNT_COLUMNS = (
    _of_account.id,
    _of_account.realm,
    _of_account.state,
    _of_account.person_id,
    _of_account.organisation_id,
    _of_account.can_edit_capacity,
    _of_account.can_change_status,
    _of_account.can_access_details,
    _roles.c.realm.label("role_realm"),
    _PERMISSIONS.label("permissions"),
    _RESOURCES.label("resources"),
    _organisations.c.features,
)
_ACCOUNT = (
    select(*ACCOUNT_COLUMNS)
    .select_from(
        _accounts.join(_organisations, _organisations.c.id == _of_account.organisation_id).outerjoin(
            _roles, _roles.c.id == _of_account.role_id
        )
    )
    .where(
        _of_account.id == bindparam("account_id"), _of_account.organisation_id == bindparam("organisation_id")
    )
)


def account_row(session: Session, caller: Caller, account_id: str) -> Any:
    """ACCOUNT_COLUMNS of an existing account of the caller's organisation."""
    parameters = {"account_id": account_id, "organisation_id": caller.organisation_id}
    return session.execute(_ACCOUNT, parameters).one()


def held_by(account: Any) -> tuple[list[str], dict[str, Any]]:
    """What an account holds by its role and switches, and on what: permissions and scope. `account` is an `account_row`.

    A provider reaches its resources. An account without a role holds nothing.
    """
    if account.role_realm is None:
        return [], {}
    held = (account.permissions or "").split()
    permissions = rules.effective_permissions(
        account.role_realm, held, rules.switched_on(account), account.features
    )
    if account.role_realm != rules.PROVIDER:
        return permissions, {}
    resources = [each.partition(":") for each in sorted((account.resources or "").split())]
    return permissions, {
        "resources": [{"id": value, "level": level} for value, _, level in resources] if permissions else [],
        "details": account.can_access_details,
    }


def may(session: Session, caller: Caller, account_id: str, permission: str) -> bool:
    """Whether a member of the staff or a provider has this permission now, as its next passport would say."""
    account = account_row(session, caller, account_id)
    held, _ = held_by(account)
    return permission in rules.in_force(held, account.features)
