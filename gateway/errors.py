"""Errors as problem+json (RFC 9457) with a stable code, a sentence and the field concerned."""

from __future__ import annotations

from typing import Any

import flask
from werkzeug.exceptions import HTTPException

from gateway import fhir
from services.chassis import logs
from services.chassis.wire import encode
from services.contracts.errors import CODES, Refused

_HTTP_CODES = {
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "malformed_request",
}


def problem(refusal: Refused) -> flask.Response:
    """The response to a refusal."""
    body: dict[str, Any] = {
        "type": f"/problems/{refusal.code}",
        "title": refusal.code.replace("_", " ").capitalize(),
        "status": CODES[refusal.code],
        "code": refusal.code,
        "detail": refusal.detail,
        "correlation_id": logs.correlation_id.get(),
        **({"field": refusal.field} if refusal.field else {}),
        **refusal.more,
    }
    if fhir.is_asked():
        response = fhir.outcome(refusal)
    else:
        response = flask.Response(
            encode(body), status=CODES[refusal.code], content_type="application/problem+json"
        )
    if "retry_after_s" in refusal.more:
        response.headers["Retry-After"] = str(refusal.more["retry_after_s"])
    if CODES[refusal.code] == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="portico"'
    return response


def register(app: flask.Flask) -> None:
    """Answer every error with problem+json."""

    @app.errorhandler(Refused)
    def _refused(error: Refused) -> flask.Response:
        return problem(error)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> flask.Response:
        code = _HTTP_CODES.get(error.code or 500, "malformed_request")
        response = problem(Refused(code, error.description or "The request cannot be served."))
        if error.code == 405:
            response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return response

    @app.errorhandler(Exception)
    def _fault(error: Exception) -> flask.Response:
        logs.log.error("request_failed", error=type(error).__name__, where=logs.where(error))
        return problem(Refused("internal_error", "The gateway failed. It has been noted."))
