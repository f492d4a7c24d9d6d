"""The file of an import of the directory stays until it is done, and no longer."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path
from typing import Any

import pytest
import time_machine

from services.chassis import unused_files
from services.chassis.blobs import IMPORTS, UPLOADS
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.referrals import directory_imports
from services.referrals import service as referrals_service
from services.referrals.directory_imports import jobs
from tests.integration.referrals.builders import Desk, an_export, refusal
from tests.integration.referrals.imported_files import (
    RENAMED,
    all_in_background,
    counts,
    names,
    report_of,
    upload,
)
from tests.support.in_process import HARBOR


def kept_files(desk: Desk) -> list[str]:
    return [path.name for path in desk.service.files() if path.is_relative_to(of_imports(desk))]


def of_imports(desk: Desk) -> Path:
    return Path(desk.service.runtime.blobs.folder) / HARBOR[0] / IMPORTS


def sweep_files(desk: Desk) -> None:
    """The service's own loop."""
    desk.service.runtime.loops.clear()
    (loop,) = [each for each in referrals_service.start_runtime(None).loops if each.name == unused_files.LOOP]
    assert loop._work()


@pytest.fixture
def swept_desk(desk_on_both: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose small directory has been imported and whose runtime is the service's."""
    monkeypatch.setattr(referrals_service, "Runtime", lambda *_: desk_on_both.service.runtime)
    shutil.rmtree(desk_on_both.service.runtime.blobs.folder, ignore_errors=True)
    return desk_on_both


def test_the_file_of_an_import_stays_until_it_is_finished(
    swept_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = swept_desk
    all_in_background(monkeypatch)
    begun = upload(desk, an_export(RENAMED))
    desk.service.age_files(100)
    desk.service.runtime.blobs.sweep_passing(0, UPLOADS)
    sweep_files(desk)
    assert len(kept_files(desk)) == 1

    jobs.work(desk.service.runtime)

    assert report_of(desk, begun["import_id"])["state"] == "done"
    sweep_files(desk)
    assert desk.service.files() == []
    assert desk.service.runtime.blobs.stored_bytes(HARBOR[0]) == 0


def test_a_file_that_is_refused_is_swept_away_after_its_time(swept_desk: Desk) -> None:
    for number in range(3):
        with pytest.raises(Refused) as refused:
            upload(swept_desk, f"no directory {number}".encode())
        assert refused.value.code == "import_file_refused"
    swept_desk.service.age_files(23.9)
    sweep_files(swept_desk)
    assert len(kept_files(swept_desk)) == 3
    swept_desk.service.age_files(0.2)

    swept_desk.service.runtime.blobs.sweep_passing(24 * 3600, UPLOADS)
    sweep_files(swept_desk)

    assert swept_desk.service.files() == []


def test_a_process_that_ends_before_it_has_noted_an_import_leaves_no_file(
    swept_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "_new_import", ends)
    with pytest.raises(KeyboardInterrupt):
        upload(swept_desk, an_export(RENAMED))
    sweep_files(swept_desk)
    assert len(kept_files(swept_desk)) == 1
    swept_desk.service.age_files(24.1)

    sweep_files(swept_desk)

    assert kept_files(swept_desk) == []


def test_an_import_that_an_earlier_version_has_begun_finds_its_file(
    swept_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = swept_desk
    all_in_background(monkeypatch)
    begun = upload(desk, an_export(RENAMED))
    desk.service.runtime.blobs.put(HARBOR[0], [an_export(RENAMED)], 10**8)
    shutil.rmtree(of_imports(desk))

    jobs.work(desk.service.runtime)

    assert report_of(desk, begun["import_id"])["state"] == "done"


def test_an_import_whose_file_has_gone_says_so_and_ends(
    swept_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_in_background(monkeypatch)
    begun = upload(swept_desk, an_export(RENAMED))
    shutil.rmtree(of_imports(swept_desk))

    jobs.work(swept_desk.service.runtime)

    report = report_of(swept_desk, begun["import_id"])
    assert (report["state"], report["refusal"]["reason"]) == ("refused", "failed")
    assert "upload it again" in report["refusal"]["detail"]


def test_the_file_of_a_dry_run_is_imported_without_another_upload(
    swept_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = swept_desk
    tried = upload(desk, an_export(RENAMED), dry_run=True)
    assert (counts(tried), "Night Haven" in names(desk)) == ((0, 1, 7, 0), False)

    done = desk(directory_imports.apply_directory_import, key="a" * 32, import_id=tried["import_id"])

    assert (done["is_dry_run"], done["state"], counts(done)) == (False, "done", (0, 1, 7, 0))
    assert "Night Haven" in names(desk)
    again = desk(directory_imports.apply_directory_import, key="a" * 32, import_id=tried["import_id"])
    assert again["import_id"] == done["import_id"]
    assert len(desk(directory_imports.list_directory_imports)["items"]) == 3
    # After a day the file is gone.
    with time_machine.travel(utc_now() + datetime.timedelta(hours=25)):
        sweep_files(desk)
    missing = refusal(lambda: desk(directory_imports.apply_directory_import, import_id=tried["import_id"]))
    assert missing == "not_found"
