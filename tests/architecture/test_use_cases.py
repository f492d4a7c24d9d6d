"""A handler or query names the members of the request that it needs, with the types of the declaration."""

from __future__ import annotations

import ast
import datetime
import importlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from marshmallow import Schema, fields, missing

from services.contracts.catalogue import SERVICES
from services.contracts.declare import Operation
from services.contracts.fields import Count, Id, Ids, Moment

CHECKOUT = Path(__file__).resolve().parents[2]
DEEPEST = 4  # functions between an entrypoint and `call.commit`
PYTHON_TYPES: tuple[tuple[type[fields.Field], str], ...] = (
    (fields.Boolean, "bool"),
    (fields.Integer, "int"),
    (fields.Float, "float"),
    (fields.DateTime, "datetime.datetime"),
    (fields.Time, "datetime.time"),
    (fields.Date, "datetime.date"),
    (fields.String, "str"),
)


def python_type(field: fields.Field) -> str:
    """The type that a member has once its schema has read it, as written in an annotation."""
    if isinstance(field, fields.List):
        name = f"list[{python_type(field.inner)}]"
    elif isinstance(field, fields.Nested):
        name = "list[Mapping[str, Any]]" if field.many else "Mapping[str, Any]"
    elif isinstance(field, fields.Dict):
        name = "Mapping[str, Any]"
    else:
        name = next((name for kind, name in PYTHON_TYPES if isinstance(field, kind)), "Any")
    return f"{name} | None" if field.allow_none and name != "Any" else name


def misfits(use_case: Callable[..., Any], request: Schema) -> Iterator[str]:
    """Parameters that do not fit the request, one sentence each."""
    if "request" in inspect.signature(use_case).parameters:
        return
    for name, parameter in inspect.signature(use_case).parameters.items():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        field = request.fields.get(name)
        if field is None:
            if parameter.default is inspect.Parameter.empty:
                yield f"{use_case.__qualname__} asks for `{name}`, which the request does not have"
            continue
        expected = python_type(field)
        if parameter.annotation not in (expected, "Any"):
            yield f"{use_case.__qualname__}: `{name}` is declared as {expected}, not {parameter.annotation}"
        is_always_there = field.required or field.load_default is not missing
        if not is_always_there and parameter.default is inspect.Parameter.empty:
            yield f"{use_case.__qualname__}: `{name}` may be absent, give it a default"


def served(service: str) -> Iterator[tuple[Operation, Callable[..., Any]]]:
    """Operations of a service with the handlers and queries that carry them out, as far as the source tells."""
    importlib.import_module(f"services.{service}.service")
    for path in sorted((CHECKOUT / "services" / service).rglob("*.py")):
        if "migrations" in path.parts or "@serves(" not in path.read_text():
            continue
        module = importlib.import_module(".".join(path.relative_to(CHECKOUT).with_suffix("").parts))
        for node in ast.walk(ast.parse(path.read_text())):
            for decorator in getattr(node, "decorator_list", []):
                if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "serves":
                    operation = _value(decorator.args[0], vars(module))
                    yield from ((operation, each) for each in _use_cases(node, vars(module), DEEPEST))


def _use_cases(function: ast.AST, names: dict[str, Any], depth: int) -> Iterator[Callable[..., Any]]:
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("commit", "read") and node.args:
            if getattr(node.func.value, "id", "") == "call":
                use_case = _value(node.args[0], names)
                if inspect.isfunction(use_case):
                    yield use_case
        elif depth and any(getattr(each, "id", "") == "call" for each in node.args):
            workflow = _value(node.func, names)
            if inspect.isfunction(workflow) and workflow.__module__.startswith("services."):
                source = ast.parse(textwrap.dedent(inspect.getsource(workflow)))
                yield from _use_cases(source, workflow.__globals__, depth - 1)


def _value(expression: ast.expr, names: dict[str, Any]) -> Any:
    """The value of a dotted name in a module; None for any other expression."""
    if isinstance(expression, ast.Name):
        return names.get(expression.id)
    if isinstance(expression, ast.Attribute):
        return getattr(_value(expression.value, names), expression.attr, None)
    return None


@pytest.mark.parametrize("service", SERVICES)
def test_use_cases_name_members_that_their_operation_declares(service: str):
    found = list(served(service))

    assert len(found) > 2
    assert [
        f"{operation.address}: {misfit}"
        for operation, use_case in found
        for misfit in misfits(use_case, operation.request)
    ] == []


def a_request() -> Schema:
    """A request with members of several kinds."""
    shape = {
        "program_id": Id(required=True),
        "since": Moment(load_default=None, allow_none=True),
        "beds": Count(),
        "others": Ids(load_default=list),
    }
    return Schema.from_dict(shape)()


def test_a_use_case_that_fits_is_passed():
    def fits(unit, *, program_id: str, since: datetime.datetime | None, others: list[str], beds: int = 0):
        """As declared."""

    assert list(misfits(fits, a_request())) == []


def test_a_member_that_is_not_declared_or_has_another_type_is_named():
    def asks(unit, *, program: str, since: str, beds: int):
        """Wrong three times."""

    told = list(misfits(asks, a_request()))

    assert len(told) == 3
    assert "`program`" in told[0]
    assert "datetime.datetime | None" in told[1]
    assert "may be absent" in told[2]
