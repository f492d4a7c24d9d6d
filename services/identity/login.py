"""What happens around a password, outside of any transaction: look up, count the try, hash; then commit."""

from __future__ import annotations

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity import credentials, queries, rules
from services.identity.models import Account, Organisation
from services.identity.password_rules import check_password
from services.identity.passwords import hash_password, password_matches
from services.identity.tokens import throttle_key


def verified(call: Call) -> tuple[Organisation, Account]:
    """Organisation and account of a log-in whose password is right.

    The same statements, hash and answer whether or not the account exists. Each try leaves one audit row:
    here when it fails, with the session when it succeeds. Raises Refused(too_many_requests, credentials_refused).
    """
    organisation, account, key = _look_up(call)
    _count(call, credentials.LOGIN, key, rules.LOGIN_LIMIT, organisation)
    password = _take_password(call)
    is_right = password_matches(password, account.password_hash if account else None)
    if not is_right or organisation is None or account is None or account.state != "active":
        _audit(call, organisation, "session.refused", key)
        raise credentials.credentials_refused()
    return organisation, account


def reset_target(call: Call) -> tuple[Organisation | None, Account | None]:
    """Organisation and account that a reset is asked for, None where there is none.

    Raises Refused(too_many_requests).
    """
    organisation, account, key = _look_up(call)
    _count(call, credentials.RESET, key, rules.RESET_LIMIT, organisation)
    return organisation, account


def new_password_hash(call: Call) -> str:
    """The hash of the password that a link's holder has chosen.

    Nothing is hashed for a token that does not hold. Raises Refused(link_refused, password_refused).
    """
    password = _take_password(call)
    with call.runtime.database.reading(None) as session:
        found = queries.find_link(session, call.request["token"])
    if found is None or queries.link_state(found[0]) != "usable":
        raise credentials.link_refused()
    _, account, organisation = found
    names = (organisation.name, organisation.key, account.login, account.first_name, account.last_name)
    check_password(password, [name for name in names if name])
    return hash_password(password)


def _look_up(call: Call) -> tuple[Organisation | None, Account | None, str]:
    organisation_key, login = call.request["organisation"], rules.normal_login(call.request["login"])
    with call.runtime.database.reading(None) as session:
        organisation, account = queries.find_login(session, organisation_key, login)
    return organisation, account, throttle_key(organisation_key, login)


def _take_password(call: Call) -> str:
    """The password, taken out of the request: what stays there is fingerprinted with a fast hash."""
    request = dict(call.request)
    password: str = request.pop("password")
    call.request = request
    return password


def _count(call: Call, kind: str, key: str, limit: rules.Limit, organisation: Organisation | None) -> None:
    wait_s = call.transact(lambda unit: credentials.count_try(unit, kind, key, limit))
    if wait_s:
        _audit(call, organisation, f"{kind}.throttled", key)
        raise Refused(
            "too_many_requests", "Too many tries. Wait, or ask for a new password.", retry_after_s=wait_s
        )


def _audit(call: Call, organisation: Organisation | None, action: str, key: str) -> None:
    """One audit row about a login that may not exist: its key stands for it, the row tells no name."""

    def work(unit: UnitOfWork) -> None:
        if organisation is not None:
            unit.act_for(organisation.id, organisation.key)
        unit.audit(action, "login", key)

    call.transact(work)
