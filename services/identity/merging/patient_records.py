"""Merging the patient records of two people. Steps inside a transaction.

Where only the merged person has a record, it moves as every other row does (`moves`). Where both have one, the kept
person's record stays and takes over what the moved account needs.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from services.chassis.unit_of_work import UnitOfWork
from services.identity.models import Account
from services.identity.patients.models import PatientRecord
from services.identity.realms.rules import PATIENT


def take_over(unit: UnitOfWork, kept_id: str, merged_id: str) -> str | None:
    """Note on the kept record that staff have set credentials by hand (C2), if the account with them has moved.

    Answers when they were set, for undoing; None if nothing was noted.
    """
    records = {
        row.person_id: row
        for row in unit.session.scalars(
            select(PatientRecord).where(PatientRecord.person_id.in_([kept_id, merged_id]))
        )
    }
    if len(records) != 2 or records[kept_id].manual_credentials_set_at is not None:
        return None
    stayed_behind = unit.session.scalar(
        select(Account.id).where(Account.person_id == merged_id, Account.realm == PATIENT)
    )
    set_at = records[merged_id].manual_credentials_set_at
    if stayed_behind is not None or set_at is None:
        return None
    records[kept_id].manual_credentials_set_at = set_at
    return set_at.isoformat()


def give_back(unit: UnitOfWork, kept_id: str, steps: Mapping[str, Any]) -> None:
    """Undo `take_over`, unless staff have set credentials anew since. Older merges have no such step."""
    taken = steps.get("manual_credentials_set_at")
    if taken is None:
        return
    record = unit.session.get(PatientRecord, kept_id)
    if record is not None and record.manual_credentials_set_at == datetime.datetime.fromisoformat(taken):
        record.manual_credentials_set_at = None
