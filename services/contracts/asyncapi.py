"""The AsyncAPI 3.0 document of all events: where partners read them, with what rights, and what they hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.contracts import feed
from services.contracts.declare import Contract, Event
from services.contracts.fields import Code, Count, Digest, Flag, Id, Ids, Moment, RecordNumber, TimeZone
from services.contracts.ids import PATTERN
from services.contracts.json_schema import JsonSchemas

_ENVELOPE: dict[str, dict[str, Any]] = {
    "specversion": {"const": "1.0"},
    "id": {"type": "string", "minLength": 1, "description": "the same again is the same event: drop it"},
    "source": {"type": "string", "format": "uri", "description": "the installation and its service"},
    "type": {"type": "string"},
    "subject": {"type": "string", "minLength": 1, "description": "the id of what it is about"},
    "subjectversion": {
        "type": "integer",
        "minimum": 1,
        "description": "counts the events of this subject of this source, without a gap",
    },
    "time": {
        "type": "string",
        "format": "date-time",
        "description": "never before that of the subject's event before",
    },
    "datacontenttype": {"const": "application/json"},
    "dataschema": {"type": "string", "format": "uri", "description": "where the schema of `data` is served"},
    "organisation": {"type": "string", "pattern": PATTERN},
    "organisationkey": {"type": "string"},
    "correlationid": {"type": "string", "description": "the same for all that one request has caused"},
    "traceparent": {"type": "string", "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"},
}
# Only where an API client has caused the event, or gave a reference.
_ATTRIBUTES_AT_TIMES: dict[str, Any] = {
    "clientreference": {
        "type": "string",
        "description": "the `Client-Reference` of the request that has caused it",
    },
    "clientkind": {
        "enum": ["normal", "team", "test"],
        "description": "the kind of the API client that has caused it",
    },
}
_EXAMPLES: dict[type, Any] = {
    Id: "0123456789abcdef0123456789abcdef",
    Code: "enrolled",
    RecordNumber: "CR-00000042",
    Moment: "2026-01-02T03:04:05+00:00",
    Count: 3,
    Flag: True,
    Ids: ["0123456789abcdef0123456789abcdef"],
    TimeZone: "America/New_York",
}
_PORTAL = "https://portal.example.org"
_TWICE = (
    "Delivery is at least once and in order for each `subject`: an `id` that was seen is to be dropped. "
    "Unknown members may be added; ignore them."
)


def data_schema(event: Event) -> dict[str, Any]:
    """The JSON Schema of an event's `data`. Readers ignore unknown members, so a new optional member needs no new version."""
    body = {**JsonSchemas().of(event.schema), "additionalProperties": True}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"/schemas/{event.schema_file}",
        "title": event.type,
        **body,
    }


def example(event: Event) -> dict[str, Any]:
    """A made-up event of this type, as a partner gets it."""
    data = {
        name: "d" * field.digits if isinstance(field, Digest) else _EXAMPLES[type(field)]
        for name, field in event.schema.fields.items()
    }
    return {
        "specversion": "1.0",
        "id": "fedcba9876543210fedcba9876543210",
        "source": f"{_PORTAL}/portico/{event.service}",
        "type": event.type,
        "subject": "0123456789abcdef0123456789abcdef",
        "subjectversion": 7,
        "time": "2026-01-02T03:04:05.678901+00:00",
        "datacontenttype": "application/json",
        "dataschema": f"{_PORTAL}/schemas/{event.schema_file}",
        "organisation": "00112233445566778899aabbccddeeff",
        "organisationkey": "harbor",
        "correlationid": "8d5e0b2c-intake",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "data": data,
    }


