"""The AsyncAPI 3.0 document of all events: where subscribers find them and what they hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.contracts.declare import Contract, Event
from services.contracts.ids import PATTERN
from services.contracts.json_schema import JsonSchemas

_ENVELOPE: dict[str, dict[str, Any]] = {
    "specversion": {"const": "1.0"},
    "id": {"type": "string", "minLength": 1},
    "source": {"type": "string", "format": "uri"},
    "type": {"type": "string"},
    "subject": {"type": "string", "minLength": 1},
    "subjectversion": {"type": "integer", "minimum": 1},
    "time": {"type": "string", "format": "date-time"},
    "datacontenttype": {"const": "application/json"},
    "dataschema": {"type": "string", "format": "uri"},
    "organisation": {"type": "string", "pattern": PATTERN},
    "organisationkey": {"type": "string"},
    "correlationid": {"type": "string"},
    "traceparent": {"type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"},
}


def data_schema(event: Event) -> dict[str, Any]:
    """The JSON Schema of an event's `data`. Readers ignore unknown members, so a new optional member needs no new version."""
    body = {**JsonSchemas().of(event.schema), "additionalProperties": True}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"/schemas/{event.schema_file}",
        "title": event.type,
        **body,
    }


def asyncapi(contracts: Iterable[Contract]) -> dict[str, Any]:
    """The AsyncAPI document."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for event in (event for contract in contracts for event in contract.events.values()):
        name = f"{event.service}.{event.name}.v{event.version}"
        messages[name] = {
            "name": event.type,
            "summary": event.summary,
            "contentType": "application/cloudevents+json",
            "payload": _envelope(event),
        }
        channels[name] = {
            "address": event.routing_key("{organisation}"),
            "summary": event.summary,
            "parameters": {"organisation": {"description": "key of the organisation"}},
            "messages": {event.name: {"$ref": f"#/components/messages/{name}"}},
            "bindings": {
                "amqp": {"is": "routingKey", "exchange": {"name": "feed", "type": "topic", "durable": True}}
            },
        }
        operations[f"publish.{name}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "summary": event.summary,
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Portico events",
            "version": "0.1.0",
            "description": "CloudEvents 1.0 in structured JSON. They carry ids, states, numbers and times, never personal data. "
            "Delivery is at least once: the event's `id` tells a repetition. A subscriber reads the queue that was made for it, "
            "and can read its organisation's stream again. Unknown members may be added; ignore them.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _envelope(event: Event) -> dict[str, Any]:
    """The JSON Schema of the whole event."""
    data = {key: value for key, value in data_schema(event).items() if not key.startswith("$")}
    members = {**_ENVELOPE, "type": {"const": event.type}, "data": data}
    return {"type": "object", "required": list(members), "properties": members}
