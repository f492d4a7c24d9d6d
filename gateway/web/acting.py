"""Acting from a mail, without signing in: the page that the link of a mail leads to (see MAIL_ACTIONS).

The link's token takes the place of a session's: the page calls the same operations that people call who have signed in, and
every rule of theirs holds. Opening the link changes nothing, so a mail scanner does no harm; a form says what is to be done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import flask

from gateway.web import forms, problems
from gateway.web.entrance import look_of, organisation_named
from gateway.web.kept_links import LINK, OPEN, KeptLink
from gateway.web.page import Action, Read, route_of
from gateway.web.serving import Pages, key_of, no_token, redirect
from gateway.web.states import Screen, State
from services.contracts.errors import Refused
from services.contracts.identity import passports
from services.contracts.identity.passports import MAIL_ACTIONS
from services.contracts.identity.realms import REALMS
from services.contracts.portals import my_appointments
from services.contracts.referrals import capacity, status_changes

ADDRESS = "/act"
_INSPECT = passports.inspect_mail_link
# What was to be done is done, or can be done no more: the page reads anew and says so.
_OVER = frozenset(
    {"unauthenticated", "forbidden", "not_found", "link_refused", "consents_due", "feature_is_off"}
)


@dataclass(frozen=True)
class Subject:
    """What one purpose of links shows and does. `read` must answer with nothing about a person."""

    read: Read
    actions: tuple[Action, ...]


SUBJECTS: Mapping[str, Subject] = {
    "answer_referral": Subject(
        Read(status_changes.get_answer_form),
        (
            Action("accept", status_changes.accept_referral, ""),
            Action("decline", status_changes.decline_referral, ""),
        ),
    ),
    "confirm_capacity": Subject(
        Read(capacity.get_capacity_line),
        (
            Action("confirm", capacity.confirm_capacity, ""),
            Action("set", capacity.edit_capacity_line, ""),
        ),
    ),
    "confirm_appointment": Subject(
        Read(my_appointments.get_appointment_to_confirm),
        (Action("confirm", my_appointments.confirm_my_appointment, ""),),
    ),
}


def _state(name: str, purpose: str, finished: str = "", **more: Any) -> State:
    begun = {"token": "made-up"} | ({"finished": finished} if finished else {})
    replies = {_INSPECT: {"purpose": purpose, **more.pop("link", {})}}
    return State(name, sealed={(LINK, ADDRESS): begun}, replies=replies, **more)


SCREENS = (
    Screen(
        ADDRESS,
        (
            _state("normal", "answer_referral"),
            _state("one error", "answer_referral", errors="one"),
            _state("long texts", "answer_referral", is_long=True),
            _state("capacity", "confirm_capacity"),
            _state("wrong number", "confirm_capacity", errors="one"),
            _state("appointment", "confirm_appointment"),
            _state("accepted", "answer_referral", "accept"),
            _state("declined", "answer_referral", "decline"),
            _state("capacity confirmed", "confirm_capacity", "confirm"),
            _state("capacity set", "confirm_capacity", "set"),
            _state("appointment confirmed", "confirm_appointment", "confirm"),
            _state("expired", "answer_referral", link={"state": "expired"}),
            _state("ended", "answer_referral", link={"state": "ended"}),
            _state(
                "unknown, as it has changed",
                "answer_referral",
                refused={status_changes.get_answer_form: "link_refused"},
            ),
            State("unknown", sealed={(LINK, ADDRESS): {"token": "made-up"}}, refused={_INSPECT: "not_found"}),
            State("no link"),
        ),
        sample={
            _INSPECT: {"state": "usable", "realm": "provider"},
            status_changes.get_answer_form: {"can_accept": True, "can_decline": True},
            my_appointments.get_appointment_to_confirm: {"can_be_confirmed": True, "time_zone": "UTC"},
        },
    ),
)


def register(app: flask.Flask, pages: Pages) -> None:
    """Serve the page."""
    app.add_url_rule(ADDRESS, f"page {ADDRESS}", ActingPage(pages).view, methods=["GET", "POST"])


class ActingPage:
    """The page of all links with which people act."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._link = KeptLink(pages.protection, ADDRESS)

    def view(self) -> flask.Response:
        """The view function."""
        is_post = flask.request.method == "POST"
        return self._pages.answered(self._post if is_post else lambda: self._shown(None))

    def _post(self) -> flask.Response:
        form = flask.request.form
        self._pages.protection.require_own_form(form.get(forms.TOKEN, ""))
        name, begun = form.get(forms.ACTION, ""), self._link.begun()
        if name == OPEN:
            return self._link.opened()
        link = self._inspected(begun.get("token", "")) if "kept_link" in form else None
        action = (
            next((each for each in SUBJECTS[link["purpose"]].actions if each.name == name), None)
            if link
            else None
        )
        if link is None or action is None:
            return redirect(ADDRESS)
        given = forms.arguments(form, action.request) | {
            MAIL_ACTIONS[link["purpose"]].member: link["object_id"]
        }
        try:
            self._pages.dispatcher.call(
                action.route,
                given,
                token=lambda: begun["token"],
                key=key_of(action, form),
                version=form.get(forms.VERSION),
            )
        except Refused as refusal:
            if refusal.code in _OVER:
                return self._shown(None)
            return self._shown(problems.of(refusal, action, form))
        return self._link.going_on({"token": begun["token"], "finished": name})

    def _inspected(self, token: str) -> Any:
        """What the link is for. None if nobody knows it."""
        if not token:
            return None
        try:
            return self._pages.dispatcher.call(route_of(_INSPECT), {"token": token}, token=no_token)
        except Refused as refusal:
            if refusal.code == "not_found":
                return None
            raise

    def _subject(self, link: Any, token: str) -> Any:
        """What the link is about, as it is now. None where nothing can be done about it any more."""
        if link["state"] != "usable":
            return None
        read, member = SUBJECTS[link["purpose"]].read, MAIL_ACTIONS[link["purpose"]].member
        try:
            return self._pages.dispatcher.call(read.route, {member: link["object_id"]}, token=lambda: token)
        except Refused as refusal:
            if refusal.code in _OVER:
                return None
            raise

    def _shown(self, problem: problems.Problem | None) -> flask.Response:
        begun = self._link.begun()
        token, finished = begun.get("token", ""), begun.get("finished")
        link = self._inspected(token)
        where = flask.request.args.get("organisation", ""), flask.request.args.get("realm", "")
        if link is None and where[0] and where[1] in REALMS:
            organisation_named(self._pages, *where)
        values: dict[str, Any] = {
            "link": link,
            "purpose": link["purpose"] if link else None,
            "subject": self._subject(link, token) if link and not finished else None,
            "finished": finished,
            "has_expired": bool(link) and link["state"] == "expired",
            "kept_link": self._link.kept(),
            "address": ADDRESS,
            "problem": problem,
            "open_key": problem.form.get(forms.KEY) if problem and problem.may_have_been_done else None,
            "sign_in": "/sign-in",
        }
        if link:
            facts = organisation_named(self._pages, link["organisation_key"], link["realm"])
            values |= {
                "brand": link["organisation_name"],
                **look_of(self._pages, facts),
                "organisation": link["organisation_name"],
                "sign_in": f"/at/{link['organisation_key']}/{link['realm']}",
            }
        return self._pages.shown("entrance/act.html", values, problem.status if problem else 200)
