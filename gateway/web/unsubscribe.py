"""The page of a mail's unsubscribe link, which mail programs call with one click (RFC 8058).

They post to it without cookies and without a form of ours: the token in the address alone says whose choice it is, and opens
nothing else. Opening the link changes nothing, so a mail scanner does no harm. A proxy in front must not log addresses below
`/unsubscribe/` (decision 0020).
"""

from __future__ import annotations

import flask

from gateway import requests
from gateway.web.entrance import look_of, organisation_named
from gateway.web.page import route_of
from gateway.web.serving import Pages, no_token
from gateway.web.states import Screen, State
from services.contracts.errors import Refused
from services.contracts.notifications import unsubscribe_links as contract

_RULE = "/unsubscribe/<token>"
_ONE_CLICK = ("List-Unsubscribe", "One-Click")
_MOST_BYTES = 4096  # of a form with that one field

SCREENS = (
    Screen(
        _RULE,
        (
            State("normal"),
            State("long texts", is_long=True),
            *(
                State(group, replies={contract.inspect_unsubscribe_link: {"group": group}})
                for group in contract.ENDED
            ),
            State("unknown", refused={contract.inspect_unsubscribe_link: "not_found"}),
        ),
        sample={contract.inspect_unsubscribe_link: {"group": "messages", "realm": "patient"}},
        path={"token": "0" * 64},
    ),
)


def register(app: flask.Flask, pages: Pages) -> None:
    """Serve the page."""

    def view(token: str) -> flask.Response:
        is_post = flask.request.method == "POST"
        return pages.answered(lambda: _used(pages, token) if is_post else _shown(pages, token))

    app.add_url_rule(_RULE, "page unsubscribe", view, methods=["GET", "POST"])


def _used(pages: Pages, token: str) -> flask.Response:
    """End these mails. The answer is no redirect: mail programs follow none (RFC 8058, section 3.1)."""
    if requests.body_comes_later():
        if (flask.request.content_length or _MOST_BYTES + 1) > _MOST_BYTES:
            raise Refused("request_too_large", "The form has one field: List-Unsubscribe=One-Click.")
        return flask.Response(status=100)
    name, value = _ONE_CLICK
    return _shown(pages, token, is_used=flask.request.form.get(name) == value)


def _shown(pages: Pages, token: str, *, is_used: bool = False) -> flask.Response:
    is_post = flask.request.method == "POST"
    operation = contract.unsubscribe if is_used else contract.inspect_unsubscribe_link
    try:
        link = pages.dispatcher.call(route_of(operation), {"token": token}, token=no_token)
    except Refused as refusal:
        if refusal.code not in ("not_found", "invalid_request"):
            raise
        # A mail program is to know that nothing was ended; a person reads it.
        return pages.shown("entrance/unsubscribe.html", {"link": None}, 404 if is_post else 200)
    facts = organisation_named(pages, link["organisation_key"], link["realm"])
    values = {
        "link": link,
        "is_used": is_used,
        "address": flask.request.path,
        "brand": link["organisation_name"],
        **look_of(pages, facts),
        "one_click": _ONE_CLICK,
        "sign_in": f"/at/{link['organisation_key']}/{link['realm']}?return_path=/account",
    }
    return pages.shown("entrance/unsubscribe.html", values)
