"""Orders about a person's data: an export, or an erasure. One function and one transaction each."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import personal_data as contract
from services.identity.accounts import state
from services.identity.accounts.administrators import require_another_administrator
from services.identity.merging.models import PersonMerge
from services.identity.models import Account, Person
from services.identity.people.handlers import disable
from services.identity.personal_data.kept import ERASED
from services.identity.personal_data.queries import job_view
from services.identity.realms import granting
from services.identity.realms.rules import EMPLOYEE
from services.identity.registry.models import PersonalDataJob
from services.identity.registry.people import current_kinds, kinds_of, load_person
from services.identity.sessions.proof import proven_caller


def export_person(unit: UnitOfWork, answers_kept: datetime.timedelta, *, person_id: str) -> dict[str, Any]:
    """Order an export. Raises Refused(proof_required, not_found, already_merged)."""
    proven_caller(unit)
    person = _load(unit, person_id)
    running = _running(unit, person, "export")
    if running is not None:
        return job_view(unit.session, running, answers_kept)
    job = _order(unit, person, "export", None)
    unit.audit("person.export_ordered", "person", person.id, job_id=job.id)
    return job_view(unit.session, job, answers_kept)


def erase_person(
    unit: UnitOfWork, answers_kept: datetime.timedelta, *, person_id: str, number: str, reason_code: str
) -> dict[str, Any]:
    """Order an erasure, and close every access of the person and to the person at once.

    Raises Refused(proof_required, not_found, already_merged, confirmation_required, own_rights, still_employed, right_not_held,
    last_administrator).
    """
    proven_caller(unit)
    person = _load(unit, person_id)
    running = _running(unit, person, "erasure")
    if running is not None:
        return job_view(unit.session, running, answers_kept)
    if number != person.number:
        raise Refused(
            "confirmation_required",
            "number: this is not the number of this person. Type the number that stands on the page.",
            field="number",
        )
    _require_not_employed(unit, person)
    job = _order(unit, person, "erasure", reason_code)
    unit.audit("person.erasure_ordered", "person", person.id, job_id=job.id, reason_code=reason_code)
    for account in _load_accounts(unit, job.accounts):
        if account.id == unit.actor_id:
            raise granting.own_rights("person_id", "this is your own record")
        granting.require_account_held(unit, account, field="person_id")
        require_another_administrator(unit, account)
        if account.state != "disabled":
            state.disable(unit, account, because=ERASED)
            unit.audit("account.disabled", "account", account.id, person_id=person.id, reason=ERASED)
    for each in job.people:
        disable(unit, load_person(unit, each))
    return job_view(unit.session, job, answers_kept)


def _load(unit: UnitOfWork, person_id: str) -> Person:
    person = load_person(unit, person_id)
    kept_id = unit.session.scalar(
        select(PersonMerge.kept_id).where(PersonMerge.merged_id == person.id, PersonMerge.undone_at.is_(None))
    )
    if kept_id is not None:
        raise Refused(
            "already_merged",
            "This record was merged into another one: use that one.",
            field="person_id",
            kept_id=kept_id,
        )
    return person


def _running(unit: UnitOfWork, person: Person, kind: str) -> PersonalDataJob | None:
    found: PersonalDataJob | None = unit.session.scalar(
        select(PersonalDataJob).where(
            PersonalDataJob.person_id == person.id,
            PersonalDataJob.kind == kind,
            PersonalDataJob.finished_at.is_(None),
        )
    )
    return found


def _require_not_employed(unit: UnitOfWork, person: Person) -> None:
    if EMPLOYEE in current_kinds(kinds_of(unit.session, [person.id])[person.id]):
        raise Refused(
            "still_employed",
            "person_id: this person is an employee. Erase the person after the employment has ended.",
            field="person_id",
        )


def _order(unit: UnitOfWork, person: Person, kind: str, reason_code: str | None) -> PersonalDataJob:
    people = merged_into(unit.session, person.id)
    accounts = unit.session.scalars(select(Account.id).where(Account.person_id.in_(people)))
    job: PersonalDataJob = unit.add(
        PersonalDataJob(
            id=wire.new_id(),
            organisation_key=unit.organisation_key,
            kind=kind,
            person_id=person.id,
            people=people,
            accounts=sorted(accounts),
            reason_code=reason_code,
            ordered_by=unit.actor_id,
            ordered_at=unit.now,
            has_failed=False,
        )
    )
    ordered = {"job_id": job.id, "person_id": person.id, "is_erasure": kind == "erasure"}
    unit.publish(contract.personal_data_ordered, job.id, ordered)
    unit.session.flush()
    return job


def _load_accounts(unit: UnitOfWork, account_ids: list[str]) -> list[Account]:
    statement = select(Account).where(Account.id.in_(account_ids)).order_by(Account.id)
    return list(unit.session.scalars(statement.with_for_update(of=Account)))


def merged_into(session: Session, person_id: str) -> list[str]:
    """The person and, step by step, those who were merged into the person and not taken out again."""
    known = [person_id]
    for each in known:
        merged = select(PersonMerge.merged_id).where(
            PersonMerge.kept_id == each, PersonMerge.undone_at.is_(None)
        )
        known += [other for other in session.scalars(merged) if other not in known]
    return known
