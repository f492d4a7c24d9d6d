"""What a page weighs over the wire: the first of a visit with all that it loads, and each further one."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from gateway.web import assets
from gateway.web.page import Page
from gateway.web.states import NORMAL
from tests.support.shown_pages import Shown, ShownPages

PAGES = ShownPages()
LONGEST = 25  # rows of a list on one page
COLD, WARM, OWN = 90_000, 15_000, 25_000
EVERY = [each for each in PAGES.every() if each.state.name == "normal"]


def test_our_own_style_and_script_are_light() -> None:
    assert sum(len(assets.asset(name).compressed) for name in ("portico.css", "portico.js")) <= OWN


@pytest.mark.parametrize("shown", EVERY, ids=str)
def test_a_page_is_light(shown: Shown) -> None:
    if isinstance(shown.page, Page):
        shown = Shown(shown.page, replace(NORMAL, rows=LONGEST))
    plain = PAGES.response(shown, {})
    sent = PAGES.response(shown, {}, {"Accept-Encoding": "gzip"})
    assert (sent.headers["Content-Encoding"], sent.headers["Cache-Control"]) == ("gzip", "no-store")
    assert len(sent.data) <= WARM

    loaded = re.findall(r'(?:href|src)="(/assets/[^"]+)"', plain.text)
    assert len(loaded) >= 4
    http = PAGES.app.test_client()
    files = [http.get(address, headers={"Accept-Encoding": "gzip"}) for address in dict.fromkeys(loaded)]
    assert all("immutable" in file.headers["Cache-Control"] for file in files)
    assert len(sent.data) + sum(len(file.data) for file in files) <= COLD
