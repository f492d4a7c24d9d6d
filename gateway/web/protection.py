"""Keeps foreign pages from posting our forms, and seals what must lie in an address or in a page unread.

A form carries a token that is bound to the session's cookie, or before signing in to a cookie of the visitor, and to the
form's address. In addition the browser must report our own page (Sec-Fetch-Site or Origin).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from typing import Any

import flask
import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway import cookies
from services.contracts.errors import Refused

VISITOR = "__Host-visitor"
_NONCE = 12


class Protection:
    """Tokens and seals under one key of 32 bytes, which all gateways of a site share."""

    def __init__(self, key: bytes | None, public_url: str | None) -> None:
        root = key or secrets.token_bytes(32)
        self._token_key = hmac.digest(root, b"form token", hashlib.sha256)
        self._seal = AESGCM(hmac.digest(root, b"seal", hashlib.sha256))
        self._public_url = public_url

    def form_token(self, address: str, session: str | None = None) -> str:
        """The token of a form that is posted to this address by the browser of the current request.

        `session` is the token of the session that the answer begins, if it begins one.
        It looks different each time. Pages are compressed, and from the length of a page that has the same secret each time,
        beside words that a stranger chooses, the secret can be guessed (BREACH).
        """
        mask = secrets.token_bytes(hashlib.sha256().digest_size)
        return base64.urlsafe_b64encode(mask + _masked(self._plain_token(address, session), mask)).decode()

    def _plain_token(self, address: str, session: str | None = None) -> bytes:
        token = session or cookies.session_token()
        bound = f"session {token}" if token else f"visitor {visitor()}"
        return hmac.digest(self._token_key, f"{bound}\n{address}".encode(), hashlib.sha256)

    def _is_token(self, given: str, address: str) -> bool:
        try:
            raw = base64.urlsafe_b64decode(given)
        except ValueError:
            return False
        size = hashlib.sha256().digest_size
        return hmac.compare_digest(_masked(raw[size:], raw[:size]), self._plain_token(address))

    @property
    def origin(self) -> str:
        """The address of this site, to which the path of the API is added. Only a site on this machine is reached without TLS."""
        host = flask.request.host
        is_here = host.partition(":")[0] in ("localhost", "127.0.0.1")
        return (self._public_url or f"{'http' if is_here else 'https'}://{host}").rstrip("/")

    def is_own_page(self) -> bool:
        """Whether the browser reports that one of our own pages has made the current request."""
        return cookies.is_own_page(self._public_url)

    def require_own_form(self, token: str) -> None:
        """Raise Refused(cross_site_refused) unless the current request is one of our forms, posted from our own page."""
        self.require_own_page()
        if not self._is_token(token, flask.request.path):
            raise _foreign()

    def require_own_page(self) -> None:
        """Raise Refused(cross_site_refused) unless the browser reports our own page."""
        if not self.is_own_page():
            raise _foreign()

    def sealed(self, value: Any, purpose: str, lasts_s: float) -> str:
        """The value, unreadable and unchangeable, for so many seconds and this purpose only."""
        nonce = secrets.token_bytes(_NONCE)
        content = orjson.dumps([time.time() + lasts_s, value])
        return (
            base64.urlsafe_b64encode(nonce + self._seal.encrypt(nonce, content, purpose.encode()))
            .decode()
            .rstrip("=")
        )

    def opened(self, text: str, purpose: str) -> Any:
        """What was sealed for this purpose; None if it was not, or too long ago."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            ends_at, value = orjson.loads(self._seal.decrypt(raw[:_NONCE], raw[_NONCE:], purpose.encode()))
        except (ValueError, binascii.Error, InvalidTag):
            return None
        return value if time.time() < ends_at else None


def _masked(content: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(content, mask, strict=False))


def of_session(what: str, token: str | None) -> str:
    """The purpose of a seal that only this session can open."""
    return f"{what} of session {token}"


def _foreign() -> Refused:
    return Refused(
        "cross_site_refused",
        "This form is older than your sign-in, or does not come from this site. Open the page again.",
    )


def visitor() -> str:
    """Who has not signed in yet: a random value that the answer puts into a cookie."""
    given = flask.request.cookies.get(VISITOR) or flask.g.get("visitor")
    if not given:
        given = flask.g.visitor = secrets.token_urlsafe(16)
    return str(given)


def keep_visitor(response: flask.Response) -> None:
    """Give the browser the cookie of a visitor that this request has invented."""
    if "visitor" in flask.g:
        response.set_cookie(VISITOR, flask.g.visitor, path="/", secure=True, httponly=True, samesite="Lax")
