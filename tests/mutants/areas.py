"""The areas of areas.toml, with all paths written out."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# What runs at import, before any test: declarations of columns.
DECLARATIONS = {"models.py", "__init__.py"}


@dataclass(frozen=True)
class Area:
    """What is mutated and who may notice: paths from the root of the tree."""

    name: str
    sources: list[str]
    tests: list[str]
    whole: Mapping[str, list[str]] = field(default_factory=dict)
    skipped: str = ""


def areas() -> list[Area]:
    """All areas, in the order of the file."""
    return [
        Area(
            name,
            [path for path in _paths(area["sources"]) if Path(path).name not in DECLARATIONS],
            _paths(area["tests"]),
            {
                source: _paths(tests)
                for glob, tests in area.get("whole", {}).items()
                for source in _paths([glob])
            },
            area.get("skipped", ""),
        )
        for name, area in tomllib.loads((HERE / "areas.toml").read_text()).items()
    ]


def digest_of(file: Path) -> str:
    """A short digest of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def note_of(test_file: Path) -> str:
    """The name of the file that holds which lines this test file runs, as it is now."""
    return f"{test_file.parent.name}-{test_file.stem}-{digest_of(test_file)}.json"


def _paths(globs: Iterable[str]) -> list[str]:
    found = {glob: sorted(ROOT.glob(glob)) for glob in globs}
    missing = [glob for glob, paths in found.items() if not paths]
    assert not missing, f"areas.toml names files that are not there: {missing}"
    return [str(path.relative_to(ROOT)) for paths in found.values() for path in paths]
