"""Questions about patients' portal access."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, lazyload, load_only

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.spelling import login_key
from services.identity.models import BY_NAME, Account, Grant, Organisation, Person, in_effect, is_of_kind
from services.identity.patients import rules
from services.identity.patients.enrolment import BY_STAFF, not_a_patient
from services.identity.patients.models import PatientJob, PatientJobItem, PatientRecord, PatientSettings
from services.identity.realms.rules import PATIENT
from services.identity.registry import usernames
from services.identity.registry.accounts import COLUMNS_ONLY, account_name
from services.identity.registry.pages import follows, last_of_page
from services.identity.registry.people import find_person

MOST_FAILURES = 200
MOST_JOBS = 20
MOST_DOUBLES = 20


# The columns that a line shows: reading the others takes longer than the rest of the page.
_OF_A_LINE = (
    load_only(Person.number, Person.first_name, Person.last_name, Person.email, Person.postal_code),
    load_only(Account.login, Account.state, Account.last_login_at),
    load_only(Grant.id),
    load_only(PatientRecord.manual_credentials_set_at, PatientRecord.origin),
)


def _patients() -> Select[*tuple[Any, ...]]:
    """The present patients, each with account, grant and record where there is one."""
    now = utc_now()
    return (
        select(Person, Account, Grant, PatientRecord)
        .outerjoin(
            Account,
            and_(
                Account.organisation_id == Person.organisation_id,
                Account.realm == PATIENT,
                Account.person_id == Person.id,
            ),
        )
        .outerjoin(Grant, and_(Grant.account_id == Account.id, Grant.person_id == Person.id, in_effect(now)))
        .outerjoin(PatientRecord, PatientRecord.person_id == Person.id)
        .where(is_of_kind(Person.id, PATIENT, now), Person.disabled_at.is_(None))
        .options(lazyload(Account.role), lazyload(Account.assignments))
    )


def _line(
    person: Person, account: Account | None, grant: Grant | None, record: PatientRecord | None
) -> dict[str, Any]:
    """The members of the contract's PatientAccessLine."""
    is_enabled = account is not None and grant is not None and account.state != "disabled"
    reasons = rules.reasons_inactive(
        is_enabled=is_enabled, email=person.email, postal_code=person.postal_code
    )
    last_login_at = account.last_login_at if account else None
    status = rules.portal_status(reasons, last_login_at)
    return {
        "person_id": person.id,
        "number": person.number,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "username": account.login if account and usernames.has_username(account.login) else None,
        "portal_status": status,
        "reasons": reasons,
        "colour": rules.colour(status, reasons),
        "is_enabled": is_enabled,
        "manual_credentials_set": record is not None and record.manual_credentials_set_at is not None,
        "origin": record.origin if record else BY_STAFF,
        "last_login_at": last_login_at,
    }


def access_view(session: Session, person_id: str) -> dict[str, Any]:
    """The members of the contract's PatientAccess. Raises Refused(not_found, not_a_patient)."""
    find_person(session, person_id)
    found = session.execute(_patients().where(Person.id == person_id)).one_or_none()
    if found is None:
        raise not_a_patient()
    person, account, grant, record = found
    attested_by = grant.attested_by if grant else None
    attesting = (
        session.scalar(select(Account).where(Account.id == attested_by).options(*COLUMNS_ONLY))
        if attested_by
        else None
    )
    return _line(person, account, grant, record) | {
        "version": person.version,
        "account_id": account.id if account else None,
        "email_is_verified": account is not None and account.email_verified_at is not None,
        "attested_by": attested_by,
        "attested_by_name": account_name(attesting) if attesting else None,
        "attested_at": grant.attested_at if grant else None,
        "probable_doubles": _probable_doubles(session, person),
    }


def _probable_doubles(session: Session, person: Person) -> list[str]:
    if person.date_of_birth is None:
        return []
    statement = select(Person.id).where(
        Person.last_name_key == person.last_name_key,
        Person.date_of_birth == person.date_of_birth,
        Person.id != person.id,
        Person.disabled_at.is_(None),
        is_of_kind(Person.id, PATIENT, utc_now()),
    )
    return list(session.scalars(statement.order_by(Person.id).limit(MOST_DOUBLES)))


def get_patient_access(session: Session, _caller: Caller, *, person_id: str) -> dict[str, Any]:
    """One patient's portal access. Raises Refused(not_found, not_a_patient)."""
    return access_view(session, person_id)


