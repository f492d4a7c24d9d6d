"""Rules of imports: what a file changes in the directory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.referrals.directory.rules import (
    Level,
    ResourceRecord,
    fingerprint,
)
from services.referrals.directory_imports.rules import plan_import
from services.referrals.directory_imports.spool import Entry
from tests.unit.referrals.resource_records import a_record


def as_entry(record: ResourceRecord) -> Entry:
    return Entry(record.number, record.level, fingerprint(record), 2, b"", b"{}")


def test_an_import_tells_added_changed_and_unchanged_apart() -> None:
    same, old, new = a_record("1"), a_record("2"), a_record("3")
    known = {"1": fingerprint(same), "2": fingerprint(old), "9": "gone from the file"}

    plan = plan_import(
        known, [as_entry(record) for record in (same, replace(old, hours="Open 24 hours"), new)]
    )

    assert [record.number for record in plan.added] == ["3"]
    assert [record.number for record in plan.changed] == ["2"]
    assert plan.unchanged == ("1",)


def test_parents_come_before_children_in_the_order_of_the_file() -> None:
    levels = [Level.PROGRAM_AT_SITE, Level.PROGRAM, Level.SITE, Level.AGENCY, Level.PROGRAM, Level.AGENCY]
    records = [as_entry(a_record(str(number), level)) for number, level in enumerate(levels)]

    assert [record.number for record in plan_import({}, records).added] == ["3", "5", "2", "1", "4", "0"]


def test_a_plan_refuses_a_number_that_comes_twice() -> None:
    with pytest.raises(ValueError, match="comes twice"):
        plan_import({}, [as_entry(a_record("1")), as_entry(a_record("1", Level.PROGRAM))])
