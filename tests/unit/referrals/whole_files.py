"""Reads a whole file as an import does, for tests that look at all of it at once."""

from __future__ import annotations

import io
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from services.referrals.directory.rules import ResourceRecord
from services.referrals.directory_imports.hsds_reader import HsdsReader
from services.referrals.directory_imports.icarol import ExportReader
from services.referrals.directory_imports.reader_child import source_of
from services.referrals.directory_imports.report import Problem, Report
from services.referrals.directory_imports.rules import ICAROL


@dataclass(frozen=True)
class Parsed:
    """What a file holds: records in file order, problems, warnings, and each record's line by number."""

    records: tuple[ResourceRecord, ...]
    refused: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    lines: Mapping[str, int]

    @property
    def by_name(self) -> dict[str, ResourceRecord]:
        """The records by name."""
        return {record.name: record for record in self.records}


def parse(data: bytes, known_agency_numbers: Container[str] = frozenset(), **limits: int) -> Parsed:
    """The file's content. `known_agency_numbers` are agencies that the directory holds already."""
    report, file = Report(), io.BytesIO(data)
    source = source_of(file)
    reader: Any = ExportReader(report, **limits) if source == ICAROL else HsdsReader(report, source)
    found = list(reader.records(file))
    standing = []
    for place, record in found:
        parent = record.parent_number
        problem = reader.parent_problem(place, parent) if parent else None
        if problem is None or (problem.code == "orphan" and parent in known_agency_numbers):
            standing.append((place, record))
        else:
            report.refuse([problem])
    return Parsed(
        records=tuple(record for _, record in standing),
        refused=tuple(sorted(report.problems, key=lambda problem: problem.line)),
        warnings=tuple(sorted(report.warnings, key=lambda problem: problem.line)),
        lines={record.number: place.line for place, record in standing},
    )
