"""Queries about contact records."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, false, func, literal, select, tuple_
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.database import Prepared
from services.chassis.names import named
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.spelling import phone_keys, postal_code_key, search_key
from services.referrals.authors.rules import actor_view
from services.referrals.models import Referral
from services.referrals.records.consent import is_over
from services.referrals.records.models import ContactRecord, ContactRecordChange, ContactRecordName
from services.referrals.records.rules import (
    check_postal_code,
    contact_name,
    find_contact_record_number,
)

DUPLICATES_SHOWN = 10
_ORDER = "contact records"
_RECORD = Prepared(select(*ContactRecord.__table__.columns).where(ContactRecord.id == bindparam("wanted_id")))
_PERSON = Prepared(select(ContactRecord.person_id).where(ContactRecord.id == bindparam("wanted_id")))
_NUMBERS_ALIKE = Prepared(
    select(ContactRecord.number)
    .where(ContactRecord.sameness == bindparam("sameness"), ContactRecord.id != bindparam("own_id"))
    .order_by(ContactRecord.created_at.desc(), ContactRecord.id)
    .limit(DUPLICATES_SHOWN)
)


def get_contact_record(session: Session, _caller: Caller | None, *, contact_record_id: str) -> dict[str, Any]:
    """A whole contact record. Raises Refused `not_found`. The calling function audits the reading."""
    record = _RECORD.execute(session, wanted_id=contact_record_id).one_or_none()
    if record is None:
        raise _no_record()
    return view_of(session, record)


def person_of(session: Session, contact_record_id: str) -> str | None:
    """The id of the person whom a contact record is about, None where it is not known."""
    person_id: str | None = _PERSON.execute(session, wanted_id=contact_record_id).scalar()
    return person_id


def search_contact_records(
    session: Session,
    _caller: Caller | None,
    *,
    number: str | None,
    name: str | None,
    phone: str | None,
    postal_code: str | None,
    submitted_from: datetime.datetime | None,
    submitted_before: datetime.datetime | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """A page of contact records, newest submission first.

    The filters are as in `wanted`. Raises Refused `invalid_request` for an unreadable cursor, and
    `invalid_contact_record`.
    """
    newest = (ContactRecord.submitted_at, ContactRecord.id)
    conditions = wanted(
        session,
        number=number,
        name=name,
        phone=phone,
        postal_code=postal_code,
        submitted_from=submitted_from,
        submitted_before=submitted_before,
    )
    statement = (
        select(ContactRecord, _open_referrals())
        .where(*conditions)
        .order_by(*(column.desc() for column in newest))
    )
    if after is not None:
        submitted_at, record_id = read_cursor(after, _ORDER, datetime.datetime, str)
        place = tuple_(literal(submitted_at, ContactRecord.submitted_at.type), literal(record_id))
        statement = statement.where(tuple_(*newest) < place)
    rows = session.execute(statement.limit(limit + 1)).all()
    page = rows[:limit]
    last = page[-1].ContactRecord if len(rows) > len(page) else None
    return {
        "items": [_line(row.ContactRecord, row.open_referrals) for row in page],
        "next": cursor_of(_ORDER, last.submitted_at, last.id) if last else None,
    }


def list_contact_record_changes(
    session: Session, _caller: Caller | None, *, contact_record_id: str
) -> dict[str, Any]:
    """The changes of a contact record, oldest first: who changed which fields. Raises Refused `not_found`."""
    record = get_record(session, contact_record_id)
    changes = session.scalars(
        select(ContactRecordChange)
        .where(ContactRecordChange.contact_record_id == record.id)
        .order_by(ContactRecordChange.version)
    )
    return {
        "items": [
            {
                "version": change.version,
                "at": change.at,
                "actor_id": change.actor_id,
                "actor": actor_view(change.actor_id, "partner"),
                "fields_changed": change.fields,
            }
            for change in changes
        ]
    }


def numbers_like(session: Session, record: ContactRecord) -> list[str]:
    """Numbers of other records with the same name, postal code and phone, newest first, at most ten. A hint for staff."""
    if record.sameness is None:
        return []
    alike = _NUMBERS_ALIKE.execute(session, sameness=record.sameness, own_id=record.id)
    return list(alike.scalars())


def list_possible_duplicates(
    session: Session, _caller: Caller | None, *, contact_record_id: str
) -> dict[str, Any]:
    """The records of `numbers_like`, as lines of a list. Raises Refused `not_found`."""
    record = get_record(session, contact_record_id)
    numbers = numbers_like(session, record)
    alike = (
        select(ContactRecord, _open_referrals())
        .where(ContactRecord.number.in_(numbers))
        .order_by(ContactRecord.created_at.desc(), ContactRecord.id)
    )
    rows = session.execute(alike).all() if numbers else []
    return {"items": [_line(row.ContactRecord, row.open_referrals) for row in rows]}


def describe_contact_record(
    session: Session, _caller: Caller | None, *, contact_record_id: str
) -> dict[str, Any]:
    """A contact record's number and person, for another service. Raises Refused `not_found`."""
    record = get_record(session, contact_record_id)
    names = ("number", "person_id", "named_person_id")
    return {"contact_record_id": record.id} | {name: getattr(record, name) for name in names}


