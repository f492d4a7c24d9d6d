"""What the browser remembers of a page's address: the order of the queue."""

from __future__ import annotations

import dataclasses

import pytest

from gateway.web.pages import PAGES as PAGES_OF_ALL
from gateway.web.states import NORMAL
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
