"""Which kinds of published items a role may see (S1-15, S1-32). Pure."""

from __future__ import annotations

from collections.abc import Iterable

_SEES = {
    "profile.view_documents": (
        "work_status", "restriction", "lost_time", "order", "due_item", "certification", "surveillance",
        "case", "document", "report", "care_plan", "care_note", "custom",
    ),
    "profile.view_medications": ("allergy", "medication", "immunisation"),
    "profile.view_vitals": ("vital", "result"),
    "profile.view_contacts": ("contact",),
    "profile.view_schedule": ("visit",),
    "profile.view_invoices": ("invoice",),
}  # fmt: skip
PERMISSION_OF_KIND = {kind: permission for permission, kinds in _SEES.items() for kind in kinds}


def kinds_seen(permissions: Iterable[str]) -> list[str]:
    """The kinds that somebody with these permissions over a profile sees, sorted."""
    held = set(permissions)
    return sorted(kind for kind, permission in PERMISSION_OF_KIND.items() if permission in held)
