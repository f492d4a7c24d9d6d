"""Errors as problem+json (RFC 9457) with a stable code, a sentence and the field concerned."""

from __future__ import annotations

from typing import Any

import flask
from werkzeug.exceptions import HTTPException

from gateway import fhir
from services.chassis import logs
from services.chassis.wire import encode
from services.contracts.errors import Refused

_HTTP_CODES = {
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
}


def rendered(refusal: Refused, path: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of the answer to a refused request for this path."""
    if fhir.is_for(path):
        status, media_type, body = fhir.outcome(refusal)
    else:
        status, media_type, body = refusal.status, "application/problem+json", encode(_members(refusal))
    headers = [("Content-Type", media_type)]
    if "retry_after_s" in refusal.more:
        headers.append(("Retry-After", str(refusal.more["retry_after_s"])))
    if "size" in refusal.more:  # of a file of which another part was asked for
        headers.append(("Content-Range", f"bytes */{refusal.more['size']}"))
    if status == 401:
        headers.append(("WWW-Authenticate", 'Bearer realm="portico"'))
    return status, headers, body


def fault(error: BaseException) -> Refused:
    """What is told of a fault in our code: the log has it, without the request's data."""
    logs.log.error("request_failed", error=type(error).__name__, where=logs.where(error))
    return Refused("internal_error", "The gateway failed. It has been noted.")


def problem(refusal: Refused) -> flask.Response:
    """The response to a refusal of the current request."""
    status, headers, body = rendered(refusal, flask.request.path)
    return flask.Response(body, status, headers)


def _members(refusal: Refused) -> dict[str, Any]:
    return {
        "type": f"/problems/{refusal.code}",
        "title": refusal.code.replace("_", " ").capitalize(),
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
        "correlation_id": logs.correlation_id.get(),
        **({"field": refusal.field} if refusal.field else {}),
        **refusal.more,
    }


def _is_for_a_person() -> bool:
    """Whether a browser shows the answer, at an address that is not the API's."""
    is_api = flask.request.path.startswith(("/v1/", "/fhir/"))
    return not is_api and "text/html" in flask.request.headers.get("Accept", "")


def refusal_of(error: HTTPException) -> Refused:
    """What Flask refuses before any code of ours, as a refusal of ours."""
    code = _HTTP_CODES.get(error.code or 0, "malformed_request")
    return Refused(code, error.description or "The request cannot be served.")


def _raise(refusal: Refused) -> flask.Response:
    raise refusal


def register(app: flask.Flask) -> None:
    """Answer every error with problem+json."""

    @app.errorhandler(Refused)
    def _refused(error: Refused) -> flask.Response:
        return problem(error)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> flask.Response:
        if (error.code or 500) >= 500:
            # Flask makes this of an exception that another handler of ours has raised.
            return _fault(error.__cause__ or getattr(error, "original_exception", None) or error)
        refusal = refusal_of(error)
        if "pages" in app.extensions and _is_for_a_person():
            page: flask.Response = app.extensions["pages"].answered(lambda: _raise(refusal))
            return page
        response = problem(refusal)
        if error.code == 405:
            response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return response

    @app.errorhandler(Exception)
    def _fault(error: BaseException) -> flask.Response:
        return problem(fault(error))
