"""Questions about contact records."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.referrals.reach import reach_of
from services.referrals.records.models import ContactRecord


def get_contact_record(session: Session, caller: Caller | None, request: Any) -> dict[str, Any]:
    """A whole contact record, for staff. Raises Refused `not_found`. The caller of this function audits it."""
    reach_of(caller).require_everything()
    return view_of(get_record(session, request["contact_record_id"]))


def describe_contact_record(session: Session, _caller: Caller | None, request: Any) -> dict[str, Any]:
    """A contact record's number, for another service. Raises Refused `not_found`."""
    record = get_record(session, request["contact_record_id"])
    return {"contact_record_id": record.id, "number": record.number}


def get_record(session: Session, contact_record_id: str, *, lock: bool = False) -> ContactRecord:
    """The row, held until the transaction ends if `lock`. Raises Refused `not_found`."""
    record = session.get(ContactRecord, contact_record_id, with_for_update=lock)
    if record is None:
        raise Refused("not_found", "There is no contact record with this id.", "contact_record_id")
    return record


def view_of(record: ContactRecord) -> dict[str, Any]:
    """A contact record as the contract shows it, with everything that was taken down."""
    return {
        "id": record.id,
        "version": record.version,
        "number": record.number,
        "first_name": record.first_name,
        "last_name": record.last_name,
        "postal_code": record.postal_code,
        "phone": record.phone,
        "email": record.email,
        "sections": {
            section["title"]: {field["label"]: field["value"] for field in section["fields"]}
            for section in record.sections
        },
        "submitted_at": record.submitted_at,
    }
