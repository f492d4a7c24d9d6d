"""Checks that each error code is raised somewhere, and each declared one within reach of its operation's entrypoint.

Also, that what people outside the staff are told is told in every language.

Code is within reach if the entrypoint refers to it, directly or through other code. A method called on an object may be any
method of this name in the module itself and in those that it imports. A code within reach need not occur, so the tests
also record every refusal (tests/support/refusals.py).
"""

from __future__ import annotations

import ast
import functools
import itertools
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from babel.messages import pofile

from deploy.checks.portico import Portico
from deploy.checks.source import LANGUAGE, Module, resolved
from deploy.texts import LOCALE
from gateway.web.pages import PAGES
from services.contracts.declare import Operation
from services.contracts.errors import CODES

# Their methods are called on objects that come with every request.
EVERYWHERE = ("services.chassis.passports",)
# Every operation may refuse with these.
CODES_OF_ALL = ("conflict", "forbidden", "invalid_request", "not_found", "too_many_requests")


@dataclass
class _Piece:
    """A function, class or module-level name: the error codes in its source, its refusals, and the pieces that it refers to.

    `told` are pairs of a code and what people are told.
    """

    codes: set[str] = field(default_factory=set)
    told: set[tuple[str, str]] = field(default_factory=set)
    named: set[str] = field(default_factory=set)


def problems(portico: Portico) -> list[str]:
    """Codes that no code raises, and declared codes that their operation cannot raise, one sentence each."""
    return [
        *_codes_that_nobody_raises(portico),
        *_codes_out_of_reach(portico),
        *_refusals_in_english_alone(portico),
    ]


def _codes_that_nobody_raises(portico: Portico) -> Iterator[str]:
    raised = {code for module in portico.modules if not module.is_in(LANGUAGE) for code in _codes_in(module)}
    for code in CODES:
        if code not in raised:
            yield f"{code}: no code raises it; take it out of services/contracts/errors.py"


def _refusals_in_english_alone(portico: Portico) -> Iterator[str]:
    """Refusals that a page for people outside the staff can show, and that a language does not tell."""
    told = {sentence: address for address, sentence in _told_outside_the_staff(portico)}
    for folder in sorted(LOCALE.iterdir()):
        known = {
            plain(str(entry.id))
            for path in folder.glob("*.po")
            for entry in pofile.read_po(BytesIO(path.read_bytes()))
        }
        for sentence, address in sorted(told.items()):
            if plain(sentence) not in known:
                yield f"{address}: {sentence!r} is told in English alone; add it to {folder.name}/refusals.po"


def _told_outside_the_staff(portico: Portico) -> Iterator[tuple[str, str]]:
    """Operations of pages for people outside the staff, with each sentence in which they may refuse."""
    pages = [page for page in PAGES if not page.address.startswith("/staff")]
    shown = {each.operation for page in pages for each in page.actions}
    shown |= {each.operation for page in pages for each in page.reads.values()}
    for service, operations in portico.operations.items():
        modules = (*portico.of(f"services.{service}"), *portico.of("services.chassis"))
        pieces, starts = _pieces(modules), _entrypoints(portico.of(f"services.{service}"))
        for operation in shown & set(operations):
            if operation.address not in starts:
                continue
            for name in _reached(pieces, _names_taken_over(modules), starts[operation.address]):
                # What the chassis refuses is about programs that call us, but for what it says of a caller.
                if name in pieces and (
                    not name.startswith("services.chassis.") or name.startswith(EVERYWHERE)
                ):
                    for code, sentence in pieces[name].told:
                        if code in operation.errors or code in CODES_OF_ALL:
                            yield operation.address, sentence


@functools.cache
def _codes_in(module: Module) -> frozenset[str]:
    return frozenset(code for node in ast.walk(module.tree) for code in _code(node))


def _codes_out_of_reach(portico: Portico) -> Iterator[str]:
    for service, operations in portico.operations.items():
        modules = (*portico.of(f"services.{service}"), *portico.of("services.chassis"))
        pieces = _pieces(modules)
        starts = _entrypoints(portico.of(f"services.{service}"))
        for operation in operations:
            # `serves_audit` makes the entrypoints of the audit trail, so no source names them.
            start = starts.get(operation.address)
            if start is None:
                continue
            reachable = _reachable(pieces, _names_taken_over(modules), start, operation)
            for code in operation.errors:
                if code not in reachable:
                    yield (
                        f"{operation.address}: declares {code}, which nothing it calls raises; "
                        "raise it, or take it out of the declaration"
                    )


def _entrypoints(modules: list[Module]) -> dict[str, str]:
    """The dotted name of each operation's entrypoint, by address."""
    return {
        reference.target.address: f"{module.name}.{owner}.{function.name}"
        for module in modules
        for owner, function in _methods(module)
        for reference in module.references
        if reference.entrypoint is function and isinstance(reference.target, Operation)
    }


def _methods(module: Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The methods of a module's classes, each with the name of its class."""
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef):
            yield from ((node.name, each) for each in node.body if isinstance(each, ast.FunctionDef))


