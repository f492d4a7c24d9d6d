"""One-time codes against the RFCs' own vectors, networks, tries from one address, scopes."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.errors import Refused
from services.identity.api_clients import rules as client_rules
from services.identity.realms import networks
from services.identity.realms.rules import PERMISSIONS
from services.identity.second_factor import rules as factor_rules
from services.identity.secrets import rules as limits
from services.identity.secrets.rules import Tries

SECRET = b"12345678901234567890"  # of RFC 4226, appendix D, and RFC 6238, appendix B
NOW = datetime.datetime(2030, 1, 1, 12, 0, 0, tzinfo=datetime.UTC)
STEP = factor_rules.step_of(NOW)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_of_rfc_6238(seconds: int, code: str):
    assert factor_rules.one_time_code(SECRET, seconds // factor_rules.STEP_S, digits=8) == code


@pytest.mark.parametrize(("counter", "code"), [(0, "755224"), (1, "287082"), (8, "399871"), (9, "520489")])
def test_the_codes_of_rfc_4226(counter: int, code: str):
    assert factor_rules.one_time_code(SECRET, counter) == code


@pytest.mark.parametrize(("away", "holds"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_holds_one_step_around(away: int, *, holds: bool):
    code = factor_rules.one_time_code(SECRET, STEP + away)

    assert factor_rules.matching_step(SECRET, code, NOW, None) == (STEP + away if holds else None)


@pytest.mark.parametrize(("last", "holds"), [(STEP - 1, True), (STEP, False), (STEP + 1, False)])
def test_a_step_that_was_used_or_is_older_is_refused(last: int, *, holds: bool):
    code = factor_rules.one_time_code(SECRET, STEP)

    assert (factor_rules.matching_step(SECRET, code, NOW, last) is not None) is holds


def test_the_uri_is_what_apps_read():
    uri = factor_rules.otpauth_uri(SECRET, issuer="Harbor County", label="ada@example.org")

    assert uri == (
        "otpauth://totp/Harbor%20County:ada@example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=Harbor%20County&algorithm=SHA1&digits=6&period=30"
    )


@given(st.binary(min_size=15, max_size=15))
def test_a_recovery_code_may_be_typed_with_or_without_its_dashes(bits: bytes):
    code = factor_rules.secret_text(bits)

    assert factor_rules.normal_code(factor_rules.recovery_text(code).lower()) == code


@pytest.mark.parametrize(
    ("address", "networks", "inside"),
    [
        ("192.0.2.7", [], True),
        (None, [], True),
        (None, ["192.0.2.0/24"], False),
        ("192.0.2.7", ["192.0.2.0/24"], True),
        ("192.0.3.7", ["192.0.2.0/24"], False),
        ("::ffff:192.0.2.7", ["192.0.2.0/24"], True),
        ("2001:db8::7", ["192.0.2.0/24", "2001:db8::/32"], True),
        ("2001:db9::7", ["192.0.2.0/24", "2001:db8::/32"], False),
        ("192.0.2.7", ["192.0.2.7/32"], True),
    ],
)
def test_inside_a_network(address: str | None, networks: list[str], *, inside: bool):
    assert networks.is_inside(address, networks) is inside


@pytest.mark.parametrize("wrong", ["192.0.2.1/24", "example.org", "", "192.0.2.0/33"])
def test_a_network_that_is_none_is_refused(wrong: str):
    with pytest.raises(Refused) as refusal:
        networks.checked_networks(["192.0.2.0/24", wrong])

    assert (refusal.value.code, refusal.value.field) == ("invalid_request", "allowed_networks")


def test_an_ipv6_customer_is_one_place():
    assert limits.neighbourhood("2001:db8:1:2:3:4:5:6") == limits.neighbourhood("2001:db8:1:2:ffff::1")
    assert limits.neighbourhood("2001:db8:1:2::1") != limits.neighbourhood("2001:db8:1:3::1")
    assert limits.neighbourhood("::ffff:192.0.2.7") == "192.0.2.7"


@given(st.lists(st.integers(0, 400), max_size=300))
def test_no_window_holds_more_tries_from_an_address_than_allowed(pauses: list[int]):
    now, tries, admitted = NOW, Tries(), []
    for pause in pauses:
        now += datetime.timedelta(seconds=pause)
        admission = limits.admit_from_address(tries, now, 5)
        tries = admission.tries
        if admission.is_allowed:
            admitted.append(now)
        else:
            assert 0 < admission.retry_after_s <= limits.ADDRESS_REST_S + 1
            later = now + datetime.timedelta(seconds=admission.retry_after_s)
            assert limits.admit_from_address(tries, later, 5).is_allowed
    # Two windows can meet: never more than two full ones in any quarter of an hour.
    for begin in admitted:
        span = [at for at in admitted if 0 <= (at - begin).total_seconds() < limits.ADDRESS_REST_S]
        assert len(span) <= 10


def test_scopes_are_what_the_granter_holds_and_a_system_may_have():
    held = {"referral.read", "document.sign", "queue.read"}

    assert client_rules.checked_scopes(["referral.read", "referral.read"], PERMISSIONS, held) == [
        "referral.read"
    ]
    for wrong in (
        [],
        ["document.sign"],
        ["organisation.manage"],
        ["nonsense"],
        ["referral.read", "nonsense"],
    ):
        with pytest.raises(Refused) as refusal:
            client_rules.checked_scopes(wrong, PERMISSIONS, held)
        assert refusal.value.code == "scope_refused"
        assert refusal.value.more["allowed"] == ["queue.read", "referral.read"]
