"""Attempts to log in or to reset a password: finding the account, counting the try, auditing it.

Called outside of a transaction.
"""

from __future__ import annotations

from collections.abc import Callable

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.spelling import login_key
from services.identity.credentials.invitations import invite_unless_often
from services.identity.credentials.rules import RESET_AFTER_TRIES
from services.identity.models import Account, Organisation
from services.identity.realms.rules import login_space
from services.identity.registry.accounts import find_login
from services.identity.secrets import addresses
from services.identity.secrets.addresses import origin_of
from services.identity.secrets.rules import MAIL_LIMIT, RESET_LIMIT, TELL_LIMIT, TOLD_FROM_S
from services.identity.secrets.tokens import throttle_key
from services.identity.secrets.tries import (
    LOGIN,
    MAIL,
    RESET,
    TOLD,
    count_login,
    count_try,
    is_free,
    knows_origin,
)


def reset_target(call: Call) -> tuple[Organisation | None, Account | None]:
    """The organisation and account that a reset is requested for; None for what does not exist.

    Raises Refused(too_many_requests).
    """
    organisation, account, key = look_up(call)
    origin = origin_of(call.context, key, call.runtime.settings)

    def count(unit: UnitOfWork, _is_known: bool) -> int:
        return count_try(unit, RESET, origin, RESET_LIMIT)

    _count(call, RESET, key, origin, count, organisation)
    return organisation, account


def count_login_attempt(
    call: Call, key: str, organisation: Organisation | None, account: Account | None
) -> None:
    """Count the try to log in, for the login from this origin and for the caller's address.

    Where so many were wrong that the next has to wait long, the account's owner is told. Raises Refused(too_many_requests).
    """
    origin = origin_of(call.context, key, call.runtime.settings)

    def count(unit: UnitOfWork, is_known: bool) -> int:
        wait_s = count_login(unit, key, origin, is_known=is_known)
        if wait_s >= TOLD_FROM_S:
            _tell_owner(unit, key, organisation, account)
        return wait_s

    _count(call, LOGIN, key, origin, count, organisation)


def _tell_owner(
    unit: UnitOfWork, key: str, organisation: Organisation | None, account: Account | None
) -> None:
    """Send the owner of an active account a link that sets another password: it was somebody else, or it was forgotten.

    It is sent once a day, and not within an hour of another message that somebody has caused. Until it is sent, the same is
    done for a login that nobody has: the time of the answer does not tell.
    """
    is_due = is_free(unit, MAIL, account.id if account else key, MAIL_LIMIT)
    if not is_due or count_try(unit, TOLD, key, TELL_LIMIT):
        return
    if organisation is None or account is None or account.state != "active" or account.email is None:
        return
    unit.act_for(organisation.id, organisation.key)
    invite_unless_often(unit, account, RESET_AFTER_TRIES)


def look_up(call: Call) -> tuple[Organisation | None, Account | None, str]:
    """The organisation and account of the requested login, and the key that its tries are counted under.

    Organisation and account are None where they do not exist.
    """
    organisation_key, login = call.request["organisation"], login_key(call.request["login"])
    space = login_space(call.request["realm"])
    with call.runtime.database.reading(None) as session:
        organisation, account = find_login(session, organisation_key, login, space)
    return organisation, account, throttle_key(organisation_key, space, login)


def _count(
    call: Call,
    kind: str,
    key: str,
    origin: str,
    count_for_login: Callable[[UnitOfWork, bool], int],
    organisation: Organisation | None,
) -> None:
    """Count the try for the login and for the caller's address. A try that one of them refuses counts for neither.

    The address refuses strangers only: who has logged in from it before is let through, whatever others have tried there.
    Raises Refused(too_many_requests).
    """
    settings = call.runtime.settings

    def count(unit: UnitOfWork) -> int:
        is_known = knows_origin(unit, key, origin)
        wait_s = addresses.count_try(unit, f"{kind}{addresses.SUFFIX}", settings, is_known=is_known)
        if wait_s == 0:
            wait_s = count_for_login(unit, is_known)
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
