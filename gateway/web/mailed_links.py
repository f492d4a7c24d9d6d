"""The pages that mails link to: one sets a password, one confirms an address.

A link's secret is in the fragment of the address, which no server gets and no log has. The page's script hands it over in a
form; without scripts the person pastes the link. From then on it lies sealed in a cookie, so a reload loses nothing, and in
the page's forms. Opening a link uses nothing up, so a mail scanner does no harm.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import flask

from gateway.web import contact, forms, problems
from gateway.web.entrance import look_of, organisation_named
from gateway.web.kept_links import LINK, OPEN, KeptLink
from gateway.web.page import Action, route_of
from gateway.web.serving import Pages, no_token, redirect
from gateway.web.states import Replies, Screen, State
from services.contracts.errors import Refused
from services.contracts.identity import credentials, patients
from services.contracts.identity.realms import REALMS

_RENEW = Action("renew", credentials.request_new_link, "")

_LINK = credentials.inspect_credential_link


def _screen(address: str, finished: str, *more: State) -> Screen:
    begun = {(LINK, address): {"token": "made-up"}}
    return Screen(
        address,
        (
            State("normal", sealed=begun),
            State("one error", errors="one", sealed=begun),
            State("no link"),
            State("unknown", sealed=begun, refused={_LINK: "not_found"}),
            State("long texts", is_long=True, sealed=begun),
            State("expired", sealed=begun, replies={_LINK: {"state": "expired"}}),
            State("used", sealed=begun, replies={_LINK: {"state": "used_or_void"}}),
            State("sent again", sealed={(LINK, address): {"token": "made-up", "finished": _RENEW.name}}),
            State("done", sealed={(LINK, address): {"token": "made-up", "finished": finished}}),
            *(replace(state, sealed=begun) for state in more),
        ),
        sample={_LINK: {"state": "usable", "needs_username": False, "realm": "patient"}},
    )


_USERNAME: Replies = {_LINK: {"needs_username": True}}
SCREENS = (
    _screen(
        "/credentials",
        "set_password",
        State("username", replies=_USERNAME),
        State("many errors", errors="many", replies=_USERNAME),
    ),
    _screen("/verify-email", "confirm"),
)


def register(app: flask.Flask, pages: Pages) -> None:
    """Serve the pages."""
    for address, template, action in (
        ("/credentials", "credentials", Action("set_password", credentials.redeem_credential_link, "")),
        ("/verify-email", "verify_email", Action("confirm", patients.verify_email, "")),
    ):
        page = MailedLink(pages, address, f"entrance/{template}.html", action)
        app.add_url_rule(address, f"page {address}", page.view, methods=["GET", "POST"])


class MailedLink:
    """The page of one kind of link, and the action that uses the link up."""

    def __init__(self, pages: Pages, address: str, template: str, action: Action) -> None:
        self._pages = pages
        self._address = address
        self._link = KeptLink(pages.protection, address)
        self._template = template
        self._actions = {each.name: each for each in (action, _RENEW)}

    def view(self) -> flask.Response:
        """The view function."""
        is_post = flask.request.method == "POST"
        return self._pages.answered(self._post if is_post else lambda: self._shown(None))

    def _post(self) -> flask.Response:
        form = flask.request.form
        self._pages.protection.require_own_form(form.get(forms.TOKEN, ""))
        name = form.get(forms.ACTION, "")
        if name == OPEN:
            return self._link.opened()
        action, begun = self._actions.get(name), self._link.begun()
        if action is None or "kept_link" not in form or not begun:
            return redirect(self._address)
        given = forms.arguments(form, action.request) | {"token": begun["token"]}
        try:
            self._pages.dispatcher.call(action.route, given, token=no_token)
        except Refused as refusal:
            if refusal.code == "link_refused":  # the page says what has become of the link
                return self._shown(None)
            beside = "username" if refusal.code == "login_taken" else "password"
            return self._shown(problems.of(refusal, action, form, beside))
        return self._link.going_on({"token": begun["token"], "finished": name})

    def _new_link(self) -> str:
        """Where a person whose link is damaged or unknown asks for a new one.

        The address of a link names organisation and realm; from then on the browser keeps them.
        """
        given = flask.request.args
        organisation, realm = given.get("organisation", ""), given.get("realm", "")
        if organisation and realm in REALMS:
            organisation_named(self._pages, organisation, realm)
        known = contact.known(self._pages.protection)
        if not known or not known["realm_code"]:
            return "/find-my-portal"
        where = {"organisation": known["key"]}
        if known["realm_code"] == "patient":
            return f"/patient-access?{urlencode(where)}"
        return f"/sign-in?{urlencode({**where, 'realm': known['realm_code'], 'forgotten': 1})}"

    def _shown(self, problem: problems.Problem | None) -> flask.Response:
        begun = self._link.begun()
        link = self._inspected(begun["token"]) if begun.get("token") else None
        values: dict[str, Any] = {
            "link": link,
            "is_unknown": bool(begun) and link is None,
            "new_link": None if link else self._new_link(),
            "finished": begun.get("finished"),
            "kept_link": self._link.kept(),
            "problem": problem,
        }
        if link:
            facts = organisation_named(self._pages, link["organisation_key"], link["realm"])
            where = {"organisation": link["organisation_key"]}
            values |= {
                "brand": link["organisation_name"],
                **look_of(self._pages, facts),
                "organisation": link["organisation_name"],
                "sign_in": f"/at/{link['organisation_key']}/{link['realm']}",
                "patient_access": f"/patient-access?{urlencode(where)}"
                if link["realm"] == "patient"
                else None,
                "is_usable": link["state"] == "usable",
                "has_expired": link["state"] == "expired",
            }
        return self._pages.shown(self._template, values, problem.status if problem else 200)

    def _inspected(self, token: str) -> Any:
        """What the link is for. None if nobody knows it."""
        try:
            return self._pages.dispatcher.call(
                route_of(credentials.inspect_credential_link), {"token": token}, token=no_token
            )
        except Refused as refusal:
            if refusal.code == "not_found":
                return None
            raise
