"""Tries for one key, such as a login, which all replicas count together. Steps inside a transaction."""

from __future__ import annotations

from sqlalchemy import delete

from services.chassis.unit_of_work import UnitOfWork
from services.identity.models import Account, Organisation
from services.identity.secrets import addresses, rules
from services.identity.secrets.models import Throttle
from services.identity.secrets.tokens import throttle_key

LOGIN, RESET = "login", "reset"


def count_try(unit: UnitOfWork, kind: str, key: str, limit: rules.Limit) -> int:
    """Count one try for `key`; 0 when it may go on, else the seconds to wait."""
    row = addresses.held_throttle(unit, kind, key)
    admission = rules.admit_try(rules.Tries(row.count, row.in_a_row, row.last_at), unit.now, limit)
    row.count, row.in_a_row, row.last_at = (
        admission.tries.count,
        admission.tries.in_a_row,
        admission.tries.last_at,
    )
    return admission.retry_after_s


def forget_tries(unit: UnitOfWork, organisation: Organisation, account: Account) -> None:
    """Clear an account's failed log-ins, once its owner has logged in or proven who they are."""
    key = throttle_key(organisation.key, account.login_space, account.login)
    unit.session.execute(delete(Throttle).where(Throttle.kind == LOGIN, Throttle.key_hash == key))
