"""An intake: a contact record and its first referral in one transaction."""

from __future__ import annotations

from typing import Any

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.referrals.assignments.new_referrals import assign_referral
from services.referrals.queues.models import Queue
from services.referrals.records.handlers import create_contact_record
from services.referrals.records.rules import (
    check_form_sections,
)


def create_intake(unit: UnitOfWork, request: Any, person_id: str | None) -> dict[str, Any]:
    """Enter a contact record and assign it in the same transaction (S0-49): both or neither.

    With `form_code` the form must be linked to the ReferralQ, and the record must have the sections it expects. Raises
    Refused `forbidden` without the permission for either half, `invalid_contact_record`, and all that `assign_referral`
    refuses.
    """
    if unit.caller is None or not unit.caller.may("record.create"):
        raise Refused("forbidden", "Your role does not include entering contact records.")
    _check_form(unit, request)
    answer = create_contact_record(unit, request, person_id)
    referral = assign_referral(
        unit,
        contact_record_id=answer["id"],
        queue_id=request["queue_id"],
        program_id=request["program_id"],
        line_id=request["line_id"],
        priority=request["priority"],
        note=request["note"],
        confirm=request["confirm"],
    )
    return {"contact_record": answer, "referral": referral}


def _check_form(unit: UnitOfWork, request: Any) -> None:
    queue = unit.session.get(Queue, request["queue_id"]) if request["form_code"] else None
    if queue is None:
        return  # the assignment refuses a queue that is not there
    forms = {form["code"]: form for form in queue.forms}
    form = forms.get(request["form_code"])
    if form is None:
        detail = f"Contact forms of this ReferralQ: {', '.join(forms) or 'none'}."
        raise Refused("invalid_contact_record", detail, "form_code")
    check_form_sections(form["sections"], request["sections"])
