"""Signing in: with a password or an outside provider, then a new password or a second factor where one is needed.

What the next step needs (a challenge, the secret of a second factor) lies sealed in a cookie that scripts cannot read. So a
reload loses nothing, a link signs nobody in, and nothing of it is in an address.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import flask
from werkzeug.datastructures import MultiDict

from gateway import cookies
from gateway.web import contact, forms, lapses, problems
from gateway.web.page import Action, route_of
from gateway.web.protection import Protection
from gateway.web.return_paths import own_path
from gateway.web.serving import Pages, no_token, redirect
from gateway.web.states import Screen, State
from services.contracts.errors import Refused
from services.contracts.identity import credentials, login, organisations, outside
from services.contracts.identity.realms import REALMS

STEP = "__Host-step"
_STEP_LASTS_S = 600
_PASSWORD_LASTS_S = 300
_CODE = re.compile(r"[a-z_]{1,60}")
ORGANISATION = re.compile(r"[a-z][a-z0-9_-]{0,63}")
PORTALS = "/portal"
STARTS = {
    "provider": "/provider",
    "family": "/family",
    "patient": "/patient",
    "employee": PORTALS,
    "staff": "/staff",
}

_SIGN_IN = Action("sign_in", login.log_in, "")
_FORGOTTEN = Action("forgotten", credentials.request_password_reset, "")
_ENROL = Action("enrol", login.start_second_factor_at_log_in, "")
_COMPLETE = Action("complete", login.complete_log_in, "")
FIND = Action("find", organisations.request_portal_reminder, "")

_HARBOR = {"organisation": "harbor", "realm": "provider"}
_BEGUN = {"challenge": "made-up", "is_enrolment": False, "where": {}}
_ENROLMENT = {
    "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "uri": "otpauth://totp/Harbor:pat?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Harbor",
}
_CODES = {
    "recovery_codes": ["3FQ7-X2MK-81TD"] * 10,
    "goes_on_to": "/provider",
    "session": hashlib.sha256(b"").hexdigest(),  # of a browser without a session
}
SCREENS = (
    Screen(
        "/sign-in",
        (
            State("normal", query=_HARBOR),
            State("which organisation"),
            State("one error", errors="one", query=_HARBOR),
            State("many errors", errors="many", query=_HARBOR),
            State("long texts", is_long=True, query=_HARBOR),
            State("forgotten", query={**_HARBOR, "forgotten": "1"}),
            State("forgotten, one error", errors="one", query={**_HARBOR, "forgotten": "1"}),
            State("signed out", query={**_HARBOR, "signed_out": "1"}),
            State("patient", query={"organisation": "harbor", "realm": "patient"}),
            State("employee", query={"organisation": "harbor", "realm": "employee"}),
            State(
                "outside problem",
                query={**_HARBOR, "problem": "outside_sign_in_refused", "reason": "provider_said_no"},
            ),
            State("password only", query=_HARBOR, replies={outside.list_sign_in_options: {"outside": None}}),
            State(
                "outside only", query=_HARBOR, replies={outside.list_sign_in_options: {"has_password": False}}
            ),
        ),
        sample={outside.list_sign_in_options: {"has_password": True}},
    ),
    Screen(
        "/sign-in/step",
        (
            State("normal", sealed={(STEP, "step"): _BEGUN}),
            State("one error", errors="one", sealed={(STEP, "step"): _BEGUN}),
            State("to set up", sealed={(STEP, "step"): {**_BEGUN, "is_enrolment": True}}),
            State("set up", sealed={(STEP, "step"): {**_BEGUN, "enrolment": _ENROLMENT}}),
            State("expired"),
        ),
    ),
    Screen("/sign-in/recovery-codes", (State("normal", sealed={(STEP, "step"): _CODES}),)),
)


class Entrance:
    """The pages before and during a sign-in."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._dispatcher = pages.dispatcher
        self._protection: Protection = pages.protection
        pages.sign_in_again = self.sign_in_again

    def register(self, app: flask.Flask) -> None:
        """Serve the pages."""
        for rule, name, get, post in (
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

    # The password

    def sign_in(self) -> flask.Response:
        """The ways to sign in to the realm that the address names."""
        return self._sign_in(flask.request.args, None)

    def sign_in_again(self, owner: Mapping[str, str], path: str, typed: lapses.Typed) -> flask.Response:
        """The sign-in page for somebody whose session has ended, with what was typed."""
        where = {"organisation": owner["organisation"], "realm": owner["realm"], "return_path": path}
        sealed = typed.sealed(self._protection, owner["account"])
        lapse = "kept" if sealed else "too_long"
        response = self._sign_in(where | {forms.TYPED: sealed or ""}, None, lapse=lapse)
        response.status_code = 401
        return response

    def take_password(self) -> flask.Response:
        """Sign in with a password, or send a link to who has forgotten it."""
        form = flask.request.form
        self._protection.require_own_form(form.get(forms.TOKEN, ""))
        if form.get(forms.ACTION) == FIND.name:
            return self._find(form)
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
        response = self._goes_on(form, reply, form.get(forms.TYPED, ""))
        cookies.set_session(response, reply["token"])
        return response

    def _goes_on(self, given: Mapping[str, str], reply: Mapping[str, Any], typed: str) -> flask.Response:
        """To the page that was asked for; by way of one that hands over what this account had typed before."""
        kept = lapses.opened(self._protection, typed, reply["account"]["id"]) if typed else None
        if kept is None:
            return redirect(self._goes_on_to(given, reply["account"]["realm"]))
        address = kept.page.format_map(kept.path)
        asked_for = own_path(given.get("return_path")) or ""
        values = {
            "page": asked_for if asked_for.partition("?")[0] == address else address,
            "typed": typed,
            "page_token": self._protection.form_token(address, reply["token"]),
        }
        return self._pages.shown("entrance/resumed.html", values)

    def _password_refused(self, refusal: Refused, given: Mapping[str, Any]) -> flask.Response:
        form = flask.request.form
        if refusal.code == "second_factor_required":
            begun = {
                "challenge": refusal.more["challenge"],
                "is_enrolment": bool(refusal.more["enrolment"]),
                "where": {
                    "organisation": form.get("organisation", "")[:64],
                    "realm": form.get("realm", "")[:20],
                    "return_path": own_path(form.get("return_path")) or "",
                },
            }
            return self._to_step(begun)
        more: dict[str, Any] = {}
        if refusal.code in ("password_change_required", "password_refused"):
            # The temporary password was right, so the person need not type it again.
            kept = {"login": given.get("login"), "password": given.get("password")}
            more["kept_password"] = self._protection.sealed(kept, "password", _PASSWORD_LASTS_S)
        if refusal.code == "password_change_required" and not form.get("new_password"):
            return self._sign_in(form, None, is_temporary=True, login=given.get("login"), **more)
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

    def _find(self, form: MultiDict[str, str]) -> flask.Response:
        """To the entrance of the organisation that a person names; a person who gives an e-mail address is sent a message."""
        place = form.get("place", "").strip()
        try:
            if "@" in place:
                self._dispatcher.call(FIND.route, {"email": place}, token=no_token)
                return redirect("/find-my-portal?sent=1")
            facts = organisation_named(self._pages, place.lower())
        except Refused as refusal:
            return self._sign_in(form, problems.of(refusal, FIND, form, "place"))
        if facts is None:
            unknown = Refused("not_found", "No organisation here has this short name.", field="place")
            return self._sign_in(form, problems.of(unknown, FIND, form))
        return_path = own_path(form.get("return_path"))
        query = f"?{urlencode({'return_path': return_path})}" if return_path else ""
        return redirect(f"/at/{facts['short_name']}{query}")

    def sign_in_to(self, facts: Mapping[str, Any], realm: str, portal: str, start: str) -> flask.Response:
        """The ways to sign in to a portal of the organisation; from there on to its start page."""
        args = flask.request.args.to_dict()
        given = {**args, "organisation": facts["key"], "realm": realm, "portal": portal}
        return self._sign_in(given | {"return_path": own_path(args.get("return_path")) or start}, None)

    def _sign_in(
        self, given: Mapping[str, str], problem: problems.Problem | None, **more: Any
    ) -> flask.Response:
        organisation, named = given.get("organisation", ""), given.get("realm", "")
        realm = named if named in REALMS else "staff"
        facts = organisation_named(self._pages, organisation, realm) if organisation else None
        if facts:
            organisation = facts["key"]
        values: dict[str, Any] = {
            "organisation": organisation,
            "realm": realm,
            "facts": facts,
            "return_path": own_path(given.get("return_path")),
            "options": None,
            "where": urlencode({"organisation": organisation}),
            "told": _told(given),
            "kept_password": None,
            "typed": given.get(forms.TYPED),
            "lapse": None,
            "is_forgotten": given.get("forgotten") == "1",
            "is_sent": False,
            "is_temporary": False,
            "login": None,
            "problem": problem,
            "portal_suffix": given.get("portal", ""),
            **look_of(self._pages, facts, given.get("portal", "")),
            **more,
        }
        if ORGANISATION.fullmatch(organisation):
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
        codes = reply.get("recovery_codes")
        if codes:
            response = redirect("/sign-in/recovery-codes")
        else:
            response = self._goes_on(begun["where"], reply, flask.request.form.get(forms.TYPED, ""))
        cookies.set_session(response, reply["token"])
        if codes:
            goes_on_to = self._goes_on_to(begun["where"], reply["account"]["realm"])
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
            return redirect("/" if token else "/sign-in")
        values = {"codes": begun["recovery_codes"], "goes_on_to": begun["goes_on_to"]}
        return self._pages.shown("entrance/recovery_codes.html", values)

    def _step(self, begun: Mapping[str, Any] | None, problem: problems.Problem | None) -> flask.Response:
        enrolment = (begun or {}).get("enrolment")
        values = {
            "begun": begun,
            "enrolment": enrolment,
            "problem": problem,
            "where": urlencode((begun or {}).get("where", {})),
            "typed": flask.request.form.get(forms.TYPED),
        }
        return self._pages.shown("entrance/step.html", values, problem.status if problem else 200)

    def _begun(self) -> dict[str, Any] | None:
        begun = self._opened()
        return begun if begun and "challenge" in begun else None

    def _opened(self) -> dict[str, Any] | None:
        opened: dict[str, Any] | None = self._protection.opened(flask.request.cookies.get(STEP, ""), "step")
        return opened

    def _to_step(self, begun: Mapping[str, Any]) -> flask.Response:
        # What was typed lies in the page, as it may be too long for a cookie.
        is_typed = flask.request.form.get(forms.TYPED)
        response = self._step(begun, None) if is_typed else redirect("/sign-in/step")
        self._keep_step(response, begun)
        return response

    def _keep_step(self, response: flask.Response, begun: Mapping[str, Any]) -> None:
        keep_step(self._protection, response, begun)

    def _goes_on_to(self, given: Mapping[str, str], realm: str) -> str:
        return own_path(given.get("return_path")) or start_of(realm)


def start_of(realm: str) -> str:
    """The start page of the people of a realm."""
    return STARTS.get(realm, "/account")


def organisation_named(pages: Pages, name: str | None, realm: str | None = None) -> Any:
    """What anybody may know of an organisation, by its short name or key; without a name, of the only one. None: no such one.

    The page of this request speaks for it from now on.
    """
    if name is not None and not ORGANISATION.fullmatch(name):
        return None
    given = {} if name is None else {"organisation": name}
    try:
        facts = pages.dispatcher.call(route_of(organisations.get_public_organisation), given, token=no_token)
    except Refused as refusal:
        if refusal.code == "not_found":
            return None
        raise
    contact.know(facts, realm)
    return facts


def look_of(pages: Pages, facts: Mapping[str, Any] | None, portal: str = "") -> dict[str, Any]:
    """An organisation's name and entrance for a page, with the look of a portal, by default the colour of that of providers.

    Without the service that knows the look, and where that portal is off, the page has the product's.
    """
    if facts is None:
        return {}
    look: dict[str, Any] = {"brand": facts["name"], "home": f"/at/{facts['short_name']}"}
    if not portal or portal == "staff":
        portal = "provider"
    try:
        found = pages.public_portal(facts["key"], portal)
    except Refused as refusal:
        if refusal.code in ("not_found", "invalid_request", "service_unavailable", "timeout"):
            return look
        raise
    return look | {"colour": found["colour"], "entered": found}


def keep_step(protection: Protection, response: flask.Response, begun: Mapping[str, Any]) -> None:
    """Give the browser what the next step of its sign-in needs, sealed."""
    sealed = protection.sealed(dict(begun), "step", _STEP_LASTS_S)
    response.set_cookie(
        STEP, sealed, max_age=_STEP_LASTS_S, path="/", secure=True, httponly=True, samesite="Lax"
    )


def _told(given: Mapping[str, str]) -> dict[str, str]:
    """What the address says about a sign-in before. Only codes: anybody can write an address."""
    return {
        name: given[name]
        for name in ("problem", "reason", "signed_out")
        if _CODE.fullmatch(given.get(name, "")) or (name == "signed_out" and given.get(name) == "1")
    }
