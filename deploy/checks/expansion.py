"""Checks that migrations since the last release only expand, so that the last release's code works on the new schema.

`released` has the last revision of each service in the last release. A later revision is refused that takes away what older code uses
(a table, a column, a name, the permission to be empty) or adds a column that older code does not fill, unless it says why nothing of
the last release needs it: `contracts = "…"` beside `revision`. What only later revisions made may go again.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.checks import released as known

SERVICES = Path(__file__).resolve().parents[2] / "services"
WHAT_TO_DO = (
    'do it a release later, or say in the revision why the last release does not need it: contracts = "…"'
)
_TAKES_AWAY = re.compile(r"\b(DROP\s+(TABLE|COLUMN)|RENAME\s+(TO|COLUMN)|SET\s+NOT\s+NULL)\b", re.IGNORECASE)


def problems(services: Path = SERVICES, released: Mapping[str, str] | None = None) -> list[str]:
    """What later revisions take away, one sentence each."""
    last = known.revisions() if released is None else released
    found = []
    for service, revision in last.items():
        later = [
            path
            for path in sorted((services / service / "migrations").glob("[0-9]*.py"))
            if path.name[:4] > revision
        ]
        fresh: set[str] = set()
        for path in later:
            module = ast.parse(path.read_text("utf-8"))
            fresh |= {name for name, _ in _made(module)}
            if not _contracts(module):
                where = f"services/{service}/migrations/{path.name}"
                found += [f"{where}: {what}; {WHAT_TO_DO}" for what in _taken_away(module, fresh)]
    return found


def _contracts(module: ast.Module) -> bool:
    """Whether the revision gives a reason for taking something away."""
    return any(
        isinstance(each, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "contracts" for target in each.targets)
        and bool(_text(each.value))
        for each in module.body
    )


def _calls(module: ast.Module) -> Iterator[tuple[str, str, ast.Call]]:
    """The calls of all functions but `downgrade`: (method, table of the batch around it or "", call)."""
    for function in module.body:
        if isinstance(function, ast.FunctionDef) and function.name != "downgrade":
            yield from _calls_within(function, "")


def _calls_within(node: ast.AST, batch: str) -> Iterator[tuple[str, str, ast.Call]]:
    if isinstance(node, ast.With):
        for item in node.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and _name(call) == "batch_alter_table":
                batch = _text(call.args[0]) if call.args else ""
    if isinstance(node, ast.Call):
        yield _name(node), batch, node
    for child in ast.iter_child_nodes(node):
        yield from _calls_within(child, batch)


def _made(module: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """The tables (`things`) and columns (`things.colour`) that a revision adds, each with its call."""
    for method, batch, call in _calls(module):
        if method == "create_table":
            yield _text(call.args[0]), call
        elif method in ("add_column", "add_columns"):
            table, columns = (batch, call.args) if batch else (_text(call.args[0]), call.args[1:])
            for column in columns:
                if isinstance(column, ast.Call) and column.args:
                    yield f"{table}.{_text(column.args[0])}", column


def _taken_away(module: ast.Module, fresh: set[str]) -> Iterator[str]:
    for method, batch, call in _calls(module):
        texts = [_text(argument) for argument in call.args]
        if method in ("execute", "text", "exec_driver_sql"):
            words = _TAKES_AWAY.search("".join(texts))
            if words is not None:
                yield f"it says {' '.join(words[0].upper().split())}"
            continue
        table, column = (batch, *texts, "")[:2] if batch else (*texts, "", "")[:2]
        if not {table, f"{table}.{column}"} & fresh:
            yield from _of_operation(method, table, column, _given(call))
    yield from _unfilled(module, fresh)


def _of_operation(method: str, table: str, column: str, given: Mapping[str, ast.expr]) -> Iterator[str]:
    """What one of Alembic's operations takes away of a table that the last release has."""
    if method in ("drop_table", "rename_table"):
        yield f"it {method.partition('_')[0]}s the table {table}"
    elif method == "drop_column":
        yield f"it drops the column {table}.{column}"
    elif method == "alter_column" and "new_column_name" in given:
        yield f"it renames the column {table}.{column}"
    elif method == "alter_column" and _is_false(given.get("nullable")):
        yield f"it forbids the column {table}.{column} to be empty"


def _unfilled(module: ast.Module, fresh: set[str]) -> Iterator[str]:
    """New columns, of tables that the last release has, in which its rows would be refused."""
    for name, call in _made(module):
        table, _, column = name.partition(".")
        given = _given(call)
        if (
            column
            and table not in fresh
            and _is_false(given.get("nullable"))
            and "server_default" not in given
        ):
            yield f"it adds the column {name}, which must not be empty and has no default of the database"


def _given(call: ast.Call) -> dict[str, ast.expr]:
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
