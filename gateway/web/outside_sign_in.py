"""The addresses at which a browser begins to sign in with an outside provider, and to which the provider sends it back.

Between the two, the browser keeps a key in a cookie. A return without the key of this sign-in is refused: otherwise a link
could sign its reader in to a stranger's account. A browser that wants a page is redirected to /sign-in, whose address has the
code of what went wrong, or to the second step. A program gets the problem as JSON.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import flask

from gateway import cookies, errors
from gateway.web.entrance import keep_step
from gateway.web.serving import Pages, redirect
from services.contracts.errors import Refused
from services.contracts.identity import outside as api

_PATH = "/sign-in/<organisation>/<realm>"
# Other parameters that providers add (session_state, scope, authuser) are not passed on.
_FROM_PROVIDER = ("state", "code", "error", "iss")


def register(app: flask.Flask, pages: Pages) -> None:
    """Serve the addresses."""
    dispatcher = pages.dispatcher

    @app.get(_PATH)
    def start_sign_in(organisation: str, realm: str) -> flask.Response:
        arguments = {"organisation": organisation, "realm": realm}
        if "return_path" in flask.request.args:
            arguments["return_path"] = flask.request.args["return_path"]
        try:
            begun = dispatcher.ask(api.start_outside_sign_in, arguments)
        except Refused as refusal:
            return _refused(pages, refusal, organisation, realm)
        response = redirect(begun["authorization_url"])
        cookies.set_browser_key(response, begun["authorization_url"], begun["browser_key"])
        return response

    @app.get(f"{_PATH}/signed-out")
    def signed_out(organisation: str, realm: str) -> flask.Response:
        return redirect(_page(organisation, realm, {"signed_out": 1}))

    @app.get(f"{_PATH}/callback")
    def complete_sign_in(organisation: str, realm: str) -> flask.Response:
        given = flask.request.args
        state = given.get("state", "")
        arguments = {
            "organisation": organisation,
            "realm": realm,
            "browser_key": cookies.browser_key(state) or "",
        }
        try:
            arguments |= {name: _once(name) for name in _FROM_PROVIDER if name in given}
            completed = dispatcher.ask(api.complete_outside_sign_in, arguments)
        except Refused as refusal:
            response = _refused(pages, refusal, organisation, realm)
        else:
            response = redirect(completed["return_path"])
            if "token" in completed:
                cookies.set_session(response, completed["token"])
        cookies.clear_browser_key(response, state)
        return response


def _once(name: str) -> str:
    values = flask.request.args.getlist(name)
    if len(values) > 1:
        raise Refused("invalid_request", f"{name} is given more than once.", name)
    return values[0]


def _refused(pages: Pages, refusal: Refused, organisation: str, realm: str) -> flask.Response:
    if "text/html" not in flask.request.headers.get("Accept", ""):
        return errors.problem(refusal)
    if refusal.code == "second_factor_required":
        return _to_second_step(pages, refusal, organisation, realm)
    # Without a browser key this browser has begun no sign-in, which is what the person needs to know.
    code = "outside_state_refused" if refusal.field == "browser_key" else refusal.code
    told = {"problem": code, "reason": refusal.more.get("reason", "")}
    return redirect(_page(organisation, realm, told))


def _to_second_step(pages: Pages, refusal: Refused, organisation: str, realm: str) -> flask.Response:
    where = {"organisation": organisation, "realm": realm, "return_path": refusal.more["return_path"]}
    response = redirect("/sign-in/step")
    begun = {
        "challenge": refusal.more["challenge"],
        "is_enrolment": bool(refusal.more["enrolment"]),
        "where": where,
    }
    keep_step(pages.protection, response, begun)
    return response


def _page(organisation: str, realm: str, told: dict[str, Any]) -> str:
    """The address of the sign-in page, with the codes that it explains."""
    return f"/sign-in?{urlencode({'organisation': organisation, 'realm': realm, **told})}"
