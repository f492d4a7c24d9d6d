"""Serves `/kit`: every pattern of `kit.html` in every state, for those who build pages. The local stack alone has it."""

from __future__ import annotations

import flask
from werkzeug.datastructures import MultiDict

from gateway.web import forms, language
from gateway.web.problems import Problem
from gateway.web.protection import Protection
from gateway.web.serving import Pages
from gateway.web.states import MANY_ERRORS, NORMAL, ONE_ERROR, Screen, State

ADDRESS = "/kit"
# The form of the page that is refused, and its fields.
_ACTION = "refused"
_FIELDS = ("text", "area", "choice", "radio", "yes", "ticked", "file")
# What can have become of a form: the code of its refusal, and its status.
_BECAME = {
    "errors": ("invalid_request", 422),
    "rule": ("conflict", 409),
    "conflict": ("version_conflict", 409),
    "perhaps_done": ("timeout", 504),
    "not_sent": ("not_sent", 200),
    "tried": ("tried", 200),
}
SCREENS = (
    Screen(
        ADDRESS,
        (
            NORMAL,
            ONE_ERROR,
            MANY_ERRORS,
            *(State(each.replace("_", " "), query={"became": each}) for each in _BECAME),
            State("done", query={"done": "1"}),
            State("further page", query={"after": "made-up", "state": "open", "mine": "true"}),
        ),
    ),
)


def register(app: flask.Flask, pages: Pages) -> None:
    """Serve the page."""

    def view() -> flask.Response:
        is_post = flask.request.method == "POST"
        return pages.answered(lambda: _refused(pages) if is_post else _asked_for(pages))

    app.add_url_rule(ADDRESS, "page kit", view, methods=["GET", "POST"])


def _asked_for(pages: Pages) -> flask.Response:
    became = flask.request.args.get("became", "")
    if became not in _BECAME:
        return _shown(pages, None)
    form = MultiDict(dict.fromkeys(_FIELDS, "") | {"text": "Quillmoor", forms.KEY: "made-up"})
    return _shown(pages, _problem(became, _ACTION, form))


def _refused(pages: Pages) -> flask.Response:
    """Every form that is sent from here is refused: all that a person can fill in is wrong."""
    form = flask.request.form
    protection: Protection = pages.protection
    protection.require_own_form(form.get(forms.TOKEN, ""))
    problem = _problem("errors", form.get(forms.ACTION, ""), form)
    return _shown(pages, problem, problem.status)


def _problem(became: str, action: str, form: MultiDict[str, str]) -> Problem:
    code, status = _BECAME[became]
    sentence = language.text("%(name)s: this is needed.", name=language.text("This"))
    wrong = [name for name in form if name not in forms.OWN] if became == "errors" else []
    general = None if wrong else language.text("This cannot be done now.")
    return Problem(action, code, status, dict.fromkeys(wrong, sentence), general, form, {})


def _shown(pages: Pages, problem: Problem | None, status: int = 200) -> flask.Response:
    done = language.text("This is done.") if flask.request.args.get("done") and not problem else None
    values = {"problem": problem, "done": done, "became": list(_BECAME), "wrong": _ACTION}
    return pages.shown("kit_page.html", values, status)
