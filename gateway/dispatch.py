"""Serves one HTTP request with one call: reads arguments and headers, writes the response."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import flask
import orjson
from marshmallow import Schema, fields
from werkzeug.datastructures import MultiDict

from gateway import cookies, fhir, ndjson, requests
from gateway.api_limits import ApiLimits
from gateway.auth import Admitted, admit, session_token
from gateway.client_address import client_address
from gateway.passports import Passports
from gateway.routes import Route
from gateway.uploads import Uploads
from services.chassis import logs, wire
from services.chassis.blobs import VISITORS, BlobStore
from services.chassis.rpc_client import RpcClient
from services.contracts.declare import Operation
from services.contracts.errors import Refused
from services.contracts.identity.web_origins import find_web_origin

_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
REFERENCE = "Client-Reference"
_ETAG = re.compile(r'(?P<weak>W/)?(?P<quote>"?)(?P<version>[0-9]{1,18})(?P=quote)')


class Dispatcher:
    """Serves routes with a client, the store of uploaded files, and the gateway's settings."""

    def __init__(self, client: RpcClient, blobs: BlobStore, settings: Any) -> None:
        self._client = client
        self._passports = Passports(client, settings.gateway_threads)
        self._blobs = blobs
        self._uploads = Uploads(blobs, settings)
        self._api_limits = ApiLimits(settings.api_requests_a_minute)
        self._timeout_s = settings.rpc_timeout_s
        self._trusted_proxies = settings.trusted_proxies
        self._public_url = settings.public_url

    def serve(self, route: Route, path_arguments: Mapping[str, str]) -> flask.Response:
        """Admit the caller, read the arguments, call the operation, write the response."""
        headers = flask.request.headers
        key, version = headers.get("Idempotency-Key"), headers.get("If-Match")
        # An upload is admitted again after its body has come, as a passport may have expired meanwhile.
        admitted = self._admit(route.operation, lambda: session_token(self._public_url), key, version)
        if requests.body_comes_later():
            return self._ask_for_body(route, admitted)
        with ExitStack() as held:  # an upload, until the service has answered
            arguments = self._arguments(route, path_arguments, admitted, held)
            return self._answer(route, arguments, admitted)

    def _answer(self, route: Route, arguments: dict[str, Any], admitted: Admitted) -> flask.Response:
        if route.is_fhir and not route.downloads:
            reply = self._client.call(route.operation, arguments, admitted.context)
            return fhir.answer(reply, route.operation.status)
        if route.has_ndjson and ndjson.is_wanted(arguments):
            return ndjson.answer(self._pages(route, arguments, admitted))
        wants_cookie = route.cookie in ("given", "begun") and self._wants_cookie(arguments)
        reply = self._client.call(route.operation, arguments, admitted.context)
        if route.downloads:
            return self._file(reply, admitted)
        if route.is_calendar:
            return _calendar(reply["calendar"])
        if wants_cookie:
            return _with_cookie(route, reply)
        response = _json(reply, route.operation.status)
        if route.cookie == "taken" and cookies.session_token():
            cookies.clear_session(response)
        return response

    def _pages(self, route: Route, arguments: dict[str, Any], admitted: Admitted) -> ndjson.Pages:
        """All pages of a list. The caller is admitted again for each of them."""
        arguments = {**arguments, "per_page": ndjson.OF_A_PAGE}

        @flask.copy_current_request_context
        def following(after: str) -> Any:
            requests.begin_again()
            admitted = self._admit(route.operation, lambda: session_token(self._public_url), None, None)
            return self._client.call(route.operation, {**arguments, "after": after}, admitted.context)

        return ndjson.Pages(self._client.call(route.operation, arguments, admitted.context), following)

    def call(
        self,
        route: Route,
        arguments: Mapping[str, Any],
        *,
        token: Callable[[], str],
        key: str | None = None,
        version: str | None = None,
    ) -> Any:
        """The reply to a call of a route, for the pages that browsers visit. Raises Refused.

        `key` and `version` are what the API takes as Idempotency-Key and If-Match. A route that takes a file gets that of the
        current request.
        """
        admitted = self._admit(route.operation, token, key, version)
        with ExitStack() as held:  # the upload, until the service has answered
            given = {**arguments, **self._upload(route, admitted, held)}
            return self._client.call(route.operation, given, admitted.context)

    def request_body(self, route: Route, token: Callable[[], str]) -> flask.Response:
        """The answer that asks for the body of an upload, if the caller may send it. Raises Refused."""
        return self._ask_for_body(route, self._admit(route.operation, token, None, None))

    def ask(self, operation: Operation, arguments: Mapping[str, Any]) -> Any:
        """The answer of a public operation. Raises Refused."""
        return self._client.call(operation, arguments, self._context(operation, None, None))

    def organisations_of_origin(self, origin: str) -> list[str]:
        """The organisations that let pages of an origin in. Raises Refused."""
        found: list[str] = self.ask(find_web_origin, {"origin": origin})["organisation_ids"]
        return found

    def _admit(
        self, operation: Operation, token: Callable[[], str], key: str | None, version: str | None
    ) -> Admitted:
        admitted = admit(self._passports, operation, self._context(operation, key, version), token)
        if admitted.is_api_client:
            self._api_limits.count(admitted.organisation_id)
        return admitted

    def _wants_cookie(self, arguments: dict[str, Any]) -> bool:
        """Whether a log-in shall set the cookie. Removes the member from the request, as identity has no cookies."""
        wanted = arguments.pop("cookie", False)
        if not isinstance(wanted, bool):
            raise Refused("invalid_request", "cookie: true or false.", "cookie")
        if wanted:
            # Prevents a foreign page from logging its visitor in as somebody else.
            cookies.require_own_page(self._public_url)
        return wanted

    def _context(self, operation: Operation, key: str | None, version: str | None) -> wire.CallContext:
        if key is not None and not _KEY.fullmatch(key):
            raise Refused(
                "malformed_request",
                "An Idempotency-Key has 1 to 100 letters, digits, _ . : -",
                "Idempotency-Key",
            )
        return wire.CallContext(
            request_id=key or wire.new_id(),
            correlation_id=logs.correlation_id.get() or "",
            deadline=time.time() + (operation.timeout_s or self._timeout_s) - requests.waited_s(),
            expected_version=_expected_version(operation, version),
            traceparent=logs.traceparent.get(),
            client_address=client_address(self._trusted_proxies),
            reference=_reference(flask.request.headers.get(REFERENCE)),
        )

    def _arguments(
        self, route: Route, path_arguments: Mapping[str, str], admitted: Admitted, held: ExitStack
    ) -> dict[str, Any]:
        if route.is_fhir:
            return fhir.arguments(route, path_arguments, self._public_url)
        if route.uploads:
            _nothing_in_the_address()
            given = typed(route.operation.request, _once_each(flask.request.form)) | self._upload(
                route, admitted, held
            )
        elif route.takes_query:
            given = typed(route.operation.request, _once_each(flask.request.args))
            if route.takes_body:
                given |= _json_body()
        else:
            _nothing_in_the_address()
            given = _json_body()
        clash = sorted(set(given) & set(path_arguments))
        if clash:
            raise Refused(
                "invalid_request", f"{clash[0]} is part of the address and cannot be sent again.", clash[0]
            )
        return {**given, **typed(route.operation.request, path_arguments)}

    def _upload(self, route: Route, admitted: Admitted, held: ExitStack) -> dict[str, Any]:
        """The member that names the file of the current request, if the route takes one."""
        if not route.uploads:
            return {}
        upload = held.enter_context(self._uploads.taken_in(_organisation(route, admitted)))
        return {route.uploads: {"sha256": upload.sha256, "size": upload.size}}

    def _ask_for_body(self, route: Route, admitted: Admitted) -> flask.Response:
        if not route.uploads:
            raise _wrong_content_type()
        self._uploads.require_room(_organisation(route, admitted))
        return flask.Response(status=100)

    def _file(self, reply: Mapping[str, Any], admitted: Admitted) -> flask.Response:
        # A file that everybody may see names its organisation, as nobody is signed in.
        public_of = reply.get("organisation_id")
        path = self._blobs.find(public_of or admitted.organisation_id or "", reply["sha256"])
        response = flask.send_file(
            path,
            mimetype=reply["media_type"],
            as_attachment=public_of is None,
            download_name=reply["file_name"],
            etag=reply["sha256"],
            max_age=0,
            conditional=False,
        )
        response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        # Flask would allow a copy that the browser validates; no copy of a person's document may stay.
        response.headers["Cache-Control"] = "no-store" if public_of is None else _KEPT_IMAGE
        return response


