"""Serves the pages of the tables: reads through the API, shows the template, carries actions out.

A form is posted to its page's own address. It is answered by a redirect, or by the same page with everything that was typed
and what is wrong with it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import flask
from marshmallow import Schema
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from gateway import auth, cookies, requests
from gateway.dispatch import Dispatcher, typed
from gateway.errors import fault, refusal_of
from gateway.routes import Route
from gateway.web import emergency, forms, language, lapses, problems, rendering
from gateway.web.page import SEARCH, WHOLE, Action, Of, Page, Read, route_of
from gateway.web.protection import Protection, of_session
from services.contracts.errors import Refused
from services.contracts.identity import login, passports, second_factor
from services.contracts.portals import configuration

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PROOF = "/account/proof"
_PROVE = Action("prove", login.prove_myself, "")
_KEPT = "__Host-kept"
_KEPT_S = 600
_SEARCH_S = 900
# A form with a file whose session has ended: its text is kept, so the body is read, though nobody has signed in.
_MOST_UNOWNED = 8 * 2**20
_MOST_SEARCHED = 1500  # characters; proxies refuse long addresses
_LIVE_S = 86_400
# After these the session has ended, and the person signs in again.
SIGNED_OUT = frozenset({"unauthenticated", "passport_expired"})


@dataclass
class Visit:
    """The calls that one request of a page makes, all as one caller, and what they have read."""

    dispatcher: Dispatcher
    page: Page
    path: Mapping[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    searched: Mapping[str, str] | None = None
    problem: problems.Problem | None = None
    args: MultiDict[str, str] = field(init=False)
    """The members of the page's address, with what the browser remembers of them."""

    def __post_init__(self) -> None:
        self.args = MultiDict(flask.request.args)
        for name in self.page.remembers:
            kept = flask.request.cookies.get(self.page.cookie_of(name), "")
            if not self.args.get(name) and self.page.can_be(name, kept):
                self.args[name] = kept

    def call(
        self, route: Route, arguments: Mapping[str, Any], key: str | None = None, version: str | None = None
    ) -> Any:
        """The reply of a route. Raises Refused."""
        return self.dispatcher.call(route, arguments, token=_token, key=key, version=version)

    def read(self) -> None:
        """Read what the page shows. Raises Refused."""
        self.values["me"] = self.call(route_of(passports.describe_me), {})
        rendering.know_of(self.values["me"])
        if self.page.is_for and self.values["me"]["realm"] not in self.page.is_for:
            raise Refused(
                "forbidden", "This page is for people of another portal.", realms=list(self.page.is_for)
            )
        for name, read in self.page.reads.items():
            self.values[name] = None if read.is_late and self.waits else self._read(read)

    @property
    def waits(self) -> bool:
        """Whether the page is shown without its late parts, which the browser then asks for in the background."""
        return self.page.has_late_parts and WHOLE not in self.args and not auth.is_background()

    def may(self, permission: str) -> bool:
        """Whether the caller holds a permission."""
        return permission in self.values["me"]["permissions"]

    def _read(self, read: Read) -> Any:
        if read.needs and not self.may(read.needs):
            return None
        if read.sealed and self.searched is None and not read.is_list:
            return None
        arguments = self._arguments(read)
        if any(arguments.get(name) is None for name in read.awaited):
            return None
        try:
            return self.call(read.route, arguments)
        except Refused as refusal:
            if refusal.code in read.without:
                return None
            if self.searched and refusal.status in (400, 422) and self.page.search:
                self.problem = problems.of(refusal, self.page.search, MultiDict(self.searched))
                return None
            if (
                refusal.code == "invalid_request" and refusal.field in self.path
            ):  # no page can have this address
                raise Refused("not_found", "There is no such page.") from None
            raise

    def _arguments(self, read: Read) -> dict[str, Any]:
        schema = read.operation.request
        known = {**self.values, "path": self.path}
        of_path = {name: value for name, value in self.path.items() if name in schema.fields}
        given: dict[str, Any] = typed(schema, of_path)
        given |= {
            name: value.find(known) if isinstance(value, Of) else value for name, value in read.given.items()
        }
        given |= forms.query(self.args, read.query, schema)
        given |= forms.query(self.searched or {}, read.sealed, schema)
        if "languages" in schema.fields:  # texts of an organisation, in the language of the page
            given.setdefault("languages", [flask.g.language])
        return given

    def act(self, action: Action, form: MultiDict[str, str]) -> Any:
        """Carry an action out. Raises Refused."""
        if action.tries and action.is_tried(form):
            return self.call(route_of(action.tries), self._entered(action, form, action.tries.request))
        arguments = self._entered(action, form, action.request)
        version = form.get(forms.VERSION) if action.operation.takes_version else None
        return self.call(action.route, arguments, key_of(action, form), version or None)

    def _entered(self, action: Action, form: MultiDict[str, str], schema: Schema) -> dict[str, Any]:
        """The members of a request that a form, the action and the page's path give."""
        given = forms.arguments(form, schema) | {**action.given, **typed(schema, self.path)}
        return {name: value for name, value in given.items() if name in schema.fields}


