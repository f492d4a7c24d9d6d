"""The person whom a contact record is about. Identity keeps people, and may merge two records of one person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from services.chassis.events import IncomingEvent
from services.chassis.logs import log
from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity.merging import describe_person
from services.referrals.records.handlers import publish_record_change
from services.referrals.records.models import ContactRecord
from services.referrals.records.queries import get_record


def enter(call: Call, command: Callable[..., Any]) -> Any:
    """Carry out a command that may name a person, and ask identity for the person again afterwards.

    An event of a merge, or of its undoing, that arrived before the record was committed has not moved the record. Where
    identity does not answer the second time, the record stays with the person of the first answer until it is edited.
    """
    person_id = _surviving_person(call)
    answer = call.commit(command, person_id)
    if person_id is not None:
        _catch_up(call, answer.get("contact_record", answer), person_id)
    return answer


def _catch_up(call: Call, shown: dict[str, Any], person_id: str) -> None:
    try:
        standing = call.ask(describe_person, {"person_id": call.request["person_id"]})
    except Refused as refusal:  # the record is committed all the same
        log.warning("person_not_looked_at_again", reason=refusal.code)
        return
    if standing["person_id"] != person_id:
        shown |= call.transact(lambda unit: _caught_up(unit, standing, shown["id"]))


def _caught_up(unit: UnitOfWork, standing: Mapping[str, Any], record_id: str) -> dict[str, Any]:
    """Move the records that stayed behind; the members of this record that may have changed."""
    _follow_one(unit, standing)
    record = get_record(unit.session, record_id)
    return {"person_id": record.person_id, "version": record.version}


def _surviving_person(call: Call) -> str | None:
    """The id under which identity keeps the request's person now, None without a person. Asked before the transaction.

    Raises Refused `not_found`. For a caller who may not enter records identity is not asked: the command refuses.
    """
    person_id: str | None = call.request.get("person_id") or None
    if person_id is None or call.caller is None or not call.caller.may("record.create"):
        return None
    if call.is_repeated():
        return None  # the stored answer is repeated
    try:
        known = call.ask(describe_person, {"person_id": person_id})
    except Refused as refused:
        if refused.code != "not_found":
            raise
        detail = "There is no such person. Enter the person first, or leave this out."
        raise Refused("not_found", detail, "person_id") from None
    surviving: str = known["person_id"]
    return surviving


def follow(incoming: IncomingEvent) -> None:
    """After a merge of two people or its undoing: ask identity for both, then move the records about them."""
    standings = [
        incoming.ask(describe_person, {"person_id": incoming.data[name]}) for name in ("kept_id", "merged_id")
    ]
    incoming.apply(follow_people, standings)


def follow_people(unit: UnitOfWork, data: Mapping[str, Any], standings: Sequence[Mapping[str, Any]]) -> None:
    """Move contact records to the record under which their person is kept now.

    `standings` is the present answer of identity about both people. So the outcome is the same however late or often the
    event comes.
    """
    for standing in standings:
        _follow_one(unit, standing, merge_id=data["merge_id"])


def _follow_one(unit: UnitOfWork, standing: Mapping[str, Any], **facts: Any) -> None:
    person_id = standing["person_id"]
    named = ContactRecord.named_person_id.in_([person_id, *standing["merged_ids"]])
    left_behind = select(ContactRecord).where(named, ContactRecord.person_id != person_id)
    for record in unit.session.scalars(left_behind.order_by(ContactRecord.id).with_for_update()).all():
        before, record.person_id = record.person_id, person_id
        record.version += 1
        publish_record_change(unit, record, ["person_id"], before=before, **facts)
