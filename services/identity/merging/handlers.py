"""Merging two records of one person (S2-103, S2-112) and undoing it: one function and one transaction per command."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.passports import Caller
from services.chassis.turns import in_turns
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.declare import Event
from services.contracts.errors import Refused
from services.contracts.identity import merging
from services.identity.accounts.administrators import require_another_administrator
from services.identity.credentials.invitations import void_links
from services.identity.credentials.login_changes import tell_closed
from services.identity.employees.models import Employment
from services.identity.merging import addresses, moves, patient_records, rules
from services.identity.merging.models import PersonMerge
from services.identity.models import Account, Grant, Person, PersonKind, Relationship
from services.identity.outside.models import OutsideIdentity
from services.identity.pickup_codes.handlers import void_codes
from services.identity.realms import granting
from services.identity.realms.rules import APPLICANT
from services.identity.registry.people import find_person, is_being_erased, load_person
from services.identity.registry.usernames import no_username
from services.identity.relationships.grants import revoke
from services.identity.sessions.handlers import end_sessions
from services.identity.sessions.proof import proven_caller

# Tables whose rows move from an account that is closed to the one that stays: whom it reaches, and its outside sign-ins.
_TAKEN_OVER = frozenset({Grant.__tablename__, Relationship.__tablename__, OutsideIdentity.__tablename__})
Steps = list[dict[str, Any]]


def preview(session: Session, _caller: Caller, *, kept_id: str, merged_id: str) -> dict[str, Any]:
    """What a merge would do. Raises Refused(not_found, already_merged, merge_refused)."""
    kept = find_person(session, kept_id, "kept_id")
    merged = find_person(session, merged_id, "merged_id")
    _check(session, kept, merged)
    return _preview(session, kept, merged)


def _preview(session: Session, kept: Person, merged: Person) -> dict[str, Any]:
    mine, theirs = _values(kept), _values(merged)
    counts = {
        f"{reference.table.name}.{reference.column.name}": moves.count(session, reference, merged.id)
        for reference in moves.references_to("people")
    }
    return {
        "plan": rules.plan_name((kept.id, kept.version), (merged.id, merged.version), counts),
        "kept_id": kept.id,
        "merged_id": merged.id,
        "conflicts": [
            {"field": name, "kept": _text(mine[name]), "merged": _text(theirs[name]), "proposed": side}
            for name, side in rules.proposed_values(mine, theirs).items()
        ],
        "moves": [{"what": what, "count": number} for what, number in counts.items() if number],
        "accounts_closed": len(_rival_realms(session, kept, merged)),
    }


def _values(person: Person) -> dict[str, Any]:
    return {name: getattr(person, name) for name in rules.FIELDS}


def _text(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, datetime.date) else value


def _rival_realms(session: Session, kept: Person, merged: Person) -> list[str]:
    """Realms in which both records have an account: the merged record's is closed."""
    rows = session.execute(
        select(Account.realm, Account.person_id).where(Account.person_id.in_([kept.id, merged.id]))
    ).all()
    of_kept = {realm for realm, person_id in rows if person_id == kept.id}
    return sorted(realm for realm, person_id in rows if person_id == merged.id and realm in of_kept)


def _check(session: Session, kept: Person, merged: Person) -> None:
    if kept.id == merged.id:
        raise Refused("merge_refused", "A record is not merged into itself.", field="merged_id")
    merges = session.scalars(
        select(PersonMerge).where(
            PersonMerge.merged_id.in_([kept.id, merged.id]), PersonMerge.undone_at.is_(None)
        )
    ).all()
    for each in merges:
        raise Refused(
            "already_merged",
            "This record was merged into another one: use that one.",
            field="merged_id" if each.merged_id == merged.id else "kept_id",
            kept_id=each.kept_id,
        )
    for person, field in ((kept, "kept_id"), (merged, "merged_id")):
        if is_being_erased(session, person.id):
            raise Refused("merge_refused", "This record is being erased: choose another one.", field=field)
    employed = session.scalars(
        select(Employment.person_id).where(
            Employment.person_id.in_([kept.id, merged.id]), Employment.ended_at.is_(None)
        )
    ).all()
    if len(employed) == 2 or (employed and employed[0] == merged.id):
        raise Refused(
            "merge_refused",
            "HR knows the record that would be merged as an employee: keep that one, or end one employment first.",
            field="merged_id",
        )


