"""The username of a patient's account: chosen by staff, or with the link of an invitation."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity.patients import USERNAME_RULE
from services.identity.models import Account
from services.identity.patients import rules
from services.identity.people.realms import rules_of
from services.identity.people.rules import EMAIL, PATIENT
from services.identity.rules import normal_login


def set_username(unit: UnitOfWork, account: Account, username: str) -> None:
    """Give an account its username. Raises Refused(invalid_request, login_taken)."""
    login = normal_login(username)
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
    """Raise Refused(invalid_request) unless it may be a username; `field` is what the request calls it."""
    if not rules.is_username(normal_login(login)):
        raise Refused("invalid_request", f"{field}: {USERNAME_RULE}", field=field)


def choose_with_link(unit: UnitOfWork, account: Account, username: str | None) -> None:
    """The username that the holder of a link has chosen, needed where none is on file and nowhere else (S3-37).

    Raises Refused(invalid_request, login_taken).
    """
    if rules.has_username(account.login):
        if username is not None:
            raise Refused(
                "invalid_request", "username: one is on file already; leave it out.", field="username"
            )
    elif username is None:
        raise Refused("invalid_request", f"username: choose one: {USERNAME_RULE}", field="username")
    else:
        set_username(unit, account, username)
