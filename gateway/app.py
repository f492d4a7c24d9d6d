"""The WSGI application: routes, correlation ids, headers, readiness, documentation."""

from __future__ import annotations

import time
from typing import Any

import flask
from werkzeug.exceptions import MethodNotAllowed

from gateway import answers, documentation, errors, health, oauth, requests
from gateway.api import ROUTES
from gateway.cross_origin import CrossOrigin
from gateway.dispatch import Dispatcher
from gateway.routes import Route, rule_class
from services.chassis.blobs import open_store
from services.chassis.rpc_client import RpcClient


def create_app(settings: Any, client: RpcClient) -> flask.Flask:
    """The application over a started client."""
    app = flask.Flask("gateway", static_folder=None, template_folder="web")
    app.url_map.merge_slashes = False  # the redirect would contain whatever host the client named
    app.url_rule_class = rule_class(ROUTES)
    dispatcher = Dispatcher(client, open_store(settings), settings)
    if settings.gateway_serves != "pages":
        _register_api(app, dispatcher)
        documentation.register(app, ROUTES, settings.public_url)
        oauth.register(app, dispatcher, settings.public_url)
    if settings.gateway_serves != "api":
        from gateway import web  # noqa: PLC0415  # a gateway for programs alone loads no template

        web.register(app, dispatcher, settings)
    if "page front door" not in app.view_functions:
        app.add_url_rule("/", "root", lambda: flask.redirect("/docs"))
    errors.register(app)
    health.register(app, client, settings.blob_dir)
    app.before_request(_begin)
    app.before_request(requests.require_few_fields)
    app.after_request(_finish)
    if settings.gateway_serves != "pages":
        CrossOrigin(dispatcher.organisations_of_origin, settings.public_url).register(app)
    app.wsgi_app = _with_headers(app.wsgi_app)  # type: ignore[method-assign]  # Flask's own place for middleware
    return app


def _register_api(app: flask.Flask, dispatcher: Dispatcher) -> None:
    for route in ROUTES:
        app.add_url_rule(
            route.rule, f"{route.method} {route.path}", _view(dispatcher, route), methods=[route.method]
        )


def _view(dispatcher: Dispatcher, route: Route) -> Any:
    does_something = route.operation.kind == "command" and not route.downloads

    def view(**path_arguments: str) -> flask.Response:
        if flask.request.method == "HEAD" and does_something:
            raise MethodNotAllowed([route.method])  # it would be carried out, and its answer thrown away
        return dispatcher.serve(route, path_arguments)

    return view


def _with_headers(application: Any) -> Any:
    """The application, with the headers of every answer.

    They are added to the server's list, because werkzeug's header class would compare and check each one again.
    """

    def serve(environ: Any, start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            answers.add_headers(headers)
            return start_response(status, headers, *more)

        return application(environ, start)

    return serve


def _begin() -> None:
    environ = flask.request.environ
    flask.g.started = time.monotonic()
    answers.begin(environ.get("HTTP_X_CORRELATION_ID"), environ.get("HTTP_TRACEPARENT"))


def _finish(response: flask.Response) -> flask.Response:
    request = flask.request
    route = request.url_rule.rule if request.url_rule else "unknown"
    if response.status_code == 100:
        answers.trace(request.method, route, 100)
        return response  # the request comes again, with its body
    took_s = time.monotonic() - flask.g.get("started", time.monotonic())
    answers.note(request.method, route, response.status_code, took_s)
    return response
