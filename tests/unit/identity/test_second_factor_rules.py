"""One-time codes against the RFCs' own vectors, and recovery codes."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.spelling import normal_code
from services.identity.second_factor import rules

SECRET = b"12345678901234567890"  # of RFC 4226, appendix D, and RFC 6238, appendix B
NOW = datetime.datetime(2030, 1, 1, 12, 0, 0, tzinfo=datetime.UTC)
STEP = rules.step_of(NOW)


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
    assert rules.one_time_code(SECRET, seconds // rules.STEP_S, digits=8) == code


@pytest.mark.parametrize(("counter", "code"), [(0, "755224"), (1, "287082"), (8, "399871"), (9, "520489")])
def test_the_codes_of_rfc_4226(counter: int, code: str):
    assert rules.one_time_code(SECRET, counter) == code


@pytest.mark.parametrize(("away", "holds"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_holds_one_step_around(away: int, *, holds: bool):
    code = rules.one_time_code(SECRET, STEP + away)

    assert rules.matching_step(SECRET, code, NOW, None) == (STEP + away if holds else None)


@pytest.mark.parametrize(("last", "holds"), [(STEP - 1, True), (STEP, False), (STEP + 1, False)])
def test_a_step_that_was_used_or_is_older_is_refused(last: int, *, holds: bool):
    code = rules.one_time_code(SECRET, STEP)

    assert (rules.matching_step(SECRET, code, NOW, last) is not None) is holds


def test_the_uri_is_what_apps_read():
    uri = rules.otpauth_uri(SECRET, issuer="Harbor County", label="ada@example.org")

    assert uri == (
        "otpauth://totp/Harbor%20County:ada@example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=Harbor%20County&algorithm=SHA1&digits=6&period=30"
    )


@given(st.binary(min_size=15, max_size=15))
def test_a_recovery_code_may_be_typed_with_or_without_its_dashes(bits: bytes):
    code = rules.secret_text(bits)

    assert normal_code(rules.recovery_text(code).lower()) == code


@pytest.mark.parametrize("typed", ["١٢٣ ٤٥٦", "\uff11\uff12\uff13\uff14\uff15\uff16", "१२३-४५६", "123456"])
def test_a_code_may_be_typed_in_the_digits_of_any_script(typed: str):
    assert normal_code(typed) == "123456"
