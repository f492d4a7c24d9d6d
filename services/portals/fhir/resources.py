"""Rows of portals as FHIR R4 resources. People are references by identifier: the view has no Patient of its own."""

from __future__ import annotations

import datetime
from typing import Any

from services.portals.fhir import rules

Json = dict[str, Any]


def communication(row: Any) -> Json:
    """A message. It never changes, so it has one version."""
    account = _who(rules.ACCOUNTS, row.author_id, "Practitioner" if row.is_from_staff else None)
    person, staff = _person(row.person_id), _who(rules.ORGANISATIONS, row.organisation_id, "Organization")
    return _resource(
        "Communication",
        row.id,
        1,
        row.sent_at,
        basedOn=[{"reference": f"CommunicationRequest/{row.item_id}"}] if row.item_id else None,
        status="completed",
        category=[_type(row)],
        subject=person,
        sent=_moment(row.sent_at),
        sender=account,
        recipient=[person if row.is_from_staff else staff],
        payload=[_attachment(row) if row.file_sha256 else {"contentString": row.text}],
    )


def communication_request(row: Any) -> Json:
    """A request of the queue, or of its archive. An application that is not sent has no person yet."""
    person = _person(row.known_person_id) if row.known_person_id else None
    return _resource(
        "CommunicationRequest",
        row.id,
        row.version,
        row.updated_at,
        status=rules.STATUS_OF_REQUEST[row.state],
        category=[_type(row)],
        priority=rules.PRIORITY_OF_REQUEST[row.priority],
        subject=person,
        payload=[{"contentString": row.text}] if row.text else None,
        occurrencePeriod={"end": _moment(row.due_at)},
        authoredOn=_moment(row.requested_at),
        requester=person,
        recipient=[
            {
                "type": "Organization",
                "identifier": _identifier(rules.DEPARTMENTS, row.department),
                "display": row.department,
            }
        ],
    )


def appointment(row: Any, type_name: str, provider_name: str) -> Json:
    """An appointment: its person first among those who take part."""
    declined = row.state == "cancelled"
    status = "declined" if declined else "accepted"
    provider = _who(rules.PROVIDERS, row.provider_id, "Practitioner") | {"display": provider_name}
    actors = (_person(row.person_id), provider, {"type": "Location", "display": row.place})
    return _resource(
        "Appointment",
        row.id,
        row.version,
        row.updated_at,
        status=rules.STATUS_OF_APPOINTMENT[row.state],
        serviceType=[{"text": type_name}],
        start=_moment(row.starts_at),
        end=_moment(row.ends_at),
        minutesDuration=int((row.ends_at - row.starts_at).total_seconds() // 60),
        slot=[{"reference": f"Slot/{rules.slot_id(row.schedule_id, row.starts_at)}"}]
        if row.state == "booked"
        else None,
        created=_moment(row.booked_at),
        participant=[{"actor": each, "status": status} for each in actors],
    )


def schedule(row: Any, provider_name: str, is_active: bool) -> Json:
    """When and where a provider sees people. Its hours are told by its slots."""
    horizon = {"start": row.from_on, "end": row.until_on}
    return _resource(
        "Schedule",
        row.id,
        row.version,
        row.updated_at,
        active=is_active,
        actor=[
            _who(rules.PROVIDERS, row.provider_id, "Practitioner") | {"display": provider_name},
            {"type": "Location", "display": row.place},
        ],
        planningHorizon={name: day.isoformat() for name, day in horizon.items() if day is not None},
    )


def slot(found: rules.Slot) -> Json:
    """A time of a schedule. It is worked out when it is asked for, so it has no version."""
    return {
        "resourceType": "Slot",
        "id": rules.slot_id(found.schedule_id, found.start),
        "schedule": {"reference": f"Schedule/{found.schedule_id}"},
        "status": found.status,
        "start": _moment(found.start),
        "end": _moment(found.end),
    }


def _resource(kind: str, own_id: str, version: int, updated_at: datetime.datetime, **members: Any) -> Json:
    """A resource without its empty members: FHIR allows neither null nor empty lists."""
    meta = {"versionId": str(version), "lastUpdated": _moment(updated_at)}
    filled = {name: value for name, value in members.items() if value not in (None, [], {})}
    return {"resourceType": kind, "id": own_id, "meta": meta, **filled}


def _attachment(row: Any) -> Json:
    """The file that a message is. Its address takes the same token as this view."""
    file = {"contentType": row.file_type, "size": row.file_size, "url": f"/v1/messages/{row.id}/file"}
    return {"contentAttachment": file}


def _type(row: Any) -> Json:
    return {"coding": [{"system": rules.MESSAGE_TYPES, "code": row.type}], "text": row.type_name}


def _person(person_id: str) -> Json:
    return _who(rules.PEOPLE, person_id, "Patient")


def _who(system: str, value: str, kind: str | None) -> Json:
    return {"identifier": _identifier(system, value)} | ({"type": kind} if kind else {})


def _identifier(system: str, value: str) -> Json:
    return {"system": system, "value": value}


def _moment(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).isoformat()
