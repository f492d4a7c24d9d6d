"""The small changes that are tried on a file: mutmut's, and those that forget a condition, which mutmut does not have.

mutmut's changes of texts, of arguments and of assigned values are left out: a value that becomes None ends nearly every
test, so they would only raise the share of what is noticed.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
import libcst.matchers as m
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation import mutators

Change = Callable[[Any], Iterable[cst.CSTNode]]

# A condition of SQL among others: without an argument it holds for all rows.
CONDITIONS = {"where", "and_", "or_", "having"}
# Without them the same rows come back, in another order, unlocked or all of them.
REFINEMENTS = {"with_for_update", "order_by", "distinct", "limit", "execution_options"}
LONGEST_TABLE = 30  # a longer one is a list of words
OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}


def without_operand(node: cst.BooleanOperation | cst.BinaryOperation) -> Iterator[cst.CSTNode]:
    """`a and b` → `a`, `b`; the same with `or`, and with SQL's `&` and `|`."""
    if isinstance(node, cst.BooleanOperation) or isinstance(node.operator, cst.BitAnd | cst.BitOr):
        for operand in (node.left, node.right):
            yield operand.with_changes(
                lpar=[cst.LeftParen(), *operand.lpar], rpar=[*operand.rpar, cst.RightParen()]
            )


def without_condition(node: cst.Call) -> Iterator[cst.CSTNode]:
    """`where(a, b)` → `where(a)`, `where(b)`; `select(…).where(a)` → `select(…)`."""
    name = called(node)
    if name in CONDITIONS and len(node.args) > 1:
        for at in range(len(node.args)):
            yield node.with_changes(args=[*node.args[:at], *node.args[at + 1 :]])
    elif name in CONDITIONS | REFINEMENTS and isinstance(node.func, cst.Attribute):
        yield node.func.value


def opposite_choice(node: cst.Call) -> Iterator[cst.CSTNode]:
    """`min` ↔ `max`, `any` ↔ `all`."""
    if isinstance(node.func, cst.Name) and node.func.value in OPPOSITES:
        yield node.with_changes(func=cst.Name(OPPOSITES[node.func.value]))


def without_branch(node: cst.If) -> Iterator[cst.CSTNode]:
    """An `if` whose body never runs: a refusal, a shortcut or a step is forgotten."""
    yield node.with_changes(test=cst.Name("False"), whitespace_before_test=cst.SimpleWhitespace(" "))


def without_filter(node: cst.CompFor) -> Iterator[cst.CSTNode]:
    """`… for x in xs if a` → `… for x in xs`."""
    for at in range(len(node.ifs)):
        yield node.with_changes(ifs=[*node.ifs[:at], *node.ifs[at + 1 :]])


def without_step(node: cst.SimpleStatementLine) -> Iterator[cst.CSTNode]:
    """A call that stands alone, or a mark set on an object, is left out."""
    call = m.Expr(value=m.Call())
    mark = m.Assign(targets=[m.AssignTarget(target=m.Attribute())])
    if m.matches(node, m.SimpleStatementLine(body=[call | mark])):
        yield node.with_changes(body=[cst.Pass()])


def without_element(node: cst.Set | cst.Dict) -> Iterator[cst.CSTNode]:
    """A state, a permission or a field is missing in a set or a table."""
    if 1 < len(node.elements) <= LONGEST_TABLE:
        for at in range(len(node.elements)):
            yield node.with_changes(elements=[*node.elements[:at], *node.elements[at + 1 :]])


def without_choice(node: cst.ComparisonTarget) -> Iterator[cst.CSTNode]:
    """`x in (a, b)` → `x in (a,)`."""
    chosen = node.comparator
    if isinstance(chosen, cst.Tuple | cst.List) and isinstance(node.operator, cst.In | cst.NotIn):
        for at in range(len(chosen.elements)):
            kept = [*chosen.elements[:at], *chosen.elements[at + 1 :]]
            if kept:
                kept[-1] = kept[-1].with_changes(comma=cst.Comma())
                yield node.with_changes(comparator=chosen.with_changes(elements=kept))


CHANGES: list[tuple[type, Change]] = [
    (cst.BooleanOperation, without_operand),
    (cst.BinaryOperation, without_operand),
    (cst.Call, without_condition),
    (cst.Call, opposite_choice),
    (cst.If, without_branch),
    (cst.CompFor, without_filter),
    (cst.SimpleStatementLine, without_step),
    (cst.Set, without_element),
    (cst.Dict, without_element),
    (cst.ComparisonTarget, without_choice),
    (cst.BaseNumber, mutators.operator_number),
    (cst.Name, mutators.operator_name),
    (cst.UnaryOperation, mutators.operator_remove_unary_ops),
    (cst.Call, mutators.operator_symmetric_string_methods_swap),
    (cst.Call, mutators.operator_unsymmetrical_string_methods_swap),
    (cst.CSTNode, mutators.operator_keywords),
    (cst.CSTNode, mutators.operator_swap_op),
    (cst.Match, mutators.operator_match),
    (cst.IfExp, mutators.operator_if_exp),
]

