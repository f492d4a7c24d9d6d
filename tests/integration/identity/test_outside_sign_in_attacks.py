"""Outside sign-in under attack: forged and replayed tokens, other browsers, providers that lie, hang or lead elsewhere."""

from __future__ import annotations

import base64
import datetime
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
import time_machine
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwk, jwt
from sqlalchemy import update

from services.chassis import outgoing_http
from services.contracts.errors import Refused
from services.contracts.identity import login, sessions
from services.contracts.identity import outside as contract
from services.identity.models import Account
from services.identity.outside import provider
from services.identity.outside.provider import Providers, providers_of
from tests.integration.identity.conftest import PASSWORD, Identity
from tests.integration.identity.outside import (
    CLIENT,
    RSA,
    FakeProvider,
    a_provider,
    completion,
    running,
    staff,
    start,
)

OTHER_RSA = jwk.RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})


@pytest.fixture
def evil() -> Iterator[FakeProvider]:
    """A provider whose answers the test chooses."""
    with running(FakeProvider()) as server:
        yield server


@pytest.fixture
def ready(identity: Identity, evil: FakeProvider) -> Identity:
    """Identity with this provider for staff."""

    def work(session: Any) -> None:
        session.execute(update(Account).values(email_verified_at=datetime.datetime.now(datetime.UTC)))

    identity.database.write(None, work)
    a_provider(identity, evil.url)
    return identity


def complete(identity: Identity, evil: FakeProvider, **more: str) -> Any:
    begun = start(identity)
    return identity.call(contract.complete_outside_sign_in, **completion(begun, evil.given(begun, **more)))


def refusal(identity: Identity, evil: FakeProvider, **more: str) -> tuple[str, Any]:
    """Code and reason of the refused completion."""
    with pytest.raises(Refused) as refused:
        complete(identity, evil, **more)
    return refused.value.code, refused.value.more.get("reason")


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part(header)}.{part(claims)}."


def with_shared_key(claims: dict[str, Any], key: bytes) -> str:
    text = unsigned({"alg": "HS256", "kid": "rsa"}, claims).rstrip(".")
    digest = hmac.new(key, text.encode(), "sha256").digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def test_a_provider_that_does_as_it_should_lets_in(ready: Identity, evil: FakeProvider) -> None:
    """The valid sign-in, from which each of the following tests differs in one point."""
    assert ready.caller(complete(ready, evil)["token"]).may("organisation.manage")
    path, form, authorization = next(each for each in evil.asked if each[0] == "/token")
    assert path
    assert 43 <= len(form["code_verifier"]) <= 128
    assert (authorization or "").startswith("Basic ")


def test_a_token_that_is_not_for_this_very_sign_in_is_refused(ready: Identity, evil: FakeProvider) -> None:
    now = int(time.time())
    for claims, reason in (
        ({"nonce": "of-another-sign-in"}, "token_wrong_nonce"),
        ({"nonce": None}, "token_wrong_nonce"),
        ({"aud": "somebody-else"}, "token_wrong_audience"),
        ({"aud": []}, "token_wrong_audience"),
        ({"aud": [CLIENT, "somebody-else"]}, "token_wrong_audience"),
        ({"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"}, "token_wrong_audience"),
        ({"aud": CLIENT, "azp": "somebody-else"}, "token_wrong_audience"),
        ({"iss": "https://login.example.org"}, "token_wrong_issuer"),
        ({"exp": now - 61}, "token_expired"),
        ({"exp": "2099-01-01"}, "token_expired"),
        ({"iat": now - 3600}, "token_wrong_time"),
        ({"iat": now + 3600}, "token_wrong_time"),
        ({"nbf": now + 3600}, "token_wrong_time"),
        ({"sub": ""}, "token_without_subject"),
        ({"sub": 7}, "token_without_subject"),
        ({"sub": "x" * 256}, "token_without_subject"),
    ):
        evil.claims = claims
        assert refusal(ready, evil) == ("outside_provider_failed", reason), claims
        assert ready.audit("outside_sign_in.refused")[-1].facts["reason"] == reason
    assert ready.audit("outside_sign_in.completed") == []