def merge(
    unit: UnitOfWork, *, kept_id: str, merged_id: str, plan: str, choices: Mapping[str, Any]
) -> dict[str, Any]:
    """Merge one record into another. If they are merged already, answer that merge (S2-112).

    Raises Refused(proof_required, not_found, already_merged, merge_refused, right_not_held, merge_outdated, login_taken,
    invalid_request).
    """
    proven_caller(unit)
    # Locked in a fixed order: otherwise two merges of the same people at once would deadlock.
    found = {each: load_person(unit, each) for each in sorted({kept_id, merged_id})}
    kept, merged = found[kept_id], found[merged_id]
    done = unit.session.scalar(
        select(PersonMerge).where(
            PersonMerge.kept_id == kept.id,
            PersonMerge.merged_id == merged.id,
            PersonMerge.undone_at.is_(None),
        )
    )
    if done is not None:
        return merge_view(done)
    _check(unit.session, kept, merged)
    _require_accounts_held(unit, kept, merged, field="merged_id")
    planned = _preview(unit.session, kept, merged)
    if planned["plan"] != plan:
        raise Refused(
            "merge_outdated", "The records have changed since the preview: look at it again.", "plan"
        )
    mine, theirs = _values(kept), _values(merged)
    sides = rules.chosen_values(rules.proposed_values(mine, theirs), choices)
    steps: dict[str, Any] = {
        "values": {
            name: {"before": _text(mine[name]), "after": _text(theirs[name])}
            for name, side in sides.items()
            if side == rules.MERGED
        },
        "was_disabled": merged.disabled_at is not None,
    }
    for name in steps["values"]:
        setattr(kept, name, theirs[name])
    void_codes(unit, merged.id)
    unit.session.flush()
    steps["moves"] = [
        step for each in moves.references_to("people") for step in moves.move(unit, each, merged.id, kept.id)
    ]
    unit.session.expire_all()  # the moves have bypassed the session's objects
    steps["moves"] += _take_over_accounts(unit, kept.id, merged.id)
    steps["addresses"] = addresses.follow(unit, kept, {mine["email"], theirs["email"]})
    steps["manual_credentials_set_at"] = patient_records.take_over(unit, kept.id, merged.id)
    steps["revoked"] = _revoke_rest(unit, merged.id)
    steps["ended_kinds"] = _end_application(unit, kept.id)
    merged.disabled_at = merged.disabled_at or unit.now
    kept.version += 1
    merged.version += 1
    row = PersonMerge(
        id=wire.new_id(),
        kept_id=kept.id,
        merged_id=merged.id,
        steps=steps,
        merged_by=unit.actor_id,
        merged_at=unit.now,
    )
    unit.add(row)
    _tell(unit, row, "person.merged", merging.people_merged, moved=len(steps["moves"]))
    return merge_view(row)


def _require_accounts_held(unit: UnitOfWork, kept: Person, merged: Person, *, field: str) -> None:
    """Raise Refused(right_not_held) unless the caller holds what the accounts of both records may do.

    A merge closes accounts, moves them, and changes log-ins; so does undoing it. Accounts that reach the merged record
    reach the kept one afterwards.
    """
    reaching = select(Grant.account_id).where(Grant.person_id == merged.id, Grant.revoked_at.is_(None))
    concerned = or_(Account.person_id.in_([kept.id, merged.id]), Account.id.in_(reaching))
    for account in unit.session.scalars(select(Account).where(concerned).order_by(Account.id)).all():
        granting.require_account_held(unit, account, field=field)


