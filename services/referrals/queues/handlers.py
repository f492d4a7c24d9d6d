"""Commands of ReferralQs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals.queues import (
    queue_changed,
    queue_created,
    queue_deactivated,
    queue_reactivated,
)
from services.referrals.directory.queries import check_referable, get_program
from services.referrals.models import QueueProgram
from services.referrals.queues.models import Queue, QueueStatus
from services.referrals.queues.queries import count_open, keys_in_use, view_of
from services.referrals.queues.rules import DEFAULT_STATUSES, Status, check_queue_name, check_statuses
from services.referrals.queues.settings import check_forms, check_new_list, merged_settings, statuses_from

# An offset beyond any list's length. Statuses that swap positions move there first, because positions are unique.
_ASIDE = 1_000


def create_queue(
    unit: UnitOfWork,
    *,
    name: str,
    description: str | None,
    statuses: list[Mapping[str, Any]] | None,
    statuses_from_queue_id: str | None,
    settings: Mapping[str, Any],
    forms: list[Mapping[str, Any]],
) -> dict[str, Any]:
    """Create a ReferralQ (S0-47, S0-54).

    Raises Refused `not_found` (the queue to copy statuses from), `queue_name_taken`, `invalid_queue`,
    `invalid_status_list`.
    """
    checked_name = check_queue_name(name)
    wanted = _wanted_statuses(unit, given=statuses, source_id=statuses_from_queue_id)
    checked_statuses = check_statuses(DEFAULT_STATUSES if wanted is None else wanted)
    queue = Queue(
        id=wire.new_id(),
        name=checked_name,
        name_key=checked_name.casefold(),
        description=description,
        settings=merged_settings({}, settings, checked_statuses),
        forms=check_forms(forms),
        version=1,
        created_at=unit.now,
        updated_at=unit.now,
    )
    _claim_name(unit, queue)
    queue.statuses = [_status_row(status) for status in checked_statuses]
    unit.audit("queue.created", "queue", queue.id, statuses=len(checked_statuses))
    unit.publish(queue_created, queue.id, {"queue_id": queue.id})
    unit.session.flush()
    return view_of(unit.session, queue)


class QueueChanges(TypedDict, total=False):
    """What changes of a ReferralQ. Of `settings` only the given ones change."""

    name: str
    description: str | None
    statuses: list[Mapping[str, Any]]
    statuses_from_queue_id: str
    settings: Mapping[str, Any]
    forms: list[Mapping[str, Any]]


def edit_queue(unit: UnitOfWork, *, queue_id: str, **changes: Unpack[QueueChanges]) -> dict[str, Any]:
    """Change a ReferralQ's name, description, statuses, settings or forms.

    A member that is left out keeps its value. Raises Refused `not_found`, `version_required`,
    `version_conflict`, `queue_name_taken`, `invalid_queue`, `invalid_status_list`, `status_in_use`.
    """
    queue = _held(unit, queue_id)
    unit.require_version(queue)
    settings = changes.get("settings", {})
    statuses = _replace_statuses(
        unit, queue, given=changes.get("statuses"), source_id=changes.get("statuses_from_queue_id")
    )
    queue.settings = merged_settings(queue.settings, settings, statuses)
    if "forms" in changes:
        queue.forms = check_forms(changes["forms"])
    if "description" in changes:
        queue.description = changes["description"]
    if "name" in changes:
        _rename(unit, queue, check_queue_name(changes["name"]))
    _note_change(unit, queue, "queue.edited", fields=sorted(changes), settings=sorted(settings))
    return view_of(unit.session, queue)


def deactivate_queue(unit: UnitOfWork, *, queue_id: str, confirm: bool) -> dict[str, Any]:
    """Take a ReferralQ out of use (S0-47). It takes no new referrals; its open ones stay and can be worked on.

    Raises Refused `not_found`, and without `confirm` `queue_has_open_referrals` with the counts per status. An inactive
    queue stays as it is.
    """
    queue = _held(unit, queue_id)
    if not queue.is_active:
        return view_of(unit.session, queue)
    counts = count_open(unit.session, queue.id)
    total = sum(counts.values())
    if total and not confirm:
        detail = f"{total} referrals are open. They stay and can be worked on; confirm to go on."
        raise Refused("queue_has_open_referrals", detail, "confirm", open_referrals=total, statuses=counts)
    queue.is_active = False
    _note_change(unit, queue, "queue.deactivated", open_referrals=total)
    unit.publish(queue_deactivated, queue.id, {"queue_id": queue.id, "open_referrals": total})
    return view_of(unit.session, queue)


def reactivate_queue(unit: UnitOfWork, *, queue_id: str) -> dict[str, Any]:
    """Bring a ReferralQ back into use. Raises Refused `not_found`. An active one stays as it is."""
    queue = _held(unit, queue_id)
    if not queue.is_active:
        queue.is_active = True
        _note_change(unit, queue, "queue.reactivated")
        unit.publish(queue_reactivated, queue.id, {"queue_id": queue.id})
    return view_of(unit.session, queue)


def add_program_to_queue(unit: UnitOfWork, *, queue_id: str, program_id: str) -> dict[str, Any]:
    """Link an active program to a ReferralQ; adding it again changes nothing.

    Raises Refused `not_found` (queue), `resource_not_found`, `not_a_program`, `resource_inactive`,
    `resource_not_referable`.
    """
    queue = _held(unit, queue_id)
    program = get_program(unit.session, program_id, "resource_not_found")
    if unit.session.get(QueueProgram, (queue.id, program.id)) is None:
        check_referable(unit.session, program)
        unit.add(QueueProgram(queue_id=queue.id, program_id=program.id, added_at=unit.now))
        _note_change(unit, queue, "queue.program_added", program_id=program.id)
    return view_of(unit.session, queue)


def remove_program_from_queue(
    unit: UnitOfWork, *, queue_id: str, program_id: str, confirm: bool
) -> dict[str, Any]:
    """Unlink a program from a ReferralQ.

    Its open referrals stay. Accounts that reach the program only through its agency no longer see them once the program
    is in no queue (S0-38). Raises Refused `not_found`, and without `confirm` `program_has_open_referrals` with their
    number.
    """
    queue = _held(unit, queue_id)
    link = unit.session.get(QueueProgram, (queue.id, program_id))
    if link is None:
        raise Refused("not_found", "The program is not in this ReferralQ.", "program_id")
    counts = count_open(unit.session, queue.id, link.program_id)
    total = sum(counts.values())
    if total and not confirm:
        detail = f"{total} referrals to this program are open here; confirm to remove it all the same."
        raise Refused("program_has_open_referrals", detail, "confirm", open_referrals=total, statuses=counts)
    unit.session.delete(link)
    _note_change(unit, queue, "queue.program_removed", program_id=link.program_id, open_referrals=total)
    return view_of(unit.session, queue)


def _held(unit: UnitOfWork, queue_id: str) -> Queue:
    """The queue's row, locked until the transaction ends. Assignments and moves, which share-lock it, wait meanwhile."""
    queue = unit.session.get(Queue, queue_id, with_for_update=True)
    if queue is None:
        raise Refused("not_found", "There is no ReferralQ with this id.", "queue_id")
    unit.honour_version(queue)
    return queue


