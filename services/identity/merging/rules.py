"""Pure rules of merging: the fields on which two records disagree, and the name of a merge's plan.

Standard library only, plus the published refusals.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from services.contracts.errors import Refused

KEPT, MERGED = "kept", "merged"
CAN_BE_UNDONE_FOR = datetime.timedelta(days=30)
FIELDS = (
    "first_name",
    "last_name",
    "date_of_birth",
    "email",
    "street",
    "city",
    "postal_code",
    "home_phone",
    "mobile_phone",
    "work_phone",
    "insurer",
    "insurance_number",
)


def proposed_values(kept: Mapping[str, Any], merged: Mapping[str, Any]) -> dict[str, str]:
    """For each field on which the two disagree: whose value is proposed. It is the kept record's if that has one."""
    return {
        name: MERGED if kept[name] is None else KEPT
        for name in FIELDS
        if kept[name] != merged[name] and merged[name] is not None
    }


def chosen_values(proposed: Mapping[str, str], choices: Mapping[str, str]) -> dict[str, str]:
    """Whose value is taken for each field in dispute. Raises Refused(invalid_request) for a choice about any other field."""
    unknown = sorted(set(choices) - set(proposed))
    if unknown:
        raise Refused(
            "invalid_request",
            f"choices: the two disagree on {', '.join(sorted(proposed)) or 'nothing'} only.",
            field="choices",
        )
    return {**proposed, **choices}


def plan_name(kept: tuple[str, int], merged: tuple[str, int], moves: Mapping[str, int]) -> str:
    """The name of exactly this merge: (id, version) of both records and how many rows go over."""
    return hashlib.sha256(json.dumps([kept, merged, sorted(moves.items())]).encode()).hexdigest()
