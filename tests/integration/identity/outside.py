"""Outside providers for tests: a real one over HTTP, one whose answers a test chooses, and the browser's part of a sign-in."""

from __future__ import annotations

import contextlib
import datetime
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import flask
import oidc_provider_mock
import pytest
import requests
import werkzeug.serving
from joserfc import jwk, jwt
from sqlalchemy import select, update

from services.chassis import wire
from services.chassis.passports import Caller
from services.contracts.identity import outside as contract
from services.identity.models import Account
from services.identity.outside.provider import providers_of
from services.identity.secrets.tokens import new_token, token_hash
from services.identity.sessions.models import LoginSession
from tests.integration.identity.conftest import ADMIN, Identity

CLIENT = "portico"
SECRET = "a-client-secret"

USERS = [
    oidc_provider_mock.User(sub="ada", claims={"email": ADMIN.upper(), "email_verified": True}),
    oidc_provider_mock.User(sub="ada-too", claims={"email": ADMIN, "email_verified": True}),
    oidc_provider_mock.User(sub="unverified", claims={"email": ADMIN, "email_verified": False}),
    oidc_provider_mock.User(sub="stranger", claims={"email": "s@example.net", "email_verified": True}),
    oidc_provider_mock.User(sub="strong", claims={"email": ADMIN, "email_verified": True, "amr": ["mfa"]}),
    oidc_provider_mock.User(sub="other", claims={"email": "o@example.net", "email_verified": True}),
]


@contextlib.contextmanager
def real_provider(users: list[oidc_provider_mock.User]) -> Iterator[str]:
    """The issuer of a real provider on this machine that knows these users."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # the provider's own check, for tests over http
        with oidc_provider_mock.run_server_in_thread(user_claims=users) as server:
            yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A real provider for all tests of a module."""
    with real_provider(USERS) as issuer:
        yield issuer


@pytest.fixture
def ready(identity: Identity) -> Identity:
    """Identity whose administrator's address is verified."""
    verify(identity, ADMIN)
    return identity


def verify(identity: Identity, login: str) -> None:
    """Let the account's address count as proved."""

    def work(session: Any) -> None:
        session.execute(
            update(Account)
            .where(Account.login == login)
            .values(email_verified_at=datetime.datetime.now(datetime.UTC))
        )

    identity.database.write(None, work)


def account_id(identity: Identity, login: str = ADMIN) -> str:
    """The id of the account with this log-in."""
    with identity.database.reading(None) as session:
        return str(session.scalars(select(Account.id).where(Account.login == login)).one())


def staff(identity: Identity) -> Caller:
    """Harbor's administrator with a fresh log-in. Hashing is left out, as it is slow and tested elsewhere."""
    now, token = datetime.datetime.now(datetime.UTC), new_token()

    def work(session: Any) -> None:
        session.add(
            LoginSession(
                id=wire.new_id(),
                organisation_id=identity.harbor.organisation_id,
                account_id=identity.harbor.admin_account_id,
                token_hash=token_hash(token),
                created_at=now,
                last_seen_at=now,
                proven_at=now,
                expires_at=now + datetime.timedelta(hours=1),
            )
        )

    identity.database.write(None, work)
    return identity.caller(token)


def a_provider(
    identity: Identity, issuer: str, admin: Caller | None = None, *, realm: str = "staff", **more: Any
) -> dict[str, Any]:
    """Set this provider for a realm."""
    request = {
        "issuer": issuer,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "button_name": "Sign in with Harbor ID",
    }
    providers_of(identity.runtime.settings).forget()
    answer = identity.call(
        contract.create_identity_provider, admin or staff(identity), realm=realm, **request | more
    )
    return dict(answer)


def changed(identity: Identity, provider: dict[str, Any], admin: Caller, **more: Any) -> dict[str, Any]:
    """Change a provider. Members that are not named stay."""
    names = set(contract.NewIdentityProvider().fields) - {"client_secret"}
    request = {name: value for name, value in provider.items() if name in names}
    answer = identity.call(
        contract.change_identity_provider, admin, version=provider["version"], **request | more
    )
    return dict(answer)


