"""Language and appearance: a page of choices for everybody.

The account of somebody who has signed in keeps them; for anybody else the browser does, in cookies.
"""

from __future__ import annotations

import flask
import markupsafe

from gateway import cookies
from gateway.web import forms, language, theme
from gateway.web.front_door import who_is_signed_in
from gateway.web.page import Action
from gateway.web.return_paths import own_path
from gateway.web.serving import Pages, key_of, redirect
from gateway.web.states import NORMAL, Screen, State
from services.contracts.identity import accounts

ADDRESS = "/preferences"
_CHOOSE = Action("choose", accounts.set_my_preferences, "")
_NAME = markupsafe.Markup('<bdi lang="{}">{}</bdi>')
SCREENS = (Screen(ADDRESS, (NORMAL, State("saved", query={"saved": "1", "return_path": "/sign-in"}))),)


def register(app: flask.Flask, pages: Pages) -> None:
    """Serve the page."""

    def view() -> flask.Response:
        is_post = flask.request.method == "POST"
        return pages.answered(lambda: _keep(pages) if is_post else _shown(pages))

    app.add_url_rule(ADDRESS, f"page {ADDRESS}", view, methods=["GET", "POST"])


def _shown(pages: Pages) -> flask.Response:
    given = flask.request.args
    me = who_is_signed_in(pages)
    kept = (
        language.text("Your choice is kept with your account.")
        if me
        else language.text("Your choice is kept in this browser.")
    )
    values = {
        "me": me,
        "languages": [(each, _NAME.format(each, language.name_of(each))) for each in language.offered(me)],
        "chosen_theme": (me and me["appearance"]) or theme.chosen() or "system",
        "return_path": own_path(given.get("return_path")),
        "done": kept if given.get("saved") == "1" else None,
    }
    return pages.shown("preferences.html", values)


def _keep(pages: Pages) -> flask.Response:
    form = flask.request.form
    pages.protection.require_own_form(form.get(forms.TOKEN, ""))
    chosen = {
        # A hidden field of the same name stands before the radio buttons.
        name: form.getlist(name)[-1]
        for name, possible in (("language", language.languages()), ("appearance", accounts.APPEARANCES))
        if name in form and form.getlist(name)[-1] in possible
    }
    me = who_is_signed_in(pages)
    if me:
        given = {name: me[name] for name in ("language", "appearance")} | chosen
        pages.dispatcher.call(
            _CHOOSE.route, given, token=lambda: cookies.session_token() or "", key=key_of(_CHOOSE, form)
        )
    response = redirect(own_path(form.get("return_path")) or f"{ADDRESS}?saved=1")
    for cookie, name in ((language.COOKIE, "language"), (theme.COOKIE, "appearance")):
        if name in chosen:
            cookies.keep_choice(response, cookie, chosen[name])
    return response
