"""Commands of contact records."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from services.chassis import wire
from services.chassis.database import PreparedInsert, hold_counter, insert_into
from services.chassis.names import name_rows
from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.referrals.records import contact_record_changed, contact_record_created
from services.referrals.records import consent
from services.referrals.records.models import (
    ContactRecord,
    ContactRecordChange,
    ContactRecordCounter,
    ContactRecordName,
)
from services.referrals.records.queries import get_record, numbers_like, person_of, view_of
from services.referrals.records.rules import (
    check_part_of_name,
    check_postal_code,
    check_sections,
    check_submitted,
    contact_record_number,
    keys_of,
)

_NAMES = ("first_name", "last_name")
_AS_GIVEN = ("phone", "email", "form_code")
_INSERT = PreparedInsert(ContactRecord)
_INSERT_NAMES = PreparedInsert(ContactRecordName)
_COLUMNS = {column.key for column in ContactRecord.__table__.columns} - {"organisation_id"}


class RecordMembers(TypedDict, total=False):
    """What somebody enters in a contact record, or changes. `person_id` is the person in identity who was named."""

    first_name: str | None
    last_name: str | None
    postal_code: str | None
    phone: str | None
    email: str | None
    sections: Mapping[str, Any]
    submitted_at: datetime.datetime | None
    form_code: str | None
    person_id: str | None
    consent_given_on: datetime.date | None
    consent_until: datetime.date | None


def create_contact_record(
    unit: UnitOfWork, kept_person_id: str | None, **entered: Unpack[RecordMembers]
) -> dict[str, Any]:
    """Enter a contact record, with all members. Without a time of submission it is now (S0-34).

    `kept_person_id` is the record in identity under which the named person is kept now: they differ after a merge. The
    answer names records that may be about the same help-seeker. Raises Refused `invalid_contact_record`.
    """
    record = _entered(unit, kept_person_id, entered)
    same = numbers_like(unit.session, record)
    return {**view_of(unit.session, record), "possible_duplicates": same}


def edit_contact_record(
    unit: UnitOfWork,
    kept_person_id: str | None,
    *,
    contact_record_id: str,
    **changes: Unpack[RecordMembers],
) -> dict[str, Any]:
    """Change a contact record, and note who changed which fields when.

    A member that is left out keeps its value. An equal value is not a change. Raises Refused `not_found`,
    `version_required`, `version_conflict`, `invalid_contact_record`.
    """
    if not changes.keys().isdisjoint(consent.CONSENT):
        consent.hold_referrals(unit.session, contact_record_id)
    record = get_record(unit.session, contact_record_id, lock=True)
    unit.require_version(record)
    wanted = _checked({**changes}, unit.now)
    if "person_id" in changes:
        wanted["person_id"] = kept_person_id
    changed = sorted(name for name, value in wanted.items() if getattr(record, name) != value)
    if changed:
        for name in changed:
            setattr(record, name, wanted[name])
        if "person_id" in changed:
            record.named_person_id = changes["person_id"]
        _fold(record)
        if set(changed) & set(consent.CONSENT):
            consent.settle(unit, record)
            consent.copy_to_referrals(unit.session, record)
        record.version += 1
        publish_record_change(unit, record, changed)
    return view_of(unit.session, record)


def note_reading(
    call: Call, action: str, object_type: str, object_id: str, record_id: str, /, **facts: Any
) -> None:
    """Note in the audit trail that a whole record was read, and by whom, before the answer is sent.

    The note names the person whom the record is about. That is looked up here, as a provider's answer does not have it.
    """
    with call.runtime.database.reading(call.organisation_id) as session:
        person_id = person_of(session, record_id)
    call.note_reading(action, object_type, object_id, **facts, **about(person_id))


def _entered(unit: UnitOfWork, kept_person_id: str | None, entered: RecordMembers) -> ContactRecord:
    given = {**entered, "submitted_at": entered["submitted_at"] or unit.now}
    record = ContactRecord(
        id=wire.new_id(),
        **_checked(given, unit.now),
        named_person_id=entered["person_id"],
        person_id=kept_person_id,
        created_at=unit.now,
        version=1,
    )
    _fold(record)
    consent.settle(unit, record)
    # As late as possible: other transactions wait for the next number from here until the commit.
    record.number = contact_record_number(_next_number(unit))
    _INSERT.execute(unit.session, {name: getattr(record, name) for name in _COLUMNS})
    words = name_rows(record.id, str(unit.organisation_id), record.first_name, record.last_name)
    if words:
        _INSERT_NAMES.execute(unit.session, *words)
    unit.audit(
        "contact_record.created",
        "contact_record",
        record.id,
        number=record.number,
        **about(record.person_id),
    )
    unit.publish(
        contact_record_created,
        record.id,
        {"contact_record_id": record.id, "contact_record_number": record.number},
    )
    return record


def _checked(given: Mapping[str, Any], now: datetime.datetime) -> dict[str, Any]:
    """Columns and their checked values, for the members that are given."""
    wanted: dict[str, Any] = {name: check_part_of_name(given[name], name) for name in _NAMES if name in given}
    wanted |= {name: given[name] or None for name in _AS_GIVEN if name in given}
    wanted |= {name: given[name] for name in consent.CONSENT if name in given}
    if "postal_code" in given:
        wanted["postal_code"] = check_postal_code(given["postal_code"])
    if "submitted_at" in given:
        wanted["submitted_at"] = check_submitted(given["submitted_at"], now)
    if "sections" in given:
        wanted["sections"] = _sections(given["sections"])
    return wanted


def publish_record_change(unit: UnitOfWork, record: ContactRecord, changed: list[str], **facts: Any) -> None:
    """Note which fields of a record have changed and who changed them, and publish the event."""
    unit.add(
        ContactRecordChange(
            id=wire.new_id(),
            contact_record_id=record.id,
            version=record.version,
            at=unit.now,
            actor_id=unit.actor_id,
            fields=changed,
        )
    )
    facts |= {"fields": changed, "version": record.version, **about(record.person_id)}
    unit.audit("contact_record.edited", "contact_record", record.id, **facts)
    unit.publish(
        contact_record_changed,
        record.id,
        {
            "contact_record_id": record.id,
            "contact_record_number": record.number,
            "version": record.version,
        },
    )


def about(person_id: str | None) -> dict[str, str]:
    """The fact of an audit row that names the person whom the record is about, empty where it is not known."""
    return {"person_id": person_id} if person_id else {}


def _fold(record: ContactRecord) -> None:
    keys = keys_of(record.first_name, record.last_name, record.postal_code, record.phone)
    for column, key in keys.items():
        setattr(record, column, key)


def _next_number(unit: UnitOfWork) -> int:
    """The organisation's next number. It is counted in this transaction, so a rollback leaves no gap.

    At each commit PostgreSQL wakes all transactions that wait for the row, and some of many starve. An advisory lock
    serves them in order.
    """
    hold_counter(unit.session, "contact_record_counters", str(unit.organisation_id))
    connection = unit.session.connection()
    counted = connection.execute(
        _counting(connection.dialect.name), {"organisation_id": unit.organisation_id, "value": 1}
    )
    return int(counted.scalar_one())


@functools.cache
def _counting(dialect: str) -> Any:
    counter = ContactRecordCounter.__table__.c
    return (
        insert_into(dialect, ContactRecordCounter.__table__)
        .on_conflict_do_update(index_elements=[counter.organisation_id], set_={"value": counter.value + 1})
        .returning(counter.value)
    )


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
