"""Orders about a person's data as administrators and services see them."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity.personal_data import PARTS
from services.contracts.personal_data import KEPT_FOR
from services.identity.accounts.authors import names_among
from services.identity.personal_data.models import PersonalDataPart
from services.identity.registry.models import PersonalDataJob

KEPT_FOR_DOWNLOAD = datetime.timedelta(days=1)
MOST_LISTED = 50


def get_job(
    session: Session, _caller: Caller, answers_kept: datetime.timedelta, *, job_id: str
) -> dict[str, Any]:
    """An order with its progress. Raises Refused(not_found)."""
    return job_view(session, find_job(session, job_id), answers_kept)


def list_jobs(
    session: Session, _caller: Caller, answers_kept: datetime.timedelta, *, person_id: str
) -> dict[str, Any]:
    """The orders about a person, newest first."""
    orders = select(PersonalDataJob).where(PersonalDataJob.person_id == person_id)
    rows = session.scalars(orders.order_by(PersonalDataJob.ordered_at.desc()).limit(MOST_LISTED)).all()
    return {"items": [job_view(session, row, answers_kept) for row in rows]}


def describe_job(session: Session, _caller: Caller, *, job_id: str) -> dict[str, Any]:
    """Whom an order is about. Raises Refused(not_found)."""
    job = find_job(session, job_id)
    return {"kind": job.kind, "person_ids": job.people, "account_ids": job.accounts}


def find_job(session: Session, job_id: str) -> PersonalDataJob:
    """The order. Raises Refused(not_found)."""
    job = session.scalar(select(PersonalDataJob).where(PersonalDataJob.id == job_id))
    if job is None:
        raise Refused("not_found", "There is no such export or erasure.", field="job_id")
    return job


def state_of(job: PersonalDataJob, now: datetime.datetime) -> str:
    """One of the contract's STATES."""
    if job.finished_at is None:
        return "running"
    if job.has_failed:
        return "failed"
    is_over = job.kind == "export" and (job.sha256 is None or job.finished_at + KEPT_FOR_DOWNLOAD <= now)
    return "expired" if is_over else "finished"


def job_view(session: Session, job: PersonalDataJob, answers_kept: datetime.timedelta) -> dict[str, Any]:
    """The members of the contract's PersonalDataJob. `answers_kept`: how long answers of repeated requests are kept."""
    parts = {
        part.service: part
        for part in session.scalars(select(PersonalDataPart).where(PersonalDataPart.job_id == job.id))
    }
    names = (
        "id", "kind", "person_id", "reason_code", "ordered_by", "ordered_at", "finished_at", "size",
    )  # fmt: skip
    has_file = job.sha256 is not None
    forgotten = job.finished_at + answers_kept if job.finished_at and job.kind == "erasure" else None
    return {name: getattr(job, name) for name in names} | {
        "state": state_of(job, utc_now()),
        "ordered_by_name": names_among(session, {job.ordered_by}).get(job.ordered_by),
        "expires_at": job.finished_at + KEPT_FOR_DOWNLOAD if has_file and job.finished_at else None,
        "answers_kept_until": forgotten,
        "done": len(parts),
        "total": len(PARTS),
        "parts": [_part_view(service, parts.get(service)) for service in PARTS],
    }


def _part_view(service: str, part: PersonalDataPart | None) -> dict[str, Any]:
    if part is None:
        return {"service": service, "done_at": None, "rows": 0, "kept": []}
    kept = [{"reason": reason, "rows": part.kept[reason]} for reason in KEPT_FOR if part.kept.get(reason)]
    return {"service": service, "done_at": part.done_at, "rows": part.rows, "kept": kept}