def _calendar(text: str) -> flask.Response:
    """A calendar, or 304 to whoever has it already."""
    response = flask.Response(text, content_type="text/calendar; charset=utf-8")
    response.headers["Cache-Control"] = "private, no-cache"
    response.add_etag()
    response.make_conditional(flask.request)
    return response


def typed(request: Schema, given: Mapping[str, str]) -> dict[str, Any]:
    """What an address or a form gives: there all is text, and some members take no text.

    Whole numbers become numbers. A list of objects is written as JSON, as OpenAPI has it in a form with a file.
    """
    return {name: _typed(name, request.fields.get(name), text) for name, text in given.items()}


def _typed(name: str, declared: fields.Field[Any] | None, text: str) -> Any:
    if isinstance(declared, fields.Integer) and _is_whole(text):
        return int(text)
    if isinstance(declared, fields.List) and isinstance(declared.inner, fields.Nested):
        return _json_value(text, name)
    return text


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER


_LONGEST_NUMBER = 18
# An image never changes under its address.
_KEPT_IMAGE = "public, max-age=86400, immutable"


def _organisation(route: Route, admitted: Admitted) -> str:
    """The caller's organisation, in which uploads lie."""
    if route.operation.access.kind == "public":
        return VISITORS
    if admitted.organisation_id is None:
        raise Refused("unauthenticated", "Log in first.")
    return admitted.organisation_id


