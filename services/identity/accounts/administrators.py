"""An organisation keeps at least one active administrator, who can manage its accounts."""

from __future__ import annotations

from sqlalchemy import func, select

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.models import Account, Organisation, Role
from services.identity.realms.rules import STAFF

ADMINISTRATOR = "admin"


def is_administrator(account: Account) -> bool:
    """Whether the account is an administrator who can log in now."""
    role = account.role
    return (
        account.state == "active" and role is not None and (role.realm, role.code) == (STAFF, ADMINISTRATOR)
    )


def require_another_administrator(unit: UnitOfWork, account: Account) -> None:
    """Call this before an account stops being an active administrator. Raises Refused(last_administrator).

    The organisation's row is locked first. When two administrators disable each other at the same instant, the second
    waits here and then sees what the first has done.
    """
    if not is_administrator(account):
        return
    unit.session.scalars(
        select(Organisation.id).where(Organisation.id == account.organisation_id).with_for_update()
    ).one()
    others = unit.session.scalar(
        select(func.count())
        .select_from(Account)
        .join(Role, Role.id == Account.role_id)
        .where(
            Account.organisation_id == account.organisation_id,
            Account.id != account.id,
            Account.state == "active",
            Role.realm == STAFF,
            Role.code == ADMINISTRATOR,
        )
    )
    if not others:
        raise Refused(
            "last_administrator",
            "This is the organisation's last active administrator: give somebody else the level admin first, "
            "who has set a password.",
            field="account_id",
        )
