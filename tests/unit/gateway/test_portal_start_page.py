"""The start page of a portal: how much is unread stands on the tile that leads to the messages, and nowhere else."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gateway.web import rendering
from gateway.web.pages import PAGES
from gateway.web.states import NORMAL
from services.contracts.portals import start_page
from services.contracts.portals.definitions import KINDS
from services.portals.configuration import modules
from tests.support.shown_pages import Shown, ShownPages, parsed

SHOWN = ShownPages()
HOME = next(each for each in PAGES if each.address == "/portal/{portal}")


NOTHING_WAITS = dict.fromkeys(start_page.Waiting().fields, 0)


def start(**home: Any) -> Any:
    """The start page with this answer, while no consent is due and several modules are shown."""
    usual = {"consents_due": 0, "goes_on_to": None, "next_step": None, "team": None, "waiting": NOTHING_WAITS}
    state = dataclasses.replace(NORMAL, replies={start_page.get_portal_start: usual | home})
    return parsed(SHOWN.response(Shown(HOME, state), {}).text)


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
    waiting = {**NOTHING_WAITS, "unread_messages": unread}
    page = start(modules={"code": code, "tab_colour": None}, waiting=waiting)
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


@pytest.mark.parametrize(
    ("step", "place"),
    [
        (start_page.READ_MESSAGES, "messages"),
        (start_page.ANSWER_QUESTIONNAIRES, "questionnaires"),
        (start_page.FINISH_QUESTIONNAIRES, "questionnaires"),
        (start_page.REVIEW_ANSWERS, "reviews"),
        (start_page.BOOK_APPOINTMENTS, "appointments"),
        (None, None),
    ],
)
def test_the_next_step_leads_to_its_page(step: str | None, place: str | None) -> None:
    page = start(portal="works", next_step=step, waiting=dict.fromkeys(NOTHING_WAITS, 1))
    links = [each.attrs["href"] for each in page.query(".next-step a")]
    assert links == ([f"/portal/works/{place}"] if place else [])


@pytest.mark.seed("S2-11", "S2-14")
def test_a_supervisor_sees_first_how_the_team_stands_as_far_as_the_portal_shows_it() -> None:
    status = {"full_duty": 4, "restricted_duty": 2, "off_work": 1}
    page = start(kind="supervisor", team={"employees": 7, **status, "surveillance_due": None})
    rows = [[cell.to_text() for cell in row.query("th, td")][:2] for row in page.query(".bars tbody tr")]
    assert rows == [["Off work", "1"], ["Restricted duty", "2"], ["Full duty", "4"]]
    hidden = dict.fromkeys((*status, "surveillance_due"))
    assert start(kind="supervisor", team={"employees": 7, **hidden}).query(".bars") == []


def test_while_consents_are_due_the_start_page_leads_to_them() -> None:
    state = dataclasses.replace(NORMAL, replies={start_page.get_portal_start: {"consents_due": 1}})
    answer = SHOWN.response(Shown(HOME, state), {})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/consents?return_path=%2Fportal%2F")
