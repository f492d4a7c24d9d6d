"""Ways to an account of one's own: an employee's pick-up code, the four facts of a patient's record, and registration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import flask

from gateway.web import forms, problems
from gateway.web.entrance import Entrance, look_of, organisation_named
from gateway.web.page import Action, route_of
from gateway.web.serving import Pages, key_of, no_token, redirect
from gateway.web.states import Screen, State
from services.chassis import wire
from services.contracts.errors import Refused
from services.contracts.identity import patients, pickup_codes

_PICK_UP = Action("pick_up", pickup_codes.redeem_pickup_code, "")
_ASK = Action("ask", patients.request_patient_access, "")
_REGISTER_PAGE = "entrance/register.html"
_REALMS = {
    "entrance/pickup_code.html": "employee",
    "entrance/patient_access.html": "patient",
    _REGISTER_PAGE: "patient",
}
_HARBOR = {"organisation": "harbor"}
_FORM = (
    State("normal", query=_HARBOR),
    State("which organisation"),
    State("one error", errors="one", query=_HARBOR),
    State("many errors", errors="many", query=_HARBOR),
)
SCREENS = (
    Screen("/pickup-code", _FORM),
    Screen("/patient-access", (*_FORM, State("sent", query={**_HARBOR, "sent": "1"}))),
    Screen("/register", (*_FORM, State("sent", query={**_HARBOR, "sent": "1"}))),
)
_REGISTER = Action("register", patients.register_patient, "")
# Which field a refusal is about that names none.
_BESIDE = {"pickup_code_refused": "code", "login_taken": "login", "password_refused": "password"}


class FirstAccess:
    """The pages for people who have no password yet, or have forgotten everything."""

    def __init__(self, pages: Pages, entrance: Entrance) -> None:
        self._pages = pages
        self._entrance = entrance

    def register(self, app: flask.Flask) -> None:
        """Serve the pages."""
        for address, template, post in (
            ("/pickup-code", "pickup_code", self._pick_up),
            ("/patient-access", "patient_access", self._ask),
            ("/register", "register", self._register),
        ):
            view = self._view(f"entrance/{template}.html", post)
            app.add_url_rule(address, f"page {address}", view, methods=["GET", "POST"])

    def _view(self, template: str, post: Callable[[str], flask.Response]) -> Any:
        def view() -> flask.Response:
            if flask.request.method == "POST":
                return self._pages.answered(lambda: post(template))
            return self._pages.answered(lambda: self._shown(template, None))

        return view

    def _pick_up(self, template: str) -> flask.Response:
        """Open an account with a pick-up code, and sign in to it."""
        refused = self._carried_out(template, _PICK_UP)
        if refused:
            return refused
        form = flask.request.form
        names = ("organisation", "realm", "login", "password")
        return self._entrance.log_in({name: form.get(name, "") for name in names})

    def _ask(self, template: str) -> flask.Response:
        """Have a link sent to a patient. The answer is the same whether or not the facts fit."""
        refused = self._carried_out(template, _ASK)
        told = {"organisation": flask.request.form.get("organisation", ""), "sent": 1}
        return refused or redirect(f"{flask.request.path}?{urlencode(told)}")

    def _register(self, template: str) -> flask.Response:
        """Take a registration. The answer is the same whether or not the person is registered already."""
        refused = self._carried_out(template, _REGISTER)
        told = {"organisation": flask.request.form.get("organisation", ""), "sent": 1}
        return refused or redirect(f"{flask.request.path}?{urlencode(told)}")

    def _carried_out(self, template: str, action: Action) -> flask.Response | None:
        """Carry an action out. The page with what is wrong, or None."""
        form = flask.request.form
        self._pages.protection.require_own_form(form.get(forms.TOKEN, ""))
        given = forms.arguments(form, action.request)
        try:
            self._pages.dispatcher.call(action.route, given, token=no_token, key=key_of(action, form))
        except Refused as refusal:
            return self._shown(template, problems.of(refusal, action, form, _BESIDE.get(refusal.code)))
        return None

    def _asks(self, organisation: str) -> Any:
        """What the registration form of an organisation asks for."""
        given = {"organisation": organisation}
        return self._pages.dispatcher.call(route_of(patients.describe_registration), given, token=no_token)

    def _shown(self, template: str, problem: problems.Problem | None) -> flask.Response:
        given = flask.request.values
        organisation = given.get("organisation", "")
        facts = organisation_named(self._pages, organisation, _REALMS[template])
        if facts:
            organisation = facts["key"]
        registering = facts["name"] if facts and facts["takes_registrations"] else None
        is_open = problem is not None and problem.may_have_been_done
        values = {
            "organisation": organisation,
            "is_chosen": facts is not None,
            "facts": facts,
            **look_of(self._pages, facts),
            "registering": registering,
            "asks": self._asks(organisation) if registering and template == _REGISTER_PAGE else None,
            "is_sent": given.get("sent") == "1",
            "where": urlencode({"organisation": organisation}),
            "problem": problem,
            "key": flask.request.form.get(forms.KEY) if is_open else wire.new_id(),
        }
        return self._pages.shown(template, values, problem.status if problem else 200)
