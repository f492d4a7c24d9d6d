"""Limits of texts in requests, rules and columns: a text that the request accepts must fit the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from marshmallow import Schema, fields, validate

from services.chassis.models import base_of
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import Contract
from services.contracts.fields import Code, Digest, Id, Secret
from services.referrals.capacity import rules as capacity
from services.referrals.queues import rules as queues
from services.referrals.records import rules as records

CODE_LENGTH = 64
# Names with another meaning in some column. The columns that the request does not fill are listed.
OTHER_THINGS: Mapping[str, Mapping[str, str]] = {
    "identity": {
        "api_secrets.client_id": "an id; the request's is what a provider calls us",
        "api_sessions.client_id": "an id; the request's is what a provider calls us",
        "client_contacts.client_id": "an id; the request's is what a provider calls us",
        "patient_job_items.reason": "a code; the request's is the justification of an emergency access",
        "hr_imports.reason": "a code; the request's is the justification of an emergency access",
    },
    "portals": {
        "employee_orders.name": "an order's; the longer names are of codes and of variants of a questionnaire",
        "order_items.name": "an order's; the longer names are of codes and of variants of a questionnaire",
        "appointment_types.code": "a type; the longer codes are of observations",
        "appointment_types.name": "a type; the longer names are of observations",
        "appointment_providers.name": "a provider; the longer names are of observations",
        "appointments.source": "who has booked, a closed vocabulary; the request's source is a system",
        "portal_images.place": "which image it is; the request's is where appointments take place",
        "message_types.name": "a message type's; the longer names are of codes and of variants of a questionnaire",
        "message_types.code": "a message type's; the longer codes are of observations",
        "message_types.department": "a name; a questionnaire names departments by their code",
        "staff_groups.name": "a group's; the longer names are of codes and of variants of a questionnaire",
        "absences.text": "what people read before they write; the longer texts are messages",
        "queue_items.department": "a name; a questionnaire names departments by their code",
    },
    "referrals": {
        "capacity_changes.note": "a line's note, held to its own limit by the rules",
        "capacity_terms.note": "a line's note, held to its own limit by the rules",
        "queue_statuses.label": "a status; the longer labels are of phones and decline reasons",
        "capacity_lines.name": "a line; the longer names are of resources, queues and forms",
        "queues.name": "a queue; the longer names are of resources",
        "contact_records.number": "a record's; the request's are of phones and resources",
        "resources.number": "a resource's; the longer numbers are of phones",
        "resources.status": "a closed vocabulary; the request's longer status is a queue's",
        "capacity_changes.status": "a closed vocabulary; the request's longer status is a queue's",
    },
}
# Limit of a rule → the requests' fields and the columns that it is about.
RULES: Mapping[str, tuple[int, tuple[str, ...], tuple[str, ...]]] = {
    "postal code": (
        records.MAX_POSTAL_CODE_LENGTH,
        ("create_intake.postal_code", "create_contact_record.postal_code", "edit_contact_record.postal_code"),
        ("contact_records.postal_code",),
    ),
    "part of a name": (
        records.MAX_PART_OF_NAME,
        ("create_intake.first_name", "create_contact_record.last_name"),
        ("contact_records.first_name", "contact_records.last_name"),
    ),
    "note of a step": (records.MAX_NOTE_LENGTH, ("change_status.note", "add_referral_note.note"), ()),
    "name of a queue": (
        queues.MAX_QUEUE_NAME_LENGTH,
        ("create_queue.name", "edit_queue.name"),
        ("queues.name",),
    ),
    "label of a status": (
        queues.MAX_LABEL_LENGTH,
        ("create_queue.statuses.label", "edit_queue.statuses.label"),
        ("queue_statuses.label",),
    ),
    "unit of a line": (
        capacity.MAX_UNIT_LENGTH,
        ("set_capacity.unit", "add_capacity_line.unit"),
        ("capacity_terms.unit", "capacity_changes.unit"),
    ),
    "note of a line": (
        capacity.MAX_NOTE_LENGTH,
        ("set_capacity.note", "add_capacity_line.note"),
        ("capacity_terms.note", "capacity_changes.note"),
    ),
}


def longest(field: fields.Field[object]) -> int | None:
    """The most characters that a field accepts; None without such a validator."""
    if isinstance(field, Code):
        return CODE_LENGTH
    for validator in field.validators:
        if isinstance(validator, validate.Length):
            return validator.equal or validator.max
        if isinstance(validator, validate.OneOf):
            return max(len(str(choice)) for choice in validator.choices)
    return None


def texts(schema: Schema, path: str = "") -> Iterator[tuple[str, fields.Field[object]]]:
    """The text fields of a request; nested ones by their path."""
    for name, field in schema.fields.items():
        inner = field
        while isinstance(inner, fields.List):
            inner = inner.inner
        if isinstance(inner, fields.Nested):
            yield from texts(inner.schema, f"{path}{name}.")
        elif isinstance(inner, fields.String) and not isinstance(inner, Id | Secret | Digest):
            yield f"{path}{name}", inner


def requested(contract: Contract) -> dict[str, int | None]:
    """`operation.field` → the most characters, of all commands."""
    return {
        f"{operation.name}.{path}": longest(field)
        for operation in contract.operations.values()
        if operation.kind == "command"
        for path, field in texts(operation.request)
    }


def stored(service: str) -> dict[str, int]:
    """`table.column` → its length, of all columns that have one."""
    return {
        f"{table.name}.{column.name}": column.type.length
        for table in base_of(service).metadata.tables.values()
        for column in table.columns
        if getattr(column.type, "length", None)
    }


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.service)
def test_what_a_request_lets_in_fits_the_columns_of_its_name(contract: Contract) -> None:
    columns, others = stored(contract.service), OTHER_THINGS.get(contract.service, {})
    too_short = {
        (column, f"{request}: {most}, {column}: {columns[column]}")
        for request, most in requested(contract).items()
        for column in columns
        if column.rpartition(".")[2] == request.rpartition(".")[2]
        and most is not None
        and most > columns[column]
    }
    assert not [text for column, text in too_short if column not in others]
    assert set(others) == {column for column, _ in too_short} & set(others), "an exception that nothing needs"


@pytest.mark.parametrize("what", RULES)
def test_request_rule_and_column_agree(what: str) -> None:
    limit, requests, columns = RULES[what]
    (referrals,) = (contract for contract in CONTRACTS if contract.service == "referrals")
    of_requests, of_columns = requested(referrals), stored("referrals")
    assert {of_requests[request] for request in requests} == {limit}
    assert {of_columns[column] for column in columns} <= {limit}