# Texts for people and types are not behaviour; decorators and imports are seen by every test or by none.
_SILENT: tuple[type[cst.CSTNode], ...] = (
    cst.Annotation,
    cst.Decorator,
    cst.Raise,
    cst.Import,
    cst.ImportFrom,
    cst.FormattedString,
    cst.Assert,
)


# Figures and lines for who watches the system, and words for the type checker.
_WATCHING = {"log", "logger", "logs", "metrics", "super", "cast", "typevar"}


def called(node: cst.Call) -> str:
    """The last name of what is called."""
    if isinstance(node.func, cst.Attribute):
        return node.func.attr.value
    return node.func.value if isinstance(node.func, cst.Name) else ""


def _begins_with(node: cst.BaseExpression) -> str:
    """The first name of `a.b(c).d(e)`."""
    while isinstance(node, cst.Attribute | cst.Call):
        node = node.value if isinstance(node, cst.Attribute) else node.func
    return node.value if isinstance(node, cst.Name) else ""


def _is_silent(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Call):
        return _begins_with(node).strip("_").lower() in _WATCHING
    if isinstance(node, cst.SimpleStatementLine) and m.matches(node.body[0], m.Expr(value=m.Call())):
        return _is_silent(cst.ensure_type(node.body[0], cst.Expr).value)
    if isinstance(node, cst.Arg):
        # `zip(…, strict=True)` states what the code knows already.
        return node.keyword is not None and node.keyword.value == "strict"
    if isinstance(node, cst.DictElement):
        # What SQLAlchemy does with objects that the code does not read again.
        return m.matches(node.key, m.SimpleString(value='"synchronize_session"'))
    return isinstance(node, _SILENT) or m.matches(node, m.If(test=m.Name("TYPE_CHECKING")))


@dataclass(frozen=True)
class Mutant:
    """A file with one change. `before` and `after` are the lines that differ, without indentation.

    `reach` are the lines of its statement up to the change: who runs one of them may notice it.
    """

    path: str
    line: int
    reach: range
    before: str
    after: str
    text: str

    @property
    def key(self) -> str:
        """What the change is, wherever its lines stand now."""
        return f"{self.path}\n{self.before}\n{self.after}"


_SUM = m.Integer() | m.Float() | m.BinaryOperation(operator=~(m.BitAnd() | m.BitOr()))
_STATEMENTS = (cst.SimpleStatementLine, cst.BaseCompoundStatement)


class _Candidates(cst.CSTVisitor):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[cst.CSTNode, cst.CSTNode, int, int]] = []
        self._functions = 0
        self._statements = [1]

    def on_visit(self, node: cst.CSTNode) -> bool:
        if _is_silent(node):
            return False
        self._functions += isinstance(node, cst.FunctionDef | cst.Lambda)
        if isinstance(node, _STATEMENTS):
            self._statements.append(self.get_metadata(PositionProvider, node).start.line)
        # The sums of a module's constants tune; what they limit is mutated where it is compared.
        tunes = not self._functions and m.matches(node, _SUM)
        for kind, change in CHANGES:
            if isinstance(node, kind) and not tunes:
                place = self.get_metadata(PositionProvider, node)
                for changed in change(node):
                    last = place.start.line if isinstance(node, cst.BaseCompoundStatement) else place.end.line
                    self.found.append((node, changed, self._statements[-1], last))
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, _STATEMENTS) and not _is_silent(original_node):
            self._statements.pop()
        self._functions -= isinstance(original_node, cst.FunctionDef | cst.Lambda)


class Candidates:
    """All changes of one file; each is written out only when it is asked for."""

    def __init__(self, root: Path, path: str) -> None:
        self.path = path
        self._source = (root / path).read_text()
        wrapper = MetadataWrapper(cst.parse_module(self._source))
        visitor = _Candidates()
        wrapper.visit(visitor)
        self._module = wrapper.module
        self._found = visitor.found

    def __len__(self) -> int:
        return len(self._found)

    def mutant(self, number: int) -> Mutant | None:
        """The file with this change; None if its text stays the same."""
        old, new, first, last = self._found[number]
        text = cst.ensure_type(self._module.deep_replace(old, new), cst.Module).code
        before, after = self._source.splitlines(), text.splitlines()
        differences = [
            each
            for each in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
            if each[0] != "equal"
        ]
        if not differences:
            return None
        was = [row.strip() for _, start, end, _, _ in differences for row in before[start:end]]
        now = [row.strip() for _, _, _, start, end in differences for row in after[start:end]]
        line = max(first, differences[0][1] + 1) if differences[0][1] < last else last
        return Mutant(self.path, line, range(first, last + 1), " ".join(was), " ".join(now), text)
