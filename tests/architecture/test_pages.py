"""The pages: each reaches the system through public routes only, and its template owns no rule, style or script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.api import ROUTES
from gateway.web import page as declarations
from gateway.web import rendering
from gateway.web.page import Page, route_of
from gateway.web.pages import PAGES
from services.contracts.identity import passports

WEB = Path(declarations.__file__).parent
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
STATUS_LOGIC = re.compile(r"status_key\s*[!=]=|\.state\s*[!=]=|security_level|\.realm\b")
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|hx-on|js:|hx-trigger=\"[^\"]*\[|<script(?![^>]*\ssrc=)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.address)
def test_a_page_calls_nothing_without_a_public_route(page: Page) -> None:
    routes = {id(route) for route in ROUTES}
    called = [read.route for read in page.reads.values()] + [action.route for action in page.actions]
    assert all(id(route) in routes for route in called)
    assert all(route.method == "GET" for route in (read.route for read in page.reads.values()))
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
    assert len({action.name for action in page.actions}) == len(page.actions)


def _parts(page: Page) -> str:
    folder = (WEB / "templates" / page.template).parent
    return "".join(path.read_text() for path in folder.glob("*.html"))


def test_no_address_belongs_to_two_pages_or_to_a_route() -> None:
    addresses = [page.address for page in PAGES]
    assert len(set(addresses)) == len(addresses)
    assert not set(addresses) & {route.path for route in ROUTES}


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


def test_the_pages_call_identity_and_the_rest_by_routes_alone() -> None:
    for path in WEB.rglob("*.py"):
        source = path.read_text()
        assert "rpc_client" not in source, path
        assert "dispatcher.ask" not in source or path.name == "outside_sign_in.py", path
