"""The operations of every service over its audit trail: search, export, checkpoints, openings of a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import SIGNED_IN, Contract, Event, Operation, Reply, page_of, permission
from services.contracts.fields import Code, Count, Digest, Id, IdOrKey, Moment, place_from

FORMATS = ("csv", "fhir")


class AuditEntry(Reply):
    """One row of the trail. `seq` and `row_hash` are null for the moment until it is sealed."""

    id = Id(required=True)
    at = Moment(required=True)
    actor_kind = fields.String(required=True)
    actor_id = fields.String(required=True)
    action = fields.String(required=True)
    object_type = fields.String(required=True)
    object_id = fields.String(required=True)
    person_id = fields.String(allow_none=True)
    facts = fields.Dict(required=True)
    correlation_id = fields.String(allow_none=True)
    seq = fields.Integer(allow_none=True)
    row_hash = fields.String(allow_none=True)


class AuditCheckpoint(Reply):
    """What the service signed: the trail had `seq` rows and ended with this hash at this time."""

    seq = Count(required=True)
    row_hash = Digest(required=True)
    sealed_at = Moment(required=True)
    signature = Digest(digits=128, required=True)


class RecordOpening(Reply):
    """One opening of a record by somebody. Only identity fills in `actor_name`, as only identity knows names."""

    id = Id(required=True)
    at = Moment(required=True)
    action = fields.String(required=True)
    object_type = fields.String(required=True)
    object_id = fields.String(required=True)
    actor_kind = fields.String(required=True)
    actor_id = fields.String(required=True)
    actor_name = fields.String(allow_none=True)
    is_emergency = fields.Boolean(required=True)


PageOfAuditEntry = page_of(AuditEntry)
PageOfAuditCheckpoint = page_of(AuditCheckpoint)
PageOfRecordOpening = page_of(RecordOpening)


@dataclass(frozen=True)
class AuditOperations:
    """The operations of one service over its audit trail, and its event."""

    service: str
    search: Operation
    export: Operation
    checkpoints: Operation
    openings: Operation
    checkpoint: Event


def checkpoint_event(service: str) -> Event:
    """The event in which a service publishes the signed end of a trail."""
    return Contract(service, "").event("audit_checkpoint", _CHECKPOINT_SUMMARY, data=_checkpoint_data())


def audit_operations(contract: Contract) -> AuditOperations:
    """Declare the operations and the event in a service's contract. The service's class serves them by `@serves_audit`."""
    service = contract.service
    search = contract.query(
        f"list_{service}_audit",
        f"The audit trail of {service}, newest first. Each look at it is audited as well.",
        request={**_filters(), "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200))},
        reply=PageOfAuditEntry,
        access=permission("audit.read"),
    )
    export = contract.query(
        f"export_{service}_audit",
        f"The audit trail of {service} as CSV or as FHIR R4 AuditEvent, one a line, newest first, page by page. "
        "It requires a fresh proof (`prove_myself`).",
        request={
            "format": fields.String(required=True, validate=validate.OneOf(FORMATS)),
            **_filters(),
            "limit": fields.Integer(load_default=200, validate=validate.Range(1, 400)),
        },
        reply={
            "media_type": fields.String(required=True),
            "rows": Count(required=True),
            "text": fields.String(required=True),
            "next": fields.String(allow_none=True),
        },
        access=permission("audit.read"),
        errors=("proof_required",),
    )
    checkpoints = contract.query(
        f"list_{service}_checkpoints",
        f"The signed checkpoints of {service}'s audit trail, newest first.",
        request={
            "after": place_from(1),
            "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
        },
        reply=PageOfAuditCheckpoint,
        access=permission("audit.read"),
    )
    openings = contract.query(
        f"list_who_opened_{service}",
        f"The openings of the caller's own record in {service}, with who opened it, newest first.",
        request={
            "after": Id(load_default=None, allow_none=True),
            "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
        },
        reply=PageOfRecordOpening,
        access=SIGNED_IN,
        errors=("not_found",),
    )
    event = contract.event("audit_checkpoint", _CHECKPOINT_SUMMARY, data=_checkpoint_data())
    return AuditOperations(service, search, export, checkpoints, openings, event)


_CHECKPOINT_SUMMARY = (
    "The signed end of an organisation's audit trail. A copy kept elsewhere shows if the trail is cut later."
)


def _checkpoint_data() -> dict[str, Any]:
    return {
        "organisation_id": Id(required=True),
        "seq": Count(required=True),
        "row_hash": Digest(required=True),
        "sealed_at": Moment(required=True),
        "signature": Digest(digits=128, required=True),
    }


def _filters() -> dict[str, Any]:
    """`since` is inclusive, `until` exclusive. An `action` that ends with a dot stands for all actions that begin so."""
    return {
        "since": Moment(load_default=None, allow_none=True),
        "until": Moment(load_default=None, allow_none=True),
        "actor_id": IdOrKey(load_default=None, allow_none=True),
        "object_type": Code(load_default=None, allow_none=True),
        "object_id": IdOrKey(load_default=None, allow_none=True),
        "person_id": Id(load_default=None, allow_none=True),
        "action": Code(load_default=None, allow_none=True),
        "after": Id(load_default=None, allow_none=True),
    }
