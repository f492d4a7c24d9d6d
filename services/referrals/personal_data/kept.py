"""What referrals keeps of a person who is erased: what happened to the referrals, without names and texts."""

from __future__ import annotations

from services.chassis.personal_data import Kept, KeptTables

_OF_THE_RECORD = ("first_name", "last_name", "postal_code", "phone", "email", "sameness")
_KEYS = ("first_name_key", "last_name_key", "phone_key", "postal_code_key")

KEPT: KeptTables = {
    "contact_records": Kept(
        "history",
        {
            **dict.fromkeys(_OF_THE_RECORD),
            **dict.fromkeys(_KEYS, ""),
            "sections": lambda _row: [],
            "version": lambda row: row["version"] + 1,
        },
    ),
    "contact_record_changes": Kept("history"),
    "offers": Kept("history"),
    "referrals": Kept("history", {"note": None, "version": lambda row: row["version"] + 1}),
    "referral_status_changes": Kept("history", {"note": None}),
}
