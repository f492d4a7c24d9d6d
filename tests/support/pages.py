"""What holds for every page that a browser shows: accessible, whole on a phone, silent in the console."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.browser import Browser

_AXE = Path(__file__).parents[2] / "gateway/web/node_modules/axe-core/axe.min.js"
_found_good: set[str] = set()
_looks_found_good: set[bytes] = set()
# All that axe judges by: the elements, without what forms carry unseen, the window, the colours, and where the focus is.
_LOOK = """(() => {
  const copy = document.documentElement.cloneNode(true);
  copy.querySelectorAll("input[type=hidden]").forEach(it => it.removeAttribute("value"));
  const is = query => matchMedia(query).matches;
  return [innerWidth, innerHeight, is("(prefers-color-scheme: dark)"), is("(forced-colors: active)"),
    document.styleSheets.length, document.activeElement?.id, location.hash, copy.outerHTML].join();
})()"""
_ALL_RULES = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
# What colours and the size of the window decide. The others judge the elements, which are the same in every look.
_RULES_OF_LOOKS = {
    "type": "rule",
    "values": ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"],
}


@cache
def _axe() -> str:
    return _AXE.read_text()


def violations(browser: Browser, rules: Mapping[str, Any] = _ALL_RULES) -> list[str]:
    """What axe finds on the page: the rule and the first element of each. What it has found good it is not asked again."""
    look = hashlib.sha256(str(browser.evaluate(_LOOK)).encode()).digest()
    if look in _looks_found_good:
        return []
    if not browser.evaluate("'axe' in window"):
        browser.evaluate(f"{_axe()}; true")
    options = json.dumps({"runOnly": rules, "resultTypes": ["violations"]})
    found: Sequence[Any] = browser.evaluate(
        f"axe.run(document, {options}).then(it => it.violations.map(v => [v.id, v.nodes.map(n => n.html + ' ' + n.failureSummary)]))"
    )
    if not found:
        _looks_found_good.add(look)
    return [f"{rule}: {nodes[0]}" for rule, nodes in found]


def require_good(browser: Browser) -> None:
    """Raise AssertionError unless the page is accessible, has one heading that its title begins with, and fits its window."""
    browser.wait_for("document.readyState === 'complete'")
    found = violations(browser)
    assert not found, f"{browser.path}: " + "\n".join(found)
    heading = browser.evaluate("[...document.querySelectorAll('h1')].map(it => it.textContent.trim())")
    assert len(heading) == 1
    title = str(browser.evaluate("document.title")).removeprefix("Error: ")
    assert title.startswith(heading[0]), (title, heading)
    ids = "[...document.querySelectorAll('[id]')].map(it => it.id)"
    assert browser.evaluate(f"(ids => ids.length === new Set(ids).size)({ids})")
    require_whole(browser)
    assert browser.evaluate("faults") == []


def require_readable(browser: Browser) -> None:
    """The same for a page that was good in another look: raise AssertionError unless it can be read in this one, too."""
    found = violations(browser, _RULES_OF_LOOKS)
    assert not found, f"{browser.path}: " + "\n".join(found)
    require_whole(browser)


def require_whole(browser: Browser) -> None:
    """Raise AssertionError unless the page fits its window and no text is cut off."""
    wide = "[...document.querySelectorAll('main *')].filter(it => it.getBoundingClientRect().right > innerWidth + 1)"
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), browser.evaluate(
        f"{wide}.map(it => it.outerHTML.slice(0, 100)).slice(0, 5).join()"
    )
    # A part that the keyboard can scroll, such as a large picture, cuts nothing off.
    cut = browser.evaluate(
        "[...document.querySelectorAll('body *')].filter(it => getComputedStyle(it).overflowX !== 'visible'"
        " && !['INPUT', 'TEXTAREA', 'SELECT'].includes(it.tagName) && it.scrollWidth > it.clientWidth + 1"
        " && !it.closest('.visually-hidden, .visually-hidden-focusable') && it.tabIndex !== 0"
        " && it.getClientRects().length && it.clientWidth > 2"
        ").map(it => it.outerHTML.slice(0, 100))"
    )
    assert cut == []


def wait_for_heading(browser: Browser, words: str) -> None:
    """Wait for the page whose heading has these words, and ask, the first time that it is seen, that it is good."""
    browser.wait_for(
        f"document.querySelector('h1')?.textContent.includes({json.dumps(words)}) && document.readyState === 'complete'"
    )
    # The editor is one page for all portals.
    page = r"location.pathname.replace(/^\/staff\/portals\/[^/]+\//, '')"
    seen = browser.evaluate(f"[{page}, document.title, innerWidth, document.forms.length].join()")
    if seen not in _found_good:
        require_good(browser)
        _found_good.add(seen)


def enter(browser: Browser, label: str, text: str) -> None:
    """Go to a field by the keyboard and replace what it has."""
    reach_field(browser, label)
    browser.evaluate("document.activeElement.select()")
    browser.type(text)


def follow(browser: Browser, words: str, most: int = 80) -> None:
    """Go to a link, button or box by the keyboard alone and press Enter. What was told as done before counts no more."""
    reach(browser, words, most)
    browser.evaluate("document.getElementById('done')?.remove()")
    browser.press("Enter")


def choose(browser: Browser, group: str, words: str) -> None:
    """Choose one of the radio buttons of a group by the keyboard alone: Tab to the group, then the arrow keys."""
    legend = "document.activeElement.closest('fieldset')?.querySelector('legend')?.textContent.trim()"
    for _ in range(80):
        if browser.evaluate("document.activeElement.type === 'radio'") and browser.evaluate(legend) == group:
            break
        browser.press("Tab")
    browser.press(" ")
    for _ in range(20):
        if browser.evaluate("document.activeElement.labels[0].textContent.trim()") == words:
            assert browser.evaluate("document.activeElement.checked")
            return
        browser.press("ArrowDown")
    raise AssertionError(f"{group} offers no {words}")


def reach_field(browser: Browser, label: str) -> None:
    """Go to a field by the keyboard: through the summary of problems, where that names it first."""
    reach(browser, label)
    if browser.evaluate("document.activeElement.tagName") == "A":
        browser.press("Enter")


def reach(browser: Browser, words: str, most: int = 80) -> None:
    """Go by Tab to the control of this name. At each stop the focus can be seen."""
    name = "(it => (it.labels?.[0] ?? it).textContent.trim())(document.activeElement)"
    for _ in range(most):
        if browser.evaluate("document.activeElement !== document.body") and browser.evaluate(name).startswith(
            words
        ):
            # A page that has just been opened shows the focus once its window has it.
            browser.wait_for("getComputedStyle(document.activeElement).outlineStyle !== 'none'")
            return
        browser.press("Tab")
    raise AssertionError(f"Tab does not reach {words}; the page says {browser.text[:500]}")
