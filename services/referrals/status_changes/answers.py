"""What the link of a mail shows of a referral that waits for its answer: nothing about the person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.referrals.access.access_scope import access_scope_of
from services.referrals.access.visibility import visible_referral
from services.referrals.assignments.rules import next_statuses, possible_actions
from services.referrals.models import Referral
from services.referrals.queues.models import Queue
from services.referrals.queues.rules import decline_reasons_of, settings_of
from services.referrals.records.models import ContactRecord
from services.referrals.workflow.queries import workflow_of

_ANSWERS = {"accept", "decline"}


def get_answer_form(session: Session, caller: Caller | None, *, referral_id: str) -> dict[str, Any]:
    """Number, ReferralQ and possible answers of a referral. Raises Refused `not_found`, `link_refused`."""
    referral = visible_referral(session, caller, referral_id)
    require_link_holds(caller, referral)
    queue = session.get_one(Queue, referral.queue_id)
    can = _possible(session, referral, queue, for_sender=access_scope_of(caller).everything)
    return {
        "referral_id": referral.id,
        "version": referral.version,
        "contact_record_number": session.get_one(ContactRecord, referral.contact_record_id).number,
        "queue_name": queue.name,
        "can_accept": "accept" in can,
        "can_decline": "decline" in can,
        "decline_reasons": [
            {"code": each.code, "label": each.label} for each in decline_reasons_of(queue).values()
        ],
    }


def describe_answer(session: Session, _caller: Caller | None, *, referral_id: str) -> dict[str, Any]:
    """The state of a referral that waits for its answer, for the link of a mail; None where nothing can be answered."""
    referral = session.get(Referral, referral_id)
    if referral is None or referral.is_terminal or referral.accepted_at is not None:
        return {"state": None}
    queue = session.get_one(Queue, referral.queue_id)
    can = _possible(session, referral, queue, for_sender=False)
    return {"state": state_of_answer(referral) if _ANSWERS & set(can) else None}


def state_of_answer(referral: Referral) -> str:
    """A word that is another one with each status of the referral, also where it comes back to one."""
    return f"s{int(referral.status_since.timestamp() * 1_000_000)}"


def require_link_holds(caller: Caller | None, referral: Referral) -> None:
    """Raise Refused `link_refused` for the link of a mail from before the referral's status changed."""
    if caller is not None:
        caller.require_state(state_of_answer(referral))


def _possible(session: Session, referral: Referral, queue: Queue, *, for_sender: bool) -> Sequence[str]:
    if not workflow_of(session).has_status_changes:
        return ()
    onwards = next_statuses(
        settings_of(queue),
        queue.status_list(),
        referral.status,
        is_ended=referral.is_terminal,
        ended_by=referral.ended_by,
    )
    return possible_actions(
        queue.status_list(),
        onwards,
        is_ended=referral.is_terminal,
        ended_by=referral.ended_by,
        is_accepted=referral.accepted_at is not None,
        for_sender=for_sender,
    )
