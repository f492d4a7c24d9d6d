"""The pages: each reaches the system through public routes only, and its template owns no rule, style or script."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
from jinja2 import nodes

from gateway.api import ROUTES
from gateway.web import SCREENS, rendering, serving
from gateway.web import page as declarations
from gateway.web.page import Page, route_of
from gateway.web.pages import PAGES
from services.contracts.identity import passports
from services.notifications.deliveries import rules
from tests.support.shown_pages import application, states_of

WEB = Path(declarations.__file__).parent
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
# What may be done follows from a state, a level or a realm in services alone: a template shows them and compares none.
STATUS_LOGIC = re.compile(r"(status_key|\.state|security_level|\.realm)[\"']?\)?\s*([!=]=|(not )?in\b)")
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|hx-on|js:|hx-trigger=\"[^\"]*\[|<script(?![^>]*\ssrc=)")


def _parsed(path: Path) -> nodes.Template:
    return rendering.template("kit.html").environment.parse(path.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.address)
def test_a_page_calls_nothing_without_a_public_route(page: Page) -> None:
    routes = {id(route) for route in ROUTES}
    called = [read.route for read in page.reads.values()] + [action.route for action in page.actions]
    assert all(id(route) in routes for route in called)
    for read in page.reads.values():
        is_search = bool(read.sealed) and not read.operation.keeps_answer
        assert read.route.method == "GET" or is_search
    assert all(route.method != "GET" for route in (action.route for action in page.actions))


def test_an_operation_without_a_public_route_is_refused() -> None:
    with pytest.raises(LookupError, match="no route"):
        route_of(passports.issue_passports)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.address)
def test_a_page_is_declared_whole(page: Page) -> None:
    template = rendering.template(page.template)
    source = Path(str(template.filename)).read_text()
    for action in page.actions:
        assert set(action.request.fields) >= set(action.given)
        assert re.search(
            rf"[\"']{action.name}[\"']|\"action\" value=\"{action.name}\"", source + _parts(page)
        ), action.name
    for read in page.reads.values():
        assert set(read.query) <= set(read.operation.request.fields)
        assert set(read.given) <= set(read.operation.request.fields)
        assert set(read.sealed) <= set(read.operation.request.fields)
    assert len({action.name for action in page.actions}) == len(page.actions)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.address)
def test_a_page_is_seen_in_the_states_that_follow_from_its_row(page: Page) -> None:
    seen = [state.name for state in states_of(page)]
    assert len(set(seen)) == len(seen)
    assert seen[0] == "normal"
    assert ("200 rows" in seen) == any("items" in read.operation.reply.fields for read in page.reads.values())
    assert ("one error" in seen) == bool(page.actions)


# Shown as a state of the page that it interrupts.
_NOT_SEEN = {serving.PROOF}


def test_a_page_in_no_table_declares_its_states() -> None:
    app = application(client=None)
    served = {rule.rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("page ")}
    declared = {page.rule for page in PAGES} | {screen.rule for screen in SCREENS}
    assert sorted(served - declared - _NOT_SEEN) == []
    assert all(screen.states[0].name == "normal" for screen in SCREENS)
    for screen in SCREENS:
        assert len({state.name for state in screen.states}) == len(screen.states), screen.address


def _parts(page: Page) -> str:
    folder = (WEB / "templates" / page.template).parent
    return "".join(path.read_text() for path in folder.glob("*.html"))


def test_no_address_belongs_to_two_pages_or_to_a_route() -> None:
    addresses = [page.address for page in PAGES]
    assert len(set(addresses)) == len(addresses)
    assert not set(addresses) & {route.path for route in ROUTES}


def test_a_message_leads_to_a_page_that_there_is() -> None:
    assert set(rules.PAGES.values()) <= {page.address for page in PAGES}


def test_one_name_of_an_action_says_one_thing() -> None:
    said: dict[str, str] = {}
    for page in PAGES:
        for action in page.actions:
            assert said.setdefault(action.name, action.done) == action.done, action.name


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB)))
def test_a_template_has_no_rule_of_its_own_and_nothing_inline(path: Path) -> None:
    source = path.read_text()
    assert not STATUS_LOGIC.findall(source)
    assert not INLINE.findall(source)
    # The ticker, whose service renders its own markup (S2-59).
    assert set(re.findall(r"([\w.]+)\|safe", source)) <= {"message.html"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(WEB)))
def test_a_template_calls_only_patterns_that_there_are(path: Path) -> None:
    tree = _parsed(path)
    imported = {each.target: each.template.value for each in tree.find_all(nodes.Import)}  # type: ignore[attr-defined]
    for each in tree.find_all(nodes.Getattr):
        if isinstance(each.node, nodes.Name) and each.node.name in imported:
            source = imported[each.node.name]
            assert each.attr in _exported(source), f"{source} has no {each.attr!r}"


@pytest.mark.parametrize(
    "macro", list(_parsed(WEB / "templates/kit.html").find_all(nodes.Macro)), ids=lambda each: each.name
)
def test_a_pattern_is_shown_on_the_page_of_patterns_with_all_that_it_can_be_given(macro: nodes.Macro) -> None:
    if macro.name.startswith("_"):  # a part of others
        return
    shown = {"kit_page.html", "base.html"}
    calls = [
        call
        for name in shown
        for call in _parsed(WEB / "templates" / name).find_all(nodes.Call)
        if isinstance(call.node, nodes.Getattr) and call.node.attr == macro.name
    ]
    assert calls, f"kit_page.html does not show {macro.name!r}"
    names = [each.name for each in macro.args]
    given = {
        name for call in calls for name in (*names[: len(call.args)], *(each.key for each in call.kwargs))
    }
    assert set(names) - given == set()


@functools.cache
def _exported(name: str) -> set[str]:
    """What a template has for others: its macros, and what it sets."""
    body = _parsed(WEB / "templates" / name).body
    set_there = {each.target.name for each in body if isinstance(each, nodes.Assign)}  # type: ignore[attr-defined]
    return {each.name for each in body if isinstance(each, nodes.Macro)} | set_there


def test_the_pages_call_identity_and_the_rest_by_routes_alone() -> None:
    for path in WEB.rglob("*.py"):
        source = path.read_text()
        assert "rpc_client" not in source, path
        assert "dispatcher.ask" not in source or path.name == "outside_sign_in.py", path
