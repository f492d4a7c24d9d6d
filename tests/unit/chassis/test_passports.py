"""Verification of passports: invalid ones are refused, and only identity issues them for people."""

from __future__ import annotations

import base64
import datetime
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwk, jwt

from deploy.keys import forget, make_keys, rotate
from services.chassis.passports import (
    AHEAD_S,
    LIFETIME_S,
    Issuer,
    Link,
    PassportRefused,
    Verifier,
    issuer_of,
    key_id,
    read_public_keys,
)

ACCOUNT = {
    "sub": "c" * 32,
    "org": "a" * 32,
    "org_key": "harbor",
    "realm": "staff",
    "perms": ["referral.read"],
}
KEYS = {name: Ed25519PrivateKey.generate() for name in ("identity", "referrals", "unknown")}
IDENTITY, REFERRALS, UNKNOWN = (Issuer(name, key) for name, key in KEYS.items())
ID = {name: key_id(name, key.public_key()) for name, key in KEYS.items()}
NOW = "2026-03-01T12:00:00Z"


@pytest.fixture
def verifier() -> Verifier:
    """The verifier of signing, with the keys of identity and referrals."""
    return Verifier("signing", {ID[name]: KEYS[name].public_key() for name in ("identity", "referrals")})


def signed(by: str = "identity", key: str | None = None, headers: Any = None, **changes: Any) -> str:
    """A passport with these claims. None leaves a claim out."""
    now = int(time.time())
    claims = {
        **ACCOUNT,
        "kind": "account",
        "iss": by,
        "aud": "signing",
        "iat": now,
        "exp": now + LIFETIME_S,
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": "EdDSA", "typ": "JWT", **({"kid": ID[by]} if headers is None else headers)}
    text = f"{_encoded(header)}.{_encoded(claims)}"
    return f"{text}.{_base64(KEYS[key or by].sign(text.encode()))}"


def _encoded(content: Any) -> str:
    return _base64(json.dumps(content).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def refusal(verifier: Verifier, passport: str | None) -> str:
    """The code with which a passport is refused."""
    with pytest.raises(PassportRefused) as error:
        verifier.verify(passport)
    return error.value.code


def test_identity_speaks_for_an_account(verifier: Verifier):
    caller = verifier.verify(
        IDENTITY.for_account("signing", {**ACCOUNT, "scope": {"resources": ["r"]}, "sid": "s"})
    )

    assert (caller.kind, caller.id, caller.organisation_id) == ("account", "c" * 32, "a" * 32)
    assert (caller.organisation_key, caller.realm, caller.session_id) == ("harbor", "staff", "s")
    assert caller.scope == {"resources": ["r"]}
    assert caller.may("referral.read")
    assert not caller.may("referral.assign")


def test_a_service_speaks_for_itself(verifier: Verifier):
    caller = verifier.verify(REFERRALS.for_service("signing", "a" * 32, "harbor"))

    assert (caller.kind, caller.id, caller.organisation_id) == ("service", "referrals", "a" * 32)
    assert caller.permissions == frozenset()


def test_a_service_does_not_speak_for_accounts(verifier: Verifier):
    assert refusal(verifier, REFERRALS.for_account("signing", ACCOUNT)) == "unauthenticated"


def test_a_service_does_not_speak_for_another_service(verifier: Verifier):
    assert refusal(verifier, signed("referrals", kind="service", sub="identity")) == "unauthenticated"


def test_a_service_that_calls_itself_identity_is_found_out_by_its_key(verifier: Verifier):
    assert refusal(verifier, signed("identity", key="referrals")) == "unauthenticated"
    assert (
        refusal(verifier, signed("identity", key="referrals", headers={"kid": ID["referrals"]}))
        == "unauthenticated"
    )


def test_an_unknown_issuer_is_refused(verifier: Verifier):
    assert refusal(verifier, UNKNOWN.for_service("signing", None, None)) == "unauthenticated"


def test_a_passport_to_another_service_is_refused(verifier: Verifier):
    assert refusal(verifier, IDENTITY.for_account("referrals", ACCOUNT)) == "unauthenticated"


@pytest.mark.parametrize("claim", ["exp", "iat", "iss", "aud", "sub", "kind", "org"])
def test_a_passport_without_one_of_its_claims_is_refused(verifier: Verifier, claim: str):
    assert refusal(verifier, signed(**{claim: None})) == "unauthenticated"


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "root"},
        {"iss": "referrals"},
        {"exp": "soon"},
        {"exp": True},
        {"iat": True},
        {"aud": ["signing"]},
        {"nbf": 4_000_000_000},
    ],
)
def test_a_passport_with_a_wrong_claim_is_refused(verifier: Verifier, changes: dict[str, Any]):
    assert refusal(verifier, signed(**changes)) == "unauthenticated"


