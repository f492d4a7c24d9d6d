"""Serves the pages of the tables: reads through the API, shows the template, carries actions out.

A form is posted to its page's own address. It is answered by a redirect, or by the same page with everything that was typed
and what is wrong with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import flask
from werkzeug.datastructures import MultiDict

from gateway import cookies
from gateway.dispatch import Dispatcher
from gateway.errors import fault
from gateway.routes import Route
from gateway.web import forms, language, problems, rendering
from gateway.web.page import Action, Of, Page, Read, route_of
from gateway.web.protection import Protection
from services.contracts.errors import Refused
from services.contracts.identity import login, passports, second_factor

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PROOF = "/account/proof"
_PROVE = Action("prove", login.prove_myself, "")
_KEPT = "__Host-kept"
_KEPT_S = 600
# After these the session has ended, and the person signs in again.
SIGNED_OUT = frozenset({"unauthenticated", "passport_expired"})


@dataclass
class Visit:
    """The calls that one request of a page makes, all as one caller, and what they have read."""

    dispatcher: Dispatcher
    page: Page
    path: Mapping[str, str]
    values: dict[str, Any] = field(default_factory=dict)

    def call(
        self, route: Route, arguments: Mapping[str, Any], key: str | None = None, version: str | None = None
    ) -> Any:
        """The reply of a route. Raises Refused."""
        return self.dispatcher.call(route, arguments, token=_token, key=key, version=version)

    def read(self) -> None:
        """Read what the page shows. Raises Refused."""
        self.values["me"] = self.call(route_of(passports.describe_me), {})
        for name, read in self.page.reads.items():
            self.values[name] = self._read(read)

    def may(self, permission: str) -> bool:
        """Whether the caller holds a permission."""
        return permission in self.values["me"]["permissions"]

    def _read(self, read: Read) -> Any:
        if read.needs and not self.may(read.needs):
            return None
        try:
            return self.call(read.route, self._arguments(read))
        except Refused as refusal:
            if refusal.code in read.without:
                return None
            raise

    def _arguments(self, read: Read) -> dict[str, Any]:
        schema = read.operation.request
        given = {
            name: value.find(self.values) if isinstance(value, Of) else value
            for name, value in read.given.items()
        }
        given |= forms.query(flask.request.args, read.query, schema)
        return given | {name: value for name, value in self.path.items() if name in schema.fields}

    def act(self, action: Action, form: MultiDict[str, str]) -> Any:
        """Carry an action out. Raises Refused."""
        schema = action.request
        arguments = forms.arguments(form, schema) | dict(action.given)
        arguments |= {name: value for name, value in self.path.items() if name in schema.fields}
        version = form.get(forms.VERSION) if action.operation.takes_version else None
        return self.call(action.route, arguments, key_of(action, form), version or None)


class Pages:
    """Serves the pages of the tables."""

    def __init__(self, dispatcher: Dispatcher, protection: Protection, pages: Sequence[Page]) -> None:
        self.dispatcher = dispatcher
        self.protection = protection
        self._pages = {page.address: page for page in pages}
        self._done = {action.name: action.done for page in pages for action in page.actions}

    def view(self, page: Page) -> Callable[..., flask.Response]:
        """The view function of a page."""

        def view(**path: str) -> flask.Response:
            visit = Visit(self.dispatcher, page, path)
            return self.answered(
                lambda: self._post(visit) if flask.request.method == "POST" else self._get(visit)
            )

        return view

    def answered(self, work: Callable[[], flask.Response]) -> flask.Response:
        """The response of this work, or the page that tells why there is none."""
        flask.g.language = language.chosen()
        try:
            response = work()
        except Refused as refusal:
            response = self.refused(refusal)
        except Exception as error:  # a fault of ours: the log has it, and the person gets a page
            response = self.refused(fault(error))
        response.headers["Content-Security-Policy"] = _POLICY
        # Under "no-referrer" a browser posts our own form with the origin `null`.
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    def refused(self, refusal: Refused) -> flask.Response:
        """The page that tells why another cannot be shown."""
        if refusal.code in SIGNED_OUT:
            return _to_sign_in()
        return self.shown("refused.html", {"refusal": refusal}, status=refusal.status)

    def shown(self, template: str, values: Mapping[str, Any], status: int = 200) -> flask.Response:
        """The response with a template."""
        return rendering.shown(self.protection, template, values, status)

    def _get(self, visit: Visit) -> flask.Response:
        visit.read()
        return self._page(visit, None)

    def _refused_form(self, visit: Visit, problem: problems.Problem) -> flask.Response:
        """The page again with what was typed; where the page cannot be read either, what was typed alone, to send once more."""
        try:
            visit.read()
        except Refused as refusal:
            if refusal.code in SIGNED_OUT:
                raise
            kept = [(name, text) for name, text in problem.form.items(multi=True) if name != forms.TOKEN]
            values = {
                "address": visit.page.address_with(visit.path),
                "problem": problem,
                "kept": kept,
                "typed": [(name, text) for name, text in kept if name not in forms.OWN and text],
            }
            return self.shown("unsent.html", values, problem.status)
        return self._page(visit, problem)

    def _post(self, visit: Visit) -> flask.Response:
        form = flask.request.form
        self.protection.require_own_form(form.get(forms.TOKEN, ""))
        return self._carried_out(visit, form)

    def _carried_out(self, visit: Visit, form: MultiDict[str, str]) -> flask.Response:
        """Carry out what the form asks for."""
        action = visit.page.action(form.get(forms.ACTION, ""))
        if action is None or not form.get(forms.KEY):
            raise Refused("malformed_request", "This form is not known here. Open the page again.")
        try:
            reply = visit.act(action, form)
        except Refused as refusal:
            if refusal.code in SIGNED_OUT:
                raise
            if refusal.code == "proof_required":
                return self._ask_for_proof(visit, self._sealed_form(visit, form), None)
            return self._refused_form(visit, problems.of(refusal, action, form))
        response = redirect(_address_after(visit, action, reply))
        if action.route.cookie == "taken":
            response = redirect(action.then)
            cookies.clear_session(response)
        elif action.keeps_reply:
            self._keep(response, action, reply)
        return response

    # Proving who one is, after which the action goes on

    def prove(self) -> flask.Response:
        """Take the proof that an action needs, and carry the action out."""
        form = flask.request.form
        if flask.request.method == "GET":
            return redirect("/account")
        self.protection.require_own_form(form.get(forms.TOKEN, ""))
        sealed = form.get("kept_form", "")
        kept = self.protection.opened(sealed, _of_session("form"))
        page = self._pages.get(kept["page"]) if kept else None
        if kept is None or page is None:
            return redirect("/account")
        visit = Visit(self.dispatcher, page, kept["path"])
        try:
            visit.call(_PROVE.route, forms.arguments(form, _PROVE.request))
        except Refused as refusal:
            if refusal.code in SIGNED_OUT:
                raise
            beside = "code" if "code" in form else "password"
            return self._ask_for_proof(visit, sealed, problems.of(refusal, _PROVE, form, beside))
        return self._carried_out(visit, MultiDict(kept["form"]))

    def _ask_for_proof(self, visit: Visit, sealed: str, problem: problems.Problem | None) -> flask.Response:
        values = {
            "me": visit.call(route_of(passports.describe_me), {}),
            "factor": visit.call(route_of(second_factor.get_my_second_factor), {}),
            "address": PROOF,
            "back_to": visit.page.address_with(visit.path),
            "kept_form": sealed,
            "problem": problem,
        }
        return self.shown("account/proof.html", values, problem.status if problem else 200)

    def _sealed_form(self, visit: Visit, form: MultiDict[str, str]) -> str:
        kept = {"page": visit.page.address, "path": dict(visit.path), "form": list(form.items(multi=True))}
        return self.protection.sealed(kept, _of_session("form"), _KEPT_S)

    # Replies that are shown once

    def _keep(self, response: flask.Response, action: Action, reply: Any) -> None:
        sealed = self.protection.sealed({action.name: reply}, _of_session("reply"), _KEPT_S)
        response.set_cookie(
            _KEPT, sealed, max_age=_KEPT_S, path="/", secure=True, httponly=True, samesite="Lax"
        )

    def _kept(self, page: Page) -> Any:
        """The reply that an action of this page has left. A reload does not lose it."""
        if not any(action.keeps_reply for action in page.actions):
            return {}
        return self.protection.opened(flask.request.cookies.get(_KEPT, ""), _of_session("reply")) or {}

    def _page(self, visit: Visit, problem: problems.Problem | None) -> flask.Response:
        values = dict(visit.values)
        values["page"] = visit.page
        values["path"] = visit.path
        values["address"] = visit.page.address_with(visit.path)
        values["kept"] = self._kept(visit.page)
        values["problem"] = problem
        done = self._done.get(flask.request.args.get("done", "")) if problem is None else None
        values["done"] = language.text(done) if done else None
        values["may"] = visit.may
        # The same key where nobody knows what became of the request, so that it is not carried out twice.
        is_open = problem is not None and problem.may_have_been_done
        values["open_key"] = problem.form[forms.KEY] if problem and is_open else None
        return self.shown(visit.page.template, values, problem.status if problem else 200)


def key_of(action: Action, form: Mapping[str, str]) -> str:
    """The idempotency key of a form's action: two sendings of one form are one write."""
    return hashlib.sha256(f"{action.name}:{form.get(forms.KEY, '')}".encode()).hexdigest()[:32]


def _token() -> str:
    token = cookies.session_token()
    if not token:
        raise Refused("unauthenticated", "Sign in first.")
    return token


def _of_session(what: str) -> str:
    """The purpose of a seal that only this session can open."""
    return f"{what} of session {cookies.session_token()}"


def _address_after(visit: Visit, action: Action, reply: Any) -> str:
    known = {**visit.path, **(reply if isinstance(reply, Mapping) else {})}
    address = action.then.format_map(known) if action.then else visit.page.address_with(visit.path)
    return f"{address}{'&' if '?' in address else '?'}done={action.name}"


def _to_sign_in() -> flask.Response:
    """To the sign-in page, which goes on to the page that was asked for."""
    wanted = flask.request.full_path.rstrip("?") if flask.request.method == "GET" else flask.request.path
    return redirect(f"/sign-in?{urlencode({'return_path': wanted})}")


def redirect(address: str) -> flask.Response:
    """Go to another page with GET."""
    return flask.Response(status=303, headers={"Location": address})
