"""A realm's outside provider as staff manage it: setting, changing, removing and checking it."""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.operations import Call
from services.chassis.outgoing_http import ExchangeFault
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.outside import rules
from services.identity.outside.models import OutsideIdentity, OutsideSignIn
from services.identity.outside.provider import Client, providers_of
from services.identity.realms import granting
from services.identity.realms.models import IdentityProvider
from services.identity.secrets.vault import Vault, vault_of
from services.identity.sessions.proof import proven_caller


class ProviderSettings(TypedDict):
    """What staff say about a provider, apart from its secret."""

    issuer: str
    client_id: str
    scopes: list[str]
    linking: str
    allows_passwords: bool
    trusts_second_factor: bool
    second_factor_acr: str | None
    button_name: str
    is_enabled: bool


_COLUMNS = tuple(ProviderSettings.__annotations__)


def callback_url(settings: Any, organisation_key: str | None, realm: str) -> str:
    """Where a provider sends the browser back to. Each realm has its own address, so that answers cannot be mixed up."""
    return f"{settings.public_url.rstrip('/')}/sign-in/{organisation_key}/{realm}/callback"


def signed_out_url(settings: Any, organisation_key: str | None, realm: str) -> str:
    """Where a provider sends the browser after signing out there: the page to sign in again."""
    return f"{settings.public_url.rstrip('/')}/sign-in/{organisation_key}/{realm}/signed-out"


def client_of(provider: IdentityProvider, organisation_key: str, settings: Any) -> Client:
    """Our registration as a client of this provider, with the secret unsealed."""
    sealed = provider.sealed_secret
    return Client(
        issuer=provider.issuer,
        client_id=provider.client_id,
        secret=vault_of(settings).open(provider.id, sealed).decode() if sealed else None,
        scopes=tuple(provider.scopes),
        redirect_uri=callback_url(settings, organisation_key, provider.realm),
    )


def _view(provider: IdentityProvider, organisation_key: str | None, settings: Any) -> dict[str, Any]:
    return {name: getattr(provider, name) for name in ("realm", "version", "changed_at", *_COLUMNS)} | {
        "has_client_secret": provider.sealed_secret is not None,
        "callback_url": callback_url(settings, organisation_key, provider.realm),
        "signed_out_url": signed_out_url(settings, organisation_key, provider.realm),
    }


def list_all(session: Session, caller: Caller, settings: Any) -> dict[str, Any]:
    """The providers of all realms, without their secrets."""
    rows = session.scalars(select(IdentityProvider).order_by(IdentityProvider.realm))
    return {"items": [_view(row, caller.organisation_key, settings) for row in rows]}


def get(session: Session, caller: Caller, settings: Any, *, realm: str) -> dict[str, Any]:
    """The provider of a realm, without its secret. Raises Refused(not_found)."""
    return _view(_require(_find(session, realm)), caller.organisation_key, settings)


def create(
    unit: UnitOfWork,
    settings: Any,
    *,
    realm: str,
    client_secret: str | None,
    **wanted: Unpack[ProviderSettings],
) -> dict[str, Any]:
    """Set a realm's provider. It says who signs in as whom: the caller must hold what the realm's roles permit.

    Raises Refused(proof_required, right_not_held, conflict, last_way_in, invalid_request).
    """
    proven_caller(unit)
    granting.require_realm_held(unit, realm)
    if _find(unit.session, realm) is not None:
        raise _taken()
    provider = IdentityProvider(
        id=wire.new_id(),
        organisation_id=unit.organisation_id,
        realm=realm,
        version=1,
        created_at=unit.now,
        changed_at=unit.now,
    )
    _set(unit, provider, wanted, settings)
    _seal(provider, client_secret, vault_of(settings))
    unit.add(provider)
    try:
        unit.session.flush()
    except IntegrityError:  # a request at the same moment was first
        raise _taken() from None
    unit.audit("identity_provider.created", "identity_provider", provider.id, **_facts(provider))
    return _view(provider, unit.organisation_key, settings)


def change(
    unit: UnitOfWork,
    settings: Any,
    *,
    realm: str,
    client_secret: str | None,
    **wanted: Unpack[ProviderSettings],
) -> dict[str, Any]:
    """Save a realm's provider as a whole. Without `client_secret` its secret stays.

    A secret that was given for one issuer is never sent to another. Raises as `create`, and Refused(not_found,
    version_conflict).
    """
    proven_caller(unit)
    granting.require_realm_held(unit, realm)
    provider = _load(unit, realm)
    unit.require_version(provider)
    if client_secret is not None:
        _seal(provider, client_secret, vault_of(settings))
    elif wanted["issuer"] != provider.issuer and provider.sealed_secret is not None:
        raise Refused(
            "invalid_request", "client_secret: give the secret of the new issuer.", field="client_secret"
        )
    before = {name: getattr(provider, name) for name in _COLUMNS}
    _set(unit, provider, wanted, settings)
    provider.version += 1
    provider.changed_at = unit.now
    _end_begun(unit, provider)
    unit.session.flush()
    changed = sorted(name for name in _COLUMNS if getattr(provider, name) != before[name])
    unit.audit(
        "identity_provider.changed",
        "identity_provider",
        provider.id,
        **_facts(provider),
        members=changed,
        has_new_secret=client_secret is not None,
    )
    return _view(provider, unit.organisation_key, settings)


