"""Attempts to log in or to reset a password: finding the account, counting the try, auditing it.

Called outside of a transaction.
"""

from __future__ import annotations

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.spelling import login_key
from services.identity.models import Account, Organisation
from services.identity.realms.rules import login_space
from services.identity.registry.accounts import find_login
from services.identity.secrets import addresses
from services.identity.secrets.rules import RESET_LIMIT, Limit
from services.identity.secrets.tokens import throttle_key
from services.identity.secrets.tries import RESET, count_try


def reset_target(call: Call) -> tuple[Organisation | None, Account | None]:
    """The organisation and account that a reset is requested for; None for what does not exist.

    Raises Refused(too_many_requests).
    """
    organisation, account, key = look_up(call)
    count_attempt(call, RESET, key, RESET_LIMIT, organisation)
    return organisation, account


def look_up(call: Call) -> tuple[Organisation | None, Account | None, str]:
    """The organisation and account of the requested login, and the key that its tries are counted under.

    Organisation and account are None where they do not exist.
    """
    organisation_key, login = call.request["organisation"], login_key(call.request["login"])
    space = login_space(call.request["realm"])
    with call.runtime.database.reading(None) as session:
        organisation, account = find_login(session, organisation_key, login, space)
    return organisation, account, throttle_key(organisation_key, space, login)


def count_attempt(call: Call, kind: str, key: str, limit: Limit, organisation: Organisation | None) -> None:
    """Count the try for the login and for the caller's address. A try that one of them refuses counts for neither.

    Raises Refused(too_many_requests).
    """
    settings = call.runtime.settings

    def count(unit: UnitOfWork) -> int:
        wait_s = addresses.count_try(unit, f"{kind}{addresses.SUFFIX}", settings)
        if wait_s == 0:
            wait_s = count_try(unit, kind, key, limit)
            if wait_s:
                addresses.give_back(unit, f"{kind}{addresses.SUFFIX}", settings)
        return wait_s

    wait_s = call.transact(count)
    if wait_s:
        audit_attempt(call, organisation, f"{kind}.throttled", key)
        raise Refused(
            "too_many_requests", "Too many tries. Wait, or ask for a new password.", retry_after_s=wait_s
        )


def audit_attempt(call: Call, organisation: Organisation | None, action: str, key: str) -> None:
    """Write one audit row about a login that may not exist. The row has the login's key and no name."""

    def work(unit: UnitOfWork) -> None:
        if organisation is not None:
            unit.act_for(organisation.id, organisation.key)
        unit.audit(action, "login", key)

    call.transact(work)
