"""Authorization requests to a provider: beginning one, and taking it up when the browser returns.

Its state, PKCE verifier and nonce are valid for one use.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.operations import Call
from services.chassis.outgoing_http import ExchangeFault
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.models import Account, Organisation
from services.identity.outside import rules
from services.identity.outside.models import OutsideSignIn
from services.identity.outside.provider import providers_of
from services.identity.outside.providers import client_of
from services.identity.realms.models import IdentityProvider
from services.identity.realms.sign_in_policy import provider_in_use
from services.identity.registry.statements import rows_changed
from services.identity.secrets import addresses
from services.identity.secrets.tokens import new_token, token_hash
from services.identity.secrets.vault import vault_of

BEGUN = f"outside{addresses.SUFFIX}"
# A sign-in at the provider takes a while, and many people share an address: so many times more than failing log-ins.
TIMES_TRIES = 20


@dataclass(frozen=True)
class AuthorizationRequest:
    """A request that has just been used up, with its provider and organisation."""

    row: OutsideSignIn
    provider: IdentityProvider
    organisation: Organisation
    verifier: str
    nonce: str


def start_sign_in(call: Call) -> Any:
    """Begin a sign-in. Raises Refused(not_found, invalid_request, outside_provider_failed, too_many_requests)."""
    with call.runtime.database.reading(None) as session:
        found = _find_provider(session, call.request["organisation"], call.request["realm"])
    if found is None:
        raise _no_provider()
    return _begin(call, *found, rules.SIGN_IN)


def start_for_caller(call: Call, purpose: str, **parameters: str | int) -> Any:
    """Begin a link or a proof for the caller. `parameters` go to the provider.

    Raises as `start_sign_in`, and Refused(proof_required).
    """
    caller = call.caller
    assert caller is not None  # noqa: S101 - the operation's declaration lets nobody in without a passport
    if purpose == rules.LINK:
        caller.require_proof()
    with call.runtime.database.reading(caller.organisation_id) as session:
        account = session.scalars(select(Account).where(Account.id == caller.id)).one()
        provider = provider_in_use(session, account.organisation_id, account.realm)
        organisation = session.scalars(
            select(Organisation).where(Organisation.id == account.organisation_id)
        ).one()
    if provider is None:
        raise _no_provider()
    return _begin(call, organisation, provider, purpose, **parameters)


def _begin(
    call: Call, organisation: Organisation, provider: IdentityProvider, purpose: str, **parameters: str | int
) -> Any:
    """Answers `authorization_url`, `browser_key` and `expires_at`."""
    settings = call.runtime.settings
    return_path = rules.checked_return_path(call.request["return_path"])
    wait_s = call.transact(lambda unit: addresses.count_try(unit, BEGUN, settings, times=TIMES_TRIES))
    if wait_s:
        raise Refused("too_many_requests", "Too many sign-ins from this address. Wait.", retry_after_s=wait_s)
    state, browser_key, nonce, verifier = (new_token() for _ in range(4))
    try:
        url = providers_of(settings).authorization_url(
            client_of(provider, organisation.key, settings),
            state=state, nonce=nonce, verifier=verifier, **parameters,
        )  # fmt: skip
    except ExchangeFault as fault:
        raise provider_failed(fault) from None

    def work(unit: UnitOfWork) -> dict[str, Any]:
        unit.act_for(organisation.id, organisation.key)
        row_id = wire.new_id()
        row = OutsideSignIn(
            id=row_id,
            organisation_id=organisation.id,
            provider_id=provider.id,
            purpose=purpose,
            state_hash=token_hash(state),
            browser_hash=token_hash(browser_key),
            sealed=vault_of(settings).seal(row_id, json.dumps([verifier, nonce]).encode()),
            issuer=provider.issuer,
            client_id=provider.client_id,
            return_path=return_path,
            account_id=call.caller.id if call.caller else None,
            session_id=call.caller.session_id if call.caller else None,
            created_at=unit.now,
            expires_at=unit.now + rules.STATE_LIFETIME,
        )
        unit.add(row)
        return {"authorization_url": url, "browser_key": browser_key, "expires_at": row.expires_at}

    return call.commit(work)


def take_up(call: Call) -> AuthorizationRequest:
    """Use up the authorization request that the call's state belongs to.

    It succeeds once, in time, for the browser that began it, and for the realm that the call names. One conditional
    statement decides. A wrong state is counted against the caller's address; a right one is let through, whatever others
    have tried there. Raises Refused(outside_state_refused, too_many_requests).
    """
    settings, request = call.runtime.settings, call.request
    state_hash = token_hash(request["state"])

    def work(unit: UnitOfWork) -> tuple[OutsideSignIn, IdentityProvider, Organisation] | None:
        used = rows_changed(
            unit.session,
            update(OutsideSignIn)
            .where(
                OutsideSignIn.state_hash == state_hash,
                OutsideSignIn.browser_hash == token_hash(request["browser_key"]),
                OutsideSignIn.used_at.is_(None),
                OutsideSignIn.expires_at > unit.now,
            )
            .values(used_at=unit.now),
        )
        found = _find_begun(unit.session, state_hash) if used == 1 else None
        if found is not None:
            addresses.give_back(unit, BEGUN, settings)
        return found

    found = call.transact(work)
    if found is None:
        wait_s = call.transact(lambda unit: addresses.count_try(unit, addresses.LOGIN, settings))
        if wait_s:
            raise Refused(
                "too_many_requests", "Too many tries from this address. Wait.", retry_after_s=wait_s
            )
        raise _state_refused()
    row, provider, organisation = found
    is_same_client = (provider.issuer, provider.client_id) == (row.issuer, row.client_id)
    is_same_place = (organisation.key, provider.realm) == (request["organisation"], request["realm"])
    if not (provider.is_enabled and is_same_client and is_same_place):
        raise _state_refused()
    verifier, nonce = json.loads(vault_of(settings).open(row.id, row.sealed))
    return AuthorizationRequest(row, provider, organisation, verifier, nonce)


def _find_begun(session: Session, state_hash: str) -> tuple[OutsideSignIn, IdentityProvider, Organisation]:
    row, provider, organisation = session.execute(
        select(OutsideSignIn, IdentityProvider, Organisation)
        .join(IdentityProvider, IdentityProvider.id == OutsideSignIn.provider_id)
        .join(Organisation, Organisation.id == OutsideSignIn.organisation_id)
        .where(OutsideSignIn.state_hash == state_hash)
    ).one()
    return row, provider, organisation


def _find_provider(
    session: Session, organisation_key: str, realm: str
) -> tuple[Organisation, IdentityProvider] | None:
    found = session.execute(
        select(Organisation, IdentityProvider)
        .join(IdentityProvider, IdentityProvider.organisation_id == Organisation.id)
        .where(
            Organisation.key == organisation_key,
            IdentityProvider.realm == realm,
            IdentityProvider.is_enabled.is_(True),
        )
    ).one_or_none()
    return None if found is None else (found[0], found[1])


def provider_failed(fault: ExchangeFault) -> Refused:
    """The refusal where a provider cannot be reached or its answer cannot be trusted."""
    return Refused(
        "outside_provider_failed",
        "The sign-in service did not answer as it should. Try again, or tell your administrator the reason.",
        reason=fault.reason.partition(" ")[0],
    )


def _no_provider() -> Refused:
    return Refused("not_found", "There is no outside sign-in here.")


def _state_refused() -> Refused:
    return Refused(
        "outside_state_refused",
        "This sign-in has expired, was completed, or was begun in another browser. Begin again.",
        field="state",
    )
