"""HTTP by FHIR R4: search parameters, application/fhir+json, version headers, errors as OperationOutcome, bulk exports."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import flask
from werkzeug.datastructures import MultiDict
from werkzeug.http import parse_options_header

from gateway.requests import FORM
from gateway.routes import Route
from services.chassis.wire import encode
from services.contracts.errors import Refused

BASE_PATH = "/fhir/R4"
MEDIA_TYPE = "application/fhir+json"
ASYNCHRONOUS = "respond-async"
_ASK_AGAIN_AFTER_S = 5
_VERSION = "4.0"
_OF_JSON = frozenset({MEDIA_TYPE, "application/json", "text/json"})
# The values of `_format` (http://hl7.org/fhir/R4/http.html#parameters). An unescaped + of an address is a blank.
_FORMATS = frozenset({"json", *_OF_JSON, MEDIA_TYPE.replace("+", " ")})

# Issue types of http://hl7.org/fhir/R4/valueset-issue-type.html. Any other code is a processing error.
_ISSUES = {
    "not_found": "not-found",
    "unauthenticated": "login",
    "passport_expired": "expired",
    "forbidden": "forbidden",
    "invalid_request": "invalid",
    "malformed_request": "structure",
    "search_refused": "invalid",
    "too_many_requests": "throttled",
    "timeout": "timeout",
    "deadline_passed": "timeout",
    "service_unavailable": "transient",
    "internal_error": "exception",
    "method_not_allowed": "not-supported",
    "not_acceptable": "not-supported",
}


def is_for(path: str) -> bool:
    """Whether a request for this path is for FHIR, so that its errors are answered as OperationOutcome."""
    return path.startswith(f"{BASE_PATH}/")


def arguments(route: Route, path_arguments: Mapping[str, str], public_url: str | None) -> dict[str, Any]:
    """The request of a FHIR operation: path arguments, search parameters, and our own base address.

    Raises Refused `not_acceptable` for an answer other than JSON, `malformed_request` for a search that is no form.
    """
    operation = route.operation
    if not route.downloads:
        _require_json_is_wanted()
    root = public_url or flask.request.url_root
    given: dict[str, Any] = dict(path_arguments)
    if "base_url" in operation.request.fields:
        given["base_url"] = root.rstrip("/") + BASE_PATH
    if "parameters" in operation.request.fields:
        given["parameters"] = {name: values for name, values in _sent().lists() if name != "_format"}
        preferences = _preferences()
        given["is_lenient"] = "handling=lenient" in preferences
        if "is_asynchronous" in operation.request.fields:
            given["is_asynchronous"] = ASYNCHRONOUS in preferences
    return given


def _preferences() -> set[str]:
    """What `Prefer` names, without parameters (RFC 7240)."""
    named = flask.request.headers.get("Prefer", "").lower().replace(" ", "").split(",")
    return {each.partition(";")[0] for each in named}


def _sent() -> MultiDict[str, str]:
    """The search parameters: those of the address, and in a search by POST also those of the form."""
    if flask.request.method == "GET":
        return flask.request.args
    if flask.request.mimetype not in ("", FORM):
        raise Refused(
            "malformed_request", f"Send the search as a form, Content-Type: {FORM}.", "Content-Type"
        )
    return flask.request.values


def _require_json_is_wanted() -> None:
    """Raise Refused `not_acceptable` unless the client takes JSON. `_format` goes before `Accept`."""
    wanted = flask.request.values.getlist("_format")
    if wanted:
        is_wanted = all(_is_json(each) for each in wanted)
    else:
        accepted = flask.request.accept_mimetypes
        is_wanted = not accepted or any(quality > 0 and _is_json(each) for each, quality in accepted)
    if not is_wanted:
        raise Refused(
            "not_acceptable",
            f"Only JSON is offered: ask for {MEDIA_TYPE}.",
            "_format" if wanted else "Accept",
        )


def _is_json(media_type: str) -> bool:
    kind, options = parse_options_header(media_type)
    is_ours = options.get("fhirversion", options.get("fhirVersion", _VERSION)) == _VERSION
    return is_ours and kind.lower() in (*_FORMATS, "*/*", "application/*")


def answer(reply: Mapping[str, Any], status: int) -> flask.Response:
    """The answer with a reply's resource. That of a bulk export may have none yet, or is the manifest of its files.

    Source: https://hl7.org/fhir/uv/bulkdata/STU2/export.html
    """
    resource = reply.get("resource")
    if resource is None:
        return _accepted(reply, status)
    if "resourceType" not in resource:
        response = flask.Response(encode(resource), content_type="application/json")
        response.expires = datetime.datetime.fromisoformat(reply["expires_at"])
        return response
    response = flask.Response(encode(resource), status, content_type=f"{MEDIA_TYPE}; fhirVersion={_VERSION}")
    version = resource.get("meta", {}).get("versionId")
    if version is not None:
        response.headers["ETag"] = f'W/"{version}"'
    return response


def _accepted(reply: Mapping[str, Any], status: int) -> flask.Response:
    """What a bulk export answers before it has files, and to whoever cancels it."""
    if not reply.get("progress"):
        response = flask.Response(status=status)
        if "status_url" in reply:
            response.headers["Content-Location"] = reply["status_url"]
        return response
    response = flask.Response(status=202)
    response.headers["X-Progress"] = reply["progress"]
    response.headers["Retry-After"] = str(_ASK_AGAIN_AFTER_S)
    return response


def outcome(refusal: Refused) -> tuple[int, str, bytes]:
    """A refusal as OperationOutcome: status, media type, body.

    Where our own interface answers 422 to an invalid request, FHIR answers 400.
    """
    status = 400 if refusal.status == 422 else refusal.status
    issue: dict[str, Any] = {
        "severity": "error",
        "code": _ISSUES.get(refusal.code, "processing"),
        "details": {"text": refusal.code},
        "diagnostics": refusal.detail,
    }
    if refusal.field:
        issue["expression"] = [refusal.field]
    body = {"resourceType": "OperationOutcome", "issue": [issue]}
    return status, f"{MEDIA_TYPE}; fhirVersion={_VERSION}", encode(body)
