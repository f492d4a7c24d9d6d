"""The start page of a portal: how much is unread stands on the tile that leads to the messages, and nowhere else."""

from __future__ import annotations

import dataclasses

import pytest

from gateway.web import rendering
from gateway.web.pages import PAGES
from gateway.web.states import NORMAL
from services.contracts.portals import configuration, inbox
from services.contracts.portals.definitions import KINDS
from services.portals.configuration import modules
from tests.support.shown_pages import Shown, ShownPages, parsed

SHOWN = ShownPages()
HOME = next(each for each in PAGES if each.address == "/portal/{portal}")


@pytest.mark.parametrize(
    ("code", "unread", "words"),
    [
        ("send_message", 2, "2 unread messages"),
        ("send_message", 1, "1 unread message"),
        ("send_message", 0, None),
        ("support", 2, None),
    ],
)
def test_the_tile_of_messages_tells_how_many_are_unread(code: str, unread: int, words: str | None) -> None:
    home = {"modules": {"code": code, "tab_colour": None}, "goes_on_to": None}
    replies = {configuration.get_portal_home: home, inbox.list_my_threads: {"unread": unread}}
    state = dataclasses.replace(NORMAL, replies=replies)
    page = parsed(SHOWN.response(Shown(HOME, state), {}).text)
    tiles = [each.to_text() for each in page.query(".tiles a") if "unread" in each.to_text()]
    assert bool(tiles) == (words is not None)
    assert all(words in each for each in tiles if words)


@pytest.mark.seed("S2-61", "S2-84")
@pytest.mark.parametrize("kind", KINDS)
def test_every_module_that_can_be_chosen_leads_to_a_page(kind: str) -> None:
    parts = rendering.template("portals/parts.html").make_module({"portal": {"kind": kind}})
    addresses = {each.address for each in PAGES}
    for code in modules.possible(kind):
        place = parts.pages[code].partition("?")[0]  # type: ignore[attr-defined]  # a name that the template sets
        assert f"/portal/{{portal}}/{place}" in addresses
