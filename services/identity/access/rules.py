"""Pure rules of access: one-time codes, networks, tries from one address, scopes. Standard library only."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import ipaddress
import struct
from collections.abc import Collection, Iterable
from urllib.parse import quote, urlencode

from services.contracts.errors import Refused
from services.identity.rules import Admission, Limit, Tries

# Time-based one-time passwords, RFC 6238 with the values that every authenticator app knows.
STEP_S = 30
DIGITS = 6
# One step early or late: clocks differ, and a code that was shown a moment ago still counts (RFC 6238, section 5.2).
STEPS_AROUND = 1
SECRET_BYTES = 20  # as long as the hash (RFC 4226, section 4, R6)
RECOVERY_CODES = 10
CHALLENGE_LIFETIME = datetime.timedelta(minutes=5)
# Guessing one of three codes in a million: at most a hundred wrong ones before an administrator has to help.
CODE_LIMIT = Limit(most=5, rest_s=900, free=3, most_in_a_row=100)

API_SESSION_LIFETIME = datetime.timedelta(hours=1)
# What only a person can do.
NEVER_A_SCOPE = frozenset({"document.sign"})

ADDRESS_REST_S = 900


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


def normal_code(code: str) -> str:
    """A code as it is compared: without spaces and dashes, in capitals."""
    return code.replace(" ", "").replace("-", "").upper()


def recovery_text(code: str) -> str:
    """A recovery code in groups of four, for paper."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def checked_networks(networks: Iterable[str]) -> list[str]:
    """Ranges in CIDR notation, in their normal form, each once.

    A single address is a range of one. Raises Refused(invalid_request).
    """
    found = []
    for network in networks:
        try:
            found.append(str(ipaddress.ip_network(network.strip())))
        except ValueError:
            raise Refused(
                "invalid_request",
                "allowed_networks: ranges such as 192.0.2.0/24 or 2001:db8::/32, with no bits set behind the prefix.",
                field="allowed_networks",
            ) from None
    return sorted(set(found))


def is_inside(address: str | None, networks: Collection[str]) -> bool:
    """Whether the address lies in one of the ranges. No ranges: everywhere. No address: only where there are no ranges."""
    if not networks:
        return True
    if address is None:
        return False
    place = plain_address(address)
    return any(place in ipaddress.ip_network(network) for network in networks)


def plain_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address; one of IPv4 that is written as IPv6 (`::ffff:192.0.2.1`) as what it is. Raises ValueError."""
    place = ipaddress.ip_address(address)
    return getattr(place, "ipv4_mapped", None) or place


def neighbourhood(address: str) -> str:
    """What counts as one place to try from: an IPv4 address, or the /64 that one IPv6 customer has for himself."""
    place = plain_address(address)
    if place.version == 4:
        return str(place)
    return str(ipaddress.ip_network((place, 64), strict=False))


def admit_from_address(before: Tries, now: datetime.datetime, most: int) -> Admission:
    """Decide about one more try from an address: `most` in a window that the first one opens.

    `last_at` is the window's beginning. Many people share a hospital's address, so what succeeds is given back and
    nothing slows down before the window is full; and a window ends by itself, however much goes on.
    """
    if before.last_at is None or (now - before.last_at).total_seconds() >= ADDRESS_REST_S:
        return Admission(True, Tries(1, 0, now))
    if before.count >= most:
        left_s = ADDRESS_REST_S - (now - before.last_at).total_seconds()
        return Admission(False, before, max(1, round(left_s + 0.5)))
    return Admission(True, Tries(before.count + 1, 0, before.last_at))


def checked_scopes(wanted: Iterable[str], permissions: Collection[str], held: Collection[str]) -> list[str]:
    """Scopes of an API client, sorted. Nobody gives away what he does not hold. Raises Refused(scope_refused)."""
    scopes = set(wanted)
    grantable = (set(permissions) & set(held)) - NEVER_A_SCOPE
    refused = sorted(scopes - grantable)
    if refused or not scopes:
        raise Refused(
            "scope_refused",
            "scopes: name at least one permission, and only such as you hold and a system may have.",
            field="scopes",
            refused=refused,
            allowed=sorted(grantable),
        )
    return sorted(scopes)
