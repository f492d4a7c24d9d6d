"""The report of an imported file: refused rows, warnings, and why a whole file is refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from services.contracts.errors import Refused

PROBLEMS_SHOWN = 200


class Place(NamedTuple):
    """The place of a record: a line, and the file within a package."""

    line: int
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong or odd in the file. `line` is the physical line where the row starts (1 = the file's first).

    `column` is the column or member, `file` the file within a package.
    """

    line: int
    column: str | None
    code: str
    message: str
    file: str | None = None


class FileRefused(Refused):
    """A file is refused whole. `reason` is a stable code; `line`, `column` and `file` tell the place, if known."""

    def __init__(
        self,
        reason: str,
        detail: str,
        line: int | None = None,
        column: str | None = None,
        file: str | None = None,
    ) -> None:
        where = {"line": line, "column": column} | ({"file": file} if file else {})
        super().__init__("import_file_refused", detail, "file", reason=reason, **where)
        self.reason = reason
        self.line = line
        self.column = column
        self.file = file

    def facts(self) -> dict[str, Any]:
        """The arguments that create the same refusal again."""
        return {
            "reason": self.reason,
            "detail": self.detail,
            "line": self.line,
            "column": self.column,
            "file": self.file,
        }


@dataclass
class Report:
    """Counts every refused row, and keeps the first problems and warnings of a file."""

    refused: int = 0
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def refuse(self, problems: list[Problem]) -> None:
        """Count a row that is left out for these problems."""
        self.refused += 1
        self.problems += problems[: PROBLEMS_SHOWN - len(self.problems)]

    def warn(self, warnings: list[Problem]) -> None:
        """Keep the warnings of a row that is imported."""
        self.warnings += warnings[: PROBLEMS_SHOWN - len(self.warnings)]

    def as_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "refused": self.refused,
            "problems": [asdict(problem) for problem in self.problems],
            "warnings": [asdict(problem) for problem in self.warnings],
        }
