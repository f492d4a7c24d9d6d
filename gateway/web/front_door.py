"""The front door and the entrances: `/`, each organisation's ways in, and Find my portal.

`/at/<organisation>` lists an organisation's portals; `/at/<organisation>/<portal>` signs in to one of them. Both know the
organisation by its short name and by its key.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask

from gateway import cookies
from gateway.web import forms, problems, rendering
from gateway.web.applications import Applications
from gateway.web.entrance import (
    FIND,
    PORTALS,
    Entrance,
    look_of,
    organisation_named,
    start_of,
)
from gateway.web.page import route_of
from gateway.web.return_paths import own_path
from gateway.web.serving import SIGNED_OUT, Pages, no_token, redirect
from gateway.web.states import LONG_TEXTS, MANY_ERRORS, NORMAL, ONE_ERROR, Screen, State
from services.contracts.errors import Refused
from services.contracts.identity import organisations, outside, passports
from services.contracts.identity.realms import REALMS
from services.contracts.portals import configuration

_HARBOR = {"organisation": "harbor"}
_FACTS = organisations.get_public_organisation
_NO_SUCH = State("no such organisation", refused={_FACTS: "not_found"})
SCREENS = (
    Screen("/", (NORMAL,)),  # of the local stack; any other leads on
    Screen(
        "/at/<organisation>",
        (
            NORMAL,
            LONG_TEXTS,
            State("one portal", replies={_FACTS: {"realms": ["provider"], "telephone": None}}),
            State("no portal", replies={_FACTS: {"realms": []}}),
            State("colour unknown", refused={configuration.get_public_portal: "service_unavailable"}),
            _NO_SUCH,
        ),
        sample={_FACTS: {"realms": list(REALMS)}},
        path=_HARBOR,
    ),
    Screen(
        "/at/<organisation>/<portal>",
        (NORMAL, LONG_TEXTS, ONE_ERROR, MANY_ERRORS, _NO_SUCH),
        sample={
            outside.list_sign_in_options: {"has_password": True},
            configuration.get_public_portal: {"realm": "provider"},
        },
        path={**_HARBOR, "portal": "provider"},
    ),
    Screen(
        "/signed-out/<organisation>/<portal>",
        (NORMAL,),
        sample={configuration.get_public_portal: {"logout_address": "/made-up/bye"}},
        path={**_HARBOR, "portal": "provider"},
    ),
    Screen("/find-my-portal", (NORMAL, ONE_ERROR, State("sent", query={"sent": "1"}))),
)


class FrontDoor:
    """The pages that people come to from outside. `demo_file` has the local stack's log-ins, for its own front door."""

    def __init__(
        self, pages: Pages, entrance: Entrance, applications: Applications, demo_file: str | None
    ) -> None:
        self._pages = pages
        self._entrance = entrance
        self._applications = applications
        self._demo_file = Path(demo_file) if demo_file else None

    def register(self, app: flask.Flask) -> None:
        """Serve the pages."""
        app.add_url_rule("/", "page front door", self._view(self.front_door))
        app.add_url_rule("/at/<organisation>", "page ways in", self._view(self.ways_in))
        app.add_url_rule("/at/<organisation>/<portal>", "page entrance", self._view(self.entrance))
        app.add_url_rule(
            "/at/<organisation>/<portal>", "page begin", self._view(self.begin), methods=["POST"]
        )
        app.add_url_rule(
            "/signed-out/<organisation>/<portal>", "page signed out", self._view(self.signed_out)
        )
        app.add_url_rule(
            "/find-my-portal", "page find my portal", self._view(self.find), methods=["GET", "POST"]
        )

    def _view(self, work: Callable[..., flask.Response]) -> Any:
        return lambda **path: self._pages.answered(lambda: work(**path))

    def front_door(self) -> flask.Response:
        """To the person's own start page; without a session to the portals that there are."""
        me = who_is_signed_in(self._pages)
        if me:
            return redirect(start_of(me["realm"]))
        demo = self._demo()
        if demo:
            return self._pages.shown("entrance/demo.html", {"ways": demo})
        only = organisation_named(self._pages, None)
        return redirect(f"/at/{only['short_name']}" if only else "/find-my-portal")

    def ways_in(self, organisation: str) -> flask.Response:
        """The portals of an organisation."""
        facts = self._named(organisation)
        values = {"facts": facts, **look_of(self._pages, facts)}
        return self._pages.shown("entrance/ways_in.html", values)

    def entrance(self, organisation: str, portal: str) -> flask.Response:
        """Signing in to one portal of an organisation. Who is signed in there already goes on; applicants have no account."""
        facts = self._named(organisation)
        realm, start = self._place_of(facts, portal)
        if realm == "applicant":
            return self._applications.entrance(facts, portal)
        me = who_is_signed_in(self._pages)
        if me and (me["organisation_key"], me["realm"]) == (facts["key"], realm):
            return redirect(own_path(flask.request.args.get("return_path")) or start)
        return self._entrance.sign_in_to(facts, realm, portal, start)

    def begin(self, organisation: str, portal: str) -> flask.Response:
        """Begin an application at the entrance of an applicant portal."""
        return self._applications.begin(self._named(organisation), portal)

    def signed_out(self, organisation: str, portal: str) -> flask.Response:
        """After signing out of a portal: on to the page that it has chosen, or to our own."""
        try:
            found = self._pages.public_portal(organisation, portal)
        except Refused as refusal:
            if refusal.status >= 500 or refusal.code in ("not_found", "invalid_request"):
                found = {"logout_address": None}
            else:
                raise
        if not found["logout_address"]:
            return redirect("/sign-in?signed_out=1")
        return self._pages.shown("entrance/signed_out.html", {"portal": found})

    def find(self) -> flask.Response:
        """Find my portal: a message says where. The page says the same whatever becomes of it."""
        problem = None
        if flask.request.method == "POST":
            form = flask.request.form
            self._pages.protection.require_own_form(form.get(forms.TOKEN, ""))
            try:
                given = forms.arguments(form, FIND.request)
                self._pages.dispatcher.call(FIND.route, given, token=no_token)
                return redirect("/find-my-portal?sent=1")
            except Refused as refusal:
                problem = problems.of(refusal, FIND, form, "email")
        values = {"is_sent": flask.request.args.get("sent") == "1" and problem is None, "problem": problem}
        return self._pages.shown("entrance/find_my_portal.html", values, problem.status if problem else 200)

    def _named(self, organisation: str) -> Any:
        facts = organisation_named(self._pages, organisation)
        if facts is None:
            raise Refused("not_found", "There is no organisation of this name.")
        return facts

    def _place_of(self, facts: Any, portal: str) -> tuple[str, str]:
        """The realm in which the people of a portal sign in, and the page to which they go on.

        Raises Refused `not_found`, also for a portal that is off.
        """
        if portal == "staff":
            return portal, start_of(portal)
        try:
            found = self._pages.public_portal(facts["key"], portal)
        except Refused as refusal:
            if refusal.code in ("service_unavailable", "timeout") and portal in REALMS:
                return portal, start_of(portal)
            if refusal.code in ("not_found", "invalid_request"):
                raise Refused("not_found", "There is no such portal.") from None
            raise
        realm = str(found["realm"])
        has_own_start = start_of(realm) == PORTALS
        return realm, f"{PORTALS}/{found['portal']}" if has_own_start else start_of(realm)

    def _demo(self) -> Any:
        return (
            json.loads(self._demo_file.read_text()) if self._demo_file and self._demo_file.exists() else None
        )


def who_is_signed_in(pages: Pages) -> Any:
    """The account of this browser's session; None without one. For pages that everybody may see."""
    token = cookies.session_token()
    if not token:
        return None
    try:
        me = pages.dispatcher.call(route_of(passports.describe_me), {}, token=lambda: token)
    except Refused as refusal:
        if refusal.code in SIGNED_OUT:
            return None
        raise
    rendering.know_of(me)
    return me
