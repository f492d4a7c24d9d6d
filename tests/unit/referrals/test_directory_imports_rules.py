"""Rules of imports: what a file changes in the directory."""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest

from services.referrals.directory.rules import (
    Level,
    ResourceRecord,
    fingerprint,
)
from services.referrals.directory_imports.hsds_privacy import set_private_apart
from services.referrals.directory_imports.icarol_row import Row
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


OLD_ROWS = importlib.import_module("services.referrals.migrations.0014_fold_names")
FAX = "202 555 0100"


def shows_fax(says: str) -> tuple[bool, bool, bool]:
    """Whether the fax is shown that a CSV row, an HSDS entity and a row from before the keys mark by this word."""
    row = {"PhoneFax": FAX, "Phone Fax Is_Private": says}
    cells = {
        "ResourceAgencyNum": "1",
        "PublicName": "A",
        "TaxonomyLevelName": "Agency",
        "ParentAgencyNum": "0",
    }
    read = Row(2, *zip(*({**cells, "AgencyStatus": "Active"} | row).items(), strict=True)).record()
    assert read is not None
    hsds, _, _ = set_private_apart({"phones": [{"number": FAX}], "phone_is_private": says})
    extra = {"Phone Fax Is_Private": says} if says else {}  # an empty cell is kept nowhere
    old = OLD_ROWS.without_private({"phones": [{"number": FAX, "kind": "fax"}], "extra": extra})
    return bool(read.phones), bool(hsds.get("phones")), bool(old.get("phones"))


@pytest.mark.fault("A27")
@pytest.mark.parametrize("says", ["No", "n", "N ", "FALSE", "f", "0", "None", ""])
def test_every_reader_takes_the_same_words_for_no(says: str) -> None:
    assert shows_fax(says) == (True, True, True)


@pytest.mark.fault("A27")
@pytest.mark.parametrize("says", ["Yes", "y", "TRUE", "t", "1", "X", "unknown", "nein"])
def test_every_reader_takes_any_other_word_for_private(says: str) -> None:
    assert shows_fax(says) == (False, False, False)
