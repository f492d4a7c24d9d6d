"""Pure rules of people: realms and their settings, kinds of people, when a grant holds, what a profile's roles may hold.

Standard library only, plus the published refusals.
"""

from __future__ import annotations

import datetime
import ipaddress
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from services.contracts.errors import Refused

STAFF, PROVIDER = "staff", "provider"
FAMILY, PATIENT, EMPLOYEE, APPLICANT = "family", "patient", "employee", "applicant"
REALMS = (STAFF, PROVIDER, FAMILY, PATIENT, EMPLOYEE, APPLICANT)
# Accounts of these realms have one role; those of the others have a role for each profile that they reach.
WORKFORCE_REALMS = frozenset({STAFF, PROVIDER})
PORTAL_REALMS = frozenset(REALMS) - WORKFORCE_REALMS
WORKFORCE = "workforce"

EMAIL, USERNAME = "email", "username"
LINK, TEMPORARY_PASSWORD = "link", "temporary_password"
# Purpose of a link that confirms an address and sets no password.
VERIFY_EMAIL = "verify_email"

PERSON_KINDS = ("client", "contact", "patient", "employee", "applicant", "staff")
RELATIONSHIP_KINDS = ("self", "portal_user", "supervisor", "contact")

# What of a profile a role lets its holder see or do (S1-15, S1-32).
PROFILE_PERMISSIONS = frozenset(
    {
        "profile.view_demographics",
        "profile.view_contact_details",
        "profile.view_contacts",
        "profile.view_schedule",
        "profile.view_medications",
        "profile.view_vitals",
        "profile.view_invoices",
        "profile.view_forms",
        "profile.view_documents",
        "profile.view_staff_names",
        "profile.send_messages",
        "portal.view_preliminary_documents",
    }
)
_OWN = PROFILE_PERMISSIONS - {"portal.view_preliminary_documents"}
_RELATIVE = frozenset(
    {
        "profile.view_demographics",
        "profile.view_contacts",
        "profile.view_schedule",
        "profile.view_staff_names",
        "profile.send_messages",
    }
)
_PHYSICIAN = frozenset(
    {
        "profile.view_demographics",
        "profile.view_medications",
        "profile.view_vitals",
        "profile.view_forms",
        "profile.view_documents",
    }
)

# Each organisation gets these when it is created; from then on they are its own data (S1-14).
DEFAULT_PORTAL_ROLES: Mapping[tuple[str, str], tuple[str, frozenset[str]]] = {
    (FAMILY, "patient"): ("Patient", _OWN),
    (FAMILY, "family"): ("Family", _RELATIVE),
    (FAMILY, "physician"): ("Physician", _PHYSICIAN),
    (PATIENT, "patient"): ("Patient", _OWN),
    (PATIENT, "proxy"): ("Proxy", _OWN),
    (EMPLOYEE, "employee"): ("Employee", _OWN),
    (EMPLOYEE, "supervisor"): (
        "Supervisor",
        frozenset({"profile.view_demographics", "profile.view_schedule"}),
    ),
    (APPLICANT, "applicant"): ("Applicant", _OWN),
}


@dataclass(frozen=True)
class RealmRules:
    """What holds for the accounts of one realm. None: the setting of the process holds."""

    login_id: str = EMAIL
    link_minutes: int | None = None
    temporary_password_days: int = 7
    pickup_code_days: int = 30
    session_idle_minutes: int | None = None
    session_absolute_hours: int | None = None
    invitation_style: str = LINK
    second_factor_required: bool = False
    allowed_networks: tuple[str, ...] = ()


# C1: a patient's e-mail may be shared, so a username tells patients apart. S1-16: families get a temporary password.
DEFAULTS: Mapping[str, RealmRules] = {
    STAFF: RealmRules(),
    PROVIDER: RealmRules(),
    FAMILY: RealmRules(invitation_style=TEMPORARY_PASSWORD),
    PATIENT: RealmRules(login_id=USERNAME),
    EMPLOYEE: RealmRules(),
    APPLICANT: RealmRules(),
}


def login_space(realm: str) -> str:
    """Within what a login is unique: staff and providers share one space, each other realm has its own."""
    return WORKFORCE if realm in WORKFORCE_REALMS else realm


def check_realm_rules(realm: str, wanted: RealmRules) -> None:
    """Raise Refused(invalid_request) for settings that cannot hold in this realm."""
    if realm in (STAFF, PROVIDER, FAMILY) and wanted.login_id != EMAIL:
        raise Refused(
            "invalid_request",
            "login_id: staff, providers and families log in with their e-mail.",
            field="login_id",
        )
    for network in wanted.allowed_networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise Refused(
                "invalid_request",
                "allowed_networks: networks such as 192.0.2.0/24 or 2001:db8::/32 are expected.",
                field="allowed_networks",
            ) from None


def check_permissions(
    realm: str, code: str, wanted: Iterable[str], staff_permissions: Collection[str]
) -> None:
    """Refuse permissions that a role may not hold.

    A role of a portal holds only what opens a profile, a workforce role only the rest; `admin` keeps the right to edit
    roles, otherwise nobody could give it back. Raises Refused(invalid_request).
    """
    known = set(PROFILE_PERMISSIONS if realm in PORTAL_REALMS else staff_permissions)
    unknown = sorted(set(wanted) - known)
    if unknown:
        raise Refused(
            "invalid_request",
            f"permissions: a role of the realm {realm} may hold: {', '.join(sorted(known))}.",
            field="permissions",
            unknown=unknown,
        )
    if realm == STAFF and code == "admin" and "organisation.manage" not in wanted:
        raise Refused(
            "invalid_request", "permissions: the role admin keeps organisation.manage.", field="permissions"
        )


def is_in_effect(
    starts_at: datetime.datetime, ends_at: datetime.datetime | None, now: datetime.datetime
) -> bool:
    """Whether a span holds now: from its start until before its end."""
    return starts_at <= now and (ends_at is None or now < ends_at)


def check_span(
    starts_at: datetime.datetime, ends_at: datetime.datetime | None, now: datetime.datetime
) -> None:
    """Raise Refused(invalid_request) for a span that ends before it begins or is already over."""
    if ends_at is not None and ends_at <= max(starts_at, now):
        raise Refused(
            "invalid_request",
            "ends_at: a time after starts_at and still to come is expected.",
            field="ends_at",
        )


# A week before access ends its holder is told, unless it was given for no longer than twice that.
NOTICE_BEFORE = datetime.timedelta(days=7)


def is_worth_a_notice(starts_at: datetime.datetime, ends_at: datetime.datetime) -> bool:
    """Whether the end of a grant is told before: who was given a few days knows it."""
    return ends_at - starts_at > 2 * NOTICE_BEFORE


def author_name(first_name: str | None, last_name: str | None) -> str | None:
    """Somebody's name as the other side reads it: "Sam F.". Without a last name the first one, without a first one none."""
    first = " ".join((first_name or "").split())
    last = unicodedata.normalize("NFC", (last_name or "").strip())
    return f"{first} {last[0].upper()}." if first and last else first or None
