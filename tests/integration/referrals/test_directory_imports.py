"""Imports in the background: progress, dry runs, crashes, and unreadable files."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import update
from sqlalchemy.orm import Session

from services.chassis import unused_files
from services.chassis.blobs import IMPORTS, UPLOADS
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.referrals import assignments, directory, directory_imports
from services.contracts.referrals.directory import resource_changed
from services.contracts.referrals.directory_imports import directory_imported
from services.referrals import service as referrals_service
from services.referrals.directory import leases
from services.referrals.directory_imports import jobs, writes
from services.referrals.directory_imports.models import DirectoryImport
from tests.integration.referrals.builders import OTHER_STAFF, SMALL_DIRECTORY, STAFF, Desk, an_export, refusal
from tests.support.eventually import eventually
from tests.support.in_process import HARBOR

RENAMED = [
    (number, "Night Haven" if number == "11" else name, *rest) for number, name, *rest in SMALL_DIRECTORY
]
COUNTS = ("added", "changed", "unchanged", "refused")


def counts(report: Any) -> tuple[int, ...]:
    return tuple(report[name] for name in COUNTS)


def upload(desk: Desk, content: bytes, *, key: str | None = None, **more: Any) -> Any:
    document = desk.service.upload(content)
    return desk.service.call(directory_imports.import_directory, STAFF, key=key, document=document, **more)


def report_of(desk: Desk, import_id: str) -> Any:
    return desk(directory_imports.get_directory_import, import_id=import_id)


def names(desk: Desk) -> list[str]:
    return [item["name"] for item in desk(directory.list_resources, level="program")["items"]]


def all_in_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every import run in the background, three records at a time."""
    monkeypatch.setattr(jobs, "DONE_IN_CALL_BYTES", 0)
    monkeypatch.setattr(jobs, "RECORDS_AT_ONCE", 3)


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


def closed(*numbers: str) -> bytes:
    """The small directory with these resources inactive, and the Night Shelter renamed."""
    return an_export(
        [
            (number, name, level, agency, "Inactive" if number in numbers else status, message)
            for number, name, level, agency, status, message in RENAMED
        ]
    )


def closing(*programs: tuple[str, str, int]) -> dict[str, Any]:
    names = ("program_id", "program_name", "open_referrals")
    return {
        "open_referrals": sum(count for *_, count in programs),
        "programs": [dict(zip(names, program, strict=True)) for program in programs],
    }


NOTHING = closing()


@pytest.fixture
def referred(desk_on_both: Desk) -> Desk:
    """Two open referrals and one that has ended to the Night Shelter, one open to another program of its agency."""
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter", "Family Housing First", "St. Mary's Café & Pantry")
    for _ in range(2):
        desk.assign(queue_id, "Night Shelter")
    desk.move(desk.assign(queue_id, "Night Shelter"), "completed")
    desk.assign(queue_id, "Family Housing First")
    desk.move(desk.assign(queue_id, "St. Mary's Café & Pantry"), "completed")
    return desk


@pytest.mark.parametrize(
    ("numbers", "counts_of"),
    [
        (("11",), (("Night Shelter", 2),)),
        (("1",), (("Night Shelter", 2), ("Family Housing First", 1))),
        (("1", "11"), (("Night Shelter", 2), ("Family Housing First", 1))),
        (("12", "21"), (("Family Housing First", 1),)),
    ],
    ids=["program", "agency", "both", "another"],
)
def test_a_file_that_closes_programs_with_open_referrals_asks_first(
    referred: Desk, numbers: tuple[str, ...], counts_of: tuple[tuple[str, int], ...]
) -> None:
    desk = referred
    expected = closing(*((desk.resource[name], name, count) for name, count in counts_of))
    tried = upload(desk, closed(*numbers), dry_run=True)
    assert (tried["state"], tried["closing"]) == ("done", expected)

    for _ in range(2):  # the same request again gets the same answer
        with pytest.raises(Refused) as refused:
            upload(desk, closed(*numbers), key="closing")
        assert (refused.value.code, refused.value.field) == ("program_has_open_referrals", "confirm")
        assert refused.value.more == expected
    (last, *_) = desk(directory_imports.list_directory_imports)["items"]
    assert (last["state"], last["done"], last["closing"]) == ("refused", 0, expected)
    assert last["refusal"]["reason"] == "program_has_open_referrals"
    assert "Night Haven" not in names(desk)  # nothing of the file is written
    assert desk.service.events(resource_changed) == []

    done = upload(desk, closed(*numbers), confirm=True)
    assert (done["state"], done["closing"]) == ("done", expected)
    assert "Night Haven" in names(desk)
    told = desk.service.events(resource_changed)
    assert [event["data"]["status"] for event in told] == ["inactive"] * len(numbers)
    assert len(desk(assignments.list_referrals, is_open=True)["items"]) == 3
    # What is closed already closes nothing more.
    again = upload(desk, closed(*numbers))
    assert (again["state"], again["closing"]) == ("done", NOTHING)


def test_a_file_that_closes_only_what_has_no_open_referral_asks_nothing(referred: Desk) -> None:
    done = upload(referred, closed("2", "15", "21"))
    assert (done["state"], done["changed"], done["closing"]) == ("done", 4, NOTHING)


def test_a_file_that_leaves_open_what_was_opened_by_hand_asks_nothing(referred: Desk) -> None:
    desk = referred
    upload(desk, closed("11"), confirm=True)
    shelter = desk(directory.get_resource, resource_id=desk.resource["Night Shelter"])
    wanted = {"resource_id": shelter["id"], "version": shelter["version"], "status": "active"}
    desk(directory.set_resource_status, **wanted)

    report = upload(desk, closed("11"))

    assert (report["state"], report["unchanged"], report["closing"]) == ("done", 8, NOTHING)
    assert desk(directory.get_resource, resource_id=shelter["id"])["status"] == "active"


def test_a_large_file_that_nobody_has_confirmed_is_refused_in_the_background(
    referred: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = referred
    all_in_background(monkeypatch)
    expected = closing((desk.resource["Family Housing First"], "Family Housing First", 1))
    begun, confirmed = upload(desk, closed("12")), upload(desk, closed("12"), confirm=True)
    assert begun["closing"] is None

    jobs.work(desk.service.runtime)

    report = report_of(desk, begun["import_id"])
    assert (report["state"], report["done"], report["closing"]) == ("refused", 0, expected)
    assert "open referrals (1)" in report["refusal"]["detail"]
    report = report_of(desk, confirmed["import_id"])
    assert (report["state"], counts(report), report["closing"]) == ("done", (0, 2, 6, 0), expected)