def asyncapi(contracts: Iterable[Contract]) -> dict[str, Any]:
    """The AsyncAPI document. Each operation is named from Portico's side: it sends, a partner receives."""
    events = [event for contract in contracts for event in contract.events.values()]
    names = {event: f"{event.service}.{event.name}.v{event.version}" for event in events}
    everything = {name: {"$ref": f"#/components/messages/{name}"} for name in names.values()}
    parameters = {"organisation": {"description": "key of the organisation"}}
    channels: dict[str, Any] = {
        "partner_queue": {
            "address": "ext.{organisation}.{partner}.events",
            "title": "The queue of a partner",
            "description": "Made for the partner, and bound to the types of events that were chosen for it. It can only be "
            f"read: declare it passively or not at all. It keeps {feed.QUEUE_DAYS} days, at most {feed.MOST_WAITING:,} events, "
            "and forgets the oldest first.",
            "servers": [{"$ref": "#/servers/broker"}],
            "parameters": {**parameters, "partner": {"description": "name of the partner"}},
            "messages": everything,
            "bindings": _queue_binding("ext.{organisation}.{partner}.events"),
        },
        "organisation_stream": {
            "address": "feed.{organisation}",
            "title": "The stream of an organisation",
            "description": "All events again, for partners that get all types. A RabbitMQ stream: set a prefetch, acknowledge, and "
            "begin with the consumer argument `x-stream-offset` (`first`, `last`, `next`, an offset, or a time as an AMQP "
            f"timestamp). Each message has its offset in the header of that name. It keeps {feed.STREAM_DAYS} days or "
            f"{feed.MOST_STREAM_BYTES // 10**9} GB, whichever is less.",
            "servers": [{"$ref": "#/servers/broker"}],
            "parameters": parameters,
            "messages": everything,
            "bindings": _queue_binding("feed.{organisation}"),
        },
    }
    operations: dict[str, Any] = {
        f"send.{channel}": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{channel}"},
            "summary": channels[channel]["title"],
            "bindings": {"amqp": {"deliveryMode": 2, "ack": True, "bindingVersion": "0.3.0"}},
        }
        for channel in channels
    }
    for event, name in names.items():
        channels[name] = {
            "address": event.routing_key("{organisation}"),
            "summary": event.summary,
            "description": "With this routing key the event reaches the exchange to which the queues of partners are bound.",
            "servers": [{"$ref": "#/servers/broker"}],
            "parameters": parameters,
            "messages": {event.name: {"$ref": f"#/components/messages/{name}"}},
            "bindings": {
                "amqp": {
                    "is": "routingKey",
                    "exchange": {
                        "name": feed.EXCHANGE,
                        "type": "topic",
                        "durable": True,
                        "autoDelete": False,
                        "vhost": feed.VIRTUAL_HOST,
                    },
                    "bindingVersion": "0.3.0",
                }
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
            "description": "CloudEvents 1.0 in structured JSON. They carry ids, states, numbers and times, never personal data; "
            f"what they are about is read over HTTP (/openapi.json). {_TWICE}",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": {
            "broker": {
                "host": "{host}:{port}",
                "protocol": "amqps",
                "protocolVersion": "0-9-1",
                "pathname": f"/{feed.VIRTUAL_HOST}",
                "title": "RabbitMQ",
                "description": f"The virtual host {feed.VIRTUAL_HOST}. A partner has at most {feed.MOST_CONNECTIONS} connections, "
                f"{feed.MOST_CHANNELS} channels in each and {feed.MOST_CONSUMERS} consumers, and can only read. The local stack "
                "speaks amqp.",
                "variables": {
                    "host": {"default": "broker.example.org", "description": "as the installation says"},
                    "port": {"default": "5671"},
                },
                "security": [{"$ref": "#/components/securitySchemes/partner"}],
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {name: _message(event) for event, name in names.items()},
            "messageTraits": {
                "cloudevent": {
                    "contentType": "application/cloudevents+json",
                    "headers": {
                        "type": "object",
                        "properties": {f"{feed.HEADER}{name}": _ENVELOPE[name] for name in feed.HEADERS},
                    },
                }
            },
            "securitySchemes": {
                "partner": {
                    "type": "userPassword",
                    "description": "The user `ext.<organisation>.<partner>` and its password, which is shown once.",
                }
            },
        },
    }


def _queue_binding(name: str) -> dict[str, Any]:
    queue = {
        "name": name,
        "durable": True,
        "exclusive": False,
        "autoDelete": False,
        "vhost": feed.VIRTUAL_HOST,
    }
    return {"amqp": {"is": "queue", "queue": queue, "bindingVersion": "0.3.0"}}


def _message(event: Event) -> dict[str, Any]:
    made_up = example(event)
    headers = {f"{feed.HEADER}{name}": made_up[name] for name in feed.HEADERS}
    return {
        "name": event.type,
        "summary": event.summary,
        "contentType": "application/cloudevents+json",
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": _envelope(event),
        "examples": [{"name": event.name, "headers": headers, "payload": made_up}],
    }


def _envelope(event: Event) -> dict[str, Any]:
    """The JSON Schema of the whole event."""
    data = {key: value for key, value in data_schema(event).items() if not key.startswith("$")}
    members = {**_ENVELOPE, "type": {"const": event.type}, "data": data}
    return {"type": "object", "required": list(members), "properties": members | _ATTRIBUTES_AT_TIMES}
