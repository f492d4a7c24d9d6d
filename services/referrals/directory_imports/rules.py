"""Rules of imports: the formats, and the changes that a file makes in the directory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from services.referrals.directory.rules import PARENTS_FIRST, Level
from services.referrals.directory.withheld import squeeze

# Sources of imported records.
ICAROL, HSDS_JSON, HSDS_PACKAGE = "icarol", "hsds_json", "hsds_package"

COUNTS = ("added", "changed", "unchanged", "refused")


def says_no(text: str) -> bool:
    """Whether a yes-or-no value says no: No, N, FALSE, F, 0, None or nothing, in any spelling of the source."""
    return squeeze(text) in ("", "none", "no", "n", "false", "f", "0")


class Comparable(Protocol):
    """The members by which an import compares records."""

    @property
    def number(self) -> str: ...

    @property
    def level(self) -> Level: ...

    @property
    def fingerprint(self) -> str: ...


Incoming = TypeVar("Incoming", bound=Comparable)


@dataclass(frozen=True, slots=True)
class ImportPlan(Generic[Incoming]):
    """The changes of an import. Added and changed records come parents first; `unchanged` has numbers."""

    added: tuple[Incoming, ...]
    changed: tuple[Incoming, ...]
    unchanged: tuple[str, ...]


def plan_import(existing: Mapping[str, str], incoming: Iterable[Incoming]) -> ImportPlan[Incoming]:
    """Compare incoming records with the directory.

    `existing` maps a record's number to its fingerprint. Records that are not in the file stay as they are. Raises
    ValueError if a number comes twice, which the readers rule out.
    """
    added: list[Incoming] = []
    changed: list[Incoming] = []
    unchanged: list[str] = []
    seen: set[str] = set()
    for record in sorted(incoming, key=lambda candidate: PARENTS_FIRST.index(candidate.level)):
        if record.number in seen:
            raise ValueError(f"record number {record.number} comes twice")
        seen.add(record.number)
        known = existing.get(record.number)
        if known is None:
            added.append(record)
        elif known != record.fingerprint:
            changed.append(record)
        else:
            unchanged.append(record.number)
    return ImportPlan(tuple(added), tuple(changed), tuple(unchanged))