def _take_over_accounts(unit: UnitOfWork, kept_id: str, merged_id: str) -> Steps:
    """Close accounts of the merged record where the kept one has one, too, and move what they reach to that one."""
    steps: Steps = []
    rivals = unit.session.scalars(select(Account).where(Account.person_id == merged_id)).all()
    for rival in rivals:
        own = unit.session.scalars(
            select(Account).where(Account.person_id == kept_id, Account.realm == rival.realm)
        ).one()
        for reference in moves.references_to("accounts"):
            if reference.table.name in _TAKEN_OVER:
                steps += [
                    step | {"account_from": rival.id, "account_to": own.id}
                    for step in moves.move(unit, reference, rival.id, own.id)
                ]
        if rival.state != "disabled":
            require_another_administrator(unit, rival)
            steps.append(
                {
                    "account": rival.id,
                    "state": rival.state,
                    "login": rival.login,
                    "beside": own.id if own.state != "disabled" else None,
                }
            )
            rival.state, rival.disabled_for = "disabled", addresses.ENDED_BY_MERGE
            rival.login = no_username(rival.id)  # the kept account may take it over
            rival.version += 1
            end_sessions(unit, rival.id, addresses.ENDED_BY_MERGE)
            void_links(unit, rival.id)
            tell_closed(unit, rival)
            unit.audit(
                "account.disabled", "account", rival.id, person_id=merged_id, reason=addresses.ENDED_BY_MERGE
            )
    unit.session.flush()
    unit.session.expire_all()
    return steps


def _revoke_rest(unit: UnitOfWork, merged_id: str) -> list[str]:
    """Revoke grants to the merged record that could not move because the kept one has an equal one. Answers their ids."""
    left = unit.session.scalars(
        select(Grant).where(Grant.person_id == merged_id, Grant.revoked_at.is_(None)).with_for_update()
    ).all()
    for grant in left:
        revoke(unit, grant, addresses.ENDED_BY_MERGE)
    return [grant.id for grant in left]


def _end_application(unit: UnitOfWork, kept_id: str) -> list[str]:
    """End the application of a person who is an employee after the merge. Answers the ids of the ended kinds."""
    rows = unit.session.scalars(
        select(PersonKind).where(
            PersonKind.person_id == kept_id,
            or_(PersonKind.ends_at.is_(None), PersonKind.ends_at > unit.now),
        )
    ).all()
    if not any(row.kind == "employee" for row in rows):
        return []
    ended = [row for row in rows if row.kind == APPLICANT]
    for row in ended:
        row.end(unit.now)
    return [row.id for row in ended]


def undo(unit: UnitOfWork, *, merge_id: str) -> dict[str, Any]:
    """Undo a merge: what was moved returns, unless it has changed hands since. Undoing again changes nothing.

    What staff have disabled since stays disabled, and so does what the merge had made one with it. Raises
    Refused(proof_required, not_found, merge_refused, right_not_held).
    """
    proven_caller(unit)
    row: PersonMerge | None = unit.session.scalar(
        select(PersonMerge).where(PersonMerge.id == merge_id).with_for_update()
    )
    if row is None:
        raise Refused("not_found", "There is no such merge.")
    if row.undone_at is not None:
        return merge_view(row)
    if unit.now - row.merged_at > rules.CAN_BE_UNDONE_FOR:
        raise Refused("merge_refused", f"After {rules.CAN_BE_UNDONE_FOR.days} days a merge stays.")
    found = {each: load_person(unit, each) for each in sorted([row.kept_id, row.merged_id])}
    kept, merged = found[row.kept_id], found[row.merged_id]
    if is_being_erased(unit.session, kept.id):
        raise Refused(
            "merge_refused", "This person is being erased, with all that was merged into the record."
        )
    _require_accounts_held(unit, kept, merged, field="merge_id")
    # The addresses first: a closed account takes its log-in back.
    stayed = addresses.give_back(unit, row.steps.get("addresses", [])) + _move_back(unit, row)
    patient_records.give_back(unit, kept.id, row.steps)
    for name, value in row.steps["values"].items():
        if _text(getattr(kept, name)) == value["after"]:
            setattr(kept, name, _value(name, value["before"]))
    if not row.steps["was_disabled"]:
        if merged.disabled_at == row.merged_at and not _is_disabled_since(kept, row.merged_at):
            merged.disabled_at = None
        else:
            stayed += 1
    kept.version += 1
    merged.version += 1
    row.undone_by, row.undone_at = unit.actor_id, unit.now
    _tell(unit, row, "person.unmerged", merging.people_unmerged, stayed=stayed)
    return merge_view(row)


