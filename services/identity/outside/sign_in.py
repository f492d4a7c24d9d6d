"""Completing an authorization request: the code gives claims, the claims an account, the account a session."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.outgoing_http import ExchangeFault
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.identity.credentials import invitations
from services.identity.login import challenges
from services.identity.login.handlers import start_session
from services.identity.login.verification import Verified
from services.identity.models import Account
from services.identity.outside import identities, rules
from services.identity.outside.authorization_requests import AuthorizationRequest, provider_failed, take_up
from services.identity.outside.models import OutsideIdentity
from services.identity.outside.provider import providers_of
from services.identity.outside.providers import client_of
from services.identity.realms import queries as realms
from services.identity.realms.networks import admits
from services.identity.realms.rules import EMAIL
from services.identity.secrets.tokens import token_hash
from services.identity.sessions.models import LoginSession


@dataclass(frozen=True)
class Presented:
    """The person as the provider describes them. `email` is set only where the provider has verified it."""

    subject: str
    email: str | None
    has_second_factor: bool
    signed_in_at: datetime.datetime | None


def complete(call: Call) -> Any:
    """Complete a sign-in, a link or a proof. Raises the refusals that the contract names."""
    authorization = take_up(call)
    presented = _presented(call, authorization)
    if authorization.row.purpose == rules.LINK:
        return call.commit(_link_own, authorization, presented)
    if authorization.row.purpose == rules.PROOF:
        return call.commit(_note_proof, authorization, presented)
    account = _find_account(call, authorization, presented)
    if not (authorization.provider.trusts_second_factor and presented.has_second_factor):
        _require_second_factor(call, authorization, account)
    return call.commit(_start_session, authorization, presented, account, call.runtime.settings)


def _presented(call: Call, authorization: AuthorizationRequest) -> Presented:
    """Ask the provider whom its code stands for. Runs outside of transactions."""
    request = call.request
    if request["error"] is not None or request["code"] is None:
        word = request["error"] if request["error"] in rules.PROVIDER_ERRORS else "other"
        _note_failure(call, authorization, f"provider_said_{word}")
        raise Refused(
            "outside_sign_in_refused",
            "The sign-in service did not let you in.",
            reason=f"provider_said_{word}",
        )
    settings = call.runtime.settings
    try:
        claims = providers_of(settings).claims(
            client_of(authorization.provider, authorization.organisation.key, settings),
            code=request["code"],
            verifier=authorization.verifier,
            nonce=authorization.nonce,
            iss=request["iss"],
            with_email=authorization.row.purpose == rules.SIGN_IN
            and authorization.provider.linking == rules.BY_VERIFIED_EMAIL,
        )
    except ExchangeFault as fault:
        _note_failure(call, authorization, fault.reason.partition(" ")[0])
        raise provider_failed(fault) from None
    return Presented(
        subject=claims["sub"],
        email=rules.verified_email(claims),
        has_second_factor=rules.has_second_factor(claims, authorization.provider.second_factor_acr),
        signed_in_at=rules.signed_in_at(claims, utc_now()),
    )


def _note_failure(call: Call, authorization: AuthorizationRequest, reason: str) -> None:
    """Write an audit row about a sign-in that failed, without the person."""

    def work(unit: UnitOfWork) -> None:
        unit.act_for(authorization.organisation.id, authorization.organisation.key)
        unit.audit(
            "outside_sign_in.refused",
            "identity_provider",
            authorization.provider.id,
            realm=authorization.provider.realm,
            purpose=authorization.row.purpose,
            reason=reason,
        )

    call.transact(work)


# Signing in


def _find_account(call: Call, authorization: AuthorizationRequest, presented: Presented) -> Account:
    """The account that the presented person signs in to, linked with it. Raises Refused(outside_sign_in_refused).

    The refusal is the same whatever the cause: it must not tell which accounts exist.
    """

    def work(unit: UnitOfWork) -> tuple[Account | None, str]:
        unit.act_for(authorization.organisation.id, authorization.organisation.key)
        realm = authorization.provider.realm
        realm_rules = realms.rules_of(unit.session, authorization.organisation.id, realm)
        if not admits(unit.context.client_address, realm_rules.allowed_networks):
            return None, "network_not_allowed"
        account = _linked_account(unit.session, authorization, presented.subject)
        if account is not None:
            return (account, "") if account.state == "active" else (None, "account_not_active")
        if authorization.provider.linking != rules.BY_VERIFIED_EMAIL:
            return None, "not_linked"
        if presented.email is None:
            return None, "email_not_verified"
        account = _account_with_email(
            unit, authorization, presented.email, is_login=realm_rules.login_id == EMAIL
        )
        if account is None:
            return None, "no_account"
        identities.add(unit, account, authorization.provider.issuer, presented.subject, rules.BY_EMAIL)
        return account, ""

    account, reason = call.transact(work)
    if account is None:
        _note_failure(call, authorization, reason)
        raise identities.sign_in_refused()
    return account


def _linked_account(session: Session, authorization: AuthorizationRequest, subject: str) -> Account | None:
    found: Account | None = session.scalar(
        select(Account)
        .join(OutsideIdentity, OutsideIdentity.account_id == Account.id)
        .where(
            OutsideIdentity.issuer == authorization.provider.issuer,
            OutsideIdentity.subject == subject,
            OutsideIdentity.realm == authorization.provider.realm,
            Account.realm == authorization.provider.realm,
        )
    )
    return found


def _account_with_email(
    unit: UnitOfWork, authorization: AuthorizationRequest, email: str, *, is_login: bool
) -> Account | None:
    """The one account of the realm with this confirmed address: locked, able to sign in, not linked before.

    An address that was entered here but not confirmed does not count. Where usernames are the logins, several accounts
    may share an address; then none is found. An account that waits for its first password becomes active: the provider
    vouches for the address that the invitation went to.
    """
    column = Account.login if is_login else Account.email_key
    found = unit.session.scalars(
        select(Account)
        .where(Account.realm == authorization.provider.realm, column == email, Account.state != "disabled")
        .limit(2)
        .with_for_update(of=Account)
    ).all()
    if len(found) != 1:
        return None
    account: Account = found[0]
    is_linked = select(OutsideIdentity.id).where(
        OutsideIdentity.account_id == account.id, OutsideIdentity.issuer == authorization.provider.issuer
    )
    if unit.session.scalar(is_linked) is not None:
        return None
    if account.state == "invited" and is_login:
        return _activated(unit, account)
    is_own = account.state == "active" and account.email_verified_at is not None
    return account if is_own and not account.must_change_password else None


def _activated(unit: UnitOfWork, account: Account) -> Account:
    account.state = "active"
    account.email_verified_at = account.email_verified_at or unit.now
    account.version += 1
    invitations.void_links(unit, account.id)
    unit.audit("account.activated", "account", account.id, by="outside_sign_in")
    return account


def _require_second_factor(call: Call, authorization: AuthorizationRequest, account: Account) -> None:
    """Go on as at a log-in where our own second factor is demanded. Raises Refused(second_factor_required)."""
    try:
        challenges.refuse_without_code(call, Verified(authorization.organisation, account))
    except Refused as refusal:
        if refusal.code != "second_factor_required":
            raise
        more = refusal.more | {"return_path": authorization.row.return_path}
        raise Refused(
            refusal.code,
            "Send a code of your second factor with the challenge to `complete_log_in`.",
            **more,
        ) from None


def _start_session(
    unit: UnitOfWork,
    authorization: AuthorizationRequest,
    presented: Presented,
    account: Account,
    settings: Any,
) -> dict[str, Any]:
    answer = start_session(unit, authorization.organisation, account.id, account.password_hash, settings)
    # Somebody who has long been signed in at the provider may have left the screen: only a recent sign-in is a proof.
    unit.session.execute(
        update(LoginSession)
        .where(LoginSession.token_hash == token_hash(answer["token"]))
        .values(proven_at=presented.signed_in_at),
        execution_options={"synchronize_session": False},
    )
    identities.note_use(unit, account.id, authorization.provider.issuer)
    unit.audit(
        "outside_sign_in.completed", "account", account.id,
        provider_id=authorization.provider.id, has_second_factor=presented.has_second_factor,
    )  # fmt: skip
    return answer | {"purpose": rules.SIGN_IN, "return_path": authorization.row.return_path}


# Links and proofs of somebody who is signed in


def _link_own(unit: UnitOfWork, authorization: AuthorizationRequest, presented: Presented) -> dict[str, Any]:
    """Link the caller's account. Raises Refused(outside_identity_taken, outside_sign_in_refused)."""
    account = _requester(unit, authorization)
    identities.add(unit, account, authorization.provider.issuer, presented.subject, rules.BY_OWNER)
    return {"purpose": rules.LINK, "return_path": authorization.row.return_path}