def get_record(session: Session, contact_record_id: str, *, lock: bool = False) -> ContactRecord:
    """The record's row, locked until the transaction ends if `lock`. Raises Refused `not_found`."""
    record = session.get(ContactRecord, contact_record_id, with_for_update=lock)
    if record is None:
        raise _no_record()
    return record


def _no_record() -> Refused:
    return Refused("not_found", "There is no contact record with this id.", "contact_record_id")


def view_of(session: Session, record: Any) -> dict[str, Any]:
    """A whole contact record (a ContactRecord or a row with its columns) as the contract shows it."""
    return {
        "id": record.id,
        "version": record.version,
        "number": record.number,
        "first_name": record.first_name,
        "last_name": record.last_name,
        "postal_code": record.postal_code,
        "phone": record.phone,
        "email": record.email,
        "sections": {
            section["title"]: {field["label"]: field["value"] for field in section["fields"]}
            for section in record.sections
        },
        "submitted_at": record.submitted_at,
        "form_code": record.form_code,
        "person_id": record.person_id,
        "consent_given_on": record.consent_given_on,
        "consent_until": record.consent_until,
        "is_consent_expired": is_over(session, record.consent_until, record.consent_ends_at, utc_now()),
        "withheld": [],
    }


def wanted(
    session: Session,
    *,
    number: str | None = None,
    name: str | None = None,
    phone: str | None = None,
    postal_code: str | None = None,
    submitted_from: datetime.datetime | None = None,
    submitted_before: datetime.datetime | None = None,
) -> list[ColumnElement[bool]]:
    """Conditions on contact records: the number, words of the name, the phone, the postal code, the time of submission.

    Names, phones and postal codes are compared whatever their spelling. Every typed word begins a word of the name.

    `submitted_from` is included, `submitted_before` is not. Raises Refused `invalid_contact_record`.
    """
    conditions: list[ColumnElement[bool]] = []
    if number is not None:
        # A text that is no record number finds nothing; it is not refused.
        conditions.append(ContactRecord.number == (find_contact_record_number(number) or ""))
    if postal_code is not None:
        code = postal_code_key(check_postal_code(postal_code))
        conditions.append(_equals(ContactRecord.postal_code_key, code))
    if phone is not None:
        numbers = phone_keys(phone)
        conditions.append(ContactRecord.phone_key.in_(numbers) if numbers else false())
    if name is not None:
        conditions.append(_is_named(session, search_key(name).split()))
    if submitted_from is not None:
        conditions.append(ContactRecord.submitted_at >= submitted_from)
    if submitted_before is not None:
        conditions.append(ContactRecord.submitted_at < submitted_before)
    return conditions


def _equals(column: Any, key: str) -> ColumnElement[bool]:
    return column == key if key else false()  # a text without digits or letters finds nothing


def _is_named(session: Session, words: list[str]) -> ColumnElement[bool]:
    """The condition on the name, as a subquery: its ids come from the table of names alone."""
    if not words:
        return false()
    return ContactRecord.id.in_(
        named(session, ContactRecordName, [(word, None) for word in words]).order_by(None)
    )


def _open_referrals() -> ColumnElement[int]:
    return (
        select(func.count())
        .where(Referral.contact_record_id == ContactRecord.id, Referral.is_open)
        .correlate(ContactRecord)
        .scalar_subquery()
        .label("open_referrals")
    )


def _line(record: ContactRecord, open_referrals: int) -> dict[str, Any]:
    return {
        "id": record.id,
        "version": record.version,
        "number": record.number,
        "contact_name": contact_name(record.first_name, record.last_name),
        "postal_code": record.postal_code,
        "submitted_at": record.submitted_at,
        "open_referrals": open_referrals,
    }