def _is_disabled_since(person: Person, moment: datetime.datetime) -> bool:
    return person.disabled_at is not None and person.disabled_at >= moment


def _value(name: str, text: str | None) -> Any:
    return datetime.date.fromisoformat(text) if name == "date_of_birth" and text is not None else text


def _move_back(unit: UnitOfWork, row: PersonMerge) -> int:
    """Undo the steps of a merge. Answers how many could not be undone."""
    stayed = 0
    for step in in_turns(reversed(row.steps["moves"]), moves.ROWS_AT_ONCE):
        if "account" in step:
            stayed += not addresses.reopen(unit, step)
            continue
        before = step.get("account_from", row.merged_id)
        after = step.get("account_to", row.kept_id)
        stayed += not moves.move_back(unit, step, before, after)
    unit.session.execute(
        update(Grant)
        .where(Grant.id.in_(row.steps["revoked"]), Grant.revoke_reason == addresses.ENDED_BY_MERGE)
        .values(revoked_at=None, revoke_reason=None, version=Grant.version + 1),
        execution_options={"synchronize_session": False},
    )
    unit.session.execute(
        update(PersonKind)
        .where(PersonKind.id.in_(row.steps["ended_kinds"]))
        .values(ends_at=None, closed_at=None),
        execution_options={"synchronize_session": False},
    )
    unit.session.expire_all()  # the statements have bypassed the session's objects
    return stayed


def _tell(unit: UnitOfWork, row: PersonMerge, action: str, event: Event, **facts: Any) -> None:
    ids = {"merge_id": row.id, "kept_id": row.kept_id, "merged_id": row.merged_id}
    unit.audit(action, "person", row.kept_id, merge_id=row.id, merged_id=row.merged_id, **facts)
    unit.publish(event, row.kept_id, ids)


def merge_view(row: PersonMerge) -> dict[str, Any]:
    """The members of the contract's MergeView."""
    names = ("id", "kept_id", "merged_id", "merged_by", "merged_at", "undone_by", "undone_at")
    is_recent = utc_now() - row.merged_at <= rules.CAN_BE_UNDONE_FOR
    return {name: getattr(row, name) for name in names} | {
        "can_be_undone": row.undone_at is None and is_recent
    }


def list_merges(session: Session, _caller: Caller, *, person_id: str) -> dict[str, Any]:
    """Merges of a person, oldest first."""
    rows = session.scalars(
        select(PersonMerge)
        .where(or_(PersonMerge.kept_id == person_id, PersonMerge.merged_id == person_id))
        .order_by(PersonMerge.merged_at)
    )
    return {"items": [merge_view(row) for row in rows]}


def resolve(session: Session, _caller: Caller, *, person_id: str) -> dict[str, Any]:
    """The record that an id stands for now, and the ids that were merged into it. Raises Refused(not_found)."""
    current_id = find_person(session, person_id).id
    above = select(PersonMerge.kept_id).where(PersonMerge.undone_at.is_(None))
    while kept_id := session.scalar(above.where(PersonMerge.merged_id == current_id)):
        current_id = kept_id
    return {"person_id": current_id, "merged_ids": merged_into(session, current_id)}


def merged_into(session: Session, person_id: str) -> list[str]:
    """The ids that were merged into this record, directly or over others, sorted. One statement for each generation."""
    found: list[str] = []
    last = [person_id]
    while last:
        below = select(PersonMerge.merged_id).where(
            PersonMerge.kept_id.in_(last), PersonMerge.undone_at.is_(None)
        )
        last = list(session.scalars(below))
        found += last
    return sorted(found)
