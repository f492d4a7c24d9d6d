"""A handler or query names the members of the request that it needs, with the types of the declaration."""

from __future__ import annotations

import ast
import datetime
import importlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypedDict, Unpack, is_typeddict

import pytest
from marshmallow import Schema, fields, missing

from services.contracts.catalogue import SERVICES
from services.contracts.declare import Operation
from services.contracts.fields import Count, Id, Ids, Moment
from services.contracts.portals.local_text import LocalText

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
    elif isinstance(field, LocalText):
        name = "dict[str, str]"
    elif isinstance(field, fields.Dict):
        name = "Mapping[str, Any]"
    else:
        name = next((name for kind, name in PYTHON_TYPES if isinstance(field, kind)), "Any")
    return f"{name} | None" if field.allow_none and name != "Any" else name


def misfits(use_case: Callable[..., Any], request: Schema) -> Iterator[str]:
    """Parameters that do not fit the request, one sentence each."""
    parameters = inspect.signature(use_case).parameters
    if "request" in parameters:
        yield f"{use_case.__qualname__} takes the whole request: name its members"
    for name, parameter in parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            yield from _misfits_of_rest(use_case, parameter, request)
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        field = request.fields.get(name)
        if field is None:
            if parameter.default is inspect.Parameter.empty:
                yield f"{use_case.__qualname__} asks for `{name}`, which the request does not have"
            continue
        expected = python_type(field)
        may_be_absent = not field.required and field.load_default is missing
        fitting = {expected, "Any"}
        if may_be_absent and parameter.default is None:
            fitting.add(f"{expected} | None")
        if parameter.annotation not in fitting:
            yield f"{use_case.__qualname__}: `{name}` is declared as {expected}, not {parameter.annotation}"
        if may_be_absent and parameter.default is inspect.Parameter.empty:
            yield f"{use_case.__qualname__}: `{name}` may be absent, give it a default"


def _misfits_of_rest(
    use_case: Callable[..., Any], parameter: inspect.Parameter, request: Schema
) -> Iterator[str]:
    """How the TypedDict of `**changes: Unpack[Changes]` differs from the members that the use case does not name."""
    name = str(parameter.annotation).removeprefix("Unpack[").removesuffix("]")
    kind = use_case.__globals__.get(name)  # type: ignore[attr-defined]  # use cases are functions
    if not is_typeddict(kind):
        yield f"{use_case.__qualname__}: `{parameter}` is to be Unpack[…] of a TypedDict"
        return
    types = {member: each.__forward_arg__ for member, each in kind.__annotations__.items()}
    rest = set(request.fields).difference(
        each.name
        for each in inspect.signature(use_case).parameters.values()
        if each.kind is not inspect.Parameter.POSITIONAL_ONLY
    )
    for member in sorted(rest.symmetric_difference(types)):
        yield f"{use_case.__qualname__}: `{member}` is in {name} or in the request, not in both"
    for member in sorted(rest.intersection(types)):
        expected = python_type(request.fields[member])
        if types[member].removesuffix(" | None") != expected.removesuffix(" | None") or (
            expected.endswith(" | None") and not types[member].endswith(" | None")
        ):
            yield f"{use_case.__qualname__}: `{member}` is declared as {expected}, not {types[member]}"


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


class Rest(TypedDict, total=False):
    """Members of the request: as declared, except that one may be null there and not here."""

    since: datetime.datetime
    beds: int


def test_the_rest_of_the_members_is_compared_with_their_typed_dict():
    def fits(unit, **entered: Unpack[Whole]):
        """As declared."""

    def differs(unit, *, program_id: str, **changes: Unpack[Rest]):
        """`others` is missing, and `since` may be null."""

    def takes_all(unit, request):
        """The old way."""

    assert list(misfits(fits, a_request())) == []
    told = list(misfits(differs, a_request()))
    assert len(told) == 2
    assert "`others`" in told[0]
    assert "`since` is declared as datetime.datetime | None" in told[1]
    assert len(list(misfits(takes_all, a_request()))) == 1


class Whole(TypedDict, total=False):
    """All members of the request."""

    program_id: str
    since: datetime.datetime | None
    beds: int
    others: list[str]


def test_a_member_that_is_not_declared_or_has_another_type_is_named():
    def asks(unit, *, program: str, since: str, beds: int):
        """Wrong three times."""

    told = list(misfits(asks, a_request()))

    assert len(told) == 3
    assert "`program`" in told[0]
    assert "datetime.datetime | None" in told[1]
    assert "may be absent" in told[2]