def remove(unit: UnitOfWork, *, realm: str) -> dict[str, Any]:
    """Remove a realm's provider. Raises Refused(proof_required, not_found, version_conflict)."""
    proven_caller(unit)
    provider = _load(unit, realm)
    unit.require_version(provider)
    _end_begun(unit, provider)
    unit.session.delete(provider)
    unit.audit("identity_provider.deleted", "identity_provider", provider.id, realm=provider.realm)
    return {}


def check(call: Call) -> dict[str, Any]:
    """Fetch the provider's metadata and keys now, whatever was fetched before. Raises Refused(not_found)."""
    with call.runtime.database.reading(call.organisation_id) as session:
        provider = _require(_find(session, call.request["realm"]))
    faults, keys = providers_of(call.runtime.settings).faults(provider.issuer)
    call.transact(
        lambda unit: unit.audit(
            "identity_provider.checked",
            "identity_provider",
            provider.id,
            realm=provider.realm,
            faults=len(faults),
        )
    )
    return {"is_ok": not faults, "faults": faults, "signing_keys": keys}


def sign_out_url(call: Call, provider: IdentityProvider) -> str | None:
    """Where the browser signs out at this provider, None where it offers no sign-out or does not answer."""
    caller, settings = call.caller, call.runtime.settings
    assert caller is not None  # noqa: S101 - the operation's declaration lets nobody in without a passport
    try:
        address = providers_of(settings).end_session_endpoint(provider.issuer)
    except ExchangeFault:
        return None
    back = signed_out_url(settings, caller.organisation_key, provider.realm)
    return rules.sign_out_url(address, provider.client_id, back) if address else None


def _set(unit: UnitOfWork, provider: IdentityProvider, wanted: ProviderSettings, settings: Any) -> None:
    rules.checked_issuer(wanted["issuer"], settings.outside_provider_networks)
    for name, value in wanted.items():
        setattr(provider, name, value)
    provider.scopes = rules.checked_scopes(wanted["scopes"])
    if provider.is_enabled and not provider.allows_passwords:
        _require_own_way_in(unit, provider)


def _require_own_way_in(unit: UnitOfWork, provider: IdentityProvider) -> None:
    """Refuse to switch off passwords in the caller's realm while the caller's account has no link with the provider."""
    caller = unit.caller
    if caller is None or caller.realm != provider.realm:
        return
    own = select(OutsideIdentity.id).where(
        OutsideIdentity.account_id == caller.id, OutsideIdentity.issuer == provider.issuer
    )
    if unit.session.scalar(own) is None:
        raise Refused(
            "last_way_in",
            "Link your own account with the provider first: without passwords you would lock yourself out.",
            field="allows_passwords",
        )


def _seal(provider: IdentityProvider, secret: str | None, vault: Vault) -> None:
    provider.sealed_secret = None if secret is None else vault.seal(provider.id, secret.encode())


def _end_begun(unit: UnitOfWork, provider: IdentityProvider) -> None:
    """End sign-ins in progress: they were begun with the former settings."""
    unit.session.execute(delete(OutsideSignIn).where(OutsideSignIn.provider_id == provider.id))


def _facts(provider: IdentityProvider) -> dict[str, Any]:
    return {
        "realm": provider.realm,
        "linking": provider.linking,
        "allows_passwords": provider.allows_passwords,
        "trusts_second_factor": provider.trusts_second_factor,
        "is_enabled": provider.is_enabled,
    }


def _find(session: Session, realm: str) -> IdentityProvider | None:
    found: IdentityProvider | None = session.scalar(
        select(IdentityProvider).where(IdentityProvider.realm == realm)
    )
    return found


def _load(unit: UnitOfWork, realm: str) -> IdentityProvider:
    return _require(
        unit.session.scalar(select(IdentityProvider).where(IdentityProvider.realm == realm).with_for_update())
    )


def _taken() -> Refused:
    return Refused("conflict", "The realm has a provider: change it, or delete it first.", field="realm")


def _require(provider: IdentityProvider | None) -> IdentityProvider:
    if provider is None:
        raise Refused("not_found", "The realm has no outside provider.")
    return provider
