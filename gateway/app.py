"""The WSGI application: routes, correlation ids, headers, health, metrics, documentation."""

from __future__ import annotations

import functools
import re
import time
from typing import Any

import flask

from gateway import documentation, errors, pages, sign_in
from gateway.api import ROUTES
from gateway.dispatch import Dispatcher
from gateway.routes import Route
from gateway.settings import GatewaySettings
from services.chassis import logs, metrics, wire
from services.chassis.blobs import BlobStore
from services.chassis.rpc_client import RpcClient
from services.chassis.settings import load_settings
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import health_check
from services.contracts.errors import Refused

_CORRELATION = re.compile(r"[A-Za-z0-9_.:-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)


def create_app(settings: Any, client: RpcClient) -> flask.Flask:
    """The application over a started client."""
    app = flask.Flask("gateway", static_folder=None, template_folder="web")
    app.url_map.merge_slashes = False  # the redirect would contain whatever host the client named
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload_bytes + 1024 * 1024
    dispatcher = Dispatcher(client, BlobStore(settings.blob_dir), settings)
    for route in ROUTES:
        app.add_url_rule(
            route.rule, f"{route.method} {route.path}", _view(dispatcher, route), methods=[route.method]
        )
    errors.register(app)
    documentation.register(app, ROUTES)
    pages.register(app)
    sign_in.register(app, dispatcher)
    _register_health(app, client)
    app.before_request(_begin)
    app.after_request(_finish)
    app.wsgi_app = _with_headers(app.wsgi_app)  # type: ignore[method-assign]  # Flask's own place for middleware
    return app


def build() -> flask.Flask:
    """The application for the server, built once in each worker process because connections must be made after the fork."""
    settings = load_settings(GatewaySettings)
    logs.configure("gateway", settings.log_level)
    client = RpcClient(settings.amqp_uri, "gateway", settings.heartbeat_s, settings.rpc_timeout_s)
    client.start()
    return create_app(settings, client)


def _view(dispatcher: Dispatcher, route: Route) -> Any:
    def view(**path_arguments: str) -> flask.Response:
        return dispatcher.serve(route, path_arguments)

    return view


def _with_headers(application: Any) -> Any:
    """The application, with the headers of every response added where it has not set them itself.

    They are added to the server's list, because werkzeug's header class would compare and check each one again.
    """

    def serve(environ: Any, start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            given = {name for name, _ in headers}  # our code always spells them in the same way
            headers += [each for each in _HEADERS if each[0] not in given]
            headers.append(("X-Correlation-Id", logs.correlation_id.get() or ""))
            return start_response(status, headers, *more)

        return application(environ, start)

    return serve


def _begin() -> None:
    environ = flask.request.environ
    flask.g.started = time.monotonic()
    given = environ.get("HTTP_X_CORRELATION_ID", "")
    logs.correlation_id.set(given if _CORRELATION.fullmatch(given) else wire.new_id())
    logs.traceparent.set(wire.child_traceparent(environ.get("HTTP_TRACEPARENT")))


def _finish(response: flask.Response) -> flask.Response:
    request = flask.request
    method, status = request.method, response.status_code
    route = request.url_rule.rule if request.url_rule else "unknown"
    took_s = time.monotonic() - flask.g.get("started", time.monotonic())
    _series(method if method in _METHODS else "other", route, status).observe(took_s)
    logs.log.info("request", method=method, route=route, status=status, ms=round(took_s * 1000, 1))
    return response


@functools.cache  # each argument has few values
def _series(method: str, route: str, status: int) -> Any:
    return metrics.HTTP_REQUESTS.labels(method, route, str(status))


def _register_health(app: flask.Flask, client: RpcClient) -> None:
    @app.get("/healthz")
    def healthz() -> flask.Response:
        return flask.jsonify(service="gateway", ok=True)

    @app.get("/readyz")
    def readyz() -> flask.Response:
        checks = {"broker": client.is_connected}
        for contract in CONTRACTS:
            checks[contract.service] = checks["broker"] and _is_ready(client, contract.service)
        response = flask.jsonify(service="portico", ok=all(checks.values()), checks=checks)
        response.status_code = 200 if all(checks.values()) else 503
        return response

    @app.get("/metrics")
    def prometheus() -> flask.Response:
        return flask.Response(metrics.exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _is_ready(client: RpcClient, service: str) -> bool:
    try:
        answer = client.call(
            health_check(service), {}, wire.CallContext(wire.new_id(), deadline=time.time() + 2)
        )
    except Refused:
        return False
    return bool(answer["ok"])
