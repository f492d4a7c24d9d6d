"""The source code for the checks: parsed modules, and every reference to the published language."""

from __future__ import annotations

import ast
import functools
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LANGUAGE = "services.contracts"
ENTRYPOINTS = ("serves", "listens")


@dataclass(frozen=True)
class Reference:
    """A reference to `target`, an object of the contracts. `entrypoint` is the method that it decorates, if any."""

    target: Any
    line: int
    entrypoint: ast.FunctionDef | None = None


class Module:
    """One module: its syntax tree and the meaning of its imported names."""

    def __init__(self, name: str, path: str, text: str) -> None:
        self.name = name
        self.path = path
        self.tree = ast.parse(text)
        self.imported = dict(_imports(self.tree))

    def meaning(self, expression: ast.expr) -> str | None:
        """The dotted name that a name or a chain of attributes means by the module's imports, or None."""
        names: list[str] = []
        while isinstance(expression, ast.Attribute):
            names.append(expression.attr)
            expression = expression.value
        if not isinstance(expression, ast.Name) or expression.id not in self.imported:
            return None
        return ".".join((self.imported[expression.id], *reversed(names)))

    @functools.cached_property
    def references(self) -> list[Reference]:
        """Every reference to the contracts."""
        return list(self._references())

    def _references(self) -> Iterator[Reference]:
        decorating = dict(self._decorating())
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name | ast.Attribute):
                meaning = self.meaning(node)
                if meaning is not None and meaning.startswith(LANGUAGE):
                    target = resolved(meaning)
                    if target is not None:
                        yield Reference(target, node.lineno, decorating.get(node))

    def _decorating(self) -> Iterator[tuple[ast.expr, ast.FunctionDef]]:
        """The arguments of `@serves(…)` and `@listens(…)`, each with the decorated method."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if (
                        isinstance(decorator, ast.Call)
                        and isinstance(decorator.func, ast.Name)
                        and decorator.func.id in ENTRYPOINTS
                    ):
                        yield decorator.args[0], node

    def is_in(self, package: str) -> bool:
        """Whether it lies in this package."""
        return self.name == package or self.name.startswith(f"{package}.")


def modules(*packages: str) -> list[Module]:
    """Every module of these packages, except migrations."""
    found = []
    for package in packages:
        for path in sorted((ROOT / package.replace(".", "/")).rglob("*.py")):
            relative = path.relative_to(ROOT)
            if "migrations" not in relative.parts:
                name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
                found.append(Module(name, str(relative), path.read_text()))
    return found


@functools.cache
def resolved(dotted: str) -> Any:
    """The object with this dotted name, or None."""
    module, *rest = _split(dotted)
    target: Any = importlib.import_module(module)
    for name in rest:
        target = getattr(target, name, None)
    return target


def _split(dotted: str) -> list[str]:
    """A dotted name split into an importable module and the names within it."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        folder = ROOT.joinpath(*parts[:count])
        if folder.with_suffix(".py").exists() or (folder / "__init__.py").exists():
            return [".".join(parts[:count]), *parts[count:]]
    raise ModuleNotFoundError(dotted)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    yield alias.asname, alias.name
                else:
                    top = alias.name.partition(".")[0]
                    yield top, top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"
