"""An intake: a contact record and its first referral in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused, lacking
from services.referrals.assignments.new_referrals import assign_referral
from services.referrals.queues.models import Queue
from services.referrals.records.handlers import RecordMembers, create_contact_record
from services.referrals.records.rules import check_form_sections


def create_intake(
    unit: UnitOfWork,
    kept_person_id: str | None,
    *,
    queue_id: str,
    program_id: str,
    line_id: str | None,
    priority: str,
    note: str | None,
    confirm: bool,
    **entered: Unpack[RecordMembers],
) -> dict[str, Any]:
    """Enter a contact record and assign it in the same transaction (S0-49): both or neither.

    `kept_person_id` is the person in identity whom the record is about now. A form named by `form_code` must be linked to
    the ReferralQ, and the record must have that form's sections. Raises Refused `forbidden` without the permission for
    both halves, `invalid_contact_record`, and everything that `assign_referral` refuses.
    """
    if unit.caller is None or not unit.caller.may("record.create"):
        raise lacking("record.create")
    _check_form(unit, queue_id=queue_id, form_code=entered["form_code"], sections=entered["sections"])
    answer = create_contact_record(unit, kept_person_id, **entered)
    referral = assign_referral(
        unit,
        contact_record_id=answer["id"],
        queue_id=queue_id,
        program_id=program_id,
        line_id=line_id,
        priority=priority,
        note=note,
        confirm=confirm,
    )
    return {"contact_record": answer, "referral": referral}


def _check_form(
    unit: UnitOfWork, *, queue_id: str, form_code: str | None, sections: Mapping[str, Any]
) -> None:
    queue = unit.session.get(Queue, queue_id) if form_code else None
    if queue is None:
        return  # the assignment refuses a ReferralQ that does not exist
    forms = {form["code"]: form for form in queue.forms}
    form = forms.get(form_code)
    if form is None:
        detail = f"Contact forms of this ReferralQ: {', '.join(forms) or 'none'}."
        raise Refused("invalid_contact_record", detail, "form_code")
    check_form_sections(form["sections"], sections)
