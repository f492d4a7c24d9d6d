"""Rules for files: top-level folders, names of modules, swallowed errors, imports of rules."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDERS = ("services", "gateway", "deploy", "tests")
TOP_LEVEL = {
    *FOLDERS,
    "README.md",
    "Makefile",
    "pyproject.toml",
    "LICENSE",
    "CHANGELOG.md",
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-node.lock",
}
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
# Published words that compute alone, without a framework: refusals, and the forms in which values are compared.
RULES_MAY_IMPORT = (
    "services.contracts.addresses",
    "services.contracts.errors",
    "services.contracts.ids",
    "services.contracts.spelling",
    "services.contracts.web_addresses",
    # Tables of the directory that its rules and others read, and what it withholds: as pure as rules.
    "services.referrals.directory.countries",
    "services.referrals.directory.terms",
    "services.referrals.directory.withheld",
)


def modules() -> list[Path]:
    """All Python files of the tree."""
    return sorted(
        path
        for folder in FOLDERS
        for path in (CHECKOUT / folder).rglob("*.py")
        if "__pycache__" not in path.parts
    )


def test_the_top_level_holds_only_what_the_blueprint_allows():
    ignored = {line.strip("/") for line in (CHECKOUT / ".gitignore").read_text().split()}
    present = {path.name for path in CHECKOUT.iterdir() if not path.name.startswith(".")}

    assert present - ignored - TOP_LEVEL == set()
    assert set(FOLDERS) <= present


def test_no_module_has_a_name_that_says_nothing():
    named = [path for path in modules() if {path.stem, path.parent.name} & NAMES_THAT_SAY_NOTHING]

    assert [str(path.relative_to(CHECKOUT)) for path in named] == []


def test_no_error_is_swallowed():
    places = [
        f"{path.relative_to(CHECKOUT)}:{line}" for path in modules() for line in swallowed(path.read_text())
    ]

    assert places == []


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    work()\nexcept Exception:\n    pass\n",
        "try:\n    work()\nexcept:\n    pass\n",
        "try:\n    work()\nexcept (ValueError, Exception):\n    ...\n",
        "for _ in items:\n    try:\n        work()\n    except BaseException:\n        continue\n",
        "with contextlib.suppress(Exception):\n    work()\n",
    ],
)
def test_a_swallowed_error_would_be_seen(text: str):
    assert len(list(swallowed(text))) == 1


def test_an_error_that_is_named_or_told_is_not_swallowed():
    text = "try:\n    work()\nexcept KeyError:\n    pass\nexcept Exception as error:\n    log(error)\n"

    assert list(swallowed(text)) == []


def test_rules_import_the_standard_library_and_each_other_only():
    strangers = [
        f"{path.relative_to(CHECKOUT)}: {name}"
        for path in (CHECKOUT / "services").rglob("rules.py")
        for name in imported(path.read_text())
        if name.partition(".")[0] not in sys.stdlib_module_names
        and name not in RULES_MAY_IMPORT
        and not name.endswith(".rules")
    ]

    assert strangers == []


def swallowed(text: str) -> Iterator[int]:
    """Lines that catch every error and do nothing about it."""
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.ExceptHandler)
            and _catches_all(node.type)
            and all(map(_does_nothing, node.body))
        ):
            yield node.lineno
        if (
            isinstance(node, ast.Call)
            and _name(node.func) == "suppress"
            and any(map(_catches_all, node.args))
        ):
            yield node.lineno


def imported(text: str) -> Iterator[str]:
    """Modules that are imported."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _catches_all(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(map(_catches_all, caught.elts))
    return caught is None or _name(caught) in ("Exception", "BaseException")


def _does_nothing(statement: ast.stmt) -> bool:
    is_ellipsis = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_ellipsis or isinstance(statement, ast.Pass | ast.Continue)


def _name(expression: ast.expr) -> str:
    return expression.attr if isinstance(expression, ast.Attribute) else getattr(expression, "id", "")
