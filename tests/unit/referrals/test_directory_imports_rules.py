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


PUBLIC_ROW = {
    "ResourceAgencyNum": "1",
    "PublicName": "Lynx Agency",
    "TaxonomyLevelName": "Agency",
    "ParentAgencyNum": "0",
    "AgencyStatus": "Active",
    "PhysicalAddress1": "5 Lynx Street",
    "PhysicalCity": "Lynxton",
    "Phone2Number": "202 555 0142",
    "EmailAddressMain": "lynx@example.org",
}


def shown(column: str, says: str) -> tuple[bool, bool, bool]:
    """Whether address, phone number and e-mail of an iCarol row with this column are shown."""
    read = Row(2, *zip(*(PUBLIC_ROW | {column: says}).items(), strict=True)).record()
    assert read is not None
    return "Lynx" in str(read.physical_address), bool(read.phones), bool(read.email)


@pytest.mark.fault("A27")
@pytest.mark.parametrize(
    "column",
    [
        "PhysicalAddressIsPrivate",
        "PhysicalAddress1IsPrivate",
        "AddressIsPrivate",
        "PhysicalAddressPrivate",
        "PhysicalAddressIsConfidential",
        "IsPhysicalAddressPrivate",
        "PrivateAddress",
        "ConfidentialAddress",
        "HideAddress",
        "Physical Address Hidden From Web",
    ],
)
def test_a_column_of_an_export_marks_an_address_in_any_of_the_words_for_it(column: str) -> None:
    assert shown(column, "Yes") == (False, True, True)
    assert shown(column, "No") == (True, True, True)


@pytest.mark.fault("A27")
def test_a_column_says_in_a_word_who_may_see_a_part() -> None:
    assert shown("PhysicalAddressVisibility", "private") == (False, True, True)
    assert shown("PhysicalAddressVisibility", "public") == (True, True, True)
    assert shown("Phone2Confidential", "Yes") == (True, False, True)
    assert shown("HideEmail", "Yes") == (True, True, False)


@pytest.mark.parametrize(
    "column", ["HasPhysicalAddress", "PrivatePractice", "SensitiveToCulture", "HideoutAddress"]
)
def test_a_column_about_something_else_marks_nothing(column: str) -> None:
    assert shown(column, "Yes") == (True, True, True)


@pytest.mark.fault("A27")
def test_an_address_in_the_column_that_marks_it_is_private_too() -> None:
    read = Row(2, *zip(*(PUBLIC_ROW | {"PrivateAddress": "7 Hidden Lane"}).items(), strict=True)).record()
    assert read is not None
    assert (read.extra.get("PrivateAddress"), read.private["PrivateAddress"]) == (None, "7 Hidden Lane")