class Pages:
    """Serves the pages of the tables."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        protection: Protection,
        pages: Sequence[Page],
        live_url: str | None = None,
    ) -> None:
        self._live_url = live_url
        self._policy = (
            _POLICY.replace("connect-src 'self'", f"connect-src 'self' {live_url}") if live_url else _POLICY
        )
        self.dispatcher = dispatcher
        self.protection = protection
        self._pages = {page.address: page for page in pages}
        # What asks somebody to sign in again, with what was typed; the entrance sets it.
        self.sign_in_again: Callable[[Mapping[str, str], str, lapses.Typed], flask.Response]
        self._done = {action.name: action.done for page in pages for action in page.actions}

    def view(self, page: Page) -> Callable[..., flask.Response]:
        """The view function of a page."""

        def view(**path: str) -> flask.Response:
            visit = Visit(self.dispatcher, page, path)
            if page.search and (sealed := flask.request.args.get("q")):
                visit.searched = self.protection.opened(sealed, _of_session("search"))
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
        except HTTPException as error:
            response = self.refused(refusal_of(error))
        except Exception as error:  # a fault of ours: the log has it, and the person gets a page
            response = self.refused(fault(error))
        response.headers["Content-Security-Policy"] = self._policy
        # Under "no-referrer" a browser posts our own form with the origin `null`.
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    def refused(self, refusal: Refused) -> flask.Response:
        """The page that tells why another cannot be shown."""
        if refusal.code in SIGNED_OUT:
            return _to_sign_in()
        if refusal.code == "consents_due":  # everything else comes after (S2-40)
            return redirect(f"/consents?{urlencode({'return_path': _asked_for()})}")
        me = flask.g.get("me") if refusal.status in (403, 404) else None
        values = {
            "refusal": refusal,
            "detail": language.told(refusal.detail),
            "emergency": emergency.address_of(flask.request.path, me),
            "own": self._words_of_portal(refusal, me),
        }
        return self.shown("refused.html", values, status=refusal.status)

    def _words_of_portal(self, refusal: Refused, me: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """What the portal of this address says to somebody to whom it, or a page of it, is not open. None: the usual words."""
        usual = {"heading": None, "text": None}
        portal = (flask.request.view_args or {}).get("portal")
        is_closed = refusal.status == 403 or refusal.field == "portal"
        if me is None or portal is None or not is_closed or not flask.request.path.startswith("/portal/"):
            return usual
        try:
            found: Mapping[str, Any] = self.public_portal(me["organisation_key"], portal)["no_permission"]
        except Refused:  # the portal is off, or its words cannot be read now
            return usual
        return found

    def public_portal(self, organisation: str, portal: str) -> Any:
        """What anybody may know of a portal, in the language of the page. Raises Refused."""
        given = {"organisation": organisation, "portal": portal, "languages": [flask.g.language]}
        return self.dispatcher.call(route_of(configuration.get_public_portal), given, token=no_token)

    def shown(self, template: str, values: Mapping[str, Any], status: int = 200) -> flask.Response:
        """The response with a template."""
        return rendering.shown(self.protection, template, {"live_url": self._live_url, **values}, status)

    def _get(self, visit: Visit) -> flask.Response:
        try:
            visit.read()
        except Refused as refusal:
            if refusal.code != "proof_required":
                raise
            return self._ask_for_proof(visit, self._sealed_form(visit, MultiDict()), None)
        if visit.page.goes_on and (address := visit.page.goes_on(visit.values, visit.path)):
            done = visit.args.get("done")
            return redirect(f"{address}?{urlencode({'done': done})}" if done else address)
        return self._page(visit, visit.problem)

    def _search(self, visit: Visit, form: MultiDict[str, str]) -> flask.Response:
        """To the page with what is searched for, which no address, history or log may show."""
        names = {name for read in visit.page.reads.values() for name in read.sealed}
        given = {name: text for name, text in form.items() if name in names}
        if sum(map(len, given.values())) > _MOST_SEARCHED:
            raise Refused("request_too_large", "Search for fewer words.")
        sealed = self.protection.sealed(given, _of_session("search"), _SEARCH_S)
        kept = [
            pair for pair in flask.request.args.items(multi=True) if pair[0] not in ("q", "after", "done")
        ]
        return redirect(f"{visit.page.address_with(visit.path)}?{urlencode([*kept, ('q', sealed)])}")

    def _refused_form(self, visit: Visit, problem: problems.Problem) -> flask.Response:
        """The page again with what was typed; where the page cannot be read either, what was typed alone, to send once more."""
        try:
            visit.read()
        except Refused as refusal:
            if refusal.code in SIGNED_OUT:
                raise
            action = visit.page.action(problem.action)
            kept = forms.without_secrets(problem.form, action.request) if action else []
            values = {
                "address": visit.page.address_with(visit.path),
                "problem": problem,
                "kept": kept,
                "has_secrets": any(name not in dict(kept) for name in problem.form if name not in forms.OWN),
                "typed": [(name, text) for name, text in kept if name not in forms.OWN and text],
            }
            return self.shown("unsent.html", values, problem.status)
        return self._page(visit, problem)

    def _post(self, visit: Visit) -> flask.Response:
        if requests.body_comes_later():
            return self._ask_for_file(visit)
        form = flask.request.form
        try:
            self.protection.require_own_form(form.get(forms.TOKEN, ""))
            forms.require_bounded(form)
            if form.get(forms.ACTION) == lapses.RESUME:
                return self._resumed(visit, form.get(forms.TYPED, ""))
            if form.get(forms.ACTION) == SEARCH and visit.page.search:
                return self._search(visit, form)
            return self._carried_out(visit, form)
        except Refused as refusal:
            if refusal.code in SIGNED_OUT or refusal.code == "cross_site_refused":
                return self._not_sent(visit, form, refusal)
            raise

    # Forms whose session has ended

    def _not_sent(self, visit: Visit, form: MultiDict[str, str], refusal: Refused) -> flask.Response:
        """Keep what was typed for its owner: the sign-in page, or the same page where the owner has signed in elsewhere.

        Raises the refusal where it is not known whose form it is, or it is somebody else's than the session's.
        """
        owner = lapses.owner_of(self.protection, form.get(forms.OWNER, ""))
        action = visit.page.action(forms.action_of(form))
        if owner is None or action is None or not self.protection.is_own_page():
            raise refusal
        kept = MultiDict(forms.without_secrets(form, action.request))
        try:
            visit.read()
        except Refused as again:
            if again.code not in SIGNED_OUT:
                raise
            typed = lapses.Typed(visit.page.address, dict(visit.path), list(kept.items(multi=True)))
            return self.sign_in_again(owner, _here(visit, "q"), typed)  # a search is of its session
        if visit.values["me"]["id"] != owner["account"]:
            raise refusal
        return self._page(visit, problems.unsent(action.name, kept))

    def _resumed(self, visit: Visit, sealed: str) -> flask.Response:
        """The page with what its owner typed before signing in again."""
        visit.read()
        typed = lapses.opened(self.protection, sealed, visit.values["me"]["id"])
        if typed is None or (typed.page, typed.path) != (visit.page.address, visit.path):
            return redirect(visit.page.address_with(visit.path))
        form = MultiDict(typed.form)
        return self._page(visit, problems.unsent(form.get(forms.ACTION, ""), form))

    def _ask_for_file(self, visit: Visit) -> flask.Response:
        """Admit who sends a file before its bytes are read."""
        self.protection.require_own_page()
        action = next((each for each in visit.page.actions if each.route.uploads), None)
        if action is None:
            raise Refused("malformed_request", "This page takes no file.")
        try:
            return self.dispatcher.request_body(action.route, _token)
        except Refused as refusal:
            if refusal.code not in SIGNED_OUT:
                raise
            owner = lapses.owner_of(self.protection, flask.request.args.get(forms.OWNER, ""))
            if owner is None or (flask.request.content_length or _MOST_UNOWNED + 1) > _MOST_UNOWNED:
                return _to_sign_in(problem="file_not_sent")
            return flask.Response(status=100)  # the file is not kept, but what was typed beside it

    def _carried_out(self, visit: Visit, form: MultiDict[str, str]) -> flask.Response:
        """Carry out what the form asks for."""
        action = visit.page.action(forms.action_of(form))
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
        if action.is_tried(form):
            visit.read()
            return self._page(visit, problems.tried(action, form, reply))
        response = redirect(_address_after(visit, action, reply, form.get(forms.WAY, "")))
        if form.get(forms.WAY) in action.ways:
            cookies.keep_choice(response, _cookie_of_way(action), form[forms.WAY])
        if action.route.cookie == "taken":
            response = redirect(_page_after_signing_out(form) or action.then)
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
                return self._not_sent(visit, MultiDict(kept["form"]), refusal)
            beside = "code" if "code" in form else "password"
            return self._ask_for_proof(visit, sealed, problems.of(refusal, _PROVE, form, beside))
        if not kept["form"]:  # the proof was for reading
            return redirect(f"{page.address_with(visit.path)}?{kept['query']}")
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
        kept = {
            "page": visit.page.address,
            "path": dict(visit.path),
            "form": list(form.items(multi=True)),
            "query": urlencode(list(flask.request.args.items(multi=True))),
        }
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

    def _live(self, visit: Visit) -> str | None:
        """What the live process is told of this page: whose it is and what it shows, sealed for this session."""
        if not visit.page.watches:
            return None
        me = visit.values["me"]
        watched = [view.format_map({**visit.path, "me": me["id"]}) for view in visit.page.watches]
        # Those who have the same item open are shown each other's first name and initial, as in its history.
        name = " ".join(
            filter(None, (me.get("first_name"), f"{me['last_name'][:1]}." if me.get("last_name") else ""))
        )
        page = {
            "organisation": me["organisation_key"],
            "account": me["id"],
            "views": watched,
            "name": name[:60],
        }
        return self.protection.sealed(page, _of_session("live"), _LIVE_S)

    def _page(self, visit: Visit, problem: problems.Problem | None) -> flask.Response:
        values = dict(visit.values)
        values["page"], values["args"] = visit.page, visit.args
        values["path"] = visit.path
        values["address"] = visit.page.address_with(visit.path)
        values["kept"] = self._kept(visit.page)
        values["searched"] = visit.searched or {}
        values["live"] = self._live(visit)
        values["problem"] = problem
        done = self._done.get(flask.request.args.get("done", "")) if problem is None else None
        values["done"] = language.text(done) if done else None
        values["may"] = visit.may
        values["waits"] = visit.waits
        values["ways"] = {
            each.name: flask.request.cookies.get(_cookie_of_way(each))
            for each in visit.page.actions
            if each.ways
        }
        # The same key where nobody knows what became of the request, so that it is not carried out twice.
        is_open = problem is not None and (problem.may_have_been_done or problem.is_unsent)
        values["open_key"] = problem.form.get(forms.KEY) if problem and is_open else None
        response = self.shown(visit.page.template, values, problem.status if problem else 200)
        for name in visit.page.remembers:
            if chosen := visit.args.get(name):
                cookies.keep_choice(response, visit.page.cookie_of(name), chosen)
        return response


def key_of(action: Action, form: Mapping[str, str]) -> str:
    """The idempotency key of a form's action: two sendings of one form are one write."""
    return hashlib.sha256(f"{action.name}:{form.get(forms.KEY, '')}".encode()).hexdigest()[:32]


