"""API clients: creating, changing and revoking them, and opening their sessions."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.identity import api_clients as contract
from services.identity.api_clients import rules
from services.identity.api_clients.models import ApiClient, ApiSecret, ApiSession
from services.identity.models import Organisation
from services.identity.realms import granting, networks
from services.identity.realms.rules import PERMISSIONS
from services.identity.secrets import addresses
from services.identity.secrets.tokens import new_token, token_hash
from services.identity.sessions.proof import proven_caller


def view(client: ApiClient, secrets: list[ApiSecret], now: datetime.datetime) -> dict[str, Any]:
    """The members of the contract's ApiClient."""
    valid = [] if client.revoked_at else [row for row in secrets if _is_before(now, row.expires_at)]
    members = ("id", "version", "name", "kind", "scopes", "allowed_networks", "created_at", "expires_at", "revoked_at",
               "last_used_at")  # fmt: skip
    return {name: getattr(client, name) for name in members} | {
        "secrets_expire_at": [row.expires_at for row in valid]
    }


def list_clients(session: Session, _caller: Caller) -> dict[str, Any]:
    """All clients of the organisation by name."""
    clients = session.scalars(select(ApiClient).order_by(ApiClient.name, ApiClient.id)).all()
    now = utc_now()
    secrets: dict[str, list[ApiSecret]] = {}
    for secret in session.scalars(select(ApiSecret).order_by(ApiSecret.created_at)):
        secrets.setdefault(secret.client_id, []).append(secret)
    return {"items": [view(client, secrets.get(client.id, []), now) for client in clients]}


def get_client(session: Session, _caller: Caller, *, client_id: str) -> dict[str, Any]:
    """One client. Raises Refused(not_found)."""
    client: ApiClient | None = session.scalar(select(ApiClient).where(ApiClient.id == client_id))
    if client is None:
        raise _no_such_client()
    secrets = session.scalars(
        select(ApiSecret).where(ApiSecret.client_id == client.id).order_by(ApiSecret.created_at)
    )
    return view(client, list(secrets), utc_now())


def create(
    unit: UnitOfWork,
    *,
    name: str,
    kind: str,
    scopes: list[str],
    allowed_networks: list[str],
    expires_at: datetime.datetime | None,
) -> dict[str, Any]:
    """Create a client with its first secret. Raises Refused(proof_required, scope_refused, invalid_request)."""
    caller = proven_caller(unit)
    client = ApiClient(
        id=wire.new_id(),
        name=name,
        kind=kind,
        scopes=rules.checked_scopes(scopes, PERMISSIONS, caller.permissions),
        allowed_networks=networks.checked_networks(allowed_networks),
        version=1,
        created_at=unit.now,
        created_by=caller.id,
        expires_at=_checked_expiry(expires_at, unit.now),
    )
    unit.add(client)
    unit.session.flush()  # the secret refers to it
    return _add_secret(unit, client, "created")


def change(
    unit: UnitOfWork,
    *,
    client_id: str,
    name: str,
    kind: str,
    scopes: list[str],
    allowed_networks: list[str],
    expires_at: datetime.datetime | None,
) -> dict[str, Any]:
    """Replace name, scopes, networks and expiry. The caller must hold all scopes: other networks give them to others.

    Raises Refused(not_found, version_conflict, proof_required, scope_refused, api_client_revoked, invalid_request).
    """
    caller = proven_caller(unit)
    client = _load(unit, client_id)
    unit.require_version(client)
    before = client.scopes
    client.name, client.kind = name, kind
    client.scopes = rules.checked_scopes(scopes, PERMISSIONS, caller.permissions)
    client.allowed_networks = networks.checked_networks(allowed_networks)
    client.expires_at = _checked_expiry(expires_at, unit.now)
    client.version += 1
    unit.audit("api_client.changed", "api_client", client.id, before=before, after=client.scopes, kind=kind)
    _publish_change(unit, client, "changed")
    return view(client, _secrets(unit.session, client.id), unit.now)


def rotate_secret(unit: UnitOfWork, *, client_id: str, overlap_hours: int) -> dict[str, Any]:
    """Add a secret. The secret before it stays valid for `overlap_hours`, so at most two are valid at once.

    The caller learns the secret and must therefore hold the scopes.
    Raises Refused(not_found, proof_required, api_client_revoked, right_not_held).
    """
    proven_caller(unit)
    client = _load(unit, client_id)
    granting.require_held(unit, client.scopes, field="client_id")
    until = unit.now + datetime.timedelta(hours=overlap_hours)
    valid = [row for row in _secrets(unit.session, client.id) if _is_before(unit.now, row.expires_at)]
    for row in valid[:-1]:
        row.expires_at = unit.now
    for row in valid[-1:]:
        row.expires_at = min(row.expires_at or until, until)
    client.version += 1
    return _add_secret(unit, client, "secret_changed")


def revoke(unit: UnitOfWork, *, client_id: str) -> dict[str, Any]:
    """End a client for good. Revoking it again changes nothing. Raises Refused(not_found)."""
    client = _load(unit, client_id, or_revoked=True)
    unit.honour_version(client)
    if client.revoked_at is None:
        client.revoked_at = unit.now
        client.version += 1
        unit.audit("api_client.revoked", "api_client", client.id)
        _publish_change(unit, client, "revoked")
    return view(client, [], unit.now)


