"""Usernames: what is one, and setting it."""

from __future__ import annotations

import re

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity.patients import USERNAME_RULE
from services.contracts.spelling import login_key
from services.identity.models import Account
from services.identity.realms.queries import rules_of
from services.identity.realms.rules import EMAIL, PATIENT

# Begins the login of an account without a username: the column is unique and never empty. No username begins so.
_NO_USERNAME = "-"

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{2,63}")


def no_username(unique: str) -> str:
    """The login of an account without a username. `unique` is any identifier that no other account has."""
    return f"{_NO_USERNAME}{unique}"


def has_username(login: str) -> bool:
    """Whether a login is a username, and not a stand-in for none."""
    return not login.startswith(_NO_USERNAME)


def is_username(login: str) -> bool:
    """Whether a normalised login may be a username. A stand-in for none may not."""
    return _USERNAME.fullmatch(login) is not None


def masked(login: str) -> str | None:
    """A username by which its owner knows it and others do not: its first and last letter. None where there is none."""
    return f"{login[0]}•••{login[-1]}" if has_username(login) else None


def whose(session: Session, account: Account) -> dict[str, str | None]:
    """First name and masked username of an account whose address serves several people, so that each knows their link.

    Both are None where nobody else has the address.
    """
    others = (
        select(Account.id)
        .where(
            Account.organisation_id == account.organisation_id,
            Account.email_key == account.email_key,
            Account.id != account.id,
            or_(Account.person_id.is_(None), Account.person_id != (account.person_id or "")),
            Account.state != "disabled",
        )
        .limit(1)
    )
    is_shared = account.email is not None and session.scalar(others) is not None
    return {
        "first_name": account.first_name if is_shared else None,
        "masked_username": masked(account.login) if is_shared else None,
    }


def set_username(unit: UnitOfWork, account: Account, username: str) -> None:
    """Give an account its username. Raises Refused(invalid_request, login_taken)."""
    login = login_key(username)
    if login == account.login:
        return
    if account.realm != PATIENT or rules_of(unit.session, account.organisation_id, PATIENT).login_id == EMAIL:
        raise Refused("invalid_request", "username: this account logs in with its e-mail.", field="username")
    require_username(login, "username")
    account.login = login
    account.version += 1
    try:
        unit.session.flush()
    except IntegrityError:
        raise Refused("login_taken", "Another patient has this username.", field="username") from None
    unit.audit("account.username_set", "account", account.id, person_id=account.person_id)


def require_username(login: str, field: str) -> None:
    """Raise Refused(invalid_request) unless the login may be a username. `field` is the request's name of it."""
    if not is_username(login_key(login)):
        raise Refused("invalid_request", f"{field}: {USERNAME_RULE}", field=field)


def choose_with_link(unit: UnitOfWork, account: Account, username: str | None) -> None:
    """Set the username that the holder of a link has chosen: needed where none is on file, refused where one is (S3-37).

    Raises Refused(invalid_request, login_taken).
    """
    if has_username(account.login):
        if username is not None:
            raise Refused(
                "invalid_request", "username: one is on file already; leave it out.", field="username"
            )
    elif username is None:
        raise Refused("invalid_request", f"username: choose one: {USERNAME_RULE}", field="username")
    else:
        set_username(unit, account, username)