def _note_change(unit: UnitOfWork, queue: Queue, action: str, **facts: Any) -> None:
    queue.version += 1
    queue.updated_at = unit.now
    unit.audit(action, "queue", queue.id, version=queue.version, **facts)
    unit.publish(queue_changed, queue.id, {"queue_id": queue.id, "version": queue.version})
    unit.session.flush()


def _wanted_statuses(
    unit: UnitOfWork,
    *,
    given: Sequence[Mapping[str, Any]] | None,
    source_id: str | None,
    known: Sequence[Status] = (),
) -> Sequence[Status] | None:
    """The list of statuses to set: the `given` one, or that of the queue `source_id`; None where neither is named."""
    if source_id is None:
        return None if given is None else statuses_from(given, known)
    if given is not None:
        detail = "Give statuses or a queue to copy them from, not both."
        raise Refused("invalid_status_list", detail, "statuses_from_queue_id")
    source = unit.session.get(Queue, source_id)
    if source is None:
        raise Refused("not_found", "There is no ReferralQ with this id.", "statuses_from_queue_id")
    return source.status_list()


def _replace_statuses(
    unit: UnitOfWork, queue: Queue, *, given: Sequence[Mapping[str, Any]] | None, source_id: str | None
) -> tuple[Status, ...]:
    """Replace the queue's statuses as `_wanted_statuses` says; returns the list that it has afterwards."""
    old = queue.status_list()
    wanted = _wanted_statuses(unit, given=given, source_id=source_id, known=old)
    if wanted is None:
        return old
    new = check_new_list(old, wanted, keys_in_use(unit.session, queue.id))
    rows = {row.key: row for row in queue.statuses}
    _step_aside(unit, rows.values())
    wanted_keys = {status.key for status in new}
    for row in rows.values():
        if row.key not in wanted_keys:
            unit.session.delete(row)
    unit.session.flush()
    for status in new:
        if status.key in rows:
            _describe(rows[status.key], status)
        else:
            unit.add(_status_row(status, queue.id))
    unit.session.flush()
    unit.session.refresh(queue, ["statuses"])
    return new


def _step_aside(unit: UnitOfWork, rows: Iterable[QueueStatus]) -> None:
    for row in rows:
        row.position += _ASIDE
    unit.session.flush()


def _name_taken() -> Refused:
    detail = "Another ReferralQ, maybe an inactive one, has this name. Choose another name, or reactivate that one."
    return Refused("queue_name_taken", detail, "name")


def _rename(unit: UnitOfWork, queue: Queue, name: str) -> None:
    unit.session.flush()
    taken = _name_taken()
    others = select(Queue.id).where(Queue.name_key == name.casefold(), Queue.id != queue.id)
    if unit.session.scalar(others) is not None:
        raise taken
    try:
        with unit.session.begin_nested():
            queue.name, queue.name_key = name, name.casefold()
    except IntegrityError:
        raise taken from None


def _claim_name(unit: UnitOfWork, queue: Queue) -> None:
    taken = _name_taken()
    if unit.session.scalar(select(Queue.id).where(Queue.name_key == queue.name_key)) is not None:
        raise taken
    try:
        with unit.session.begin_nested():
            unit.add(queue)
    except IntegrityError:
        # Another transaction took the name after we looked for it.
        raise taken from None


def _status_row(status: Status, queue_id: str | None = None) -> QueueStatus:
    row = QueueStatus(id=wire.new_id(), key=status.key)
    if queue_id is not None:
        row.queue_id = queue_id
    _describe(row, status)
    return row


def _describe(row: QueueStatus, status: Status) -> None:
    row.label, row.position, row.colour = status.label, status.position, status.colour
    row.is_terminal, row.fhir_status, row.category = status.is_terminal, status.fhir_status, status.category
    row.reason_required, row.outcome_required = status.reason_required, status.outcome_required
