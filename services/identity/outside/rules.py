"""Pure rules of outside sign-in: which addresses a provider may have, what an ID token must say."""

from __future__ import annotations

import datetime
import hmac
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeGuard
from urllib.parse import urlencode, urlsplit

from services.contracts.errors import Refused
from services.contracts.spelling import mailbox_of
from services.contracts.web_addresses import Network, url_fault

SIGN_IN, LINK, PROOF = "sign_in", "link", "proof"
BY_VERIFIED_EMAIL, BY_HAND = "by_verified_email", "by_hand"
BY_EMAIL, BY_OWNER, BY_STAFF = "email", "owner", "staff"

STATE_LIFETIME = datetime.timedelta(minutes=10)
# Signatures with the provider's private key. Never `none`, and no HS…: its key is the client secret.
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
LEEWAY_S = 60
# An ID token is fetched from the provider right after it was made; an older one has been stored somewhere.
OLDEST_S = 600
# A sign-in at the provider that is older than this proves nothing about who sits there now.
PROOF_HOLDS = datetime.timedelta(minutes=5)
MOST_SUBJECT = 255

# Errors that a provider answers in place of a code (RFC 6749, section 4.1.2.1, and OpenID Connect Core, section 3.1.2.6).
PROVIDER_ERRORS = frozenset(
    {
        "access_denied",
        "account_selection_required",
        "consent_required",
        "interaction_required",
        "invalid_request",
        "invalid_scope",
        "login_required",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_response_type",
    }
)

_RETURN_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@%?#-][A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*)?")


def checked_return_path(path: str) -> str:
    """The path, if it is one of our own site. Raises Refused(invalid_request) for another site's, also a disguised one."""
    if not _RETURN_PATH.fullmatch(path) or "//" in path.partition("?")[0]:
        raise Refused(
            "invalid_request",
            "return_path: a path of this site is expected, such as /inbox.",
            field="return_path",
        )
    return path


def checked_issuer(issuer: str, networks: Collection[Network]) -> str:
    """The issuer, if it is an address that a provider may have. Raises Refused(invalid_request)."""
    if url_fault(issuer, networks) or urlsplit(issuer).query:
        raise Refused(
            "invalid_request",
            "issuer: an address such as https://login.example.org/realm is expected, as the provider itself writes it.",
            field="issuer",
        )
    return issuer


def sign_out_url(end_session_endpoint: str, client_id: str, return_url: str) -> str:
    """Where to send a browser to sign out at the provider (OpenID Connect RP-Initiated Logout 1.0, section 2).

    It names only us. An ID token as hint would have to be stored, and would appear in the browser's history.
    """
    parameters = urlencode({"client_id": client_id, "post_logout_redirect_uri": return_url})
    return f"{end_session_endpoint}{'&' if urlsplit(end_session_endpoint).query else '?'}{parameters}"


def checked_scopes(scopes: Iterable[str]) -> list[str]:
    """The scopes in their order, without repetition. Raises Refused(invalid_request) without `openid`."""
    found = list(dict.fromkeys(scopes))
    if "openid" not in found:
        raise Refused(
            "invalid_request", "scopes: openid must be among them, and email to match by it.", field="scopes"
        )
    return found


def metadata_faults(document: Any, issuer: str, networks: Collection[Network]) -> list[str]:
    """What is wrong with a discovery document (OpenID Connect Discovery 1.0, section 4.3), as codes."""
    if not isinstance(document, Mapping):
        return ["discovery_not_an_object"]
    faults = []
    if document.get("issuer") != issuer:
        faults.append("issuer_differs")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        if name not in document:
            faults.append(f"{name}_missing")
        elif url_fault(document[name], networks):
            faults.append(f"{name}_refused")
    if "code" not in _words(document.get("response_types_supported"), ["code"]):
        faults.append("code_flow_not_offered")
    # Many providers support S256 and list no methods. Where a provider lists them, S256 must be among them.
    if "S256" not in _words(document.get("code_challenge_methods_supported"), ["S256"]):
        faults.append("pkce_not_offered")
    if not set(ALGORITHMS) & set(_words(document.get("id_token_signing_alg_values_supported"), ["RS256"])):
        faults.append("algorithm_not_offered")
    return faults


def auth_method(document: Mapping[str, Any], has_secret: bool) -> str:
    """How the client's secret is sent to the token endpoint: in the header, or in the body if it supports only that."""
    if not has_secret:
        return "none"
    offered = _words(document.get("token_endpoint_auth_methods_supported"), ["client_secret_basic"])
    return "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"


def _words(value: Any, default: list[str]) -> list[str]:
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else default


def token_fault(
    claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: datetime.datetime
) -> str | None:
    """What is wrong with the claims of an ID token whose signature is right (OpenID Connect Core, section 3.1.3.7).

    None when it is for us, from the provider that was asked, for this sign-in, and valid now.
    """
    given_nonce, subject = claims.get("nonce"), claims.get("sub")
    checks = {
        "token_wrong_issuer": claims.get("iss") == issuer,
        "token_wrong_audience": _is_for(claims, client_id),
        "token_expired": _is_number(claims.get("exp")) and now.timestamp() < claims["exp"] + LEEWAY_S,
        "token_wrong_time": _is_fresh(claims, now.timestamp()),
        "token_wrong_nonce": isinstance(given_nonce, str)
        and hmac.compare_digest(given_nonce.encode(), nonce.encode()),
        "token_without_subject": isinstance(subject, str) and 0 < len(subject) <= MOST_SUBJECT,
    }
    return next((fault for fault, holds in checks.items() if not holds), None)


def _is_for(claims: Mapping[str, Any], client_id: str) -> bool:
    """Whether we are in the audience; of several, the token must name us as the one it was issued to (`azp`)."""
    audiences = claims.get("aud")
    audiences = [audiences] if isinstance(audiences, str) else audiences
    if not isinstance(audiences, list) or client_id not in audiences:
        return False
    issued_to = claims.get("azp", client_id if len(audiences) == 1 else None)
    return bool(issued_to == client_id)


def _is_fresh(claims: Mapping[str, Any], seconds: float) -> bool:
    issued, not_before = claims.get("iat"), claims.get("nbf", 0)
    return (
        _is_number(issued)
        and seconds - OLDEST_S <= issued <= seconds + LEEWAY_S
        and _is_number(not_before)
        and not_before <= seconds + LEEWAY_S
    )


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def verified_email(claims: Mapping[str, Any]) -> str | None:
    """The address that the provider has verified, as logins are compared; None if it has verified none."""
    email = claims.get("email")
    # Some providers write the flag as a string.
    if claims.get("email_verified") not in (True, "true") or not isinstance(email, str):
        return None
    try:
        return mailbox_of(email).lower()
    except ValueError:
        return None


def has_second_factor(claims: Mapping[str, Any], acr: str | None) -> bool:
    """Whether the provider says that it asked for a second factor (RFC 8176, or the class `acr` that was agreed on)."""
    methods = claims.get("amr")
    return (isinstance(methods, list) and "mfa" in methods) or (acr is not None and claims.get("acr") == acr)


def signed_in_at(claims: Mapping[str, Any], now: datetime.datetime) -> datetime.datetime | None:
    """When the person last gave the provider a password or the like, None where it does not say."""
    at = claims.get("auth_time")
    if not _is_number(at) or not 0 < at <= now.timestamp() + LEEWAY_S:
        return None
    return min(now, datetime.datetime.fromtimestamp(at, datetime.UTC))