def test_a_token_without_what_it_must_say_is_refused(ready: Identity, evil: FakeProvider) -> None:
    for missing in ("exp", "iat", "sub", "nonce", "aud", "iss"):
        evil.without = (missing,)
        assert refusal(ready, evil)[0] == "outside_provider_failed", missing


def test_forged_signatures_are_refused(ready: Identity, evil: FakeProvider) -> None:
    """Not signed, signed with a public key as if it were a shared one, by somebody else, or with the key in its header."""
    claims = {"iss": evil.url, "aud": CLIENT, "sub": "subject-1", "exp": int(time.time()) + 300}
    public = RSA.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    own = {"alg": "RS256", "kid": "rsa", "jwk": OTHER_RSA.as_dict(private=False)}
    forged: dict[str, Callable[[], str]] = {
        "none": lambda: unsigned({"alg": "none", "kid": "rsa"}, claims),
        "None": lambda: unsigned({"alg": "None"}, claims),
        "HS256": lambda: with_shared_key(claims, public),
        "another key": lambda: jwt.encode({"alg": "RS256", "kid": "rsa"}, claims, OTHER_RSA),
        "its own key": lambda: jwt.encode(own, claims, OTHER_RSA),
        "RS512": lambda: jwt.encode({"alg": "RS512", "kid": "rsa"}, claims, RSA, algorithms=["RS512"]),
        "no token": lambda: "not.a.token",
    }
    for name, make in forged.items():
        evil.token = make()
        code, reason = refusal(ready, evil)
        assert code == "outside_provider_failed", name
        assert reason in ("token_not_signed", "token_malformed"), name


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ES256", jwk.ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})),
        ("PS256", jwk.RSAKey.generate_key(2048, {"kid": "ps"})),
        pytest.param(
            "EdDSA",
            jwk.OKPKey.generate_key("Ed25519", {"kid": "ed"}),
            # RFC 9864 gives it another name, and providers still use this one.
            marks=pytest.mark.filterwarnings("ignore:EdDSA is deprecated"),
        ),
    ],
)
def test_the_other_algorithms_that_are_allowed_work(
    ready: Identity, evil: FakeProvider, algorithm: str, key: Any
) -> None:
    evil.key, evil.keys, evil.header = key, [RSA, key], {"alg": algorithm, "kid": key.kid}
    assert complete(ready, evil)["token"]


@pytest.mark.filterwarnings("ignore:Key size should be >= 2048 bits")  # the weak key is what is tested
def test_weak_and_foreign_keys_of_a_provider_are_passed_over(evil: FakeProvider) -> None:
    evil.keys = [
        jwk.RSAKey.generate_key(1024, {"kid": "weak"}),
        jwk.RSAKey.generate_key(2048, {"kid": "enc", "use": "enc"}),
        jwk.ECKey.generate_key("P-521", {"kid": "ec"}),
    ]
    evil.answers = {}
    assert Providers(_loopback(), None).faults(evil.url) == (["no_usable_key"], 0)
    shared = {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "oct"}, {"kty": "RSA", "n": "x"}, 7]}
    evil.answers = {"/jwks": flask.Response(json.dumps(shared))}
    assert Providers(_loopback(), None).faults(evil.url) == (["no_usable_key"], 0)


