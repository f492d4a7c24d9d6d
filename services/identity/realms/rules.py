"""Pure rules of realms: their settings, the permissions of their roles, and what an account may do.

Standard library only, plus the published refusals.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.contracts.errors import Refused

STAFF, PROVIDER = "staff", "provider"

FAMILY, PATIENT, EMPLOYEE, APPLICANT = "family", "patient", "employee", "applicant"

# The feature that lets patients register themselves.
REGISTRATION = "patient_registration"

# Whose profiles the Family Portal opens.
CLIENT = "client"

REALMS = (STAFF, PROVIDER, FAMILY, PATIENT, EMPLOYEE, APPLICANT)

# Accounts of these realms have one role. Accounts of the others have a role for each profile that they reach.
WORKFORCE_REALMS = frozenset({STAFF, PROVIDER})

PORTAL_REALMS = frozenset(REALMS) - WORKFORCE_REALMS

WORKFORCE = "workforce"


EMAIL, USERNAME = "email", "username"

LINK, TEMPORARY_PASSWORD = "link", "temporary_password"


# What a role lets its holder see of a profile, or do (S1-15, S1-32).
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
    """What holds for the accounts of one realm. None: the process's setting holds."""

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
    """The space within which a login is unique: staff and providers share one, each other realm has its own."""
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

    A role of a portal holds only permissions over profiles, a role of the workforce only the others. `admin` keeps the
    permission to edit roles: otherwise nobody could restore it. Raises Refused(invalid_request).
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


PROVIDER_LEVEL = "provider_portal_user"


PERMISSIONS = frozenset(
    {
        "directory.read",
        "directory.import",
        "queue.manage",
        "queue.read",
        "capacity.read",
        "capacity.edit",
        "record.create",
        "record.read",
        "referral.assign",
        "referral.read",
        "referral.change_status",
        "referral.note",
        "account.manage",
        "account.read",
        "organisation.manage",
        "published_item.publish",
        "portal.configure",
        "consent.manage",
        "appointment.manage",
        "questionnaire.manage",
        "questionnaire.read_answers",
        "observation.read",
        "portal_queue.work",
        "document.send",
        "document.read",
        "document.sign",
        "delivery.read",
        "audit.read",
        "workflow.manage_family_portal_access",
        "person.read",
        "person.manage",
        "chart.merge",
        "portal.manage_chart_tabs",
        "portal.view_preliminary_documents",
        "access.explain",
        "access.break_glass",
    }
)


_TRAINEE = frozenset(
    {"directory.read", "queue.read", "capacity.read", "record.create", "record.read", "referral.read"}
)

_STANDARD = _TRAINEE | {
    "capacity.edit",
    "referral.assign",
    "referral.change_status",
    "referral.note",
    "document.send",
    "document.read",
    "access.break_glass",
    "published_item.publish",
    "appointment.manage",
    "portal_queue.work",
}

_SUPERVISOR = _STANDARD | {
    "directory.import",
    "queue.manage",
    "account.read",
    "delivery.read",
    "person.read",
    "questionnaire.read_answers",
}


# Each organisation gets these when it is created; from then on they are its own data (S0-15).
DEFAULT_ROLES: Mapping[str, tuple[str, frozenset[str]]] = {
    "trainee": (STAFF, _TRAINEE),
    "standard": (STAFF, _STANDARD),
    "supervisor": (STAFF, _SUPERVISOR),
    "admin": (STAFF, PERMISSIONS - {"document.sign"}),
    PROVIDER_LEVEL: (
        PROVIDER,
        # queue.read: the ReferralQs of the provider's programs, whose statuses, reasons and outcomes the provider chooses from.
        # referral.note: both sides write notes, whoever may change the status (S0-32).
        frozenset(
            {
                "queue.read",
                "referral.read",
                "referral.note",
                "capacity.read",
                "document.read",
                "document.sign",
            }
        ),
    ),
}


# Permissions that a provider has by a switch of the account, not by the role (S0-22, S0-23).
_BY_SWITCH: Mapping[str, str] = {
    "can_edit_capacity": "capacity.edit",
    "can_change_status": "referral.change_status",
}


READ_PEOPLE = "person.read"

# A permission over what is addressed to its holder alone. Whoever may give a level gives it without holding it.
ADDRESSED = frozenset({"document.sign"})


def missing_to_give(given: Iterable[str], held: Collection[str]) -> list[str]:
    """What somebody who holds `held` lacks to give these permissions, sorted.

    Permissions over a profile are held by whoever may read people.
    """
    wanted = {each if each in PERMISSIONS else READ_PEOPLE for each in given}
    return sorted(wanted - ADDRESSED - set(held))


def permission_of_switch(switch: str) -> str:
    """The permission that a switch of a provider's account gives."""
    return _BY_SWITCH[switch]


def switched_on(account: Any) -> list[str]:
    """The permissions that the switches of a provider's account give. `account` has can_edit_capacity, can_change_status."""
    return [permission for switch, permission in _BY_SWITCH.items() if getattr(account, switch)]


def switch_of(permission: str) -> str | None:
    """The switch of a provider's account that decides about this permission; None where the role decides."""
    return next((switch for switch, switched in _BY_SWITCH.items() if switched == permission), None)


# The feature without which no document is sent to be signed with an account (S4-5).
SIGNATURE = "electronic_signature"


def portal_is_open(features: Collection[str]) -> bool:
    """Whether provider accounts may work at all (S0-5)."""
    return "provider_portal" in features and "referralq" in features


# Permissions over ReferralQs and referrals: without the feature nobody has them (S0-5).
_OF_REFERRALQ = ("queue.", "capacity.", "referral.")


def is_in_force(permission: str, features: Collection[str]) -> bool:
    """Whether a permission that is held gives something: the organisation has the feature that it is about."""
    return "referralq" in features or not permission.startswith(_OF_REFERRALQ)


def in_force(held: Iterable[str], features: Collection[str]) -> list[str]:
    """The permissions of these that give something, sorted."""
    return sorted(permission for permission in held if is_in_force(permission, features))


def effective_permissions(
    realm: str, held: Iterable[str], switched: Iterable[str], features: Collection[str]
) -> list[str]:
    """What an account holds now, sorted: its role's permissions, and for providers what features and switches decide.

    What is held may be given to others, even while it is not `in_force`. `switched` is what the account has `switched_on`.
    """
    if realm != PROVIDER:
        return sorted(held)
    if not portal_is_open(features):
        return []
    # A role may have been edited to hold a switched permission: the switch still decides.
    fixed = set(held) - set(_BY_SWITCH.values())
    return sorted(fixed.union(switched))
