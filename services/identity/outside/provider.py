"""OpenID Connect with a provider: its metadata and keys, the authorization URL, and the claims that a code stands for.

Nothing here touches the database. Whatever asks the provider runs outside of transactions.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwk, jws, jwt
from joserfc.errors import JoseError

from services.chassis.outgoing_http import ExchangeFault, guard
from services.chassis.unit_of_work import utc_now
from services.contracts.web_addresses import Network, url_fault
from services.identity.outside import rules
from services.identity.outside.fetching import asking, fetch_json

METADATA_HOLD_S = 600.0
# Keys are fetched again at most this often: tokens with an invented key id must not cause a fetch each.
KEYS_AGAIN_AFTER_S = 30.0
# A provider that is down is not asked again for each browser: the waiting calls would block each other.
FAULT_HOLDS_S = 5.0
LEAST_RSA_BITS = 2048
_MOST_KEPT = 1000
# Providers may add header members of their own; unknown critical ones are still refused.
_REGISTRY = jws.JWSRegistry(algorithms=list(rules.ALGORITHMS), strict_check_header=False)


@dataclass(frozen=True)
class Client:
    """Our registration as a client of a provider. Without a `secret` it is a public client."""

    issuer: str
    client_id: str
    secret: str | None
    scopes: tuple[str, ...]
    redirect_uri: str


@dataclass
class _Known:
    metadata: Mapping[str, Any]
    fetched_at: float
    keys: jwk.KeySet | None = None
    keys_at: float = 0.0


class Providers:
    """The providers that this process knows, with their metadata and keys as fetched a short while ago."""

    def __init__(self, networks: tuple[Network, ...], ca_file: str | None) -> None:
        self._networks = networks
        self._ca_file = ca_file
        self._known: dict[str, _Known] = {}
        self._faults: dict[str, tuple[float, str]] = {}

    def forget(self) -> None:
        """Drop everything that was fetched."""
        self._known.clear()
        self._faults.clear()

    def faults(self, issuer: str) -> tuple[list[str], int]:
        """What is wrong with a provider right now, as codes, and how many of its keys can be used."""
        try:
            known = self._fetch(issuer)
            keys = self._keys(known)
        except ExchangeFault as fault:
            return fault.reason.split(" "), 0
        return ([] if keys else ["no_usable_key"]), len(keys.keys)

    def authorization_url(
        self, client: Client, *, state: str, nonce: str, verifier: str, **parameters: str | int
    ) -> str:
        """Where to send the browser (PKCE with S256). Raises ExchangeFault."""
        metadata = self._of(client.issuer).metadata
        session = self._session(client, metadata)
        url, _ = session.create_authorization_url(
            metadata["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier, **parameters
        )
        return str(url)

    def claims(
        self, client: Client, *, code: str, verifier: str, nonce: str, iss: str | None, with_email: bool
    ) -> Mapping[str, Any]:
        """The claims of the ID token that a code stands for, verified. Raises ExchangeFault.

        `with_email`: ask for the address where the token lacks it, as with some providers (OpenID Connect Core, section 5.4).
        """
        known = self._of(client.issuer)
        # RFC 9207: refuse an answer of another provider than the one that was asked, and send its code nowhere.
        says_who = known.metadata.get("authorization_response_iss_parameter_supported") is True
        if (iss is None and says_who) or (iss is not None and iss != client.issuer):
            raise ExchangeFault("answer_of_another_issuer")
        answer = self._exchange(client, known.metadata, code, verifier)
        claims = self._verified(known, _id_token(answer))
        fault = rules.token_fault(
            claims, issuer=client.issuer, client_id=client.client_id, nonce=nonce, now=utc_now()
        )
        if fault:
            raise ExchangeFault(fault)
        if with_email and "email" not in claims:
            return {**claims, **self._email(known.metadata, answer.get("access_token"), claims["sub"])}
        return claims

    def end_session_endpoint(self, issuer: str) -> str | None:
        """Where a browser signs out at the provider, None where it names no allowed address. Raises ExchangeFault."""
        address = self._of(issuer).metadata.get("end_session_endpoint")
        return None if url_fault(address, self._networks) else str(address)

    def _of(self, issuer: str) -> _Known:
        known, now = self._known.get(issuer), time.monotonic()
        if known is not None and now - known.fetched_at <= METADATA_HOLD_S:
            return known
        failed_at, reason = self._faults.get(issuer, (0.0, ""))
        if reason and now - failed_at <= FAULT_HOLDS_S:
            raise ExchangeFault(reason)
        try:
            return self._fetch(issuer)
        except ExchangeFault as fault:
            self._faults[issuer] = (time.monotonic(), fault.reason)
            raise

    def _fetch(self, issuer: str) -> _Known:
        with asking(), self._plain() as session:
            document = fetch_json(session, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        faults = rules.metadata_faults(document, issuer, self._networks)
        if faults:
            raise ExchangeFault(" ".join(faults))
        if len(self._known) + len(self._faults) >= _MOST_KEPT:
            self.forget()
        self._faults.pop(issuer, None)
        known = self._known[issuer] = _Known(document, time.monotonic())
        return known

    def _keys(self, known: _Known) -> jwk.KeySet:
        with asking(), self._plain() as session:
            document = fetch_json(session, known.metadata["jwks_uri"])
        known.keys, known.keys_at = _usable_keys(document), time.monotonic()
        return known.keys

    def _verified(self, known: _Known, text: str) -> Mapping[str, Any]:
        """The claims of a token that the provider has signed. Its keys are fetched again where the token's key is unknown."""
        try:
            key_id = jws.extract_compact(text.encode()).headers().get("kid")
        except (JoseError, ValueError):
            raise ExchangeFault("token_malformed") from None
        keys = known.keys or self._keys(known)
        if key_id not in {key.kid for key in keys} and time.monotonic() - known.keys_at > KEYS_AGAIN_AFTER_S:
            keys = self._keys(known)
        try:
            return jwt.decode(text, keys, registry=_REGISTRY).claims
        except (JoseError, ValueError):
            raise ExchangeFault("token_not_signed") from None

    def _exchange(
        self, client: Client, metadata: Mapping[str, Any], code: str, verifier: str
    ) -> Mapping[str, Any]:
        """The answer of the token endpoint to a code."""
        try:
            with asking(), self._session(client, metadata) as session:
                answer: Mapping[str, Any] = session.fetch_token(
                    metadata["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                    allow_redirects=False,
                )
                return answer
        except OAuthError as error:
            is_ours = error.error in ("invalid_client", "unauthorized_client")
            raise ExchangeFault("client_refused" if is_ours else "code_refused") from None
        except ValueError:
            raise ExchangeFault("not_json") from None

    def _email(self, metadata: Mapping[str, Any], access_token: Any, subject: str) -> dict[str, Any]:
        """`email` and `email_verified` from the provider's user info; empty where it does not say."""
        address = metadata.get("userinfo_endpoint")
        if not isinstance(access_token, str) or url_fault(address, self._networks):
            return {}
        try:
            with asking(), self._plain() as session:
                session.headers["Authorization"] = f"Bearer {access_token}"
                said = fetch_json(session, str(address))
        except ExchangeFault:
            return {}
        # Ignore another subject's userinfo (OpenID Connect Core, section 5.3.2).
        if not isinstance(said, dict) or said.get("sub") != subject:
            return {}
        return {name: said[name] for name in ("email", "email_verified") if name in said}

    def _plain(self) -> requests.Session:
        session = requests.Session()
        guard(session, self._networks, self._ca_file)
        return session

    def _session(self, client: Client, metadata: Mapping[str, Any]) -> OAuth2Session:
        session = OAuth2Session(
            client.client_id,
            client.secret,
            token_endpoint_auth_method=rules.auth_method(metadata, client.secret is not None),
            scope=" ".join(client.scopes),
            redirect_uri=client.redirect_uri,
            code_challenge_method="S256",
        )
        guard(session, self._networks, self._ca_file)
        return session


def _id_token(answer: Mapping[str, Any]) -> str:
    text = answer.get("id_token")
    if not isinstance(text, str) or len(text) > 100_000:
        raise ExchangeFault("token_missing")
    return text


def _usable_keys(document: Any) -> jwk.KeySet:
    """The public keys of a key set that may verify signatures. Others, also symmetric ones, are skipped."""
    given = document.get("keys") if isinstance(document, dict) else None
    keys = []
    for each in given if isinstance(given, list) else []:
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        try:
            if each.get("kty") == "RSA":
                key: Any = jwk.RSAKey.import_key(each)
                if key.public_key.key_size < LEAST_RSA_BITS:
                    continue
            elif each.get("kty") == "EC" and each.get("crv") == "P-256":
                key = jwk.ECKey.import_key(each)
            elif each.get("kty") == "OKP" and each.get("crv") == "Ed25519":
                key = jwk.OKPKey.import_key(each)
            else:
                continue
        except (JoseError, ValueError, TypeError):
            continue
        keys.append(key)
    return jwk.KeySet(keys)


def providers_of(settings: Any) -> Providers:
    """The providers under these settings, shared by all calls of the process."""
    return _providers(settings.outside_provider_networks, settings.outside_provider_ca_file)


@functools.cache
def _providers(networks: tuple[Network, ...], ca_file: str | None) -> Providers:
    return Providers(networks, ca_file)