def test_a_key_that_is_new_is_looked_for_once_in_a_while(
    ready: Identity, evil: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(ready, evil)
    new = jwk.RSAKey.generate_key(2048, {"kid": "new"})
    evil.key, evil.keys, evil.header = new, [RSA, new], {"alg": "RS256", "kid": "new"}
    assert refusal(ready, evil) == ("outside_provider_failed", "token_not_signed")
    assert [each[0] for each in evil.asked].count("/jwks") == 1
    monkeypatch.setattr(provider, "KEYS_AGAIN_AFTER_S", 0.0)
    assert complete(ready, evil)["token"]


# The callback


def test_a_sign_in_is_completed_once(ready: Identity, evil: FakeProvider) -> None:
    begun = start(ready)
    request = completion(begun, evil.given(begun))
    assert ready.call(contract.complete_outside_sign_in, **request)["token"]
    assert ready.refused(contract.complete_outside_sign_in, **request).code == "outside_state_refused"
    assert [each[0] for each in evil.asked].count("/token") == 1


def test_of_many_completions_at_once_one_goes_on(ready: Identity, evil: FakeProvider) -> None:
    begun = start(ready)
    request = completion(begun, evil.given(begun))
    outcomes: list[str] = []

    def run() -> None:
        try:
            ready.call(contract.complete_outside_sign_in, **request)
            outcomes.append("in")
        except Refused as refused:
            outcomes.append(refused.code)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in"] + ["outside_state_refused"] * 3


def test_an_answer_that_comes_to_another_browser_is_refused_and_spoils_nothing(
    ready: Identity, evil: FakeProvider
) -> None:
    """Otherwise an attacker could sign a victim in to the attacker's account (log-in CSRF)."""
    victims, strangers = start(ready), start(ready)
    request = completion(victims, evil.given(strangers))
    assert ready.refused(contract.complete_outside_sign_in, **request).code == "outside_state_refused"
    own = completion(strangers, evil.given(strangers))
    assert ready.call(contract.complete_outside_sign_in, **own)["token"]


def test_a_code_of_another_sign_in_is_refused(ready: Identity, evil: FakeProvider) -> None:
    """A stolen code belongs to a token with another nonce and to another PKCE verifier."""
    stolen = evil.given(start(ready))["code"]
    assert refusal(ready, evil, code=stolen) == ("outside_provider_failed", "token_wrong_nonce")
    verifiers = {each[1]["code_verifier"] for each in evil.asked if each[0] == "/token"}
    complete(ready, evil)
    assert {each[1]["code_verifier"] for each in evil.asked if each[0] == "/token"} > verifiers


def test_an_answer_for_another_realm_or_organisation_is_refused(ready: Identity, evil: FakeProvider) -> None:
    ready.an_organisation("bayside")
    for where in ({"realm": "provider"}, {"organisation": "bayside"}):
        begun = start(ready)
        request = completion(begun, evil.given(begun), **where)
        assert ready.refused(contract.complete_outside_sign_in, **request).code == "outside_state_refused"


def test_an_answer_of_another_issuer_is_refused_before_its_code_goes_anywhere(
    ready: Identity, evil: FakeProvider
) -> None:
    """RFC 9207: providers mixed up."""
    assert refusal(ready, evil, iss="https://login.example.org") == (
        "outside_provider_failed",
        "answer_of_another_issuer",
    )
    assert "/token" not in [each[0] for each in evil.asked]
    assert complete(ready, evil, iss=evil.url)["token"]
    evil.metadata = {"authorization_response_iss_parameter_supported": True}
    providers_of(ready.runtime.settings).forget()
    assert refusal(ready, evil)[1] == "answer_of_another_issuer"
    assert complete(ready, evil, iss=evil.url)["token"]


def test_the_way_back_leads_to_this_site_only(ready: Identity) -> None:
    for path in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/a//evil.example",
        "/%0d\r\nLocation: x",
        "javascript:alert(1)",
        "inbox",
        "/in box",
        "///evil.example",
    ):
        refused = ready.refused(
            contract.start_outside_sign_in, organisation="harbor", realm="staff", return_path=path
        )
        assert (refused.code, refused.field) == ("invalid_request", "return_path"), path


def test_states_cannot_be_guessed_for_long_from_one_address(ready: Identity) -> None:
    where = {"organisation": "harbor", "realm": "staff", "code": "x", "client_address": "192.0.2.1"}
    codes = [
        ready.refused(contract.complete_outside_sign_in, state="x", browser_key="x", **where).code
        for _ in range(31)
    ]
    assert codes == ["outside_state_refused"] * 30 + ["too_many_requests"]


# Accounts


