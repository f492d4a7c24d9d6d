"""Signing in: with a password or an outside provider, then a new password or a second factor where one is needed.

What the next step needs (a challenge, the secret of a second factor) lies sealed in a cookie that scripts cannot read. So a
reload loses nothing, a link signs nobody in, and nothing of it is in an address.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import flask

from gateway import cookies
from gateway.web import forms, problems
from gateway.web.page import Action, route_of
from gateway.web.protection import Protection
from gateway.web.serving import Pages, redirect
from services.contracts.errors import Refused
from services.contracts.identity import credentials, login, outside, passports
from services.contracts.identity.realms import REALMS

STEP = "__Host-step"
_STEP_LASTS_S = 600
MOST_OF_PATH = 500  # characters; a sealed step must fit into a cookie
_PASSWORD_LASTS_S = 300
_CODE = re.compile(r"[a-z_]{1,60}")
ORGANISATION = re.compile(r"[a-z][a-z0-9-]{0,63}")
STARTS = {"provider": "/provider", "staff": "/account"}

_SIGN_IN = Action("sign_in", login.log_in, "")
_FORGOTTEN = Action("forgotten", credentials.request_password_reset, "")
_ENROL = Action("enrol", login.start_second_factor_at_log_in, "")
_COMPLETE = Action("complete", login.complete_log_in, "")


def own_path(given: str | None) -> str | None:
    """The address to go on to, if it is a path of this site. Anybody can write an address with another."""
    if not given or len(given) > MOST_OF_PATH or not given.startswith("/") or given.startswith(("//", "/\\")):
        return None
    try:
        parts = urlsplit(given)
    except ValueError:
        return None
    is_plain = not parts.scheme and not parts.netloc and not any(ord(each) < 33 for each in given)
    return given if is_plain and "\\" not in given else None


class Entrance:
    """The pages before and during a sign-in."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._dispatcher = pages.dispatcher
        self._protection: Protection = pages.protection

    def register(self, app: flask.Flask) -> None:
        """Serve the pages."""
        for rule, name, get, post in (
            ("/", "front door", self.front_door, None),
            ("/sign-in", "sign in", self.sign_in, self.take_password),
            ("/sign-in/step", "second step", self.step, self.take_step),
            ("/sign-in/recovery-codes", "recovery codes", self.recovery_codes, None),
        ):
            methods = ["GET", "POST"] if post else ["GET"]
            app.add_url_rule(rule, f"page {name}", self._view(get, post), methods=methods)

    def _view(self, get: Callable[[], flask.Response], post: Callable[[], flask.Response] | None) -> Any:
        def view() -> flask.Response:
            is_post = flask.request.method == "POST" and post is not None
            return self._pages.answered(post if is_post else get)  # type: ignore[arg-type]

        return view

    def front_door(self) -> flask.Response:
        """To the start of the person's own portal; to the sign-in page without a session."""
        token = cookies.session_token()
        if not token:
            return redirect("/sign-in")
        me = self._dispatcher.call(route_of(passports.describe_me), {}, token=lambda: token)
        return redirect(STARTS.get(me["realm"], "/account"))

    # The password

    def sign_in(self) -> flask.Response:
        """The ways to sign in to the realm that the address names."""
        return self._sign_in(flask.request.args, None)

    def take_password(self) -> flask.Response:
        """Sign in with a password, or send a link to who has forgotten it."""
        form = flask.request.form
        self._protection.require_own_form(form.get(forms.TOKEN, ""))
        if form.get(forms.ACTION) == _FORGOTTEN.name:
            return self._forgotten(form)
        opened = self._protection.opened(form.get("kept_password", ""), "password") or {}
        given = forms.arguments(form, _SIGN_IN.request)
        if opened.get("login") == given.get("login") and not given.get("password"):
            given["password"] = opened.get("password")
        return self.log_in(given)

    def log_in(self, given: Mapping[str, Any]) -> flask.Response:
        """Sign in with a password and go on; to the second step, or the sign-in page with what is wrong, where that is next.

        The form of the current request names organisation and realm.
        """
        form = flask.request.form
        try:
            reply = self._dispatcher.call(_SIGN_IN.route, given, token=no_token)
        except Refused as refusal:
            return self._password_refused(refusal, given)
        response = redirect(self._goes_on_to(form, reply["account"]["realm"]))
        cookies.set_session(response, reply["token"])
        return response

    def _password_refused(self, refusal: Refused, given: Mapping[str, Any]) -> flask.Response:
        form = flask.request.form
        if refusal.code == "second_factor_required":
            return self._to_step(
                {
                    "challenge": refusal.more["challenge"],
                    "is_enrolment": bool(refusal.more["enrolment"]),
                    "where": {
                        "organisation": form.get("organisation", "")[:64],
                        "realm": form.get("realm", "")[:20],
                        "return_path": own_path(form.get("return_path")) or "",
                    },
                }
            )
        more: dict[str, Any] = {}
        if refusal.code in ("password_change_required", "password_refused"):
            # The temporary password was right, so the person need not type it again.
            kept = {"login": given.get("login"), "password": given.get("password")}
            more["kept_password"] = self._protection.sealed(kept, "password", _PASSWORD_LASTS_S)
        beside = "new_password" if more else "password"
        return self._sign_in(form, problems.of(refusal, _SIGN_IN, form, beside), **more)

    def _forgotten(self, form: Mapping[str, str]) -> flask.Response:
        given = forms.arguments(flask.request.form, _FORGOTTEN.request)
        try:
            self._dispatcher.call(_FORGOTTEN.route, given, token=no_token)
        except Refused as refusal:
            return self._sign_in(
                form, problems.of(refusal, _FORGOTTEN, flask.request.form), is_forgotten=True
            )
        return self._sign_in(form, None, is_sent=True)

    def _sign_in(
        self, given: Mapping[str, str], problem: problems.Problem | None, **more: Any
    ) -> flask.Response:
        organisation, realm = given.get("organisation", ""), given.get("realm") or "staff"
        values: dict[str, Any] = {
            "organisation": organisation,
            "realm": realm,
            "return_path": own_path(given.get("return_path")),
            "options": None,
            "where": urlencode({"organisation": organisation}),
            "told": _told(given),
            "kept_password": None,
            "is_forgotten": given.get("forgotten") == "1",
            "is_sent": False,
            "problem": problem,
            **more,
        }
        if ORGANISATION.fullmatch(organisation) and realm in REALMS:
            where = {"organisation": organisation, "realm": realm}
            values["options"] = self._dispatcher.call(
                route_of(outside.list_sign_in_options), where, token=no_token
            )
        return self._pages.shown("entrance/sign_in.html", values, problem.status if problem else 200)

    # The second step

    def step(self) -> flask.Response:
        """The page of the second step that this browser has been sent to."""
        return self._step(self._begun(), None)

    def take_step(self) -> flask.Response:
        """Set up a second factor, or complete the sign-in with a code."""
        form = flask.request.form
        self._protection.require_own_form(form.get(forms.TOKEN, ""))
        begun = self._begun()
        if begun is None:
            return self._step(None, None)
        try:
            if form.get(forms.ACTION) == _ENROL.name:
                reply = self._dispatcher.call(_ENROL.route, {"challenge": begun["challenge"]}, token=no_token)
                return self._to_step({**begun, "is_enrolment": False, "enrolment": reply})
            given = {"challenge": begun["challenge"], "code": form.get("code", "").strip()}
            reply = self._dispatcher.call(_COMPLETE.route, given, token=no_token)
        except Refused as refusal:
            if refusal.code == "challenge_refused":
                return self._step(None, None)
            return self._step(begun, problems.of(refusal, _COMPLETE, form, "code"))
        return self._completed(begun, reply)

    def _completed(self, begun: Mapping[str, Any], reply: Mapping[str, Any]) -> flask.Response:
        goes_on_to = self._goes_on_to(begun["where"], reply["account"]["realm"])
        codes = reply.get("recovery_codes")
        response = redirect("/sign-in/recovery-codes" if codes else goes_on_to)
        cookies.set_session(response, reply["token"])
        if codes:
            of_session = hashlib.sha256(reply["token"].encode()).hexdigest()
            self._keep_step(
                response, {"recovery_codes": codes, "goes_on_to": goes_on_to, "session": of_session}
            )
        else:
            response.delete_cookie(STEP, path="/", secure=True, httponly=True, samesite="Lax")
        return response

    def recovery_codes(self) -> flask.Response:
        """The recovery codes of a second factor that was just set up, in the session that set it up."""
        begun = self._opened() or {}
        token = cookies.session_token() or ""
        if begun.get("session") != hashlib.sha256(token.encode()).hexdigest():
            return redirect("/")
        values = {"codes": begun["recovery_codes"], "goes_on_to": begun["goes_on_to"]}
        return self._pages.shown("entrance/recovery_codes.html", values)

    def _step(self, begun: Mapping[str, Any] | None, problem: problems.Problem | None) -> flask.Response:
        enrolment = (begun or {}).get("enrolment")
        values = {
            "begun": begun,
            "enrolment": enrolment,
            "problem": problem,
            "where": urlencode((begun or {}).get("where", {})),
        }
        return self._pages.shown("entrance/step.html", values, problem.status if problem else 200)

    def _begun(self) -> dict[str, Any] | None:
        begun = self._opened()
        return begun if begun and "challenge" in begun else None

    def _opened(self) -> dict[str, Any] | None:
        opened: dict[str, Any] | None = self._protection.opened(flask.request.cookies.get(STEP, ""), "step")
        return opened

    def _to_step(self, begun: Mapping[str, Any]) -> flask.Response:
        response = redirect("/sign-in/step")
        self._keep_step(response, begun)
        return response

    def _keep_step(self, response: flask.Response, begun: Mapping[str, Any]) -> None:
        keep_step(self._protection, response, begun)

    def _goes_on_to(self, given: Mapping[str, str], realm: str) -> str:
        return own_path(given.get("return_path")) or STARTS.get(realm, "/account")


def keep_step(protection: Protection, response: flask.Response, begun: Mapping[str, Any]) -> None:
    """Give the browser what the next step of its sign-in needs, sealed."""
    sealed = protection.sealed(dict(begun), "step", _STEP_LASTS_S)
    response.set_cookie(
        STEP, sealed, max_age=_STEP_LASTS_S, path="/", secure=True, httponly=True, samesite="Lax"
    )


def no_token() -> str:
    """The token of a call by somebody who has not signed in."""
    raise Refused("unauthenticated", "Sign in first.")


def _told(given: Mapping[str, str]) -> dict[str, str]:
    """What the address says about a sign-in before. Only codes: anybody can write an address."""
    return {
        name: given[name]
        for name in ("problem", "reason", "signed_out")
        if _CODE.fullmatch(given.get(name, "")) or (name == "signed_out" and given.get(name) == "1")
    }