@functools.cache
def _pieces(modules: tuple[Module, ...]) -> dict[str, _Piece]:
    """Every piece by its dotted name."""
    pieces: dict[str, _Piece] = {}
    methods = {module.name: _by_name(module) for module in modules}
    for module in modules:
        near = [
            methods[name]
            for name in {module.name, *_imported_modules(module, methods), *EVERYWHERE} & set(methods)
        ]
        siblings = _siblings(module, modules)
        for node in module.tree.body:
            for name in _defined(node):
                pieces[f"{module.name}.{name}"] = _piece(module, _without_methods(node), near, siblings)
        for owner, function in _methods(module):
            pieces[f"{module.name}.{owner}.{function.name}"] = _piece(module, [function], near, siblings)
    return pieces


def _without_methods(node: ast.stmt) -> list[ast.AST]:
    """The parts of a class that run when it is used, without the methods that are called by name."""
    if not isinstance(node, ast.ClassDef):
        return [node]
    return [each for each in node.body if not isinstance(each, ast.FunctionDef) or each.name.startswith("__")]


def _by_name(module: Module) -> dict[str, list[str]]:
    """The dotted names of a module's methods by their last part, without those that only the framework calls."""
    found = defaultdict(list)
    decorated = {reference.entrypoint for reference in module.references}
    for owner, function in _methods(module):
        if function not in decorated and not function.name.startswith("__"):
            found[function.name].append(f"{module.name}.{owner}.{function.name}")
    return found


def _imported_modules(module: Module, known: Collection[str]) -> Iterator[str]:
    for dotted in module.imported.values():
        for name in (dotted, dotted.rpartition(".")[0]):
            if name in known:
                yield name


def _defined(node: ast.stmt) -> list[str]:
    """The names that a statement at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _siblings(module: Module, modules: tuple[Module, ...]) -> dict[str, list[str]]:
    """What the modules beside this one define, by a module's name and by its file's name."""
    package = module.name.rpartition(".")[0]
    found = {}
    for each in modules:
        if each.name.rpartition(".")[0] == package:
            last = each.name.rpartition(".")[2]
            defined = [f"{each.name}.{name}" for node in each.tree.body for name in _defined(node)]
            found[last] = found[f"{last}.py"] = defined
    return found


def _piece(
    module: Module,
    nodes: Iterable[ast.AST],
    near: list[dict[str, list[str]]],
    siblings: Mapping[str, list[str]],
) -> _Piece:
    """A piece of a module. `near` are the methods of the module and of those that it imports.

    A text that names a module beside this one stands for all of it: it is loaded when it is needed, or run in a child.
    """
    piece = _Piece()
    for each in (each for node in nodes for each in ast.walk(node)):
        piece.codes.update(_code(each))
        piece.told.update(_told(each))
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            piece.named.update(siblings.get(each.value, ()))
        if isinstance(each, ast.Name):
            piece.named.add(module.imported.get(each.id, f"{module.name}.{each.id}"))
        elif isinstance(each, ast.Attribute):
            meaning = module.meaning(each)
            if meaning:
                piece.named.add(meaning)
            else:
                piece.named.update(name for methods in near for name in methods.get(each.attr, ()))
    return piece


@functools.cache
def _names_taken_over(modules: tuple[Module, ...]) -> dict[str, str]:
    """What a module's imported names stand for: `capacity.handlers.release` may be `capacity.claims.release`."""
    return {
        f"{module.name}.{local}": dotted for module in modules for local, dotted in module.imported.items()
    }


def _reachable(
    pieces: Mapping[str, _Piece], taken_over: Mapping[str, str], start: str, served: Operation
) -> set[str]:
    """The codes that can be raised from here, also by other operations that are called; the one served is none of them."""
    reached = _reached(pieces, taken_over, start)
    codes = {code for name in reached & set(pieces) for code in pieces[name].codes}
    return codes.union(*(_codes_of(name, served) for name in reached - set(pieces)))


def _reached(pieces: Mapping[str, _Piece], taken_over: Mapping[str, str], start: str) -> set[str]:
    """The names of all that is within reach from here."""
    seen, waiting = {start}, [start]
    while waiting:
        name = waiting.pop()
        piece = pieces.get(name)
        following = piece.named - seen if piece is not None else {taken_over.get(name, name)} - seen
        seen |= following
        waiting += following
    return seen


def _codes_of(name: str, served: Operation) -> tuple[str, ...]:
    """The declared codes of another operation, if this is the name of one."""
    if not name.startswith(f"{LANGUAGE}."):
        return ()
    target: Any = resolved(name)
    is_another = isinstance(target, Operation) and target.address != served.address
    return target.errors if is_another else ()


def _told(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The code and the sentence of `Refused("…", "…")`; values in the sentence as `%(n1)s` and so on."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refused":
        code, sentence = (*node.args, None, None)[:2]
        text = said(sentence) if sentence is not None else None
        if isinstance(code, ast.Constant) and isinstance(code.value, str) and text:
            yield code.value, text


def said(node: ast.AST) -> str | None:
    """A text in code, with the values of an f-string as `%(n1)s` and so on; None for what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    number = itertools.count(1)
    parts = (each.value if isinstance(each, ast.Constant) else f"%(n{next(number)})s" for each in node.values)
    return "".join(map(str, parts))


def plain(text: str) -> str:
    """A text without its numbers and values, by which it is found whatever they are."""
    return re.sub(r"(%\(n\d+\)s|\d+)(-(%\(n\d+\)s|\d+))*", "#", text)


def _code(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in CODES:
        yield node.value