@pytest.mark.fault("F16")
def test_it_is_valid_for_sixty_seconds(verifier: Verifier):
    with time_machine.travel(NOW, tick=False) as clock:
        passport = IDENTITY.for_account("signing", ACCOUNT)
        clock.shift(59)
        assert verifier.verify(passport).id == "c" * 32
        clock.shift(1)
        assert refusal(verifier, passport) == "passport_expired"


def test_a_longer_lifetime_is_refused_even_from_identity(verifier: Verifier):
    assert verifier.verify(signed()).kind == "account"
    assert refusal(verifier, signed(exp=int(time.time()) + LIFETIME_S + 1)) == "unauthenticated"


@pytest.mark.fault("F16")
@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_the_clock_of_an_issuer_may_be_ahead_by_ten_seconds(verifier: Verifier, claim: str):
    with time_machine.travel(NOW, tick=False):
        now = int(time.time())
        for ahead, is_let_in in ((AHEAD_S, True), (AHEAD_S + 1, False), (7200, False)):
            passport = signed(**{"iat": now, claim: now + ahead}, exp=now + LIFETIME_S)
            if is_let_in:
                assert verifier.verify(passport).id == "c" * 32
            else:
                assert refusal(verifier, passport) == "unauthenticated"


@pytest.mark.fault("F16")
@pytest.mark.parametrize("hours", [2, -2])
def test_a_jump_of_the_clock_lets_no_passport_in(verifier: Verifier, hours: int):
    """Issued before the jump it is refused, and holds again when the clock is set right."""
    with time_machine.travel(NOW, tick=False) as clock:
        passport = IDENTITY.for_account("signing", ACCOUNT)
        clock.shift(datetime.timedelta(hours=hours))
        assert refusal(verifier, passport) in ("passport_expired", "unauthenticated")
        assert verifier.verify(IDENTITY.for_account("signing", ACCOUNT)).id == "c" * 32
        clock.shift(datetime.timedelta(hours=-hours))
        assert verifier.verify(passport).id == "c" * 32


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-4] + "AAAA", lambda t: t + "x", lambda t: t.replace(".", "", 1)]
)
def test_a_spoilt_passport_is_refused(verifier: Verifier, spoil: Callable[[str], str]):
    assert refusal(verifier, spoil(signed())) == "unauthenticated"


@pytest.mark.parametrize("junk", [None, "", "x", "a.b.c", "ä.ö.ü", "." * 1000])
def test_junk_is_refused(verifier: Verifier, junk: str | None):
    assert refusal(verifier, junk) == "unauthenticated"


@pytest.mark.parametrize("headers", [{}, {"kid": 7}, {"kid": None}, {"kid": "../identity"}])
def test_a_key_id_that_names_no_issuer_is_refused(verifier: Verifier, headers: dict[str, Any]):
    assert refusal(verifier, with_header(signed(), {"alg": "EdDSA", **headers})) == "unauthenticated"


def test_claims_that_are_no_object_are_refused(verifier: Verifier):
    header = signed().partition(".")[0]
    text = f"{header}.{base64.urlsafe_b64encode(b'[1, 2, 3]').decode()}".encode()
    signature = base64.urlsafe_b64encode(KEYS["identity"].sign(text)).rstrip(b"=")

    assert refusal(verifier, (text + b"." + signature).decode()) == "unauthenticated"


def test_a_header_with_conditions_that_nobody_here_knows_is_refused(verifier: Verifier):
    headers = {"kid": ID["identity"], "crit": ["exp"]}

    assert refusal(verifier, signed(headers=headers)) == "unauthenticated"