def _note_proof(
    unit: UnitOfWork, authorization: AuthorizationRequest, presented: Presented
) -> dict[str, Any]:
    """Note that the session's owner has signed in at the provider just now. Raises Refused(proof_refused)."""
    account = _requester(unit, authorization)
    linked = _linked_account(unit.session, authorization, presented.subject)
    at = presented.signed_in_at
    if linked is None or linked.id != account.id or at is None or unit.now - at > rules.PROOF_HOLDS:
        raise Refused(
            "proof_refused", "Sign in at the provider anew, with the account that is linked with yours."
        )
    unit.session.execute(
        update(LoginSession).where(LoginSession.id == authorization.row.session_id).values(proven_at=at),
        execution_options={"synchronize_session": False},
    )
    unit.audit("session.proven", "account", account.id, session_id=authorization.row.session_id)
    return {"purpose": rules.PROOF, "return_path": authorization.row.return_path}


def _requester(unit: UnitOfWork, authorization: AuthorizationRequest) -> Account:
    """The account that began the request, locked, if its session has not ended since."""
    unit.act_for(authorization.organisation.id, authorization.organisation.key)
    account: Account | None = unit.session.scalar(
        select(Account)
        .join(LoginSession, LoginSession.account_id == Account.id)
        .where(
            Account.id == authorization.row.account_id,
            Account.state == "active",
            LoginSession.id == authorization.row.session_id,
            LoginSession.ended_at.is_(None),
            LoginSession.expires_at > unit.now,
        )
        .with_for_update(of=Account)
    )
    if account is None:
        raise identities.sign_in_refused()
    return account
