"""The types of the FHIR view that are rows: which model each is, how it is searched, and how it is shown."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from services.chassis import fhir_queries, fhir_search
from services.portals.appointments.models import Appointment
from services.portals.fhir import resources, rules
from services.portals.messages.models import Message
from services.portals.portal_queue.models import QueueItem
from services.portals.schedules.models import AppointmentProvider, AppointmentType, Schedule

Condition = Callable[[Sequence[str], str], ColumnElement[bool]]


@dataclass(frozen=True)
class Kind:
    """A type of resources. `changed` is the time that `_lastUpdated` names, `order` that by which lists are sorted, newest first."""

    name: str
    rows: Select[*tuple[Any, ...]]
    model: Any
    changed: Any
    order: Any
    conditions: Mapping[str, Condition]
    shape: Callable[[Any], dict[str, Any]]
    object_type: str = ""
    reading: str = ""
    readings: str = ""

    def person_of(self, resource: Mapping[str, Any]) -> str | None:
        """The person that a resource is about. None of a request that names nobody yet."""
        if "participant" in resource:
            return str(resource["participant"][0]["actor"]["identifier"]["value"])
        return str(resource["subject"]["identifier"]["value"]) if "subject" in resource else None


def _people(column: Any) -> Condition:
    def condition(values: Sequence[str], name: str) -> ColumnElement[bool]:
        return column.in_([fhir_search.reference_id(each, ("Patient",), name)[1] for each in values])  # type: ignore[no-any-return]  # a column

    return condition


def _dated(column: Any) -> Condition:
    return lambda values, name: fhir_queries.within(column, values, name)


def _coded(column: Any, system: str, codes: Mapping[str, str]) -> Condition:
    """Values of a column, by the codes that stand for them."""

    def condition(values: Sequence[str], name: str) -> ColumnElement[bool]:
        wanted = {fhir_search.token_code(each, system, name, sorted(set(codes.values()))) for each in values}
        return column.in_([own for own, code in codes.items() if code in wanted])  # type: ignore[no-any-return]  # a column

    return condition


def _shared(model: Any, changed: Any) -> dict[str, Condition]:
    return {"_id": lambda values, _: model.id.in_(values), "_lastUpdated": _dated(changed)}


def _takes_part(values: Sequence[str], name: str) -> ColumnElement[bool]:
    found = [fhir_search.reference_id(each, ("Patient", "Practitioner"), name) for each in values]
    people = [own_id for kind, own_id in found if kind in (None, "Patient")]
    providers = [own_id for kind, own_id in found if kind in (None, "Practitioner")]
    return or_(Appointment.person_id.in_(people), Appointment.provider_id.in_(providers))


def _provides(values: Sequence[str], name: str) -> ColumnElement[bool]:
    return Schedule.provider_id.in_(
        [fhir_search.reference_id(each, ("Practitioner",), name)[1] for each in values]
    )


def _holds(values: Sequence[str], name: str) -> ColumnElement[bool]:
    """Schedules that hold at some time of these dates."""
    wanted = []
    for value in values:
        begin, end = fhir_search.moments(value, name)
        parts: list[ColumnElement[bool]] = []
        if begin is not None:
            parts.append(or_(Schedule.until_on.is_(None), Schedule.until_on >= begin.date()))
        if end is not None:
            last = (end - datetime.timedelta(microseconds=1)).date()
            parts.append(or_(Schedule.from_on.is_(None), Schedule.from_on <= last))
        wanted.append(and_(*parts))
    return or_(*wanted)


def _is_active(values: Sequence[str], name: str) -> ColumnElement[bool]:
    return AppointmentProvider.is_active.in_([fhir_search.flag(each, name) for each in values])


COMMUNICATION = Kind(
    "Communication",
    select(Message),
    Message,
    Message.sent_at,
    Message.sent_at,
    _shared(Message, Message.sent_at)
    | {
        "patient": _people(Message.person_id),
        "subject": _people(Message.person_id),
        "sent": _dated(Message.sent_at),
    },
    lambda row: resources.communication(row.Message),
    "message",
    "message.read",
    "correspondence.read",
)
REQUEST = Kind(
    "CommunicationRequest",
    select(QueueItem),
    QueueItem,
    QueueItem.updated_at,
    QueueItem.requested_at,
    _shared(QueueItem, QueueItem.updated_at)
    | {
        "patient": _people(QueueItem.person_id),
        "subject": _people(QueueItem.person_id),
        "status": _coded(QueueItem.state, rules.REQUEST_STATUS, rules.STATUS_OF_REQUEST),
        "priority": _coded(QueueItem.priority, rules.REQUEST_PRIORITY, rules.PRIORITY_OF_REQUEST),
        "authored": _dated(QueueItem.requested_at),
    },
    lambda row: resources.communication_request(row.QueueItem),
    "queue_item",
    "queue_item.read",
    "queue_items.read",
)
APPOINTMENT = Kind(
    "Appointment",
    select(
        Appointment, AppointmentType.name.label("type_name"), AppointmentProvider.name.label("provider_name")
    )
    .join(AppointmentType, AppointmentType.id == Appointment.type_id)
    .join(AppointmentProvider, AppointmentProvider.id == Appointment.provider_id),
    Appointment,
    Appointment.updated_at,
    Appointment.starts_at,
    _shared(Appointment, Appointment.updated_at)
    | {
        "patient": _people(Appointment.person_id),
        "actor": _takes_part,
        "status": _coded(Appointment.state, rules.APPOINTMENT_STATUS, rules.STATUS_OF_APPOINTMENT),
        "date": _dated(Appointment.starts_at),
    },
    lambda row: resources.appointment(row.Appointment, row.type_name, row.provider_name),
    "appointment",
    "appointment.read",
    "appointments.read",
)
SCHEDULE = Kind(
    "Schedule",
    select(
        Schedule,
        AppointmentProvider.name.label("provider_name"),
        AppointmentProvider.is_active.label("is_active"),
    ).join(AppointmentProvider, AppointmentProvider.id == Schedule.provider_id),
    Schedule,
    Schedule.updated_at,
    Schedule.created_at,
    _shared(Schedule, Schedule.updated_at) | {"actor": _provides, "active": _is_active, "date": _holds},
    lambda row: resources.schedule(row.Schedule, row.provider_name, row.is_active),
)
# The types of exports, by name.
EXPORTED: Mapping[str, Kind] = MappingProxyType(
    {kind.name: kind for kind in (COMMUNICATION, REQUEST, APPOINTMENT, SCHEDULE)}
)