def _token() -> str:
    token = cookies.session_token()
    if not token:
        raise Refused("unauthenticated", "Sign in first.")
    return token


def _of_session(what: str) -> str:
    return of_session(what, cookies.session_token())


def _cookie_of_way(action: Action) -> str:
    """The cookie in which the browser keeps the way that a person goes after an action."""
    return f"{action.name.replace('_', '-')}-way"


def _address_after(visit: Visit, action: Action, reply: Any, way: str) -> str:
    known = {**visit.path, **(reply if isinstance(reply, Mapping) else {})}
    then = action.ways.get(way) or action.then
    address = then.format_map(known) if then else _here(visit)
    return f"{address}{'&' if '?' in address else '?'}done={action.name}"


def _here(visit: Visit, *without: str) -> str:
    """The page's address with the query of the request, but for what belongs to one answer, and for these members."""
    left = {"done", forms.OWNER, *without}
    kept = [(name, text) for name, text in flask.request.args.items(multi=True) if name not in left]
    return visit.page.address_with(visit.path) + (f"?{urlencode(kept)}" if kept else "")


def _page_after_signing_out(form: MultiDict[str, str]) -> str | None:
    """The page that leads on to the one that the portal has chosen (S2-132)."""
    portal, organisation = form.get("portal", ""), form.get("organisation", "")
    is_plain = all(re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", each) for each in (portal, organisation))
    return f"/signed-out/{organisation}/{portal}" if is_plain else None


def no_token() -> str:
    """The token of a call by somebody who has not signed in."""
    raise Refused("unauthenticated", "Sign in first.")


def _to_sign_in(**told: str) -> flask.Response:
    """To the sign-in page, which goes on to the page that was asked for. `told` are codes that it explains."""
    return redirect(f"/sign-in?{urlencode({'return_path': _asked_for(), **told})}")


def _asked_for() -> str:
    """The page that the request asks for, as an address to come back to."""
    return flask.request.full_path.rstrip("?") if flask.request.method == "GET" else flask.request.path


def redirect(address: str) -> flask.Response:
    """Go to another page with GET."""
    return flask.Response(status=303, headers={"Location": address})