def test_an_address_counts_only_when_the_provider_has_verified_it(
    ready: Identity, evil: FakeProvider
) -> None:
    for flag in (False, None, "false", 1.5, ["true"]):
        evil.claims = {"email_verified": flag}
        assert refusal(ready, evil) == ("outside_sign_in_refused", None), flag
    assert ready.audit("outside_sign_in.refused")[-1].facts["reason"] == "email_not_verified"


def test_a_sign_in_of_long_ago_at_the_provider_is_no_proof(ready: Identity, evil: FakeProvider) -> None:
    for claims, without in (({"auth_time": int(time.time()) - 3600}, ()), ({}, ("auth_time",))):
        evil.claims, evil.without = claims, without
        caller = ready.caller(complete(ready, evil)["token"])
        request = {"account_id": caller.id, "subject": "x"}
        refused = ready.refused(contract.link_account_outside_identity, caller, **request)
        assert refused.code == "proof_required"
        begun = ready.call(contract.start_outside_proof, caller)
        request = completion(begun, evil.given(begun))
        assert ready.refused(contract.complete_outside_sign_in, **request).code == "proof_refused"
    assert ready.call(login.prove_myself, caller, password=PASSWORD)["proven_at"]


def test_a_link_is_made_only_while_the_session_that_asked_for_it_holds(
    ready: Identity, evil: FakeProvider
) -> None:
    admin = staff(ready)
    begun = ready.call(contract.start_outside_link, admin)
    ready.call(sessions.end_my_session, admin, session_id=admin.session_id)
    request = completion(begun, evil.given(begun))
    assert ready.refused(contract.complete_outside_sign_in, **request).code == "outside_sign_in_refused"


def test_an_address_that_the_provider_says_only_when_asked_is_asked_for(
    ready: Identity, evil: FakeProvider
) -> None:
    evil.without = ("email", "email_verified")
    evil.metadata = {"userinfo_endpoint": f"{evil.url}/userinfo"}
    providers_of(ready.runtime.settings).forget()
    said = {"sub": "subject-1", "email": "ada@example.org", "email_verified": True}
    for wrong in ({"sub": "somebody-else"}, {"email_verified": False}, {"sub": None}):
        evil.answers = {"/userinfo": flask.Response(json.dumps(said | wrong))}
        assert refusal(ready, evil)[0] == "outside_sign_in_refused"
    evil.answers = {"/userinfo": flask.Response("oops", 500)}
    assert refusal(ready, evil)[0] == "outside_sign_in_refused"
    evil.answers = {"/userinfo": flask.Response(json.dumps(said))}
    assert complete(ready, evil)["token"]
    assert evil.asked[-1] == ("/userinfo", {}, "Bearer x")


# Hostile providers


