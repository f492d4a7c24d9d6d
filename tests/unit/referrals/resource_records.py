"""Records of the resource directory, for tests."""

from __future__ import annotations

from dataclasses import replace

from services.referrals.directory.rules import (
    Level,
    ResourceRecord,
    ResourceStatus,
)


def a_record(number: str = "10", level: Level = Level.AGENCY, **parts: object) -> ResourceRecord:
    """A resource record; an agency unless said otherwise."""
    record = ResourceRecord(number, level, "Harbor Shelter Alliance", ResourceStatus.ACTIVE)
    return replace(record, **parts)  # type: ignore[arg-type]  # the callers name fields of the record
