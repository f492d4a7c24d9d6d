"""Serves `/verify`, where anybody verifies a signed file. Nothing of it is kept."""

from __future__ import annotations

import flask

from gateway import requests
from gateway.web import forms, problems
from gateway.web.page import Action
from gateway.web.serving import Pages, no_token
from gateway.web.states import NORMAL, Screen
from services.contracts.errors import Refused
from services.contracts.signing import verification

ADDRESS = "/verify"
_VERIFY = Action("verify", verification.verify_file, "")
SCREENS = (Screen(ADDRESS, (NORMAL,)),)


def register(app: flask.Flask, pages: Pages) -> None:
    """Serve the page."""

    def view() -> flask.Response:
        is_post = flask.request.method == "POST"
        return pages.answered(lambda: _verified(pages) if is_post else _shown(pages))

    app.add_url_rule(ADDRESS, "page verify", view, methods=["GET", "POST"])


def _verified(pages: Pages) -> flask.Response:
    if requests.body_comes_later():
        pages.protection.require_own_page()
        return pages.dispatcher.request_body(_VERIFY.route, no_token)
    form = flask.request.form
    pages.protection.require_own_form(form.get(forms.TOKEN, ""))
    try:
        found = pages.dispatcher.call(_VERIFY.route, {}, token=no_token)
    except Refused as refusal:
        problem = problems.of(refusal, _VERIFY, form, "file")
        return _shown(pages, problem=problem, status=problem.status)
    return _shown(pages, found=found)


def _shown(
    pages: Pages, found: object = None, problem: problems.Problem | None = None, status: int = 200
) -> flask.Response:
    return pages.shown("verify.html", {"found": found, "problem": problem}, status)