def test_a_provider_in_our_own_network_is_not_asked(
    identity: Identity, evil: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is one whose name resolves to it: the check applies to the address of the connection."""
    for module in (provider, provider.rules):
        monkeypatch.setattr(module, "url_fault", lambda *_: None)
    for issuer in (evil.url, evil.url.replace("127.0.0.1", "localhost")):
        assert Providers((), None).faults(issuer) == (["address_not_allowed"], 0)
    assert evil.asked == []


def test_metadata_that_leads_into_our_own_network_are_refused(evil: FakeProvider) -> None:
    for name in ("jwks_uri", "token_endpoint", "authorization_endpoint"):
        for address in ("http://169.254.169.254/x", "file:///etc/passwd", "gopher://x", "http://intranet/"):
            evil.metadata = {name: address}
            faults, _ = Providers(_loopback(), None).faults(evil.url)
            assert faults == [f"{name}_refused"]


def _loopback() -> Any:
    import ipaddress

    return (ipaddress.ip_network("127.0.0.0/8"),)


def test_what_is_wrong_with_a_provider_is_named(ready: Identity, evil: FakeProvider) -> None:
    admin = staff(ready)

    def faults() -> list[str]:
        return list(ready.call(contract.check_identity_provider, admin, realm="staff")["faults"])

    evil.metadata = {"issuer": "https://login.example.org", "response_types_supported": ["id_token"]}
    assert faults() == ["issuer_differs", "code_flow_not_offered"]
    evil.metadata = {"code_challenge_methods_supported": ["plain"], "jwks_uri": None}
    assert faults() == ["jwks_uri_refused", "pkce_not_offered"]
    evil.metadata = {"id_token_signing_alg_values_supported": ["HS256", "none"]}
    assert faults() == ["algorithm_not_offered"]
    evil.metadata = {}
    discovery = "/.well-known/openid-configuration"
    for answer, fault in (
        (flask.Response("no", 404), "not_found"),
        (flask.Response("<html>"), "not_json"),
        (flask.Response("[]"), "discovery_not_an_object"),
        (flask.Response("x" * (outgoing_http.MOST_BYTES + 1)), "answer_too_large"),
        (flask.Response("", 302, {"Location": "http://169.254.169.254/"}), "redirected"),
    ):
        evil.answers = {discovery: answer}
        assert faults() == [fault]


def test_a_token_endpoint_that_fails_is_told_apart(ready: Identity, evil: FakeProvider) -> None:
    for answer, reason in (
        (flask.Response('{"error": "invalid_grant"}', 400), "code_refused"),
        (flask.Response('{"error": "invalid_client"}', 401), "client_refused"),
        (flask.Response('{"access_token": "x", "token_type": "Bearer"}'), "token_missing"),
        (flask.Response("oops", 500), "unreachable"),
        (flask.Response("oops"), "not_json"),
        (flask.Response("", 307, {"Location": "http://evil.example/"}), "redirected"),
    ):
        evil.answers = {"/token": answer}
        assert refusal(ready, evil) == ("outside_provider_failed", reason)


def test_a_provider_that_trickles_is_given_up(evil: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()

    def drops() -> Iterator[bytes]:
        while not stop.wait(0.05):
            yield b" "

    monkeypatch.setattr(outgoing_http, "DEADLINE_S", 0.3)
    evil.answers = {"/.well-known/openid-configuration": flask.Response(drops())}
    began = time.monotonic()
    assert Providers(_loopback(), None).faults(evil.url) == (["too_slow"], 0)
    assert time.monotonic() - began < 3
    stop.set()


def test_a_provider_that_is_not_there_is_named_and_left_alone_for_a_moment(
    ready: Identity, evil: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    providers_of(ready.runtime.settings).forget()
    evil.answers = {"/.well-known/openid-configuration": flask.Response("", 503)}
    refused = ready.refused(contract.start_outside_sign_in, organisation="harbor", realm="staff")
    assert (refused.code, refused.more["reason"]) == ("outside_provider_failed", "not_found")
    assert evil.url not in refused.detail
    evil.answers = {}
    asked = len(evil.asked)
    again = ready.refused(contract.start_outside_sign_in, organisation="harbor", realm="staff")
    assert (again.more["reason"], len(evil.asked)) == ("not_found", asked)
    monkeypatch.setattr(provider, "FAULT_HOLDS_S", 0.0)
    assert complete(ready, evil)["token"]


def test_a_provider_over_tls_needs_a_certificate_that_holds(tmp_path: Path) -> None:
    """The certificate's name is checked, although the connection uses the checked address."""
    import datetime as dt
    import ssl

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "ca.pem"
    pem.write_bytes(certificate.public_bytes(Encoding.PEM))
    key_pem = tmp_path / "key.pem"
    key_pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key_pem)
    with running(FakeProvider(), context) as secure:
        by_name = secure.url.replace("127.0.0.1", "localhost")
        secure.metadata = {"issuer": by_name, "jwks_uri": f"{by_name}/jwks"}
        assert Providers(_loopback(), None).faults(by_name) == (["certificate_refused"], 0)
        assert Providers(_loopback(), str(pem)).faults(secure.url) == (["certificate_refused"], 0)
        assert Providers(_loopback(), str(pem)).faults(by_name) == ([], 1)


def test_an_expired_state_is_refused(ready: Identity, evil: FakeProvider) -> None:
    begun = start(ready)
    with time_machine.travel(time.time() + 601, tick=False):
        request = completion(begun, evil.given(begun))
        assert ready.refused(contract.complete_outside_sign_in, **request).code == "outside_state_refused"
