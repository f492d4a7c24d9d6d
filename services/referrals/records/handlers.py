"""Commands of contact records."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.referrals import contact_record_created
from services.referrals.records.models import ContactRecord, ContactRecordCounter
from services.referrals.records.queries import view_of
from services.referrals.records.rules import (
    check_part_of_name,
    check_postal_code,
    check_sections,
    contact_record_number,
)


def create_contact_record(unit: UnitOfWork, request: Any) -> dict[str, Any]:
    """Enter a contact record; without `submitted_at` it was submitted now (S0-34).

    Raises Refused `invalid_contact_record`.
    """
    record = ContactRecord(
        id=wire.new_id(),
        first_name=check_part_of_name(request["first_name"], "first_name"),
        last_name=check_part_of_name(request["last_name"], "last_name"),
        postal_code=check_postal_code(request["postal_code"]),
        phone=request["phone"],
        email=request["email"],
        sections=_sections(request["sections"]),
        submitted_at=(request["submitted_at"] or unit.now).astimezone(datetime.UTC),
        created_at=unit.now,
        version=1,
        # Last: from here to the commit others wait for the next number.
        number=contact_record_number(_next_number(unit)),
    )
    unit.add(record)
    unit.audit("contact_record.created", "contact_record", record.id, number=record.number)
    unit.publish(
        contact_record_created,
        record.id,
        {"contact_record_id": record.id, "contact_record_number": record.number},
    )
    return view_of(record)


def _next_number(unit: UnitOfWork) -> int:
    """The organisation's next number, counted in this transaction: an abandoned record leaves no gap.

    PostgreSQL wakes all who wait for a row at each commit, and some of many starve; an advisory lock is a queue.
    """
    connection = unit.session.connection()
    is_postgres = connection.dialect.name == "postgresql"
    if is_postgres:
        queue = func.hashtextextended(f"contact_record_counters:{unit.organisation_id}", 0)
        connection.execute(select(func.pg_advisory_xact_lock(queue)))
    insert = (postgresql.insert if is_postgres else sqlite.insert)(ContactRecordCounter.__table__)
    counter = ContactRecordCounter.__table__.c
    statement = (
        insert.values(organisation_id=unit.organisation_id, value=1)
        .on_conflict_do_update(index_elements=[counter.organisation_id], set_={"value": counter.value + 1})
        .returning(counter.value)
    )
    return int(connection.execute(statement).scalar_one())


def _sections(given: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    as_lists = [
        {"title": title, "fields": [{"label": label, "value": value} for label, value in fields.items()]}
        for title, fields in given.items()
    ]
    return [
        {
            "title": section.title,
            "fields": [{"label": label, "value": value} for label, value in section.fields],
        }
        for section in check_sections(as_lists)
    ]
