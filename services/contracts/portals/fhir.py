"""The FHIR R4 view of portals: correspondence, requests and appointments, to read and to search."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import STAFF, only_services, permission
from services.contracts.fields import Code, Id, Moment
from services.contracts.identity.permissions import MANAGE_APPOINTMENTS
from services.contracts.portals import contract
from services.contracts.portals.messages import WORK

_WORK = permission(WORK, realms=STAFF)
# The base address of the FHIR view, for the links in its answers. The gateway sets it, never a client.
_BASE = fields.String(required=True, validate=validate.Length(1, 500))
_READ: Mapping[str, Any] = {
    # FHIR's rule of ids; a Slot has one that is no id of a row.
    "resource_id": fields.String(required=True, validate=validate.Length(1, 64)),
}
_SEARCH: Mapping[str, Any] = {
    "parameters": fields.Dict(keys=fields.String(), values=fields.List(fields.String()), load_default=dict),
    "is_lenient": fields.Boolean(
        load_default=False,
        metadata={"description": "`Prefer: handling=lenient`: unknown parameters are ignored"},
    ),
    "base_url": _BASE,
}
_RESOURCE: Mapping[str, Any] = {"resource": fields.Dict(keys=fields.String(), required=True)}
_OF_ALL = {"_id": "token", "_lastUpdated": "date", "_since": "date"}
# The search parameters of each type with FHIR's types of parameters.
PARAMETERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Communication": _OF_ALL | {"patient": "reference", "subject": "reference", "sent": "date"},
        "CommunicationRequest": _OF_ALL
        | {
            "patient": "reference",
            "subject": "reference",
            "status": "token",
            "priority": "token",
            "authored": "date",
        },
        "Appointment": _OF_ALL
        | {"patient": "reference", "actor": "reference", "status": "token", "date": "date"},
        "Slot": {"_id": "token", "schedule": "reference", "status": "token", "start": "date"},
        "Schedule": _OF_ALL | {"actor": "reference", "active": "token", "date": "date"},
    }
)
# What an export holds: a Slot is no row, but follows from a Schedule and the appointments.
EXPORTED = frozenset(PARAMETERS) - {"Slot"}

fhir_read_communication = contract.query(
    "fhir_read_communication",
    "A secure message as FHIR R4 Communication. Reading it is audited.",
    request=_READ,
    reply=_RESOURCE,
    access=_WORK,
    errors=("not_found",),
)
fhir_search_communication = contract.query(
    "fhir_search_communication",
    "A Bundle of Communication: secure messages of staff and people. It is audited for each person.",
    request=_SEARCH,
    reply=_RESOURCE,
    access=_WORK,
    errors=("search_refused",),
)
fhir_read_communication_request = contract.query(
    "fhir_read_communication_request",
    "A request of the queue as FHIR R4 CommunicationRequest. Reading it is audited.",
    request=_READ,
    reply=_RESOURCE,
    access=_WORK,
    errors=("not_found",),
)
fhir_search_communication_request = contract.query(
    "fhir_search_communication_request",
    "A Bundle of CommunicationRequest: the requests of the queue and its archive. It is audited for each person.",
    request=_SEARCH,
    reply=_RESOURCE,
    access=_WORK,
    errors=("search_refused",),
)
fhir_read_appointment = contract.query(
    "fhir_read_appointment",
    "An appointment as FHIR R4 Appointment. Reading it is audited.",
    request=_READ,
    reply=_RESOURCE,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
)
fhir_search_appointment = contract.query(
    "fhir_search_appointment",
    "A Bundle of Appointment. It is audited for each person.",
    request=_SEARCH,
    reply=_RESOURCE,
    access=MANAGE_APPOINTMENTS,
    errors=("search_refused",),
)
fhir_read_slot = contract.query(
    "fhir_read_slot",
    "A free or busy time of a schedule as FHIR R4 Slot. It names no person.",
    request=_READ,
    reply=_RESOURCE,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
)
fhir_search_slot = contract.query(
    "fhir_search_slot",
    "A Bundle of Slot: the free and busy times of a schedule, of up to 31 days; without `start` of the next seven.",
    request=_SEARCH,
    reply=_RESOURCE,
    access=MANAGE_APPOINTMENTS,
    errors=("search_refused",),
)
fhir_read_schedule = contract.query(
    "fhir_read_schedule",
    "When and where a provider sees people, as FHIR R4 Schedule.",
    request=_READ,
    reply=_RESOURCE,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
)
fhir_search_schedule = contract.query(
    "fhir_search_schedule",
    "A Bundle of Schedule.",
    request=_SEARCH,
    reply=_RESOURCE,
    access=MANAGE_APPOINTMENTS,
    errors=("search_refused",),
)
fhir_page = contract.query(
    "fhir_page",
    "A page of a type, oldest change first: referrals asks, for an export that an account has ordered. It is audited for each "
    "person, as a reading by that account.",
    request={
        "resource_type": fields.String(required=True, validate=validate.OneOf(sorted(EXPORTED))),
        "since": Moment(load_default=None, allow_none=True),
        "until": Moment(required=True),
        "after": fields.String(load_default=None, allow_none=True),
        "count": fields.Integer(required=True, validate=validate.Range(1, 100)),
        "account_id": Id(required=True),
        "realm": Code(required=True),
    },
    reply={
        "resources": fields.List(fields.Dict(keys=fields.String()), required=True),
        "next": fields.String(allow_none=True),
    },
    access=only_services("referrals"),
    errors=("search_refused",),
    is_routed=False,
)
# The operation that reads, and the one that searches, by type.
OPERATIONS = MappingProxyType(
    {
        "Communication": (fhir_read_communication, fhir_search_communication),
        "CommunicationRequest": (fhir_read_communication_request, fhir_search_communication_request),
        "Appointment": (fhir_read_appointment, fhir_search_appointment),
        "Slot": (fhir_read_slot, fhir_search_slot),
        "Schedule": (fhir_read_schedule, fhir_search_schedule),
    }
)
