"""Queries about bulk jobs. Staff only."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, case, func, literal, select, tuple_
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.referrals.bulk.models import BulkJob, BulkJobLine
from services.referrals.bulk.rules import ASSIGNMENT, FAILED, LINE_STATES, counts
from services.referrals.models import Referral
from services.referrals.records.models import ContactRecord

_JOBS, _LINES = "bulk jobs", "bulk job lines"
_NEWEST = (BulkJob.created_at, BulkJob.id)
_RANK = case({state: rank for rank, state in enumerate(LINE_STATES)}, value=BulkJobLine.state)


def get_bulk_job(session: Session, _caller: Caller | None, *, bulk_job_id: str) -> dict[str, Any]:
    """A job with its progress. Raises Refused `not_found`."""
    return job_view(session, get_row(session, bulk_job_id))


def list_bulk_jobs(
    session: Session, _caller: Caller | None, *, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of jobs, newest first. Raises Refused `invalid_request`."""
    statement = select(BulkJob).order_by(*(column.desc() for column in _NEWEST))
    if after is not None:
        at, job_id = read_cursor(after, _JOBS, datetime.datetime, str)
        place = tuple_(literal(at, BulkJob.created_at.type), literal(job_id))
        statement = statement.where(tuple_(*_NEWEST) < place)
    rows = session.scalars(statement.limit(limit + 1)).all()
    page = rows[:limit]
    last = page[-1] if len(rows) > len(page) else None
    return {
        "items": _views(session, page),
        "next": cursor_of(_JOBS, last.created_at, last.id) if last else None,
    }


def list_bulk_job_lines(
    session: Session,
    _caller: Caller | None,
    *,
    bulk_job_id: str,
    state: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """A page of a job's lines: failed, waiting, done, cancelled, each in the job's order. Raises Refused `not_found`.

    A line whose state changes between two pages may appear on both, or on neither.
    """
    job = get_row(session, bulk_job_id)
    statement = _numbered(job).where(BulkJobLine.job_id == job.id).order_by(_RANK, BulkJobLine.position)
    if state is not None:
        statement = statement.where(BulkJobLine.state == state)
    if after is not None:
        place = read_cursor(after, _LINES, int, int)
        statement = statement.where(
            tuple_(_RANK, BulkJobLine.position) > tuple_(*(literal(each) for each in place))
        )
    rows = session.execute(statement.limit(limit + 1)).all()
    page = rows[:limit]
    last = page[-1].BulkJobLine if len(rows) > len(page) else None
    place_of_last = [LINE_STATES.index(last.state), last.position] if last else None
    return {
        "items": [
            {
                **{
                    column.key: getattr(row.BulkJobLine, column.key)
                    for column in BulkJobLine.__table__.columns
                },
                "contact_record_number": row.number,
            }
            for row in page
        ],
        "next": cursor_of(_LINES, *place_of_last) if place_of_last else None,
    }


def get_row(session: Session, job_id: str, *, lock: bool = False) -> BulkJob:
    """The row of a job, with `lock` locked until the transaction ends. Raises Refused `not_found`."""
    job = session.get(BulkJob, job_id, with_for_update=lock)
    if job is None:
        raise Refused("not_found", "There is no job with this id.", "bulk_job_id")
    return job


def job_view(session: Session, job: BulkJob) -> dict[str, Any]:
    """A job as the contract shows it."""
    session.flush()
    return _views(session, [job])[0]


def _views(session: Session, jobs: Sequence[BulkJob]) -> list[dict[str, Any]]:
    by_state: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    keys = (BulkJobLine.job_id, BulkJobLine.state, BulkJobLine.reason)
    rows = session.execute(
        select(*keys, func.count().label("lines"))
        .where(BulkJobLine.job_id.in_([job.id for job in jobs]))
        .group_by(*keys)
    )
    for row in rows:
        by_state[row.job_id][row.state] += row.lines
        if row.state == FAILED and row.reason:
            reasons[row.job_id][row.reason] += row.lines
    return [
        {
            **{column.key: getattr(job, column.key) for column in BulkJob.__table__.columns},
            "state": _state_of(job),
            **counts(by_state[job.id], reasons[job.id]),
        }
        for job in jobs
    ]


def _state_of(job: BulkJob) -> str:
    if job.is_cancelled:
        return "cancelled"
    return "running" if job.finished_at is None else "done"


def _numbered(job: BulkJob) -> Select[BulkJobLine, str]:
    """Lines with the number of the contact record that each is about, None where no such record or referral exists."""
    statement = select(BulkJobLine, ContactRecord.number)
    if job.kind == ASSIGNMENT:
        return statement.outerjoin(ContactRecord, ContactRecord.id == BulkJobLine.subject_id)
    return statement.outerjoin(Referral, Referral.id == BulkJobLine.subject_id).outerjoin(
        ContactRecord, ContactRecord.id == Referral.contact_record_id
    )
