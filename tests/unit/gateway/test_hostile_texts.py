"""Every page where everything that people and other systems wrote is markup: it is shown as text, and is no part of the page."""

from __future__ import annotations

import pytest

from tests.support.made_up import MadeUp
from tests.support.shown_pages import Shown, ShownPages, parsed

PAGES = ShownPages()
EVERY = [each for each in PAGES.every() if each.state.name == "normal"]
HOSTILE = (
    "'\"><script>alert(1)</script><img src=x onerror=alert(2)><b hx-get=/v1/me hx-trigger=load>{{ 7*7 }}</b>"
    "</textarea></title>\u202egnirts"
)


def parts_that_act(html: str) -> list[str]:
    """Elements of a page that only a text could have brought."""
    page = parsed(html)
    found = [each for each in page.query("script") if "src" not in each.attrs]
    found += [
        each
        for each in page.query("*")
        if any(name.startswith(("on", "hx-")) for name in each.attrs or {})
        or (each.name == "img" and each.attrs.get("src") == "x")
    ]
    return [each.to_html()[:200] for each in found] + [str(error) for error in page.errors]


@pytest.mark.parametrize("shown", EVERY, ids=str)
def test_what_people_wrote_is_shown_as_text(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MadeUp, "names", (HOSTILE,))
    monkeypatch.setattr(MadeUp, "words", (HOSTILE,))
    assert parts_that_act(PAGES.response(shown, {}).text) == []


def test_markup_that_is_not_shown_as_text_is_found() -> None:
    page = "<!doctype html><html lang=en><head><title>A page</title></head><body><p>%s</p></body></html>"
    assert parts_that_act(page % "Rosalind") == []
    found = parts_that_act(page % HOSTILE)
    assert [each.partition(">")[0].partition(" ")[0] for each in found[:3]] == ["<script", "<img", "<b"]