def _with_cookie(route: Route, reply: dict[str, Any]) -> flask.Response:
    """The response with the reply's secret in the cookie instead of the body."""
    secret = reply.pop("token" if route.cookie == "given" else "browser_key")
    response = _json(reply, route.operation.status)
    if route.cookie == "given":
        cookies.set_session(response, secret)
    else:
        cookies.set_browser_key(response, reply["authorization_url"], secret)
    return response


def _expected_version(operation: Operation, header: str | None) -> int | None:
    """The version that `If-Match` names. A weak ETag never matches (RFC 9110, section 13.1.1)."""
    if header is None or not operation.takes_version:
        return None
    match = _ETAG.fullmatch(header.strip())
    if match is None:
        raise Refused("malformed_request", 'If-Match holds one ETag such as "3".', "If-Match")
    if match["weak"]:
        raise Refused(
            "version_conflict", 'A weak ETag matches nothing: send it as it came, such as "3".', "If-Match"
        )
    return int(match["version"])


def _reference(header: str | None) -> str | None:
    """What the caller calls this by. Raises Refused(malformed_request)."""
    if header is None or wire.is_reference(header):
        return header
    raise Refused(
        "malformed_request",
        f"A {REFERENCE} has 1 to 100 letters, digits, _ . : - and at least one digit. It names nobody.",
        REFERENCE,
    )


def _nothing_in_the_address() -> None:
    """Refuse query arguments of a request with a body: ignored, they would seem to have had an effect."""
    for name in flask.request.args:
        raise Refused(
            "invalid_request", f"{name[:100]}: send it in the body, not in the address.", name[:100]
        )


def _json_body() -> dict[str, Any]:
    body = flask.request.stream.read()  # the server has limited it
    if not body:
        return {}
    if flask.request.mimetype != "application/json":
        raise _wrong_content_type()
    value = _json_value(body, None)
    if not isinstance(value, dict):
        raise Refused("malformed_request", "The body must be a JSON object.")
    return value


def _json_value(text: bytes | str, field: str | None) -> Any:
    """What JSON holds: the body, or a field of a form. It is what a call can carry: whole characters, numbers of 64 bits, few levels.

    Raises Refused(malformed_request), which names the field.
    """
    what = field or "The body"
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        told = f"{what} is not JSON: line {error.lineno}, column {error.colno}."
        raise Refused("malformed_request", told, field) from None
    if wire.deeper_than(value, wire.MAX_DEPTH_OF_ARGUMENTS):
        told = f"{what} has too many objects or lists within each other."
        raise Refused("malformed_request", told, field)
    json.loads(text, object_pairs_hook=_each_once)
    return value


def _each_once(members: list[tuple[str, Any]]) -> None:
    """Refuse an object that has a member twice: programs differ in which of the two they take (RFC 8259, section 4)."""
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            raise Refused("malformed_request", f"{name[:100]} is given more than once.", name[:100])
        seen.add(name)


def _wrong_content_type() -> Refused:
    return Refused("malformed_request", "Send the body as Content-Type: application/json.", "Content-Type")


def _once_each(given: MultiDict[str, str]) -> dict[str, Any]:
    """The members of a query or form. Refuses a member that is given twice, as its value would be ambiguous."""
    repeated = [name for name, values in given.lists() if len(values) > 1]
    if repeated:
        raise Refused("invalid_request", f"{repeated[0]} is given more than once.", repeated[0])
    return dict(given)


def _json(reply: Any, status: int) -> flask.Response:
    if status == 204:
        return flask.Response(status=204)
    response = flask.Response(wire.encode(reply), status=status, content_type="application/json")
    if isinstance(reply, dict) and isinstance(reply.get("version"), int):
        response.headers["ETag"] = f'"{reply["version"]}"'
    return response
