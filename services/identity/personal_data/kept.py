"""What identity keeps of a person who is erased: ids without names, to which the audit trails of all services refer."""

from __future__ import annotations

from services.chassis.person_rows import Row
from services.chassis.personal_data import NAMELESS, Kept, KeptTables
from services.identity.models import PHONE_KEYS, keys_of
from services.identity.registry.usernames import no_username

ERASED = "erased"
_NAMELESS = {"first_name": None, "last_name": NAMELESS, "email": None, **keys_of(None, NAMELESS, None)}
_OF_A_PERSON = (
    "date_of_birth", "street", "city", "postal_code", "home_phone", "mobile_phone", "work_phone", "insurer",
    "insurance_number",
)  # fmt: skip
_OF_AN_ACCOUNT = (
    "email_verified_at", "password_hash", "password_set_at", "last_login_at", "language", "appearance",
)  # fmt: skip


def _next_version(row: Row) -> int:
    version: int = row["version"]
    return version + 1


KEPT: KeptTables = {
    "people": Kept(
        "audit_trail",
        {
            **_NAMELESS,
            **dict.fromkeys(_OF_A_PERSON),
            **dict.fromkeys((*PHONE_KEYS, "postal_code_key"), ""),
            "number": lambda row: f"{ERASED}-{row['id']}",
            "field_sources": lambda _row: {},
            "version": _next_version,
        },
    ),
    "accounts": Kept(
        "audit_trail",
        {
            **_NAMELESS,
            **dict.fromkeys(_OF_AN_ACCOUNT),
            "login": lambda row: no_username(row["id"]),
            "state": "disabled",
            "disabled_for": ERASED,
            "version": _next_version,
        },
    ),
    # What was exported before is there no more.
    "personal_data_jobs": Kept("audit_trail", {"sha256": None}),
    "personal_data_parts": Kept("audit_trail", {"sha256": None}),
}
