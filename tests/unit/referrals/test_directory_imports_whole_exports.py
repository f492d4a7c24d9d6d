"""The sample export that ships with the product, and a real one where it is at hand."""

from __future__ import annotations

import csv
import io
import os
import time
from collections import Counter
from pathlib import Path

import pytest

from services.referrals.directory.rules import Level, ResourceStatus, fingerprint
from services.referrals.directory_imports.icarol_row import EXPORT_COLUMNS
from services.referrals.directory_imports.reader import read_upload
from services.referrals.directory_imports.rules import plan_import
from tests.support.bars import hold_at_best
from tests.unit.referrals.whole_files import parse

CHECKOUT = Path(__file__).resolve().parents[3]
SAMPLE = CHECKOUT / "deploy" / "sample" / "resources.csv"
REAL_EXPORT = Path(os.environ.get("PORTICO_REAL_EXPORT", CHECKOUT / "../shared/data/icarol_resources_dc.csv"))


def test_the_sample_export_is_clean_and_shows_every_status() -> None:
    result = parse(SAMPLE.read_bytes())

    assert (result.refused, result.warnings) == ((), ())
    assert Counter(record.level for record in result.records) == {
        Level.AGENCY: 14,
        Level.PROGRAM: 44,
        Level.SITE: 2,
    }
    assert {record.status for record in result.records} == set(ResourceStatus)
    assert sum(record.temporary_message is not None for record in result.records) >= 4
    names = {record.number: record.name for record in result.records}
    parents = {record.name: names.get(record.parent_number or "") for record in result.records}
    assert parents["Night Shelter"] == parents["Family Housing First"] == "Harbor Shelter Alliance"
    assert parents["Community Pantry"] == "Bayside Food Network"


def test_the_sample_export_has_the_columns_of_the_real_one() -> None:
    assert tuple(next(csv.reader(io.StringIO(SAMPLE.read_text("utf-8"))))) == EXPORT_COLUMNS


@pytest.mark.skipif(not REAL_EXPORT.is_file(), reason="the real export is not at hand (PORTICO_REAL_EXPORT)")
class TestRealExport:
    """A published export of 2,132 records."""

    def test_every_record_is_taken(self) -> None:
        result = parse(REAL_EXPORT.read_bytes())

        assert result.refused == ()
        assert Counter(record.level for record in result.records) == {
            Level.AGENCY: 494,
            Level.PROGRAM: 1_637,
            Level.SITE: 1,
        }
        assert Counter(record.status for record in result.records) == {
            ResourceStatus.ACTIVE: 1_758,
            ResourceStatus.INACTIVE: 361,
            ResourceStatus.DO_NOT_REFER: 13,
        }
        assert Counter(warning.code for warning in result.warnings) == {
            "status_missing": 8,
            "name_missing": 1,
            "unreadable_phone": 1,
        }

    def test_it_has_the_columns_we_know(self) -> None:
        header = REAL_EXPORT.read_bytes().split(b"\r\n", 1)[0].decode()

        assert tuple(header.split(",")) == EXPORT_COLUMNS

    def test_a_second_import_changes_nothing(self) -> None:
        data = REAL_EXPORT.read_bytes()
        known = {record.number: fingerprint(record) for record in parse(data).records}

        with read_upload(REAL_EXPORT) as upload:
            plan = plan_import(known, upload.take(upload.total))

        assert (plan.added, plan.changed, len(plan.unchanged)) == ((), (), 2_132)

    def test_it_is_read_quickly(self) -> None:
        data = REAL_EXPORT.read_bytes()

        def read() -> None:
            begun_at = time.process_time()
            parse(data)
            assert time.process_time() - begun_at < 0.5

        hold_at_best(read)
