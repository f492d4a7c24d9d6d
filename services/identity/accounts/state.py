"""Disabling and enabling an account, for whatever reason. Steps inside a transaction; the caller writes the audit row."""

from __future__ import annotations

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.identity import accounts as contract
from services.identity.credentials.invitations import void_links
from services.identity.models import Account
from services.identity.registry.accounts import flush_login
from services.identity.sessions.handlers import end_sessions, void_mail_links


def disable(unit: UnitOfWork, account: Account, *, because: str | None = None) -> None:
    """Disable an account: its sessions and links end in the same transaction.

    `because` is what it follows from, and ends with; None where staff have decided it.
    """
    account.state, account.disabled_for = "disabled", because
    account.version += 1
    end_sessions(unit, account.id, because or "disabled")
    void_links(unit, account.id)
    void_mail_links(unit, account.id)
    unit.publish(contract.account_disabled, account.id, {"account_id": account.id})


def enable(unit: UnitOfWork, account: Account) -> None:
    """Let a disabled account log in again with the password it had. Sessions and links stay ended.

    Raises Refused(login_taken) where another account has its log-in meanwhile.
    """
    account.state, account.disabled_for = account.state_once_enabled, None
    account.version += 1
    flush_login(unit, "account_id")
    unit.publish(contract.account_enabled, account.id, {"account_id": account.id})
