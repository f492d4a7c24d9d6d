"""Tries for one key, such as a login, which all replicas count together. Steps inside a transaction.

Who tries is told apart by origin: the caller's address, or its network where one customer has many. What strangers try
somewhere else does not use up the tries of the owner.
"""

from __future__ import annotations

from sqlalchemy import delete

from services.chassis.unit_of_work import UnitOfWork
from services.identity.models import Account, Organisation
from services.identity.secrets import addresses, rules
from services.identity.secrets.models import Throttle
from services.identity.secrets.tokens import throttle_key

LOGIN, FRESH, RESET, MATCH = "login", "login-fresh", "reset", "patient-match"
# Messages to an account that somebody without a log-in has caused, and links asked for with a link that has expired.
# Registrations from one origin, with one organisation, and with one e-mail address.
REGISTRATION, REGISTRATIONS, REGISTRATION_MAIL = "registration", "registrations", "registration-mail"
MAIL, TOLD, RENEWED = "mail", "mail-told", "mail-renewed"
# Kinds of rows for an origin of a login. Their keys begin alike, so that all of one login can be forgotten at once.
FROM_ORIGIN, KNOWN_ORIGIN = "login@origin", "login@known"
_HALF = 32


def count_try(unit: UnitOfWork, kind: str, key: str, limit: rules.Limit) -> int:
    """Count one try for `key`; 0 when it may go on, else the seconds to wait."""
    row = addresses.held_throttle(unit, kind, key)
    admission = rules.admit_try(_tries_of(row), unit.now, limit)
    _keep(row, admission.tries)
    return admission.retry_after_s


def count_login(unit: UnitOfWork, key: str, origin: str, *, is_known: bool) -> int:
    """Count one try to log in from an origin; 0 when it may go on, else the seconds to wait.

    `is_known`: the origin is known to be the owner's, such as a session or one that `knows_origin`.
    """
    of_account = addresses.held_throttle(unit, LOGIN, key)
    of_origin = addresses.held_throttle(unit, FROM_ORIGIN, _key_of_origin(key, origin))
    # Whoever changes it holds the login's row.
    fresh = None if is_known else unit.session.get(Throttle, (FRESH, key))
    fresh_at = fresh.last_at if fresh else None
    before = rules.LoginTries(_tries_of(of_account), _tries_of(of_origin), fresh_at)
    admission = rules.admit_login(before, unit.now, is_known=is_known)
    _keep(of_account, admission.tries.of_account)
    _keep(of_origin, admission.tries.of_origin)
    if admission.tries.fresh_at != fresh_at:
        addresses.held_throttle(unit, FRESH, key).last_at = admission.tries.fresh_at
    return admission.retry_after_s


def is_free(unit: UnitOfWork, kind: str, key: str, limit: rules.Limit) -> bool:
    """Whether one more try for `key` would be let through. It is not counted."""
    row = unit.session.get(Throttle, (kind, key))
    return row is None or rules.admit_try(_tries_of(row), unit.now, limit).is_allowed


def _tries_of(row: Throttle) -> rules.Tries:
    return rules.Tries(row.count, row.in_a_row, row.last_at)


def _keep(row: Throttle, tries: rules.Tries) -> None:
    row.count, row.in_a_row, row.last_at = tries.count, tries.in_a_row, tries.last_at


def knows_origin(unit: UnitOfWork, key: str, origin: str) -> bool:
    """Whether the login's owner has logged in from this origin."""
    return unit.session.get(Throttle, (KNOWN_ORIGIN, _key_of_origin(key, origin))) is not None


def know_origin(unit: UnitOfWork, organisation: Organisation, account: Account, origin: str) -> None:
    """Remember that the account's owner has logged in from this origin."""
    row = addresses.held_throttle(
        unit, KNOWN_ORIGIN, _key_of_origin(key_of_login(organisation, account), origin)
    )
    row.last_at = unit.now


def forget(unit: UnitOfWork, kind: str, key: str) -> None:
    """Forget the tries for `key`."""
    unit.session.execute(delete(Throttle).where(Throttle.kind == kind, Throttle.key_hash == key))


def forget_tries(unit: UnitOfWork, organisation: Organisation, account: Account) -> None:
    """Clear an account's failed log-ins, once its owner has logged in or proven who they are."""
    key = key_of_login(organisation, account)
    unit.session.execute(delete(Throttle).where(Throttle.kind.in_((LOGIN, FRESH)), Throttle.key_hash == key))
    unit.session.execute(
        delete(Throttle).where(
            Throttle.kind == FROM_ORIGIN,
            Throttle.key_hash >= key[:_HALF],
            Throttle.key_hash < key[:_HALF] + "g",  # after every hexadecimal digit
        )
    )


def key_of_login(organisation: Organisation, account: Account) -> str:
    """The key under which the tries to log in to an account are counted."""
    return throttle_key(organisation.key, account.login_space, account.login)


def _key_of_origin(key: str, origin: str) -> str:
    return key[:_HALF] + origin[:_HALF]
