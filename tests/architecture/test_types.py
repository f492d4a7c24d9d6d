"""mypy sees what entrypoints, handlers and loops call: what they get has a type of its own, not `Any`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICES = Path(__file__).resolve().parents[2] / "services"
# What code reaches everything else through. As `Any`, a call of a method that does not exist would first fail in a queue.
TYPED = {"runtime", "call", "incoming", "unit"}
NO_TYPES = {"none", "Any", "object"}


def untyped(tree: ast.AST) -> Iterator[str]:
    """The arguments of these names that have no type, as `line name: type`."""
    of_lambdas = {
        arg for node in ast.walk(tree) if isinstance(node, ast.Lambda) for arg in ast.walk(node.args)
    }  # they cannot be annotated: their type is that of the argument that takes the lambda
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.arg in TYPED and node not in of_lambdas:
            said = ast.unparse(node.annotation) if node.annotation else "none"
            if said.removesuffix(" | None") in NO_TYPES:
                yield f"{node.lineno} {node.arg}: {said}"


@pytest.mark.parametrize("path", sorted(SERVICES.iterdir()), ids=lambda path: path.name)
def test_what_leads_to_all_else_has_its_type(path: Path) -> None:
    found = [
        f"{file.relative_to(SERVICES)}:{line}"
        for file in sorted(path.rglob("*.py"))
        for line in untyped(ast.parse(file.read_bytes()))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def work(runtime: Any): ...", "1 runtime: Any"),
        ("def work(*, unit): ...", "1 unit: none"),
        ("class A:\n    def on_it(self, incoming: object): ...", "2 incoming: object"),
    ],
)
def test_what_mypy_could_not_see_is_named(source: str, told: str) -> None:
    assert list(untyped(ast.parse(source))) == [told]
    assert list(untyped(ast.parse("def work(runtime: Runtime, call: Call | None, other: Any): ..."))) == []
