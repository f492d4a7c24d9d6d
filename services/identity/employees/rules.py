"""Pure rules of employees: who may use their portal, and what its users edit.

They import only the standard library and the published refusals.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from services.contracts.errors import Refused

HR = "hr"

PREFERENCES = ("security_question", "preferred_language", "preferred_time_zone", "preferred_pharmacy")
EDITABLE_FIELDS = ("email", "home_phone", "mobile_phone", *PREFERENCES)

CONDITIONS = ("active_account", "employee", "self", "portal_user", "role", "allowed_role")


@dataclass(frozen=True)
class Entry:
    """The roles that may use a portal, and what its users edit. Empty `allowed_roles` let every role in (S2-36).

    With `changes_are_requests` staff accept or dismiss each change of these fields.
    """

    allowed_roles: tuple[str, ...] = ()
    editable_fields: tuple[str, ...] = EDITABLE_FIELDS
    opens_accounts: bool = False
    applicant_department: str = "Applicants"
    changes_are_requests: bool = False

    def lets_in(self, role: str | None) -> bool:
        """Whether this role may use the portal."""
        return not self.allowed_roles or role in self.allowed_roles


def missing_conditions(
    *, is_active: bool, is_employee: bool, relationships: Collection[str], role: str | None, entry: Entry
) -> list[str]:
    """The conditions that an employee's account lacks, in the order of CONDITIONS (S2-29 … S2-31, S2-35)."""
    holds = {
        "active_account": is_active,
        "employee": is_employee,
        "self": "self" in relationships,
        "portal_user": "portal_user" in relationships,
        "role": role is not None,
        "allowed_role": entry.lets_in(role),
    }
    return [condition for condition in CONDITIONS if not holds[condition]]


def require_editable(wanted: Collection[str], entry: Entry) -> None:
    """Raise Refused(field_not_editable) for a field that users of the portal must not edit (S2-130)."""
    if wanted and entry.changes_are_requests:
        raise Refused("field_not_editable", "This is not changed at once. Ask for the change instead.")
    fixed = sorted(set(wanted) - set(entry.editable_fields))
    if fixed:
        raise Refused(
            "field_not_editable",
            f"{fixed[0]}: it is not edited here; ask the people who keep your record.",
            field=fixed[0],
            editable=list(entry.editable_fields),
        )
