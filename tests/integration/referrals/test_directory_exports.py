"""The directory as a file: at once where it is small, by a child process where it is large, kept for a day."""

from __future__ import annotations

import datetime
import json
import os
import time
from typing import Any

import pytest
from sqlalchemy import select, update

from services.chassis.blobs import EXPORTS
from services.chassis.unit_of_work import utc_now
from services.contracts.referrals import directory_exports
from services.referrals.directory_exports import jobs
from services.referrals.directory_exports.models import DirectoryExport
from tests.integration.referrals.builders import OTHER_STAFF, STAFF, Desk, refusal
from tests.support.at_once import at_once
from tests.support.in_process import HARBOR, a_caller

REPORTER = a_caller("directory.read", id="9" * 32)


@pytest.fixture
def every_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "DONE_IN_CALL", 0)
    monkeypatch.setattr(jobs, "LOOKED_AT_EVERY_S", 0.02)


def start(desk: Desk, caller: Any = STAFF, **more: Any) -> Any:
    return desk(directory_exports.export_directory, caller, **more)


def now_of(desk: Desk, export: Any, caller: Any = STAFF) -> Any:
    return desk(directory_exports.get_directory_export, caller, export_id=export["export_id"])


def file_of(desk: Desk, export: Any, caller: Any = STAFF) -> Any:
    return desk(directory_exports.download_directory_export, caller, export_id=export["export_id"])


def content_of(desk: Desk, export: Any) -> Any:
    named = file_of(desk, export)
    path = desk.service.runtime.blobs.find(HARBOR[0], named["sha256"])
    assert path.stat().st_size == named["size"]
    return json.loads(path.read_bytes())


def set_row(desk: Desk, export: Any, **values: Any) -> None:
    desk.service.database.write(
        None,
        lambda session: session.execute(
            update(DirectoryExport).where(DirectoryExport.id == export["export_id"]).values(**values)
        ),
    )


def test_a_small_directory_is_ready_at_once(desk: Desk) -> None:
    export = start(desk)
    assert (export["state"], export["done"], export["total"]) == ("ready", 6, 6)
    content = content_of(desk, export)
    assert len(content["organizations"]) + len(content["services"]) == 6
    assert "Winter Shelter" not in json.dumps(content)  # no referrals are to go there
    assert export["size"] == len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())


