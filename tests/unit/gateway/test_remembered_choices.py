"""What the browser remembers: the order of the queue, and where a person goes after an answer."""

from __future__ import annotations

import dataclasses

import pytest
from werkzeug.test import TestResponse

from gateway.web.pages import PAGES as PAGES_OF_ALL
from gateway.web.states import NORMAL
from tests.support.made_up import id_of
from tests.support.shown_pages import Shown, ShownPages, parsed

PAGES = ShownPages()
COOKIE = "staff-queue-order"
(QUEUE,) = (page for page in PAGES_OF_ALL if page.address == "/staff/queue")


def order_of(html: str) -> str:
    return str(parsed(html).query("select#order option[selected]")[0].attrs["value"])


def asking(**query: str) -> Shown:
    return Shown(QUEUE, dataclasses.replace(NORMAL, query=query))


def test_the_order_that_was_chosen_last_holds_where_the_address_has_none() -> None:
    response = PAGES.response(asking(order="newest"), {})
    assert order_of(response.text) == "newest"
    (kept,) = [each for each in response.headers.getlist("Set-Cookie") if each.startswith(f"{COOKIE}=")]
    assert kept.startswith(f"{COOKIE}=newest;")
    assert order_of(PAGES.response(asking(), {COOKIE: "newest"}).text) == "newest"
    assert order_of(PAGES.response(asking(order="due"), {COOKIE: "newest"}).text) == "due"


@pytest.mark.parametrize("kept", ["sideways", ""])
def test_what_no_order_can_be_is_not_remembered(kept: str) -> None:
    response = PAGES.response(asking(), {COOKIE: kept})
    assert response.status_code == 200
    assert parsed(response.text).query("select#order option[selected]") == []
    assert [each for each in response.headers.getlist("Set-Cookie") if each.startswith(COOKIE)] == []


(ITEM,) = (page for page in PAGES_OF_ALL if page.address == "/staff/queue/{item_id}")
(NEXT,) = (page for page in PAGES_OF_ALL if page.address == "/staff/queue/next")
WAYS = {"stay": f"/staff/queue/{id_of('item_id')}", "next": "/staff/queue/next", "list": "/staff/queue"}
OTHERS = "f" * 32


def sent(way: str) -> TestResponse:
    """What follows an answer whose sender wants to go this way."""
    return PAGES.sent(Shown(ITEM, NORMAL), {"action": "answer_queue_item", "text": "Ready.", "way": way})


@pytest.mark.parametrize("way", WAYS)
def test_who_has_answered_goes_the_way_that_was_chosen_and_it_is_kept(way: str) -> None:
    answer = sent(way)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{WAYS[way]}?done=answer_queue_item"
    assert any(
        each.startswith(f"answer-queue-item-way={way};") for each in answer.headers.getlist("Set-Cookie")
    )
    page = parsed(PAGES.response(Shown(ITEM, NORMAL), {"answer-queue-item-way": way}).text)
    assert page.query("select[name=way] option[selected]")[0].attrs["value"] == way


def test_a_way_that_is_none_leaves_the_sender_there_and_is_not_kept() -> None:
    answer = sent("https://evil.example")
    assert answer.headers["Location"] == f"{WAYS['stay']}?done=answer_queue_item"
    assert not any("-way=" in each for each in answer.headers.getlist("Set-Cookie"))


@pytest.mark.parametrize(
    ("holders", "place"),
    [((None, OTHERS), 0), ((OTHERS, None), 1), ((OTHERS, "me"), 1), ((OTHERS, OTHERS), None), ((), None)],
)
def test_the_next_is_what_waits_and_no_colleague_has(
    holders: tuple[str | None, ...], place: int | None
) -> None:
    me = {"id": "a" * 32}
    items = [
        {"id": str(number) * 32, "assigned_to": me["id"] if each == "me" else each}
        for number, each in enumerate(holders)
    ]
    assert NEXT.goes_on is not None
    found = NEXT.goes_on({"me": me, "waiting": {"items": items}}, {})
    assert found == (None if place is None else f"/staff/queue/{str(place) * 32}")
