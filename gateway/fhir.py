"""HTTP by FHIR R4: search parameters, application/fhir+json, version headers, errors as OperationOutcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flask

from services.chassis.wire import encode
from services.contracts.declare import Operation
from services.contracts.errors import Refused

BASE_PATH = "/fhir/R4"
MEDIA_TYPE = "application/fhir+json"

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
}


def is_for(path: str) -> bool:
    """Whether a request for this path is for FHIR, so that its errors are answered as OperationOutcome."""
    return path.startswith(f"{BASE_PATH}/")


def arguments(
    operation: Operation, path_arguments: Mapping[str, str], public_url: str | None
) -> dict[str, Any]:
    """The request of a FHIR operation: path arguments, search parameters, and our own base address."""
    root = public_url or flask.request.url_root
    given: dict[str, Any] = {**path_arguments, "base_url": root.rstrip("/") + BASE_PATH}
    if "parameters" in operation.request.fields:
        given["parameters"] = dict(flask.request.args.lists())
        preferences = flask.request.headers.get("Prefer", "").replace(" ", "").split(",")
        given["is_lenient"] = "handling=lenient" in preferences
    return given


def answer(resource: Mapping[str, Any]) -> flask.Response:
    """A resource with its version headers."""
    response = flask.Response(encode(resource), content_type=f"{MEDIA_TYPE}; fhirVersion=4.0")
    version = resource.get("meta", {}).get("versionId")
    if version is not None:
        response.headers["ETag"] = f'W/"{version}"'
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
    return status, f"{MEDIA_TYPE}; fhirVersion=4.0", encode(body)
