"""The pages of an applicant: entering by name, answering what the portal asks, sending it; wiped when nothing is done for a while.

The application's token lies sealed in a cookie that scripts cannot read and that ends with the browser. Nothing else leads to
what an applicant has entered: no address, no name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import flask

from gateway.web import forms, problems
from gateway.web.entrance import ORGANISATION
from gateway.web.page import Action, route_of
from gateway.web.serving import Pages, key_of, no_token, redirect
from gateway.web.states import MANY_ERRORS, NORMAL, ONE_ERROR, Screen, State
from services.contracts.errors import Refused
from services.contracts.identity import organisations
from services.contracts.portals import applicants as contract
from services.contracts.portals import configuration

COOKIE, SENT = "__Host-application", "__Host-application-sent"
_OF = "application"
_LASTS_S = 86_400  # the service ends it long before
_SENT_LASTS_S = 600
_START, _ENDED = "/application", "/application/ended"
_BEGIN = Action("begin_application", contract.start_application, "")
_ASK = Action("start_response", contract.start_application_response, "")
_SAVE = Action("save_answers", contract.save_application_answers, "")
_SEND = Action("send_application", contract.send_application, "")
_END = Action("end_application", contract.end_application, "")
_SUFFIX = re.compile(r"[a-z][a-z0-9-]{0,39}")

_WHERE = {"organisation": "harbor", "portal": "applicant"}
_SEALED: Any = {(COOKIE, _OF): {**_WHERE, "token": "made-up"}}
_STEP = {"step": {"number": 2, "title": "About you", "help": None}}
_RESPONSE = {"response_id": "a" * 32}
_TASK = {"variants": [], "is_complete": False, "response_id": None}
SCREENS = (
    Screen(
        "/application",
        (
            State("normal", sealed=_SEALED),
            State("nothing is asked", rows=0, sealed=_SEALED),
            State("long texts", is_long=True, sealed=_SEALED),
            State(
                "complete",
                sealed=_SEALED,
                replies={contract.get_application: {"can_be_sent": True, "tasks": {"is_complete": True}}},
            ),
            State("one error", errors="one", sealed=_SEALED),
        ),
        sample={contract.get_application: {"tasks": _TASK, "can_be_sent": False}},
    ),
    Screen(
        "/application/questionnaires/<questionnaire_id>",
        (
            State("normal", sealed=_SEALED),
            State(
                "in several places",
                sealed=_SEALED,
                replies={contract.get_application: {"tasks": {"variants": {}}}},
            ),
        ),
        sample={contract.get_application: {"tasks": {"questionnaire_id": "a" * 32, **_TASK}}},
        path={"questionnaire_id": "a" * 32},
    ),
    Screen(
        "/application/responses/<response_id>/sections/<section>",
        (
            State("normal", sealed=_SEALED),
            State("long texts", is_long=True, sealed=_SEALED),
            State("one error", errors="one", sealed=_SEALED),
            State("many errors", errors="many", sealed=_SEALED),
        ),
        sample={contract.get_application_response: _STEP},
        path={**_RESPONSE, "section": "2"},
    ),
    Screen(
        "/application/responses/<response_id>/review",
        (State("normal", sealed=_SEALED), State("nothing is wrong", rows=0, sealed=_SEALED)),
        path=_RESPONSE,
    ),
    Screen(
        "/application/sent", (State("normal", sealed={(SENT, _OF): {**_WHERE, "number": "AP-1A2B3C4D"}}),)
    ),
    Screen("/application/ended", (NORMAL, State("which portal", query=_WHERE))),
    # The entrance, which the front door serves.
    Screen(
        "/at/<organisation>/<portal>",
        (
            NORMAL,
            State("nothing is asked", rows=0),
            State("long texts", is_long=True),
            State("one is open", sealed=_SEALED),
            ONE_ERROR,
            MANY_ERRORS,
        ),
        sample={
            configuration.get_public_portal: {"realm": "applicant", "portal": "applicant"},
            organisations.get_public_organisation: {"key": _WHERE["organisation"]},
        },
        path=_WHERE,
    ),
)


class Applications:
    """The pages of applicants."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def register(self, app: flask.Flask) -> None:
        """Serve the pages."""
        one = "/application/responses/<response_id>"
        for rule, name, get, post in (
            (_START, "application", self.tasks, self.take),
            ("/application/questionnaires/<questionnaire_id>", "application questionnaire", self.asked, None),
            (f"{one}/sections/<section>", "application section", self.section, self.save),
            (f"{one}/review", "application review", self.review, None),
            ("/application/sent", "application sent", self.sent, None),
            (_ENDED, "application ended", self.ended, None),
        ):
            methods = ["GET", "POST"] if post else ["GET"]
            app.add_url_rule(rule, f"page {name}", self._view(get, post), methods=methods)

    def _view(self, get: Callable[..., flask.Response], post: Callable[..., flask.Response] | None) -> Any:
        def view(**path: str) -> flask.Response:
            work = post if flask.request.method == "POST" and post is not None else get
            return self._pages.answered(lambda: self._unless_ended(lambda: work(**path)))

        return view

    def _unless_ended(self, work: Callable[[], flask.Response]) -> flask.Response:
        try:
            return work()
        except Refused as refusal:
            if refusal.code != "application_ended":
                raise
            return self._to_end()

    # Entering

    def entrance(self, facts: Mapping[str, Any], portal: str) -> flask.Response:
        """The entrance of an applicant portal: what will be asked, and the form for the name. Raises Refused `not_found`."""
        return self._entrance({"organisation": facts["key"], "portal": portal}, None)

    def _entrance(self, where: Mapping[str, str], problem: problems.Problem | None) -> flask.Response:
        kept = self._kept()
        is_open = kept is not None and {name: kept[name] for name in where} == where
        values = {**self._look(where), "where": where, "is_open": is_open, "problem": problem}
        return self._pages.shown("applicants/entrance.html", values, problem.status if problem else 200)

    def begin(self, facts: Mapping[str, Any], portal: str) -> flask.Response:
        """Begin an application. One that is open in this browser ends: a terminal has one applicant after the other."""
        form = flask.request.form
        self._pages.protection.require_own_form(form.get(forms.TOKEN, ""))
        where = {"organisation": facts["key"], "portal": portal}
        try:
            reply = self._call(_BEGIN, forms.arguments(form, _BEGIN.request) | where, form)
        except Refused as refusal:
            return self._entrance(where, problems.of(refusal, _BEGIN, form))
        self._end()
        response = redirect(_START)
        sealed = self._pages.protection.sealed({**where, "token": reply["token"]}, _OF, _LASTS_S)
        response.set_cookie(COOKIE, sealed, path="/", secure=True, httponly=True, samesite="Strict")
        return response

    # Answering

    def tasks(self) -> flask.Response:
        """The questionnaires of the application."""
        return self._tasks(None)

    def take(self) -> flask.Response:
        """Begin a questionnaire, send the application, or end it."""
        form = flask.request.form
        self._pages.protection.require_own_form(form.get(forms.TOKEN, ""))
        action = next((each for each in (_SEND, _END) if each.name == form.get(forms.ACTION)), _ASK)
        kept = self._required()
        given = forms.arguments(form, action.request) | {"token": kept["token"]}
        try:
            reply = self._call(action, given, form)
        except Refused as refusal:
            if refusal.code == "application_ended":
                raise
            problem = problems.of(refusal, action, form, "jurisdiction")
            asked = form.get("questionnaire_id", "")
            return self._asked(asked, problem) if action is _ASK else self._tasks(problem)
        if action is _END:
            return self._to_end()
        if action is _ASK:
            return redirect(f"/application/responses/{reply['id']}/{reply['goes_on_to']}")
        response = redirect("/application/sent")
        of = {"number": reply["number"], **{name: kept[name] for name in _WHERE}}
        sealed = self._pages.protection.sealed(of, _OF, _SENT_LASTS_S)
        response.set_cookie(
            SENT, sealed, max_age=_SENT_LASTS_S, path="/", secure=True, httponly=True, samesite="Strict"
        )
        _forget(response)
        return response

    def asked(self, questionnaire_id: str) -> flask.Response:
        """What a questionnaire is about, before it is begun."""
        return self._asked(questionnaire_id, None)

    def section(self, response_id: str, section: str) -> flask.Response:
        """A section of a questionnaire."""
        return self._section(response_id, section, None)

    def save(self, response_id: str, section: str) -> flask.Response:
        """Save the answers of a section and go on."""
        form = flask.request.form
        self._pages.protection.require_own_form(form.get(forms.TOKEN, ""))
        forms.require_bounded(form)
        one = {"token": self._required()["token"], "response_id": response_id, "section": _number(section)}
        given = forms.arguments(form, _SAVE.request) | one | {"is_checked": True}
        try:
            reply = self._call(_SAVE, given, form, form.get(forms.VERSION))
        except Refused as refusal:
            if refusal.code == "application_ended":
                raise
            return self._section(response_id, section, problems.of(refusal, _SAVE, form))
        return redirect(f"/application/responses/{response_id}/{reply['goes_on_to']}")

    def review(self, response_id: str) -> flask.Response:
        """All answers of a questionnaire, and what is missing."""
        response = self._response(response_id, None)
        return self._shown("applicants/review.html", {"response": response})

    def _tasks(self, problem: problems.Problem | None) -> flask.Response:
        return self._shown("applicants/tasks.html", {"application": self._application()}, problem)

    def _application(self) -> Any:
        given = {"token": self._required()["token"]}
        return self._pages.dispatcher.call(route_of(contract.get_application), given, token=no_token)

    def _asked(self, questionnaire_id: str, problem: problems.Problem | None) -> flask.Response:
        found = [
            each for each in self._application()["tasks"] if each["questionnaire_id"] == questionnaire_id
        ]
        if not found:
            raise Refused("not_found", "This portal does not ask this questionnaire.")
        return self._shown("applicants/questionnaire.html", {"task": found[0]}, problem)

    def _section(self, response_id: str, section: str, problem: problems.Problem | None) -> flask.Response:
        response = self._response(response_id, _number(section))
        return self._shown("applicants/section.html", {"response": response}, problem)

    def _response(self, response_id: str, section: int | None) -> Any:
        given = {"token": self._required()["token"], "response_id": response_id}
        if section is not None:
            given["section"] = section
        route = route_of(contract.get_application_response)
        return self._pages.dispatcher.call(route, given, token=no_token)

    # The end

    def sent(self) -> flask.Response:
        """The application is sent: its number, and the way on for the next applicant."""
        sealed = flask.request.cookies.get(SENT, "")
        kept = self._pages.protection.opened(sealed, _OF)
        if kept is None:
            return redirect(_ENDED)
        return self._pages.shown("applicants/sent.html", {**self._look(kept), "number": kept["number"]})

    def ended(self) -> flask.Response:
        """The application has ended, and what was not sent is wiped."""
        organisation, portal = (flask.request.args.get(name, "") for name in _WHERE)
        is_known = ORGANISATION.fullmatch(organisation) and _SUFFIX.fullmatch(portal)
        values = {"begins_at": f"/at/{organisation}/{portal}" if is_known else None}
        return self._pages.shown("applicants/ended.html", values)

    def _end(self) -> None:
        """Wipe the application of this browser, if it has one that runs."""
        kept = self._kept()
        if kept is None:
            return
        try:
            self._call(_END, {"token": kept["token"]}, flask.request.form)
        except Refused as refusal:
            if refusal.code not in ("application_ended", "conflict"):
                raise

    def _to_end(self) -> flask.Response:
        kept = self._kept()
        query = f"?{urlencode({name: kept[name] for name in _WHERE})}" if kept else ""
        response = redirect(f"{_ENDED}{query}")
        _forget(response)
        return response

    # What all share

    def _call(self, action: Action, given: Mapping[str, Any], form: Any, version: str | None = None) -> Any:
        key = key_of(action, form)
        return self._pages.dispatcher.call(action.route, given, token=no_token, key=key, version=version)

    def _kept(self) -> Any:
        return self._pages.protection.opened(flask.request.cookies.get(COOKIE, ""), _OF)

    def _required(self) -> Any:
        kept = self._kept()
        if kept is None:
            raise Refused("application_ended", "There is no application in this browser.")
        return kept

    def _look(self, where: Mapping[str, str]) -> dict[str, Any]:
        """What the portal tells applicants, with its name and colour for the frame of the page."""
        given = {**{name: where[name] for name in _WHERE}, "languages": [flask.g.language]}
        portal = self._pages.dispatcher.call(route_of(contract.get_applicant_portal), given, token=no_token)
        return {
            "applying": portal,
            "brand": portal["name"],
            "colour": portal["colour"],
            "home": portal["address"],
        }

    def _shown(
        self, template: str, values: Mapping[str, Any], problem: problems.Problem | None = None
    ) -> flask.Response:
        try:
            look = self._look(self._required())
        except Refused as refusal:
            if refusal.code == "not_found":  # the portal was switched off meanwhile
                raise Refused("application_ended", "The portal is closed.") from None
            raise
        more = {"problem": problem, "idle_minutes": contract.IDLE_MINUTES}
        return self._pages.shown(template, {**look, **more, **values}, problem.status if problem else 200)


def _number(section: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", section):
        raise Refused("not_found", "There is no such page.")
    return int(section)


def _forget(response: flask.Response) -> None:
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
