"""Pure rules of second factors: one-time codes (RFC 6238) and recovery codes.

Standard library only, plus the published refusals.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import struct
from urllib.parse import quote, urlencode

from services.identity.secrets.rules import Limit

# Time-based one-time passwords, RFC 6238 with the values that every authenticator app knows.
STEP_S = 30

DIGITS = 6

# Codes of one step before and after count, too, since clocks differ and typing takes time (RFC 6238, section 5.2).
STEPS_AROUND = 1

SECRET_BYTES = 20  # as long as the hash (RFC 4226, section 4, R6)

RECOVERY_CODES = 10

# Three codes in a million are right at a time. After a hundred wrong ones in a row an administrator has to help.
CODE_LIMIT = Limit(most=5, rest_s=900, free=3, most_in_a_row=100)


def one_time_code(secret: bytes, step: int, *, digits: int = DIGITS) -> str:
    """The code of a time step: HOTP over HMAC-SHA-1 (RFC 4226, section 5.3)."""
    digest = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(moment: datetime.datetime) -> int:
    """The time step that a moment lies in."""
    return int(moment.timestamp()) // STEP_S


def matching_step(secret: bytes, code: str, now: datetime.datetime, last_step: int | None) -> int | None:
    """The step that this code belongs to, None when it is wrong, too old, or was used (`last_step`) before."""
    current = step_of(now)
    found = None
    for step in range(current - STEPS_AROUND, current + STEPS_AROUND + 1):
        is_equal = hmac.compare_digest(one_time_code(secret, step), code)
        if is_equal and (last_step is None or step > last_step):
            found = step
    return found


def secret_text(secret: bytes) -> str:
    """The secret as people type it into an app: base32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def otpauth_uri(secret: bytes, *, issuer: str, label: str) -> str:
    """The address that an authenticator app reads from a QR code."""
    query = urlencode(
        {
            "secret": secret_text(secret),
            "issuer": issuer,
            "algorithm": "SHA1",
            "digits": DIGITS,
            "period": STEP_S,
        },
        quote_via=quote,
    )
    return f"otpauth://totp/{quote(issuer, safe='')}:{quote(label, safe='@')}?{query}"


def recovery_text(code: str) -> str:
    """A recovery code in groups of four, for paper."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))
