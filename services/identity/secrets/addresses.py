"""Tries counted per address of the caller, whatever login they are for, against one password on a thousand accounts.

An address is stored only as a keyed hash, for at most a day (`housekeeping`); the origins from which an account has logged
in are kept for 90 days, hashed together with the login.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from services.chassis.database import held_or_made
from services.chassis.unit_of_work import UnitOfWork
from services.chassis.wire import CallContext
from services.contracts.addresses import neighbourhood
from services.identity.secrets import rules
from services.identity.secrets.models import Throttle
from services.identity.secrets.rules import Tries
from services.identity.secrets.vault import vault_of

SUFFIX = "@address"
LOGIN, RESET, LINK = f"login{SUFFIX}", f"reset{SUFFIX}", f"link{SUFFIX}"
REGISTRATION = f"register{SUFFIX}"


def count_try(unit: UnitOfWork, kind: str, settings: Any, *, times: int = 1, is_known: bool = False) -> int:
    """Count one try from the caller's address; 0 when it may go on, else the seconds to wait.

    `times` as many tries are allowed as log-ins, for what takes a while before a success is given back. `is_known`: the
    login's owner has logged in from this address before (`tries.knows_origin`).
    A call that did not come through the gateway has no address and is not counted.
    """
    key = _key(unit, kind, settings)
    if key is None:
        return 0
    row = held_throttle(unit, kind, key)
    admission = rules.admit_from_address(
        Tries(row.count, 0, row.last_at), unit.now, settings.tries_per_address * times, is_known=is_known
    )
    row.count, row.last_at = admission.tries.count, admission.tries.last_at
    return admission.retry_after_s


def held_throttle(unit: UnitOfWork, kind: str, key: str) -> Throttle:
    """The row of tries for `key`, locked until the transaction ends, made now if there is none."""
    return held_or_made(unit.session, Throttle, {"kind": kind, "key_hash": key}, {})


def give_back(unit: UnitOfWork, kind: str, settings: Any) -> None:
    """Uncount a try that succeeded, so that people who share an address do not use up each other's tries."""
    key = _key(unit, kind, settings)
    if key is None:
        return
    unit.session.execute(
        update(Throttle)
        .where(Throttle.kind == kind, Throttle.key_hash == key, Throttle.count > 0)
        .values(count=Throttle.count - 1),
        execution_options={"synchronize_session": False},
    )


def origin_of(context: CallContext, key: str, settings: Any) -> str:
    """The name of the caller's origin among those of one login: a keyed hash that differs between logins.

    Without an address, as within this machine, the origin has a name, too.
    """
    address = context.client_address
    place = "" if address is None else neighbourhood(address)
    return vault_of(settings).keyed_hash("origin", f"{key}\0{place}")


def _key(unit: UnitOfWork, kind: str, settings: Any) -> str | None:
    address = unit.context.client_address
    return None if address is None else vault_of(settings).keyed_hash(kind, neighbourhood(address))