def open_session(call: Call) -> Any:
    """Exchange a client's id and secret for a token. Every failure has the same answer.

    Raises Refused(credentials_refused, too_many_requests).
    """
    settings = call.runtime.settings
    wait_s = call.transact(lambda unit: addresses.count_try(unit, addresses.LOGIN, settings))
    if wait_s:
        raise Refused("too_many_requests", "Too many tries from this address. Wait.", retry_after_s=wait_s)
    with call.runtime.database.reading(None) as session:
        found = session.execute(
            select(ApiClient, ApiSecret, Organisation)
            .join(ApiSecret, ApiSecret.client_id == ApiClient.id)
            .join(Organisation, Organisation.id == ApiClient.organisation_id)
            .where(
                ApiClient.id == call.request["client_id"],
                ApiSecret.secret_hash == token_hash(call.request["client_secret"]),
            )
        ).one_or_none()
    client, secret, organisation = found or (None, None, None)
    if client is None or not _may_call(client, secret, utc_now(), call.context.client_address):
        call.transact(lambda unit: _audit_refused(unit, call.request["client_id"], organisation))
        raise Refused("credentials_refused", "Id or secret is wrong, or the client cannot call.")
    return call.commit(_start_session, client, secret, organisation, settings)


def _start_session(
    unit: UnitOfWork, client: ApiClient, secret: ApiSecret, organisation: Organisation, settings: Any
) -> dict[str, Any]:
    unit.act_for(organisation.id, organisation.key)
    token = contract.TOKEN_MARK + new_token()
    ends = [unit.now + rules.API_SESSION_LIFETIME, client.expires_at, secret.expires_at]
    session = ApiSession(
        id=wire.new_id(),
        client_id=client.id,
        secret_id=secret.id,
        token_hash=token_hash(token),
        created_at=unit.now,
        expires_at=min(end for end in ends if end is not None),
    )
    unit.add(session)
    unit.session.merge(client).last_used_at = unit.now
    addresses.give_back(unit, addresses.LOGIN, settings)
    unit.audit("api_session.started", "api_client", client.id, session_id=session.id)
    return {"token": token, "expires_at": session.expires_at, "scopes": client.scopes}


def is_api_token(token: str) -> bool:
    """Whether a token belongs to an API client, not to a person."""
    return token.startswith(contract.TOKEN_MARK)


def _may_call(client: ApiClient, secret: Any, now: datetime.datetime, address: str | None) -> bool:
    return (
        client.revoked_at is None
        and _is_before(now, client.expires_at)
        and _is_before(now, secret.expires_at)
        and networks.admits(address, client.allowed_networks)
    )


def _is_before(now: datetime.datetime, expires_at: datetime.datetime | None) -> bool:
    return expires_at is None or now < expires_at


def _checked_expiry(expires_at: datetime.datetime | None, now: datetime.datetime) -> datetime.datetime | None:
    if expires_at is not None and expires_at <= now:
        raise Refused("invalid_request", "expires_at: a time in the future is expected.", field="expires_at")
    return expires_at


def _no_such_client() -> Refused:
    return Refused("not_found", "There is no such API client.")


def _load(unit: UnitOfWork, client_id: str, *, or_revoked: bool = False) -> ApiClient:
    """The client, locked. Raises Refused(not_found), and Refused(api_client_revoked) unless `or_revoked`."""
    client: ApiClient | None = unit.session.scalar(
        select(ApiClient).where(ApiClient.id == client_id).with_for_update()
    )
    if client is None:
        raise _no_such_client()
    if client.revoked_at is not None and not or_revoked:
        raise Refused("api_client_revoked", "The API client was revoked; create another one.")
    return client


def _secrets(session: Session, client_id: str) -> list[ApiSecret]:
    return list(
        session.scalars(
            select(ApiSecret)
            .where(ApiSecret.client_id == client_id)
            .order_by(ApiSecret.created_at, ApiSecret.id)
        )
    )


def _add_secret(unit: UnitOfWork, client: ApiClient, change: str) -> dict[str, Any]:
    secret = contract.SECRET_MARK + new_token()
    unit.add(
        ApiSecret(
            id=wire.new_id(),
            client_id=client.id,
            secret_hash=token_hash(secret),
            created_at=unit.now,
            expires_at=None,
        )
    )
    unit.session.flush()
    unit.audit(f"api_client.{change}", "api_client", client.id, scopes=client.scopes)
    _publish_change(unit, client, change)
    return view(client, _secrets(unit.session, client.id), unit.now) | {"secret": secret}


def _publish_change(unit: UnitOfWork, client: ApiClient, change: str) -> None:
    unit.publish(contract.api_client_changed, client.id, {"client_id": client.id, "change": change})


def _audit_refused(unit: UnitOfWork, client_id: str, organisation: Organisation | None) -> None:
    if organisation is not None:
        unit.act_for(organisation.id, organisation.key)
    unit.audit("api_session.refused", "api_client", client_id)
