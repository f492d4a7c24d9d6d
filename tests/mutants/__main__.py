"""`python -m tests.mutants [AREA …]`: changes the code in small ways and tells which changes no test notices.

    --each N     mutants of each area (30)
    --seed N     which ones are chosen (1)
    --left       only those that were not noticed the last time
    --only TEXT  only mutants of files whose path holds TEXT
    --list       print the mutants, try none
    --table      print the table of what was tried before, try none

Each mutant is tried in a copy of the tree with the tests that run its lines. The changes are chosen by chance, the same ones for the
same seed. areas.toml says what belongs to an area, equivalent.toml which changes nobody can notice.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

from tests.mutants.areas import HERE, ROOT, Area, areas
from tests.mutants.operators import Candidates, Mutant
from tests.mutants.trials import Bench, Outcome, Traces, copy_of
from tests.support import memory

KEPT = ROOT / ".cache" / "mutants"
BAR = 0.85


def _line_of(changed: dict[str, Any]) -> str:
    return f"{changed['path']}\n{changed['before']}\n{changed['after']}"


def equivalents() -> set[str]:
    """The keys of changes that are not counted."""
    listed = tomllib.loads((HERE / "equivalent.toml").read_text()).get("equivalent", [])
    assert all(each["why"] for each in listed), "equivalent.toml: an entry has no reason"
    return {_line_of(each) for each in listed}


def sample(area: Area, seed: int, count: int, only: str) -> list[Mutant]:
    """This many changes of the area, chosen by `seed`. A larger `count` adds to those of a smaller one."""
    files = [Candidates(ROOT, path) for path in area.sources if only in path]
    places = [(file, number) for file in files for number in range(len(file))]
    random.Random(f"{seed} {area.name}").shuffle(places)
    skipped = equivalents()
    chosen: dict[str, Mutant] = {}
    for file, number in places:
        if len(chosen) == count:
            break
        mutant = file.mutant(number)
        if mutant and mutant.key not in skipped:
            chosen.setdefault(mutant.key, mutant)
    return list(chosen.values())


class Record:
    """What became of each mutant of an area, kept between runs."""

    def __init__(self, area: str) -> None:
        self._path = KEPT / f"{area}.json"
        self._outcomes: dict[str, Any] = json.loads(self._path.read_text()) if self._path.exists() else {}

    def outcome(self, mutant: Mutant) -> Outcome | None:
        """What became of it the last time it was tried."""
        kept = self._outcomes.get(mutant.key)
        return Outcome(**kept) if kept else None

    def noticed(self, mutant: Mutant) -> bool:
        """Whether a test noticed it the last time."""
        outcome = self.outcome(mutant)
        return outcome is not None and outcome.noticed

    def keep(self, mutant: Mutant, outcome: Outcome) -> None:
        """Write it down."""
        self._outcomes[mutant.key] = {"noticed": outcome.noticed, "by": outcome.by}
        self._path.write_text(json.dumps(self._outcomes, indent=1))


def try_area(area: Area, mutants: list[Mutant], *, left: bool) -> Record:
    """Try these mutants, or those of them that no test has noticed yet."""
    record = Record(area.name)
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as folder,
        copy_of(ROOT, Path(folder) / "copy") as copy,
    ):
        traces = Traces(area, copy, KEPT)
        traces.read()
        bench = Bench(copy, traces)
        try:
            for mutant in mutants:
                if left and record.noticed(mutant):
                    continue
                began = time.monotonic()
                outcome = bench.attempt(mutant)
                record.keep(mutant, outcome)
                told = f"noticed by {outcome.by}" if outcome.noticed else f"NOT NOTICED ({outcome.by})"
                print(f"{time.monotonic() - began:5.1f} s  {mutant.path}:{mutant.line}  {told}", flush=True)
        finally:
            bench.close()
    return record


def main(arguments: list[str]) -> int:
    """Try the areas and report. Returns 1 if one is below the bar."""
    memory.use_for_files()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the copy is deleted then, too
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("areas", nargs="*")
    parser.add_argument("--each", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--left", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args(arguments)
    known = areas()
    if unknown := set(options.areas) - {area.name for area in known}:
        parser.error(
            f"no such area: {', '.join(sorted(unknown))}; there are {', '.join(a.name for a in known)}"
        )
    KEPT.mkdir(parents=True, exist_ok=True)
    rows = []
    for area in known:
        if options.areas and area.name not in options.areas:
            continue
        mutants = sample(area, options.seed, options.each, options.only)
        if options.list:
            for mutant in mutants:
                print(f"{mutant.path}:{mutant.line}\n    - {mutant.before}\n    + {mutant.after}")
            continue
        if options.table:
            record = Record(area.name)
            mutants = [mutant for mutant in mutants if record.outcome(mutant) is not None]
        else:
            record = try_area(area, mutants, left=options.left)
        rows.append((area.name, mutants, record))
    return report(rows)


def report(rows: list[tuple[str, list[Mutant], Record]]) -> int:
    """Print what was not noticed, and the table. Returns 1 if an area is below the bar."""
    lines = []
    is_below = False
    for area, mutants, record in rows:
        noticed = sum(record.noticed(mutant) for mutant in mutants)
        is_below = is_below or noticed < BAR * len(mutants)
        lines.append(f"{area:20} {len(mutants):8} {noticed:8} {noticed / max(1, len(mutants)):6.0%}")
        for mutant in mutants:
            outcome = record.outcome(mutant)
            if outcome is not None and not outcome.noticed:
                print(f"\n{area}: {mutant.path}:{mutant.line} ({outcome.by})")
                print(f"    - {mutant.before}\n    + {mutant.after}")
    if lines:
        print("", f"{'area':20} {'mutants':>8} {'noticed':>8} {'share':>6}", *lines, sep="\n")
    return int(is_below)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
