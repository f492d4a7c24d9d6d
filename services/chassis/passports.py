"""Passports: short-lived signed statements of who calls, issued by identity (for people) or by a service (for itself).

They are EdDSA JSON Web Tokens (RFC 7519, RFC 8037), valid for at most 60 seconds and for one audience. The key id begins with the
issuer's name, and only identity may issue them for accounts. So an attacker in a service can pretend to be that service only. An
issuer may have several keys at once, so that they can be exchanged while it serves.

They are encoded here with `cryptography` and orjson. Every request signs one passport and verifies two, with one algorithm
and one kind of key. A library for all of JOSE takes twice the time of the signature.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.contracts.errors import Refused

ALGORITHM = "EdDSA"
LIFETIME_S = 60
# By so much the clock of an issuer's server may be ahead. Without it a hundredth of a second refuses one request in a hundred.
AHEAD_S = 10
LOOK_EVERY_S = 1.0
PROOF_HOLDS_S = 900
REALM_OF_SYSTEMS = "api"
ISSUER_OF_PEOPLE = "identity"


class PassportRefused(Exception):
    """An invalid passport. `code` is `unauthenticated` or `passport_expired`."""

    def __init__(self, code: str = "unauthenticated") -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Link:
    """What the link of a mail admits, without signing in: these operations, on one object, in one state of it.

    `member` is the argument that names the object, such as `referral_id`. `state` is what the service that owns the object
    has called its state when the mail was sent.
    """

    operations: frozenset[str]
    member: str
    object_id: str
    state: str


@dataclass(frozen=True)
class Caller:
    """Who calls, as a verified passport says.

    `kind` is `account` or `service`; `scope` narrows what an account may reach (a provider's resources and switches).
    `proven_at` is when the person last gave a password or code, in seconds since 1970.
    `consents_due`: a consent that their portal requires is not given (see `Operation.before_consent`).
    `is_emergency`: only emergency access admitted the caller (see `in_emergency`); the audit trail marks what they do.
    `link`: the caller has not signed in, but came by the link of a mail that was sent to this account.
    """

    kind: str
    id: str
    organisation_id: str | None = None
    organisation_key: str | None = None
    realm: str | None = None
    permissions: frozenset[str] = frozenset()
    scope: Mapping[str, Any] = field(default_factory=dict)
    session_id: str | None = None
    proven_at: int | None = None
    consents_due: bool = False
    is_emergency: bool = False
    link: Link | None = None

    @property
    def client_kind(self) -> str | None:
        """Of an API client its kind, which says whom its messages reach; None for people and services."""
        return str(self.scope.get("client_kind", "normal")) if self.realm == REALM_OF_SYSTEMS else None

    def may(self, permission: str) -> bool:
        """Whether the caller holds this permission."""
        return permission in self.permissions

    def require_state(self, state: str) -> None:
        """Require, of a caller who came by a link, that the link's object still is in the state for which the link was made.

        Raises Refused(link_refused). Every operation that a link admits calls this, after locking what it changes.
        """
        if self.link is not None and self.link.state != state:
            raise Refused(
                "link_refused", "This has changed since the e-mail was sent. Sign in to see how it is now."
            )

    def require_proof(self, within_s: int = PROOF_HOLDS_S) -> None:
        """Require that the person gave a password or code a short while ago.

        Raises Refused(proof_required); the operation `prove_myself` gives a fresh proof.
        """
        if self.proven_at is None or time.time() - self.proven_at > within_s:
            raise Refused(
                "proof_required", "Prove first that it is you: give your password or code to `prove_myself`."
            )


def in_emergency(caller: Caller, permission: str, arguments: Mapping[str, Any]) -> Caller:
    """The caller, with this permission added if they have emergency access to the object that the arguments name.

    The argument `<type>_id` names the object. The permission holds for this call only, and the call is audited as an
    emergency. An incomplete entry in the passport's scope adds nothing.
    """
    for given in caller.scope.get("emergency") or ():
        object_id = given.get("object_id")
        if (
            object_id
            and given.get("permission") == permission
            and arguments.get(f"{given.get('object_type')}_id") == object_id
            and given.get("until", 0) > time.time()
        ):
            return replace(caller, permissions=caller.permissions | {permission}, is_emergency=True)
    return caller


def key_id(issuer: str, key: Ed25519PublicKey) -> str:
    """The id of an issuer's key: its name, a dot, and the beginning of the key's SHA-256."""
    return f"{issuer}.{hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]}"


def issuer_of(kid: str) -> str:
    """The issuer to whom a key id belongs."""
    return kid.partition(".")[0]


class Issuer:
    """Signs passports with the key of this process."""

    def __init__(self, name: str, private_key: Ed25519PrivateKey) -> None:
        self.name = name
        self._key = private_key
        kid = key_id(name, private_key.public_key())
        self._header = _in_base64(orjson.dumps({"alg": ALGORITHM, "kid": kid, "typ": "JWT"}))

    @classmethod
    def from_file(cls, name: str, path: str) -> Issuer:
        """Read the PEM file with the private key."""
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"{name}: an Ed25519 private key is expected")
        return cls(name, key)

    def for_account(self, audience: str, claims: Mapping[str, Any]) -> str:
        """A passport of an account. `claims`: sub, org, org_key, realm, perms, scope, sid, prov, consents_due, link."""
        return self._sign(audience, {"kind": "account", **claims})

    def for_service(self, audience: str, organisation_id: str | None, organisation_key: str | None) -> str:
        """A passport of this service for itself, within an organisation or none."""
        return self._sign(
            audience,
            {"kind": "service", "sub": self.name, "org": organisation_id, "org_key": organisation_key},
        )

    def sign(self, purpose: str, statement: bytes) -> str:
        """The signature of another statement than a passport, 128 hex digits. `purpose` tells kinds of statements apart."""
        return self._key.sign(_for_signing(purpose, statement)).hex()

    def mark(self, purpose: str, statement: bytes) -> str:
        """64 hex digits that tell equal statements. Without this key nobody can try out which statement a mark is of."""
        return hashlib.sha256(self._key.sign(_for_signing(purpose, statement))).hexdigest()

    def _sign(self, audience: str, claims: Mapping[str, Any]) -> str:
        now = int(time.time())
        payload = {**claims, "iss": self.name, "aud": audience, "iat": now, "exp": now + LIFETIME_S}
        signed = self._header + b"." + _in_base64(orjson.dumps(payload))
        return (signed + b"." + _in_base64(self._key.sign(signed))).decode()


_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/\0\0\0")  # base64 knows no zero byte and refuses it


def _in_base64(data: bytes) -> bytes:
    """In the alphabet for URLs and without padding (RFC 7515, section 2)."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL)


def _from_base64(text: bytes) -> bytes:
    """The inverse of `_in_base64`. Raises ValueError for characters outside the alphabet."""
    return binascii.a2b_base64(text.translate(_FROM_URL) + b"=" * (-len(text) % 4), strict_mode=True)


def _for_signing(purpose: str, statement: bytes) -> bytes:
    # The signed bytes of a passport are base64 and dots, so they never begin like this.
    return b"portico " + purpose.encode() + b"\n" + statement


def signature_holds(key: Ed25519PublicKey, purpose: str, statement: bytes, signature: str) -> bool:
    """Whether the holder of this key signed the statement for this purpose (see Issuer.sign)."""
    try:
        key.verify(bytes.fromhex(signature), _for_signing(purpose, statement))
    except (InvalidSignature, ValueError):
        return False
    return True


def read_public_keys(path: str) -> dict[str, Ed25519PublicKey]:
    """Public keys by key id, from a JSON Web Key Set."""
    entries = json.loads(Path(path).read_text())["keys"]
    wrong = [entry["kid"] for entry in entries if (entry["kty"], entry["crv"]) != ("OKP", "Ed25519")]
    if wrong:
        raise ValueError(f"{', '.join(wrong)}: an Ed25519 public key is expected")
    return {
        entry["kid"]: Ed25519PublicKey.from_public_bytes(_from_base64(entry["x"].encode()))
        for entry in entries
    }


class Verifier:
    """Checks passports for one audience against the known public keys (by key id).

    With a file it looks there, at most once a second, when it meets a key that it does not know.
    """

    def __init__(self, audience: str, keys: Mapping[str, Ed25519PublicKey], path: str | None = None) -> None:
        self._audience = audience
        self._keys = keys
        self._path = path
        self._next_look_at = 0.0

    @classmethod
    def from_file(cls, audience: str, path: str) -> Verifier:
        """Read a JSON Web Key Set."""
        return cls(audience, read_public_keys(path), path)

    def verify(self, passport: str | None) -> Caller:
        """The caller. Raises PassportRefused. Only the key id is read before the signature is verified."""
        if not passport:
            raise PassportRefused
        try:
            signed, _, signature = passport.encode("ascii").rpartition(b".")
            header, _, payload = signed.partition(b".")
            kid = self._key_id(orjson.loads(_from_base64(header)))
            self._keys[kid].verify(_from_base64(signature), signed)
            claims = orjson.loads(_from_base64(payload))
        except (InvalidSignature, ValueError):  # neither ASCII, nor base64, nor JSON
            raise PassportRefused from None
        issuer = issuer_of(kid)
        self._check(claims, issuer)
        return _caller(claims, issuer)

    def _key_id(self, header: Any) -> str:
        """The id of the key that must have signed, as the header says. Nothing else in the header is used."""
        if not isinstance(header, dict) or header.get("alg") != ALGORITHM or "crit" in header:
            raise PassportRefused
        kid = header.get("kid")
        if not isinstance(kid, str) or not (kid in self._keys or self._finds(kid)):
            raise PassportRefused
        return kid

    def _finds(self, kid: str) -> bool:
        """Whether the file, read again, has this key: an issuer may have a new one."""
        now = time.monotonic()
        if self._path is None or now < self._next_look_at:
            return False
        self._next_look_at = now + LOOK_EVERY_S
        try:
            self._keys = read_public_keys(self._path)
        except (OSError, ValueError, KeyError):  # it is being written
            return False
        return kid in self._keys

    def _check(self, claims: Any, issuer: str) -> None:
        """Raise PassportRefused unless the claims are of this issuer, for this audience, and valid now."""
        now = time.time()
        is_sound = (
            isinstance(claims, dict)
            and _is_time(claims.get("iat"))
            and _is_time(claims.get("exp"))
            and isinstance(claims.get("sub"), str)
            and claims["iat"] <= now + AHEAD_S
            and ("nbf" not in claims or (_is_time(claims["nbf"]) and claims["nbf"] <= now + AHEAD_S))
        )
        if not is_sound:
            raise PassportRefused
        if claims["exp"] <= now:
            raise PassportRefused("passport_expired")
        if claims.get("iss") != issuer or claims.get("aud") != self._audience:
            raise PassportRefused


def _is_time(value: Any) -> bool:
    """Whether this is a time in whole seconds since 1970."""
    return isinstance(value, int) and not isinstance(value, bool)


def _caller(claims: Mapping[str, Any], issuer: str) -> Caller:
    if claims["exp"] - claims["iat"] > LIFETIME_S:
        raise PassportRefused
    if claims.get("kind") == "service" and claims["sub"] == issuer:
        return Caller("service", issuer, claims.get("org"), claims.get("org_key"))
    if claims.get("kind") == "account" and issuer == ISSUER_OF_PEOPLE and claims.get("org"):
        return Caller(
            "account",
            claims["sub"],
            claims["org"],
            claims["org_key"],
            claims.get("realm"),
            frozenset(claims.get("perms", ())),
            claims.get("scope") or {},
            claims.get("sid"),
            proven_at=claims.get("prov"),
            consents_due=bool(claims.get("consents_due")),
            link=_link(claims["link"]) if claims.get("link") else None,
        )
    raise PassportRefused


def _link(claim: Any) -> Link:
    try:
        return Link(frozenset(claim["operations"]), claim["member"], claim["object_id"], claim["state"])
    except (KeyError, TypeError):
        raise PassportRefused from None
