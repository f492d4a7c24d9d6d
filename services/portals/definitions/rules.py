"""Which portals every organisation has, and whom a portal admits. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from services.contracts.addresses import plain_address

# The realm of identity in which the people of a portal sign in. An applicant has a session of the portal's own.
REALM_OF_KIND = {
    "provider": "provider",
    "signing": "provider",
    "family": "family",
    "patient": "patient",
    "employee": "employee",
    "supervisor": "employee",
    "one_time_code": "employee",
    "applicant": "applicant",
}
# Whose people hold roles over profiles; a provider has a security level and resources instead.
REALMS_WITH_ROLES = ("family", "patient", "employee")
# Optional modules (S2-98, S2-114); all others are enabled from the start (S2-44).
_OFF_AT_FIRST = ("applicant", "one_time_code")
DEFAULT_VERSION = 1
# The kind of the portals of supervisors, and the role of who supervises an employee.
SUPERVISOR = "supervisor"


@dataclass(frozen=True)
class DefaultPortal:
    """A portal that every organisation has and that nobody has changed."""

    portal: str
    kind: str
    is_enabled: bool
    employer: str | None = None
    region: str | None = None
    security_roles: list[str] = field(default_factory=list)
    needs_approval: bool = False
    networks: list[str] = field(default_factory=list)
    version: int = DEFAULT_VERSION


DEFAULT_PORTALS = {
    kind.replace("_", "-"): DefaultPortal(kind.replace("_", "-"), kind, kind not in _OFF_AT_FIRST)
    for kind in REALM_OF_KIND
}


_MEMBERS = tuple(each.name for each in fields(DefaultPortal))


def members(portal: Any) -> dict[str, Any]:
    """All that is kept of a stored or default portal."""
    return {name: getattr(portal, name) for name in _MEMBERS}


def admits(
    *, is_enabled: bool, kind: str, security_roles: Iterable[str], realm: str | None, roles: Iterable[str]
) -> bool:
    """Whether a portal admits somebody of this realm who holds these roles (S2-36).

    No roles named: every role. One of supervisors then admits whoever supervises somebody.
    """
    admitted = set(security_roles) or ({SUPERVISOR} if kind == SUPERVISOR else set())
    return is_enabled and realm == REALM_OF_KIND[kind] and (not admitted or bool(admitted & set(roles)))


def is_for_supervisors_only(portal: Any, realm: str | None) -> bool:
    """Whether somebody of this realm lacks no more than a team for a portal."""
    is_of_realm = portal.is_enabled and realm == REALM_OF_KIND[portal.kind]
    return is_of_realm and portal.kind == SUPERVISOR and not portal.security_roles


def worth_offering(admitting: Iterable[Any], profiles: Iterable[Mapping[str, Any]]) -> list[Any]:
    """The portals in which somebody with this access to profiles finds something: without employees, none of supervisors."""
    supervises = any(each["role"] == SUPERVISOR for each in profiles)
    return [each for each in admitting if supervises or each.kind != SUPERVISOR]


def is_within(networks: Iterable[str], address: str | None) -> bool:
    """Whether an address is in one of these networks. No networks: from everywhere; an unknown address is in none."""
    allowed = list(networks)
    if not allowed:
        return True
    try:
        found = plain_address(address or "")
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(each) for each in allowed)


def plain_network(text: str) -> str | None:
    """A network in one spelling, None for what is none."""
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        return None


def leads_to(address: str | None, hosts: Iterable[str]) -> bool:
    """Whether an address leads to one of these hosts."""
    try:
        parts = urlsplit(address or "")
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "@" not in parts.netloc and host in set(hosts)
