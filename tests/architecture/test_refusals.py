"""Operations answer with the codes that they declare: an undeclared code fails a test, and an unused one is reported."""

from __future__ import annotations

import ast
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import all_operations
from services.contracts.errors import Refused
from services.contracts.portals.configuration import configure_portal, get_public_portal
from tests.support import refusals
from tests.support.in_process import InProcess, a_caller

ROOT = Path(__file__).resolve().parents[2]
SERVED = {"event": "served", "operation": "portals.get_public_portal", "outcome": "not_found"}


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Keep the codes that are planted here out of the suite's record."""
    empty: set[tuple[str, str]] = set()
    monkeypatch.setattr(refusals, "GIVEN", empty)
    return empty


@pytest.fixture
def portals(tmp_path: Path) -> Iterator[InProcess]:
    service = InProcess("portals", f"sqlite:///{tmp_path}/portals.db", tmp_path)
    yield service
    service.close()


def test_a_declared_refusal_is_remembered(portals: InProcess, given: set[tuple[str, str]]):
    with pytest.raises(Refused, match="not_found"):
        portals.call(get_public_portal, organisation="nowhere", portal="provider")

    assert given == {("portals.get_public_portal", "not_found")}


def test_an_undeclared_refusal_fails_the_test(portals: InProcess):
    silent = dataclasses.replace(get_public_portal, errors=())

    with pytest.raises(
        refusals.Undeclared, match=r"portals\.get_public_portal answers not_found: declare it"
    ):
        portals.call(silent, organisation="nowhere", portal="provider")


def test_what_follows_from_the_declaration_need_not_be_listed(portals: InProcess):
    wish = {"portal": "provider", "name": "Ours", "colour": "#112233", "ticker": []}
    with pytest.raises(Refused, match="version_required"):
        portals.call(configure_portal, a_caller("portal.configure"), **wish)
    with pytest.raises(Refused, match="forbidden"):
        portals.call(configure_portal, a_caller("portal.read"), version=1, **wish)


def test_the_log_of_a_process_tells_what_it_refused(given: set[tuple[str, str]]):
    lines = [
        json.dumps({**SERVED, **changed})
        for changed in ({}, {"outcome": "ok"}, {"outcome": "oversize"}, {"operation": "toy.add_thing"})
    ]

    refusals.note_logs(["not JSON", '{"event": "served_by"}', *lines])

    assert given == {("portals.get_public_portal", "not_found")}


def test_an_undeclared_refusal_in_the_log_of_a_process_fails_the_test():
    with pytest.raises(refusals.Undeclared, match="answers capacity_exhausted"):
        refusals.note_logs([json.dumps({**SERVED, "outcome": "capacity_exhausted"})])


def _nameless(source: str) -> list[int]:
    """Lines that ask for a permission and refuse with a bare `forbidden`."""
    asking = [
        each
        for each in ast.walk(ast.parse(source))
        if isinstance(each, ast.If) and any(_is_call(part, "may") for part in ast.walk(each.test))
    ]
    return [
        part.lineno
        for each in asking
        for step in each.body
        for part in ast.walk(step)
        if _is_call(part, "Refused") and ast.unparse(part.args[0]) == "'forbidden'"  # type: ignore[attr-defined]
    ]


def _is_call(part: ast.AST, name: str) -> bool:
    return isinstance(part, ast.Call) and name in (
        getattr(part.func, "attr", None),
        getattr(part.func, "id", None),
    )


def test_a_refusal_for_want_of_a_permission_names_it():
    """`lacking` does, in words and as a member."""
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / "services").rglob("*.py"))
        if ".may(" in (source := path.read_text())
        for line in _nameless(source)
    }
    assert found == set()
    assert _nameless('if not caller.may("toy.edit"):\n    raise Refused("forbidden", "You may not.")') == [2]


def test_a_declared_code_that_no_test_was_given_is_named():
    declared = {(each.address, code) for each in all_operations(CONTRACTS) for code in each.errors}
    missing = ("portals.get_public_portal", "not_found")
    assert missing in declared

    assert refusals.never_given(declared - {missing} - set(refusals.NOT_PROVOKED)) == [
        "portals.get_public_portal declares not_found, and no test was answered so: test it, or take it out of the declaration"
    ]


def test_a_reason_that_is_not_needed_any_more_is_named(monkeypatch: pytest.MonkeyPatch):
    declared = {(each.address, code) for each in all_operations(CONTRACTS) for code in each.errors}
    known = ("portals.get_public_portal", "not_found")
    monkeypatch.setattr(refusals, "NOT_PROVOKED", {known: "nobody can"})

    assert refusals.never_given(declared - {known}) == []
    (line,) = refusals.never_given(declared)
    assert line.startswith(
        "portals.get_public_portal, not_found: it is declared no more or a test provokes it"
    )