def list_patient_access(
    session: Session,
    _caller: Caller,
    *,
    status: str | None,
    has_username: bool | None,
    is_enabled: bool | None,
    origin: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """Patients by name. The cursor is a person's id: names do not belong in URLs."""
    wanted = _conditions(status=status, has_username=has_username, is_enabled=is_enabled)
    if origin is not None:
        wanted.append(func.coalesce(PatientRecord.origin, BY_STAFF) == origin)
    rows = session.execute(_onboarding_page(session, wanted, after=after, limit=limit)).all()
    page = rows[:limit]
    return {
        "items": [_line(*row) for row in page],
        "next": page[-1][0].id if len(rows) > len(page) else None,
    }


def _onboarding_page(
    session: Session, wanted: list[ColumnElement[bool]], *, after: str | None, limit: int
) -> Select[*tuple[Any, ...]]:
    """The statement of one page and one row more. It walks the index on names, wherever the page begins.

    Raises Refused(invalid_request) for an unknown cursor.
    """
    statement = _patients().where(*wanted).order_by(*BY_NAME).limit(limit + 1).options(*_OF_A_LINE)
    if after is None:
        return statement
    return statement.where(follows(BY_NAME, last_of_page(session, BY_NAME, Person.id, after)))


def _conditions(
    *, status: str | None, has_username: bool | None, is_enabled: bool | None
) -> list[ColumnElement[bool]]:
    enabled = and_(Grant.id.is_not(None), Account.state != "disabled")
    complete = and_(_is_given(Person.email), _is_given(Person.postal_code))
    with_username = and_(Account.id.is_not(None), ~Account.login.startswith(usernames.no_username("")))
    conditions: list[ColumnElement[bool]] = []
    if status == rules.INACTIVE:
        conditions.append(or_(~complete, _is_not(enabled)))
    elif status is not None:
        used = Account.last_login_at.is_not(None)
        conditions += [complete, _is(enabled), (_is if status == rules.ACTIVE else _is_not)(used)]
    if has_username is not None:
        conditions.append((_is if has_username else _is_not)(with_username))
    if is_enabled is not None:
        conditions.append((_is if is_enabled else _is_not)(enabled))
    return conditions


def _is_given(column: Any) -> ColumnElement[bool]:
    return func.coalesce(column, "") != ""


def _is(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition, written so that databases do not begin with the accounts but walk the index on names."""
    return func.coalesce(condition, False).is_(True)


def _is_not(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The opposite, which also holds where there is no account and the condition is NULL."""
    return func.coalesce(condition, False).is_(False)


def get_patient_settings(session: Session, _caller: Caller) -> dict[str, Any]:
    """What holds for the organisation's patients."""
    return settings_view(session.scalar(select(PatientSettings)))


def settings_view(row: PatientSettings | None) -> dict[str, Any]:
    """The members of the contract's PatientSettings."""
    return {
        "version": row.version if row else 1,
        "enables_automatically": row is not None and row.enables_automatically,
        "asks_address": row is None or row.asks_address,
        "asks_insurance": row is not None and row.asks_insurance,
    }


def get_patient_job(session: Session, _caller: Caller, *, job_id: str) -> dict[str, Any]:
    """The progress of a job. Raises Refused(not_found)."""
    job = session.scalar(select(PatientJob).where(PatientJob.id == job_id))
    if job is None:
        raise Refused("not_found", "There is no such job.")
    return job_view(session, job)


def list_patient_jobs(session: Session, _caller: Caller) -> dict[str, Any]:
    """The latest jobs, newest first."""
    latest = select(PatientJob).order_by(PatientJob.created_at.desc(), PatientJob.id).limit(MOST_JOBS)
    return {"items": [_job_line(session, job) for job in session.scalars(latest).all()]}


def _job_line(session: Session, job: PatientJob) -> dict[str, Any]:
    """The members of the contract's PatientJobLine."""
    counted: dict[str, int] = dict(
        session.execute(
            select(PatientJobItem.state, func.count())
            .where(PatientJobItem.job_id == job.id)
            .group_by(PatientJobItem.state)
        ).all()
    )
    return {
        "job_id": job.id,
        "kind": job.kind,
        "total": sum(counted.values()),
        "done": counted.get("done", 0),
        "failed": counted.get("failed", 0),
        "created_at": job.created_at,
        "finished_at": job.finished_at,
    }


def job_view(session: Session, job: PatientJob) -> dict[str, Any]:
    """The members of the contract's PatientJob."""
    failures = session.execute(
        select(
            PatientJobItem.person_id,
            PatientJobItem.reason,
            PatientJobItem.field,
            Person.number,
            Person.first_name,
            Person.last_name,
        )
        .outerjoin(
            Person,
            and_(Person.id == PatientJobItem.person_id, Person.organisation_id == job.organisation_id),
        )
        .where(PatientJobItem.job_id == job.id, PatientJobItem.state == "failed")
        .order_by(PatientJobItem.person_id)
        .limit(MOST_FAILURES)
    )
    return _job_line(session, job) | {"failures": [row._asdict() for row in failures]}


def matching_patient(session: Session, entered: rules.Identifying) -> str | None:
    """The id of the one patient with enabled access whose four data are these, None for none or several.

    Run in a session of one organisation.
    """
    enabled = (Grant.id.is_not(None), Account.state != "disabled")
    found = patients_like(session, entered, *enabled)
    return found[0].id if len(found) == 1 else None


def patients_like(
    session: Session, entered: rules.Identifying, *conditions: ColumnElement[bool]
) -> list[Person]:
    """The patients whose four data are these."""
    rows = session.execute(
        _patients().where(Person.email_key == login_key(entered.email or ""), *conditions).order_by(Person.id)
    ).all()
    return [
        person
        for person, *_ in rows
        if entered.matches(
            rules.Identifying(person.email, person.last_name, person.date_of_birth, person.postal_code)
        )
    ]


def find_organisation_by_key(session: Session, key: str) -> Organisation | None:
    """An organisation by its key, in a session of no organisation."""
    found: Organisation | None = session.scalar(select(Organisation).where(Organisation.key == key))
    return found
