"""Documents, docstrings and comments name files, modules and `make` targets that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDERS = ("services", "gateway", "deploy", "tests")
# What a reader of services/add_an_operation.md is going to make.
TO_BE_MADE = {"tests/integration/referrals/test_directory_followers.py"}
# What the programs make or are given when they run.
OF_RUN_TIME = (
    "var/",
    ".venv/",
    "public.json",
    "retired.json",
    "backup.json",
    ">shovels.json",
    "job.json",
    "datapackage.json",
)
SUFFIXES = "py|md|toml|json|lock|js|css|html|sh|txt|svg"

CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
FROM_THE_TOP = re.compile(rf"(?<![\w./:-])(?:{'|'.join(FOLDERS)})[./][\w./*<>…{{}}-]+")
FILE = re.compile(rf"(?<![\w./:<>*…}}=-])[\w<>*…][\w./*<>…-]*\.(?:{SUFFIXES})\b(?![\w(/:])")
FOLDER = re.compile(r"[a-z_]+(?:/[a-z_]+)*/")
MEMBER = re.compile(rf"(?<![\w./])([a-z_]+)\.(?!(?:{SUFFIXES})\b)(\w+)")
TARGET = re.compile(r"make ([a-z][a-z-]*)")
COMMENT = re.compile(r"(?<!\S)#:? (.*)$", re.MULTILINE)
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def test_what_the_documents_name_exists():
    documents = [CHECKOUT / "README.md", CHECKOUT / "CHANGELOG.md"]
    documents += [
        path
        for folder in FOLDERS
        for path in (CHECKOUT / folder).rglob("*.md")
        if "node_modules" not in path.parts
    ]

    assert [
        f"{path.relative_to(CHECKOUT)}: {name}"
        for path in documents
        for name in dangling(path.read_text(), path.parent)
    ] == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_docstrings_and_comments_name_exists(folder: str):
    assert [
        f"{path.relative_to(CHECKOUT)}: {name}"
        for path in sorted((CHECKOUT / folder).rglob("*.py"))
        for name in dangling(explanations(path.read_text()), path.parent)
    ] == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("The relay is in `services/chassis/planted.py`.", "services/chassis/planted.py"),
        ("The relay is in services/chassis/planted.py.", "services/chassis/planted.py"),
        ("Run `python -m deploy.planted` first.", "deploy.planted"),
        ("`services.chassis.outbox.planted` publishes.", "services.chassis.outbox.planted"),
        ("See `documents/planted.py`.", "documents/planted.py"),
        ("See `planted.py`.", "planted.py"),
        ("See the folder `planted/`.", "planted/"),
        ("`outbox.planted` publishes.", "outbox.planted"),
        ("[why](../decisions/0099-planted.md)", "../decisions/0099-planted.md"),
        ("`make planted` starts it.", "make planted"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(text: str, named: str):
    assert list(dangling(text, CHECKOUT / "services/chassis")) == [named]


def test_a_reference_may_be_a_pattern_or_lead_to_a_member():
    text = (
        "`services/<service>/<subject>/` and `tests/integration/<service>/test_<subject>….py`; `outbox.py`, "
        "`services.chassis.unit_of_work.UnitOfWork.publish`, `services/chassis/*.py`, `migrations/`, `make test`"
    )

    assert list(dangling(text, CHECKOUT / "services/chassis")) == []


def test_comments_and_docstrings_are_read_and_code_is_not():
    text = '"""One."""\nx = "two"  # three\n# four\ndef f():\n    """Five."""\n    return "six"\n'

    assert explanations(text).split() == ["One.", "Five.", "three", "four"]


def explanations(text: str) -> str:
    """The docstrings and comments of a module."""
    docstrings = [
        ast.get_docstring(node) or "" for node in ast.walk(ast.parse(text)) if isinstance(node, DOCUMENTED)
    ]
    return "\n".join([*docstrings, *COMMENT.findall(text)])


def dangling(text: str, folder: Path) -> Iterator[str]:
    """What a text that lies in `folder` names although there is no such thing."""
    code = "\n".join(CODE.findall(text))
    paths = {*FROM_THE_TOP.findall(text), *FILE.findall(code), *LINK.findall(CODE.sub("", text))}
    paths |= {each for each in code.split() if FOLDER.fullmatch(each)}
    for name in sorted(each.rstrip(".…:") for each in paths):
        if not (_is_there(name, folder) or name in TO_BE_MADE or name.startswith(OF_RUN_TIME)):
            yield name
    for module, member in sorted(set(MEMBER.findall(code))):
        path = folder / f"{module}.py"
        if path.exists() and not _defines(path, member):
            yield f"{module}.{member}"
    yield from (f"make {each}" for each in sorted(set(TARGET.findall(code)) - _targets()))


def _is_there(name: str, folder: Path) -> bool:
    """Whether a dotted name or a path leads somewhere: from `folder` downwards, or from a folder above it."""
    pattern = re.sub(r"(?:<[^>]*>|…|\{[^}]*\}|\*)+", "*", name).rstrip("/")
    if "/" not in pattern and pattern.startswith(tuple(f"{each}." for each in FOLDERS)):
        return _is_module_or_member(pattern)
    if pattern.startswith(".."):
        return (folder / pattern).exists()
    above = [each for each in folder.parents if each.is_relative_to(CHECKOUT)]
    return any(_any(each, pattern) for each in above) or _any(folder, f"**/{pattern}")


@cache
def _any(folder: Path, pattern: str) -> bool:
    return next(folder.glob(pattern), None) is not None


@cache
def _is_module_or_member(name: str) -> bool:
    where = CHECKOUT
    parts = name.split(".")
    while parts and (where / parts[0]).is_dir():
        where /= parts.pop(0)
    if not parts:
        return True
    if (where / f"{parts[0]}.py").exists():
        return len(parts) == 1 or _defines(where / f"{parts[0]}.py", parts[-1])
    return (where / "__init__.py").exists() and _defines(where / "__init__.py", parts[0])


@cache
def _defines(path: Path, name: str) -> bool:
    definition = rf"^ *(?:(?:async )?def |class )?(?:self\.)?{re.escape(name)}\b(?: *[:=(\[]|$)"
    return re.search(definition, path.read_text(), re.MULTILINE) is not None


@cache
def _targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