@pytest.mark.parametrize("spoil", [lambda t: t + "=", lambda t: t + "+", lambda t: t[:5] + "\n" + t[5:]])
def test_only_the_one_spelling_of_base64_is_read(verifier: Verifier, spoil: Callable[[str], str]):
    assert refusal(verifier, spoil(signed())) == "unauthenticated"


@pytest.mark.filterwarnings(
    "ignore::joserfc.errors.SecurityWarning"
)  # RFC 9864 names the curve instead; both are read
def test_other_programs_can_read_it(verifier: Verifier):
    passport = IDENTITY.for_account("signing", ACCOUNT)

    public_key = jwk.OKPKey.import_key(KEYS["identity"].public_key())
    token = jwt.decode(passport, public_key, algorithms=["EdDSA"])
    jwt.JWTClaimsRegistry(
        aud={"essential": True, "value": "signing"}, iss={"essential": True, "value": "identity"}
    ).validate(token.claims)
    claims = token.claims

    assert (claims["sub"], claims["kind"]) == ("c" * 32, "account")


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256"])
def test_another_algorithm_is_refused(verifier: Verifier, algorithm: str):
    header = {"alg": algorithm, "kid": ID["identity"]}

    assert refusal(verifier, with_header(signed(), header)) == "unauthenticated"
    assert refusal(verifier, with_header(signed(), header).rpartition(".")[0] + ".") == "unauthenticated"


def with_header(passport: str, header: dict[str, Any]) -> str:
    """The passport with another header and its old signature."""
    return ".".join([_encoded(header), *passport.split(".")[1:]])


def test_keys_are_exchanged_while_passports_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    public = make_keys(tmp_path)
    verifier = Verifier.from_file("signing", str(public))

    def issued() -> str:
        return Issuer.from_file("referrals", str(tmp_path / "referrals.pem")).for_service(
            "signing", None, None
        )

    before = issued()
    rotate(tmp_path, "referrals")
    after = issued()
    assert verifier.verify(after).id == verifier.verify(before).id == "referrals"
    rotate(tmp_path, "referrals")
    assert refusal(verifier, issued()) == "unauthenticated"  # it looked a moment ago
    monkeypatch.setattr(verifier, "_next_look_at", 0.0)
    assert verifier.verify(issued()).id == "referrals"

    forget(tmp_path, "referrals")
    make_keys(tmp_path)
    later = Verifier.from_file("signing", str(public))
    assert later.verify(issued()).id == "referrals"
    assert [refusal(later, passport) for passport in (before, after)] == ["unauthenticated"] * 2
    retired = read_public_keys(str(tmp_path / "retired.json"))
    assert [issuer_of(kid) for kid in retired] == ["referrals"] * 2


def test_a_new_key_of_one_issuer_does_not_speak_for_another(tmp_path: Path):
    verifier = Verifier.from_file("signing", str(make_keys(tmp_path)))
    rotate(tmp_path, "referrals")
    stolen = Issuer.from_file("identity", str(tmp_path / "referrals.pem"))
    assert refusal(verifier, stolen.for_account("signing", ACCOUNT)) == "unauthenticated"


def test_a_key_set_that_is_being_written_changes_nothing(tmp_path: Path):
    public = make_keys(tmp_path)
    verifier = Verifier.from_file("signing", str(public))
    known = Issuer.from_file("referrals", str(tmp_path / "referrals.pem")).for_service("signing", None, None)
    public.write_text("{")
    assert refusal(verifier, UNKNOWN.for_service("signing", None, None)) == "unauthenticated"
    assert verifier.verify(known).id == "referrals"


def test_a_link_of_a_mail_is_told(verifier: Verifier):
    claim = {"operations": ["signing.x"], "member": "toy_id", "object_id": "1" * 32, "state": "v1"}
    assert verifier.verify(signed()).link is None
    assert verifier.verify(signed(link=claim)).link == Link(
        frozenset(["signing.x"]), "toy_id", "1" * 32, "v1"
    )


@pytest.mark.parametrize("claim", ["all", {"member": "toy_id"}, ["x"]])
def test_a_link_of_another_shape_is_refused(verifier: Verifier, claim: Any):
    assert refusal(verifier, signed(link=claim)) == "unauthenticated"
