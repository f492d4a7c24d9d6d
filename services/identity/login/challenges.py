"""The second step of a log-in: after the right password, the code of a second factor."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.identity.login import handlers, rules
from services.identity.login.models import LoginChallenge
from services.identity.login.verification import Verified
from services.identity.models import Account, Organisation
from services.identity.second_factor import codes
from services.identity.secrets import addresses
from services.identity.secrets.tokens import new_token, token_hash
from services.identity.secrets.vault import vault_of

Found = tuple[LoginChallenge, Account, Organisation]


def refuse_without_code(call: Call, verified: Verified) -> None:
    """Raise Refused(second_factor_required) with a `challenge` where the password alone does not let in.

    `enrolment` says that a second factor has to be set up first (`start_second_factor_at_log_in`). A temporary
    password is replaced in this step, so that the second step need not ask for it again.
    """
    with call.runtime.database.reading(verified.organisation.id) as session:
        account = session.scalars(select(Account).where(Account.id == verified.account.id)).one()
        need = codes.need_of(session, account)
    if not (need.is_enabled or need.is_demanded):
        return
    settings = call.runtime.settings

    def work(unit: UnitOfWork) -> tuple[str, LoginChallenge]:
        organisation, found = verified.organisation, verified.account
        handlers.admit_verified(unit, organisation, found.id, found.password_hash, verified.new_password)
        token = new_token()
        challenge = LoginChallenge(
            id=wire.new_id(),
            account_id=verified.account.id,
            token_hash=token_hash(token),
            created_at=unit.now,
            expires_at=unit.now + rules.CHALLENGE_LIFETIME,
        )
        unit.add(challenge)
        addresses.give_back(unit, addresses.LOGIN, settings)
        unit.audit("session.second_factor_required", "account", verified.account.id)
        return token, challenge

    token, challenge = call.transact(work)
    raise Refused(
        "second_factor_required",
        "The password is right; send a code of your second factor with the challenge to `complete_log_in`.",
        challenge=token,
        expires_at=challenge.expires_at.isoformat(),
        enrolment=not need.is_enabled,
    )


def begin_enrolment(call: Call) -> dict[str, Any]:
    """Set up a second factor for an account that must have one and has none.

    Raises Refused(challenge_refused, second_factor_is_on, too_many_requests).
    """
    _, account, organisation = _open_challenge(call)
    vault = vault_of(call.runtime.settings)

    def work(unit: UnitOfWork) -> dict[str, Any]:
        unit.act_for(organisation.id, organisation.key)
        return codes.begin(unit, account, organisation, vault)

    return dict(call.transact(work))


def complete(call: Call) -> Any:
    """Check the code and start the session, as `log_in` does without a second factor.

    Raises Refused(challenge_refused, credentials_refused, feature_is_off, too_many_requests).
    """
    challenge, account, organisation = _open_challenge(call)
    request = dict(call.request)
    code = request.pop("code")
    call.request = request
    settings = call.runtime.settings
    vault = vault_of(settings)
    with call.runtime.database.reading(organisation.id) as session:
        is_enrolment = codes.confirmed_factor(session, account.id) is None

    def check(unit: UnitOfWork) -> tuple[bool, int]:
        unit.act_for(organisation.id, organisation.key)
        wait_s = codes.count_code_try(unit, account.id)
        if wait_s:
            return False, wait_s
        return codes.use(unit, account.id, code, vault, confirms=is_enrolment), 0

    is_right, wait_s = call.transact(check)
    if wait_s:
        raise Refused(
            "too_many_requests", "Too many wrong codes. Wait, or ask an administrator.", retry_after_s=wait_s
        )
    if not is_right:
        raise Refused("credentials_refused", "The code is wrong, too old, or was used before.", field="code")
    return call.commit(_start_session, challenge.id, account, organisation, settings, is_enrolment)


def _start_session(
    unit: UnitOfWork,
    challenge_id: str,
    account: Account,
    organisation: Organisation,
    settings: Any,
    is_enrolment: bool,
) -> dict[str, Any]:
    unit.act_for(organisation.id, organisation.key)
    used: CursorResult[Any] = unit.session.execute(  # type: ignore[assignment]  # an UPDATE has a cursor
        update(LoginChallenge)
        .where(LoginChallenge.id == challenge_id, LoginChallenge.used_at.is_(None))
        .values(used_at=unit.now),
        execution_options={"synchronize_session": False},
    )
    if used.rowcount != 1:
        raise _refused()
    answer = handlers.start_session(unit, organisation, account.id, account.password_hash, settings)
    if is_enrolment:
        answer["recovery_codes"] = codes.enable(unit, account.id)
    return answer


def _open_challenge(call: Call) -> Found:
    """The challenge of the token in the request, with its account and organisation.

    A wrong token is counted against the caller's address. A right one is let through, whatever others have tried there: it
    cannot be guessed, and its holder knew the password.
    Raises Refused(challenge_refused, too_many_requests).
    """
    settings = call.runtime.settings
    with call.runtime.database.reading(None) as session:
        found = _find(session, call.request["challenge"])
    if found is not None:
        return found
    wait_s = call.transact(lambda unit: addresses.count_try(unit, addresses.LOGIN, settings))
    if wait_s:
        raise Refused("too_many_requests", "Too many tries from this address. Wait.", retry_after_s=wait_s)
    raise _refused()


def _find(session: Session, token: str) -> Found | None:
    found = session.execute(
        select(LoginChallenge, Account, Organisation)
        .join(Account, Account.id == LoginChallenge.account_id)
        .join(Organisation, Organisation.id == LoginChallenge.organisation_id)
        .where(
            LoginChallenge.token_hash == token_hash(token),
            LoginChallenge.used_at.is_(None),
            LoginChallenge.expires_at > utc_now(),
            Account.state == "active",
        )
    ).one_or_none()
    if found is None:
        return None
    challenge, account, organisation = found
    # A password that was set after the challenge began is not the one that was verified.
    is_old = account.password_set_at is not None and account.password_set_at > challenge.created_at
    return None if is_old else (challenge, account, organisation)


def _refused() -> Refused:
    return Refused(
        "challenge_refused", "This log-in has expired or was completed. Log in again.", field="challenge"
    )
