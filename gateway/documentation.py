"""What programs and people read about the system: all derived from the routes and the declarations.

OpenAPI 3.1 at /openapi.json and readable documentation at /docs; AsyncAPI at /asyncapi.json and readable at /events; the JSON
Schema of each event below /schemas, where the `dataschema` of an event says that it is.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import IO, Any

import flask

from gateway import cookies, fhir, ndjson, requests
from gateway.routes import Route
from services.chassis.wire import encode
from services.contracts.asyncapi import asyncapi, data_schema
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import Event, Operation
from services.contracts.errors import CODES, Refused
from services.contracts.json_schema import JsonSchemas

_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": '^("[0-9]{1,18}"|[0-9]{1,18})$'},
    "description": "the ETag you have read",
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{1,100}$"},
    "description": "the same key again gives the same answer, for at least 24 hours",
}
_REFERENCE = {
    "name": "Client-Reference",
    "in": "header",
    "required": False,
    "schema": {
        "type": "string",
        "maxLength": 100,
        "pattern": "^[A-Za-z0-9_.:-]*[0-9][A-Za-z0-9_.:-]*$",
    },
    "description": "what you call this by; it names nobody. Messages that the request causes are found by it "
    "(`GET /v1/deliveries?reference=`), and callbacks about them have it",
}
_COOKIE = {
    "type": "boolean",
    "description": "true: the token or browser key comes as a cookie that scripts cannot read, and not in the answer",
}
_FORMAT = {
    "name": "format",
    "in": "query",
    "required": False,
    "schema": {"enum": list(ndjson.FORMATS), "default": "json"},
    "description": "ndjson: the objects of all pages, one a line. It goes without `page`, `per_page` and `after`. An answer that "
    "breaks off (no last chunk) is not whole",
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": True,
    "schema": {"type": "string"},
    "description": "`respond-async`, also `handling=lenient`",
}
_SEARCHED = {"type": "object", "additionalProperties": {"type": "string"}}
_SEARCH = {
    "name": "parameters",
    "in": "query",
    "style": "form",
    "explode": True,
    "schema": _SEARCHED,
    "description": "FHIR search parameters; /fhir/R4/metadata lists those of each type",
}
# What the API of HSDS says of itself at its root (https://docs.openreferral.org/en/3.1/hsds/api_reference.html).
_HSDS = {"version": "3.1", "profile": "https://docs.openreferral.org/en/3.1/hsds/"}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": sorted(CODES)},
        "detail": {"type": "string"},
        "field": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "rule": {"type": "string"},
                    "value": {
                        "type": ["string", "number", "boolean", "null"],
                        "description": "what stands there, where it is told",
                    },
                },
            },
        },
        "correlation_id": {"type": "string"},
    },
}


def openapi(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI document of these routes."""
    schemas = JsonSchemas()
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Portico",
            "version": "0.1.0",
            "description": "Referrals, portals, messages and signatures across the walls of an organisation.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": contract.service, "description": contract.summary} for contract in CONTRACTS],
        "security": [{"session": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "session": {"type": "http", "scheme": "bearer"},
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": cookies.NAME,
                    "description": f"For browsers. A write then needs the header {cookies.MARK}: 1 and our own Origin.",
                },
            },
            "schemas": {**schemas.components, "Problem": _PROBLEM},
        },
    }


def _operation(route: Route, schemas: JsonSchemas) -> dict[str, Any]:
    declared = route.operation
    request = schemas.of(declared.request)
    members, required = request.get("properties", {}), request.get("required", [])
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": members[name]} for name in route.parameters
    ]
    rest = {name: member for name, member in members.items() if name not in route.parameters}
    document: dict[str, Any] = {
        "operationId": route.name,
        "tags": [declared.service],
        "summary": declared.summary,
        "description": f"Access: {declared.access}.",
        "parameters": parameters,
        "responses": _responses(route, schemas),
    }
    if route.uploads:
        document["requestBody"] = _upload(route, rest, required)
    elif route.is_fhir and route.method == "POST":
        document["requestBody"] = {"content": {requests.FORM: {"schema": _SEARCHED}}}
    elif route.takes_body and not route.takes_query and rest:
        if route.cookie in ("given", "begun"):
            rest["cookie"] = _COOKIE
        body = {**request, "properties": rest, "required": [name for name in required if name in rest]}
        document["requestBody"] = {
            "required": bool(body["required"]),
            "content": {"application/json": {"schema": body}},
        }
    elif route.is_fhir:
        parameters += [_SEARCH] * ("parameters" in rest) + [_PREFER] * ("is_asynchronous" in rest)
    elif route.takes_query:
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": member}
            for name, member in rest.items()
        ] + [_FORMAT] * route.has_ndjson
    if declared.kind == "command":
        parameters += [_KEY, _REFERENCE]
    if declared.takes_version:
        parameters.append({**_IF_MATCH, "required": declared.expects_version})
    if declared.access.kind == "public":
        document["security"] = []
    return document


