"""Correcting the name and the e-mail of a member of the staff or of a provider."""

from __future__ import annotations

from typing import Any

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.credentials.invitations import invite
from services.identity.credentials.login_changes import change_account_email
from services.identity.credentials.rules import VERIFY_EMAIL
from services.identity.realms import granting
from services.identity.realms.rules import WORKFORCE_REALMS
from services.identity.registry.accounts import account_view, load_account


def edit_account(
    unit: UnitOfWork,
    *,
    account_id: str,
    first_name: str | None = None,
    last_name: str | None = None,
    email: str | None = None,
) -> dict[str, Any]:
    """Correct the name or the e-mail, which is the log-in. What is None stays.

    A changed e-mail ends the account's sessions and links; a notice goes to the address before, and a link that verifies
    the new one goes there. Raises Refused(not_found, version_conflict, not_a_workforce_account, right_not_held,
    proof_required, login_taken).
    """
    account = load_account(unit, account_id)
    unit.require_version(account)
    granting.require_account_held(unit, account)
    if account.realm not in WORKFORCE_REALMS:
        raise Refused(
            "not_a_workforce_account",
            "Its name and e-mail are those of the person's record: change them there.",
            field="account_id",
        )
    given = {"first_name": first_name, "last_name": last_name}
    names = [name for name, value in given.items() if value not in (None, getattr(account, name))]
    for name in names:
        setattr(account, name, given[name])
    if names:
        account.version += 1
        unit.audit("account.renamed", "account", account.id, members=names)
    if email not in (None, account.email):
        change_account_email(unit, account, email)
        if account.state == "active" and account.last_login_at is not None:
            invite(unit, account, VERIFY_EMAIL)
    return account_view(account)
