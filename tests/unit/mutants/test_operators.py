"""Which small changes are tried, and that those that are not counted still name lines of the tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants.__main__ import equivalents
from tests.mutants.areas import ROOT, areas
from tests.mutants.operators import Candidates

PATH = "services/toys/handlers.py"


def changes(folder: Path, source: str) -> list[str]:
    """What becomes of the lines of this file, each with one change."""
    (folder / PATH).parent.mkdir(parents=True, exist_ok=True)
    (folder / PATH).write_text(source)
    candidates = Candidates(folder, PATH)
    found = [candidates.mutant(number) for number in range(len(candidates))]
    return [mutant.after for mutant in found if mutant is not None]


@pytest.mark.fault("A22")
@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("x = a and b == c", ["x = (a)", "x = (b == c)", "x = a or b == c", "x = a and b != c"]),
        ("x = (a == 1) | b", ["x = ((a == 1))", "x = (b)", "x = (a == 1) & b", "x = (a != 1) | b"]),
        ("x = q.where(a, b)", ["x = q.where(b)", "x = q.where(a, )"]),
        ("x = q.where(a)", ["x = q"]),
        ("x = q.with_for_update()", ["x = q"]),
        ("x = any(y)", ["x = all(y)"]),
        ("x = min(y, z)", ["x = max(y, z)"]),
        ("if not a:\n    raise B", ["if False:", "if a:"]),
        ("x = [y for y in z if y.a]", ["x = [y for y in z]"]),
        ("close(a)", ["pass"]),
        ("a.closed_at = now", ["pass"]),
        ("x = {'a', 'b'}", ["x = {'b'}", "x = {'a', }"]),
        ("x = a in (b, c)", ["x = a in (c,)", "x = a in (b,)", "x = a not in (b, c)"]),
        ("def f():\n    return a[1] < b", ["return a[1] <= b", "return a[2] < b"]),
        ("def f():\n    return True", ["return False"]),
        ("x = a if b else c", ["x = a if (b) and False else c", "x = a if (b) or True else c"]),
    ],
)
def test_a_condition_a_limit_and_a_step_are_forgotten_or_turned_round(
    tmp_path: Path, source: str, changed: list[str]
):
    assert sorted(changes(tmp_path, source)) == sorted(changed)


@pytest.mark.parametrize(
    "source",
    [
        '"""Text: 1 and 2."""',
        "x: dict[str, int | None] = {}",
        "LIMIT = 5 * 1024",
        "_log.info('done', count=n + 1)",
        "metrics.AGE.labels(a).set(b or 0.0)",
        "raise Refused('a', f'{b + 1}')",
        "for a, b in zip(c, d, strict=True):\n    ...",
        "@decorated(frozen=True)\nclass A:\n    ...",
        "if TYPE_CHECKING:\n    import a",
    ],
)
def test_texts_types_and_tuning_are_left_alone(tmp_path: Path, source: str):
    assert changes(tmp_path, source) == []


def test_a_mutant_is_told_by_its_statement_and_where_its_line_is(tmp_path: Path):
    (tmp_path / PATH).parent.mkdir(parents=True)
    (tmp_path / PATH).write_text("x = 1\nrun(\n    a,\n    b and c,\n)\n")
    candidates = Candidates(tmp_path, PATH)
    mutants = [candidates.mutant(number) for number in range(len(candidates))]
    (one,) = [mutant for mutant in mutants if mutant and mutant.after == "b or c,"]

    assert (one.line, list(one.reach), one.before) == (4, [2, 3, 4], "b and c,")


def test_what_is_not_counted_names_lines_that_are_still_there():
    sources = {path for area in areas() for path in area.sources}
    stale = []
    for key in equivalents():
        path, before, _ = key.split("\n")
        text = " ".join(line.strip() for line in (ROOT / path).read_text().splitlines())
        if path not in sources or before not in text:
            stale.append(f"{path}: {before}")

    assert stale == []