@pytest.mark.usefixtures("every_is_large")
def test_a_large_directory_is_written_by_a_child_and_is_the_same_file(
    desk_on_both: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_on_both
    waiting = start(desk)
    assert (waiting["state"], waiting["done"], waiting["size"]) == ("waiting", 0, None)
    assert refusal(lambda: file_of(desk, waiting)) == "export_not_ready"
    assert jobs.work(desk.service.runtime)
    large = now_of(desk, waiting)
    assert (large["state"], large["done"]) == ("ready", 6)
    monkeypatch.setattr(jobs, "DONE_IN_CALL", 5_000)
    small = start(desk)
    assert small["export_id"] != large["export_id"]
    assert file_of(desk, small)["sha256"] == file_of(desk, large)["sha256"]


@pytest.mark.usefixtures("every_is_large")
def test_who_asks_twice_gets_the_export_that_is_on_its_way(desk: Desk) -> None:
    first, second = start(desk), start(desk)
    assert first["export_id"] == second["export_id"]
    assert len(desk.service.audit("directory.export_started")) == 1


@pytest.mark.usefixtures("every_is_large")
def test_all_who_ask_at_one_moment_get_the_same_export(desk_on_both: Desk) -> None:
    started = at_once(*[lambda: start(desk_on_both)["export_id"]] * 4)
    assert len(set(started)) == 1


def test_a_repeated_request_answers_with_the_same_export(desk: Desk) -> None:
    assert start(desk, key="once")["export_id"] == start(desk, key="once")["export_id"]
    assert start(desk)["export_id"] != start(desk, key="once")["export_id"]


@pytest.mark.usefixtures("every_is_large")
def test_what_a_dead_process_began_another_begins_anew(desk: Desk) -> None:
    export = start(desk)
    later = utc_now() + datetime.timedelta(minutes=1)
    set_row(desk, export, state="writing", claimed_by="1" * 32, claimed_until=later, tries=1, done=3)
    jobs.work(desk.service.runtime)
    assert now_of(desk, export)["state"] == "writing"  # its holder may still live
    set_row(desk, export, claimed_until=utc_now() - datetime.timedelta(seconds=1))
    jobs.work(desk.service.runtime)
    assert now_of(desk, export)["state"] == "ready"


@pytest.mark.usefixtures("every_is_large")
def test_a_replica_that_stops_hands_the_export_on_and_ends_its_child(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = []

    class Watched(jobs.Writing):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            children.append(self._child)

    monkeypatch.setattr(jobs, "Writing", Watched)
    export = start(desk)
    asked = iter((False, True))
    jobs.carry_on(desk.service.runtime, export["export_id"], is_stopping=lambda: next(asked))
    assert [child.poll() is not None for child in children] == [True]
    assert now_of(desk, export)["state"] == "waiting"
    jobs.work(desk.service.runtime)
    assert now_of(desk, export)["state"] == "ready"


@pytest.mark.usefixtures("every_is_large")
def test_an_export_that_fails_is_tried_again_and_then_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs.Writing, "result", lambda _: None)
    export = start(desk)
    for _ in range(jobs.TRIES):
        assert not jobs.work(desk.service.runtime)
        assert now_of(desk, export)["state"] == "writing"
        set_row(desk, export, claimed_until=utc_now() - datetime.timedelta(seconds=1))
    assert jobs.work(desk.service.runtime)
    failed = now_of(desk, export)
    assert (failed["state"], failed["reason"]) == ("failed", "interrupted")
    assert refusal(lambda: file_of(desk, export)) == "not_found"
    assert len(desk.service.audit("directory.export_failed")) == 1


def test_an_export_with_a_fault_is_given_up_and_another_can_be_asked_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_directory = jobs.whole_directory

    def fails(*_: Any) -> Any:
        raise UnicodeEncodeError("utf-8", "Kitchen", 0, 1, "surrogates not allowed")

    monkeypatch.setattr(jobs, "whole_directory", fails)
    export = start(desk)
    for _ in range(jobs.TRIES - 1):
        assert now_of(desk, export)["state"] == "writing"
        jobs.work(desk.service.runtime)
    failed = now_of(desk, export)
    assert (failed["state"], failed["reason"]) == ("failed", "interrupted")

    monkeypatch.setattr(jobs, "whole_directory", whole_directory)
    again = start(desk)
    assert again["export_id"] != export["export_id"]
    assert again["state"] == "ready"


@pytest.mark.usefixtures("every_is_large")
def test_a_file_beyond_the_limit_is_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "DONE_IN_CALL", 5_000)
    monkeypatch.setattr(jobs, "MOST_BYTES", 100)
    export = start(desk)
    assert (export["state"], export["reason"]) == ("failed", "too_large")
    assert not [path for path in desk.service.runtime.blobs.folder.rglob(f"{EXPORTS}/**/*") if path.is_file()]


def test_who_took_the_directory_away_is_noted_each_time(desk: Desk) -> None:
    export = start(desk)
    assert not desk.service.audit("directory.exported")
    file_of(desk, export)
    file_of(desk, export, REPORTER)
    noted = desk.service.audit("directory.exported")
    assert [(row.actor_id, row.object_id) for row in noted] == [
        (STAFF.id, export["export_id"]),
        (REPORTER.id, export["export_id"]),
    ]


def test_the_file_is_gone_after_a_day(desk: Desk) -> None:
    export = start(desk)
    sha256 = file_of(desk, export)["sha256"]
    path = desk.service.runtime.blobs.find(HARBOR[0], sha256)
    jobs.sweep(desk.service.runtime)
    desk.service.runtime.blobs.sweep_passing(0.0)  # what is fetched with its answer goes earlier
    assert path.is_file()
    a_day_ago = time.time() - jobs.KEPT.total_seconds() - 1
    os.utime(path, (a_day_ago, a_day_ago))
    jobs.sweep(desk.service.runtime)
    assert not path.exists()
    set_row(desk, export, expires_at=utc_now() - datetime.timedelta(seconds=1))
    assert now_of(desk, export)["state"] == "expired"
    assert refusal(lambda: file_of(desk, export)) == "not_found"


def test_another_organisation_finds_no_such_export(desk: Desk) -> None:
    export = start(desk)
    assert refusal(lambda: now_of(desk, export, OTHER_STAFF)) == "not_found"
    assert refusal(lambda: file_of(desk, export, OTHER_STAFF)) == "not_found"


@pytest.mark.usefixtures("every_is_large")
def test_the_address_of_the_database_is_no_argument_of_the_child(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    plain = jobs.Writing.__enter__

    def enter(self: Any) -> Any:
        seen.append(self._child.args)
        return plain(self)

    monkeypatch.setattr(jobs.Writing, "__enter__", enter)
    start(desk)
    jobs.work(desk.service.runtime)
    with desk.service.database.reading(None) as session:
        assert session.scalars(select(DirectoryExport.state)).all() == ["ready"]
    (arguments,) = seen
    assert not [each for each in arguments if "sqlite" in each or "postgresql" in each]
