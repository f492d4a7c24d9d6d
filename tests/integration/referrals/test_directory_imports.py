"""Imports in the background: progress, dry runs, crashes, and unreadable files."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine
from sqlalchemy import update
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.referrals import directory, directory_imports
from services.contracts.referrals.directory import resource_changed
from services.contracts.referrals.directory_imports import directory_imported
from services.referrals.directory import leases
from services.referrals.directory_imports import jobs, writes
from services.referrals.directory_imports.models import DirectoryImport
from tests.integration.referrals.builders import OTHER_STAFF, SMALL_DIRECTORY, Desk, an_export, refusal
from tests.integration.referrals.imported_files import (
    COUNTS,
    RENAMED,
    all_in_background,
    counts,
    names,
    report_of,
    upload,
)
from tests.support.eventually import eventually


def test_a_small_file_is_done_with_the_answer(desk: Desk) -> None:
    report = desk.report

    assert (report["state"], report["done"], report["total"], report["source"]) == ("done", 8, 8, "icarol")
    assert report["finished_at"] is not None
    assert report_of(desk, report["import_id"]) == report


def test_a_large_file_is_noted_and_done_by_the_loop(
    desk_on_both: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_on_both
    all_in_background(monkeypatch)
    begun = upload(desk, an_export(RENAMED))
    assert (begun["state"], begun["total"], begun["done"]) == ("waiting", None, 0)
    assert "Night Haven" not in names(desk)

    assert jobs.work(desk.service.runtime) is True

    report = report_of(desk, begun["import_id"])
    assert (report["state"], report["done"], report["total"]) == ("done", 8, 8)
    assert counts(report) == (0, 1, 7, 0)
    assert "Night Haven" in names(desk)
    assert len(desk.service.events(directory_imported)) == 2


def test_a_file_with_too_many_records_for_a_call_is_left_to_the_loop(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "DONE_IN_CALL_RECORDS", 7)
    begun = upload(desk, an_export(RENAMED))
    assert (begun["state"], begun["total"], begun["done"]) == ("applying", 8, 0)

    jobs.work(desk.service.runtime)

    assert counts(report_of(desk, begun["import_id"])) == (0, 1, 7, 0)


def test_the_loop_is_woken_by_a_large_file_and_does_not_wait_for_its_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_in_background(monkeypatch)
    loop = jobs.DirectoryImportsLoop(desk.service.runtime)
    desk.service.runtime.loops.append(loop)
    loop.start()
    begun = upload(desk, an_export(RENAMED))

    def is_done() -> None:
        assert report_of(desk, begun["import_id"])["state"] == "done"

    try:
        eventually(is_done, timeout_s=jobs.EVERY_S - 1)
    finally:
        loop.stop()
    assert "Night Haven" in names(desk)


def test_an_import_goes_on_where_a_crash_has_left_it_and_counts_nothing_twice(
    desk_on_both: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_on_both
    all_in_background(monkeypatch)
    rows = [(f"1{number}", *rest) for number, *rest in SMALL_DIRECTORY[3:6]]
    begun = upload(desk, an_export([*SMALL_DIRECTORY, *rows]))
    crash_at_the_second_chunk(monkeypatch)
    with pytest.raises(SystemExit):
        jobs.work(desk.service.runtime)
    half = report_of(desk, begun["import_id"])
    assert (half["state"], half["done"], half["total"]) == ("applying", 3, 11)
    monkeypatch.undo()
    all_in_background(monkeypatch)

    jobs.work(desk.service.runtime)
    jobs.carry_on(desk.service.runtime, begun["import_id"])
    assert report_of(desk, begun["import_id"])["done"] == 3  # the lease of the dead process is still valid
    let_leases_run_out(desk)
    jobs.work(desk.service.runtime)

    report = report_of(desk, begun["import_id"])
    assert (report["state"], report["done"], counts(report)) == ("done", 11, (3, 0, 8, 0))


def crash_at_the_second_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = writes.apply, []

    def dies(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise SystemExit("the process dies")
        real(*arguments)

    monkeypatch.setattr(writes, "apply", dies)


def let_leases_run_out(desk: Desk) -> None:
    def run(session: Session) -> None:
        session.execute(
            update(DirectoryImport).values(claimed_until=utc_now() - datetime.timedelta(seconds=1))
        )

    desk.service.database.write(None, run)


def test_a_process_that_has_lost_its_lease_writes_nothing_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "DONE_IN_CALL_BYTES", 0)
    runtime = desk.service.runtime
    job_id = upload(desk, an_export(RENAMED))["import_id"]
    first = leases.claim(runtime, DirectoryImport, job_id, "applying")
    assert first is not None
    assert leases.claim(runtime, DirectoryImport, job_id, "applying") is None  # it is held
    with time_machine.travel(utc_now() + leases.LEASE + datetime.timedelta(seconds=1), tick=False):
        second = leases.claim(runtime, DirectoryImport, job_id, "applying")
        assert second is not None

        def done(count: int) -> Any:
            return lambda _unit, job: setattr(job, "done", count)

        assert refusal(lambda: first.write(done(5))) == "conflict"
        assert report_of(desk, job_id)["done"] == 0
        second.write(done(3))
        assert report_of(desk, job_id)["done"] == 3
        # With each step the lease begins anew, so nobody takes it over.
    with time_machine.travel(utc_now() + 1.5 * leases.LEASE, tick=False):
        assert leases.claim(runtime, DirectoryImport, job_id, "applying") is None
        second.write(lambda _unit, job: leases.release(job))
        assert leases.claim(runtime, DirectoryImport, job_id, "applying") is not None


def test_an_import_that_never_gets_through_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    all_in_background(monkeypatch)
    begun = upload(desk, an_export())

    def dies(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(writes, "apply", dies)
    for _ in range(jobs.TRIES - 1):
        assert not jobs.work(desk.service.runtime)
        assert report_of(desk, begun["import_id"])["state"] == "applying"
    assert jobs.work(desk.service.runtime)

    report = report_of(desk, begun["import_id"])
    assert (report["state"], report["refusal"]["reason"]) == ("refused", "failed")


@pytest.mark.parametrize("failing", ["read_upload", "closings.closing_of"])
def test_a_fault_while_a_file_is_read_ends_the_import_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fails(*_: Any) -> None:
        raise ValueError

    monkeypatch.setattr(f"services.referrals.directory_imports.jobs.{failing}", fails)
    begun = upload(desk, an_export())
    for _ in range(jobs.TRIES):
        jobs.work(desk.service.runtime)
    report = report_of(desk, begun["import_id"])
    assert (report["state"], report["refusal"]["reason"]) == ("refused", "failed")


def test_an_import_of_dead_processes_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    all_in_background(monkeypatch)
    begun = upload(desk, an_export())

    def dies(*_: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(writes, "apply", dies)
    for _ in range(jobs.TRIES):
        with pytest.raises(SystemExit):
            jobs.work(desk.service.runtime)
        let_leases_run_out(desk)
    assert jobs.work(desk.service.runtime)
    assert report_of(desk, begun["import_id"])["state"] == "refused"


def test_what_was_never_uploaded_is_not_imported(desk: Desk) -> None:
    document = {"sha256": "0" * 64, "size": 10}
    with pytest.raises(Refused) as refused:
        desk(directory_imports.import_directory, document=document)
    assert (refused.value.code, refused.value.field) == ("not_found", "document")


def test_a_dry_run_reports_the_same_and_changes_nothing(desk_on_both: Desk) -> None:
    desk = desk_on_both
    orphan = ("99", "Lost", "Program", "98", "Active", "")
    content = an_export([*RENAMED, ("3", "New Agency", "Agency", "0", "Active", ""), orphan])

    tried = upload(desk, content, dry_run="true")  # as a form says it

    assert tried["is_dry_run"]
    assert counts(tried) == (1, 1, 7, 1)
    assert tried["state"] == "done"
    assert "Night Haven" not in names(desk)
    assert len(desk.service.events(directory_imported)) == 1
    done = upload(desk, content)
    same = (*COUNTS, "levels", "problems", "warnings", "total")
    assert {name: tried[name] for name in same} == {name: done[name] for name in same}


def test_the_problems_shown_have_a_limit_whoever_finds_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writes, "PROBLEMS_SHOWN", 2)
    unreadable = ("97", "Odd", "Program", "1", "Sometimes", "")
    orphans = [(number, "Lost", "Program", "98", "Active", "") for number in ("91", "92")]

    report = upload(desk, an_export([*SMALL_DIRECTORY, unreadable, *orphans]))

    assert counts(report) == (0, 0, 8, 3)
    assert [problem["code"] for problem in report["problems"]] == ["unknown_status", "orphan"]


def test_the_warnings_shown_have_a_limit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "PROBLEMS_SHOWN", 2)
    for name in ("Night Shelter", "Winter Shelter", "Old Shelter"):
        resource = desk(directory.get_resource, resource_id=desk.resource[name])
        edited = {"resource_id": resource["id"], "version": resource["version"], "hours": "At night"}
        desk(directory.edit_resource, **edited)

    rows = [
        (number, f"{name} II" if number in ("11", "13", "14") else name, *rest)
        for number, name, *rest in SMALL_DIRECTORY
    ]
    report = upload(desk, an_export(rows))

    assert counts(report) == (0, 3, 5, 0)
    assert [warning["code"] for warning in report["warnings"]] == ["edit_overwritten"] * 2


def test_a_repeated_request_is_one_import_with_the_same_report(desk: Desk) -> None:
    first = upload(desk, an_export(RENAMED), key="import-of-today")

    assert upload(desk, an_export(RENAMED), key="import-of-today") == first
    assert len(desk(directory_imports.list_directory_imports)["items"]) == 2


def test_a_file_that_cannot_be_read_is_refused_with_the_place(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_in_background(monkeypatch)
    begun = upload(desk, an_export() + b'18,"never closed')
    jobs.work(desk.service.runtime)

    report = report_of(desk, begun["import_id"])
    assert (report["state"], report["refusal"]["reason"], report["refusal"]["line"]) == (
        "refused",
        "broken_quote",
        10,
    )
    assert "Night Shelter" in names(desk)


def test_a_small_file_that_cannot_be_read_is_refused_at_once(desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        upload(desk, an_export() + b'18,"never closed')

    assert (refused.value.code, refused.value.more["line"]) == ("import_file_refused", 10)
    assert desk(directory_imports.list_directory_imports)["items"][0]["state"] == "refused"


def test_a_status_that_an_import_changes_is_told(desk: Desk) -> None:
    rows = [
        (number, name, level, agency, "Inactive" if number == "11" else status, message)
        for number, name, level, agency, status, message in RENAMED
    ]
    upload(desk, an_export(rows))

    (told,) = desk.service.events(resource_changed)
    assert told["data"] == {
        "resource_id": desk.resource["Night Shelter"],
        "agency_id": desk.resource["Harbor Shelter Alliance"],
        "level": "program",
        "status": "inactive",
        "version": 2,
        "is_new": False,
    }


def test_imports_of_one_moment_are_each_on_one_page(desk: Desk) -> None:
    with time_machine.travel(utc_now() + datetime.timedelta(days=1), tick=False):
        uploaded = {upload(desk, an_export(RENAMED))["import_id"] for _ in range(3)}
    listed: list[str] = []
    after: dict[str, Any] = {}
    for _ in range(4):
        page = desk(directory_imports.list_directory_imports, limit=1, **after)
        listed += [item["import_id"] for item in page["items"]]
        after = {"after": page["next"]}

    assert listed == [*sorted(uploaded, reverse=True), desk.report["import_id"]]
    assert after == {"after": None}


def test_imports_are_listed_newest_first_page_by_page_and_only_ones_own(desk: Desk) -> None:
    second = upload(desk, an_export(RENAMED))["import_id"]
    page = desk(directory_imports.list_directory_imports, limit=1)

    assert [item["import_id"] for item in page["items"]] == [second]
    rest = desk(directory_imports.list_directory_imports, limit=1, after=page["next"])
    assert [item["import_id"] for item in rest["items"]] == [desk.report["import_id"]]
    assert rest["next"] is None
    assert desk(directory_imports.list_directory_imports, OTHER_STAFF)["items"] == []
    assert (
        refusal(lambda: desk(directory_imports.get_directory_import, OTHER_STAFF, import_id=second))
        == "not_found"
    )