def _upload(route: Route, rest: dict[str, Any], required: list[str]) -> dict[str, Any]:
    members = {
        **{name: member for name, member in rest.items() if name != route.uploads},
        "file": {"type": "string", "format": "binary"},
    }
    needed = [name for name in required if name in members] + ["file"]
    schema = {"type": "object", "properties": members, "required": needed, "additionalProperties": False}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _responses(route: Route, schemas: JsonSchemas) -> dict[str, Any]:
    declared = route.operation
    responses: dict[str, Any] = {str(declared.status): {"description": "Done."}}
    if route.downloads:
        is_json = route.downloads == "application/json"
        file = {"type": "object"} if is_json else {"type": "string", "format": "binary"}
        responses["200"]["content"] = {route.downloads: {"schema": file}}
    elif route.is_calendar:
        responses["200"]["content"] = {"text/calendar": {"schema": {"type": "string"}}}
        responses["304"] = {"description": "The calendar is as it was (If-None-Match)."}
    elif route.is_fhir:
        responses |= _fhir_responses(declared)
    elif declared.status != 204:
        responses[str(declared.status)]["content"] = {
            "application/json": {"schema": schemas.reference(declared.reply)}
        }
    if route.has_ndjson:
        responses["200"]["content"][ndjson.MEDIA_TYPE] = {"schema": {"type": "string"}}
    by_status: dict[int, list[str]] = {}
    # API clients may be refused by every operation that they call.
    limits = () if declared.access.kind == "public" else ("too_many_requests",)
    for code in dict.fromkeys((*declared.codes, *limits)):
        by_status.setdefault(CODES[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        if route.is_fhir:
            content = {fhir.MEDIA_TYPE: {"schema": {"type": "object", "description": "OperationOutcome"}}}
        responses[str(status)] = {"description": ", ".join(codes), "content": content}
    return responses


def _fhir_responses(declared: Operation) -> dict[str, Any]:
    if "progress" in declared.reply.fields:
        return {
            "200": {"description": "Done.", "content": {"application/json": {"schema": {"type": "object"}}}},
            "202": {"description": "It goes on: X-Progress says how far, Retry-After when to ask again."},
        }
    if declared.status == 202:
        return {
            "202": {"description": "Accepted. Of an order, Content-Location says where to ask how far it is."}
        }
    return {"200": {"description": "Done.", "content": {fhir.MEDIA_TYPE: {"schema": {"type": "object"}}}}}


def register(app: flask.Flask, routes: Sequence[Route], public_url: str | None) -> None:
    """Serve the documents."""
    api = _Made(lambda: encode(openapi(routes)))
    events = _Made(lambda: encode(asyncapi(CONTRACTS)))
    page = _Made(lambda: _page(openapi(routes)))
    page_of_events = _Made(lambda: _page_of_events(asyncapi(CONTRACTS)))

    @app.get("/openapi.json")
    def openapi_json() -> flask.Response:
        return api.answer("application/json")

    @app.get("/asyncapi.json")
    def asyncapi_json() -> flask.Response:
        return events.answer("application/json")

    @app.get("/schemas/<name>")
    def schema(name: str) -> flask.Response:
        event = _events().get(name)
        if event is None:
            raise Refused(
                "not_found", "There is no event schema of this name; /asyncapi.json lists all events."
            )
        return flask.Response(encode(data_schema(event)), content_type="application/schema+json")

    # Both spellings without a redirect, which would contain whatever host the client named.
    @app.get("/v1/hsds/", strict_slashes=False)
    def hsds_api() -> flask.Response:
        openapi_url = (public_url or flask.request.url_root).rstrip("/") + "/openapi.json"
        return flask.Response(encode({**_HSDS, "openapi_url": openapi_url}), content_type="application/json")

    @app.get("/docs")
    def docs() -> flask.Response:
        return _readable(page)

    @app.get("/events")
    def events_page() -> flask.Response:
        return _readable(page_of_events)


def _readable(page: _Made) -> flask.Response:
    response = page.answer("text/html")
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    )
    return response


class _Made:
    """A document that takes a second to make and that anybody may ask for: made once, and sent from a file.

    The server would copy bytes in memory for each client that is slow to take them.
    """

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None

    def answer(self, content_type: str) -> flask.Response:
        with self._lock:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it is kept as long as the process
                self._file.write(self._make())
                self._file.flush()
        response = flask.send_file(f"/proc/self/fd/{self._file.fileno()}", mimetype=content_type)
        response.headers["Cache-Control"] = "no-store"
        return response


def _page(api: dict[str, Any]) -> bytes:
    return flask.render_template("docs.html", api=api, tags=_by_tag(api)).encode()


def _page_of_events(api: dict[str, Any]) -> bytes:
    """The same document for people; every event has the envelope of the first."""
    [first, *_] = api["components"]["messages"].values()
    members = {name: each for name, each in first["payload"]["properties"].items() if name != "data"}
    members["type"] = {"type": "string", "description": "one of those below"}
    envelope = {"properties": members, "required": first["payload"]["required"]}
    return flask.render_template("events.html", api=api, envelope=envelope).encode()


@cache
def _events() -> dict[str, Event]:
    """The events by the names of their schemas' files."""
    return {event.schema_file: event for contract in CONTRACTS for event in contract.events.values()}


def _by_tag(api: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {tag["name"]: [] for tag in api["tags"]}
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].append((method.upper(), path, operation))
    return found