def start(identity: Identity, *, realm: str = "staff", organisation: str = "harbor", **more: Any) -> Any:
    """Begin a sign-in."""
    return identity.call(contract.start_outside_sign_in, organisation=organisation, realm=realm, **more)


def at_provider(begun: Any, subject: str) -> dict[str, str]:
    """Sign in at the provider as this subject. Returns what the provider hands the browser."""
    answer = requests.post(
        begun["authorization_url"], data={"sub": subject}, allow_redirects=False, timeout=5
    )
    assert answer.status_code == 302, answer.text[-2000:]
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in query.items() if name in ("state", "code", "iss", "error")}


def completion(begun: Any, given: dict[str, str], **more: Any) -> dict[str, Any]:
    """The request that completes what was begun."""
    where = {"organisation": "harbor", "realm": "staff", "browser_key": begun["browser_key"]}
    return where | given | more


def sign_in(identity: Identity, subject: str, *, realm: str = "staff", **more: Any) -> Any:
    """Sign in from start to completion. Returns the last answer."""
    begun = start(identity, realm=realm)
    request = completion(begun, at_provider(begun, subject), realm=realm)
    return identity.call(contract.complete_outside_sign_in, **request, **more)


def refused_sign_in(identity: Identity, subject: str, *, realm: str = "staff", **more: Any) -> Any:
    """Sign in and fail. Returns the refusal of the completion."""
    begun = start(identity, realm=realm)
    request = completion(begun, at_provider(begun, subject), realm=realm)
    return identity.refused(contract.complete_outside_sign_in, **request, **more)


RSA = jwk.RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})


@dataclass
class FakeProvider:
    """A provider whose answers a test chooses. It remembers its requests."""

    url: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "rsa"})
    key: Any = field(default_factory=lambda: RSA)
    keys: list[Any] = field(default_factory=lambda: [RSA])
    # Answers that replace those made of the members above.
    token: str | None = None
    answers: dict[str, flask.Response] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], str | None]] = field(default_factory=list)

    def discovery(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
        } | self.metadata

    def id_token(self, nonce: str) -> str:
        """An ID token for this nonce, unless the test has said otherwise."""
        if self.token is not None:
            return self.token
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "subject-1",
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "nonce": nonce,
            "email": "ada@example.org",
            "email_verified": True,
        } | self.claims
        claims = {name: value for name, value in claims.items() if name not in self.without}
        return jwt.encode(self.header, claims, self.key, algorithms=[self.header["alg"]])

    def given(self, begun: Any, **more: str) -> dict[str, str]:
        """The answer for the browser. The code is the nonce, so that the token can repeat it."""
        query = parse_qs(urlsplit(begun["authorization_url"]).query)
        return {"state": query["state"][0], "code": query["nonce"][0]} | more

    def app(self) -> flask.Flask:
        """It, as a server."""
        app = flask.Flask("fake-provider")

        @app.before_request
        def _remember() -> flask.Response | None:
            request = flask.request
            self.asked.append((request.path, request.form.to_dict(), request.headers.get("Authorization")))
            return self.answers.get(request.path)

        @app.get("/.well-known/openid-configuration")
        def _discovery() -> Any:
            return self.discovery()

        @app.get("/jwks")
        def _jwks() -> Any:
            return {"keys": [key.as_dict(private=False) for key in self.keys]}

        @app.post("/token")
        def _token() -> Any:
            code = flask.request.form["code"]
            return {"access_token": "x", "token_type": "Bearer", "id_token": self.id_token(code)}

        return app


@contextlib.contextmanager
def running(provider: FakeProvider, tls: ssl.SSLContext | None = None) -> Iterator[FakeProvider]:
    """The provider, running on a free port."""
    server = werkzeug.serving.make_server("127.0.0.1", 0, provider.app(), threaded=True, ssl_context=tls)
    provider.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
