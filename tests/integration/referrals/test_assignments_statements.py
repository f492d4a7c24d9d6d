"""Statements per operation: on SQLite they block other writers, and on PostgreSQL each is a round trip."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, select, text

from services.contracts.referrals import assignments, bulk, directory, offers, queues, status_changes
from services.referrals.bulk import work
from services.referrals.models import Referral
from services.referrals.reports.models import ReportPlace
from tests.integration.referrals.builders import SMALL_DIRECTORY, Desk, an_export
from tests.support.in_process import HARBOR

HERE, THERE = "Night Shelter", "Family Housing First"
ASKED = 50


@contextlib.contextmanager
def statements(desk: Desk) -> Iterator[list[str]]:
    """The statements within the block. One statement with many rows counts once."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(" ".join(statement.split()))

    engine = desk.service.database.engine
    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def reads(sent: list[str]) -> list[str]:
    return [each for each in sent if each.startswith("SELECT")]


@pytest.fixture(scope="module")
def many_programs() -> list[tuple[str, ...]]:
    return [(str(100 + at), f"Program {at:03}", "Program", "1", "Active", "") for at in range(ASKED)]


def a_queue_of_many(desk: Desk, rows: list[tuple[str, ...]]) -> tuple[str, list[str]]:
    desk.import_file(an_export([*SMALL_DIRECTORY, *rows]))
    found = desk(directory.search_resources, q="Program", limit=ASKED)["items"]
    ids = [each["id"] for each in found if each["name"].startswith("Program ")]
    queue_id = desk.a_queue(name="Many")
    for program_id in ids:
        desk(queues.add_program_to_queue, queue_id=queue_id, program_id=program_id)
    return queue_id, ids


@pytest.mark.parametrize("is_limited", [True, False])
def test_an_assignment_asks_little_and_claims_late(desk: Desk, is_limited: bool) -> None:
    queue_id = desk.a_queue(HERE)
    if is_limited:
        desk.set_capacity(HERE, 9)
    desk.assign(queue_id, HERE)  # the first makes the cell in which the program's referrals are counted
    record_id = desk.a_record()
    with statements(desk) as sent:
        desk.assign(queue_id, HERE, record_id)
    assert len(sent) <= 23, "\n".join(sent)
    if is_limited:
        claim = next(at for at, each in enumerate(sent) if each.startswith("UPDATE capacity_lines"))
        # The count belongs to a term, which is read again once the line is locked.
        assert [each.split(" FROM ")[1].split()[0] for each in reads(sent[claim:])] == ["capacity_terms"]


def test_an_offer_to_fifty_asks_no_more_than_an_offer_to_two(desk: Desk, many_programs: Any) -> None:
    queue_id, ids = a_queue_of_many(desk, many_programs)
    asked = []
    for program_ids in (ids[:2], ids):
        record_id = desk.a_record()
        with statements(desk) as sent:
            desk(
                offers.create_offer,
                contact_record_id=record_id,
                queue_id=queue_id,
                program_ids=program_ids,
            )
        asked.append(reads(sent))
    assert len(asked[1]) <= len(asked[0]) + 1  # missing cells are inserted in one statement, and read again
    inserted = [each for each in sent if each.startswith("INSERT INTO referral")]
    assert len(inserted) == 2  # the referrals, and their first lines
    assert len(sent) <= 130, "\n".join(sent)


def test_every_referral_of_an_offer_is_counted_where_it_stands(desk: Desk, many_programs: Any) -> None:
    queue_id, ids = a_queue_of_many(desk, many_programs)
    made = desk(offers.create_offer, contact_record_id=desk.a_record(), queue_id=queue_id, program_ids=ids)
    first = desk.read({"id": made["programs"][0]["referral_id"]})
    with statements(desk) as sent:
        desk(status_changes.accept_referral, referral_id=first["id"], version=first["version"])
    assert sum("FROM report_places" in each for each in sent) <= 2
    # A few statements for all forty-nine that are withdrawn, besides rows that get their number from the database.
    assert len([each for each in sent if not each.startswith("INSERT INTO")]) <= 45, "\n".join(sent)
    with desk.service.database.reading(HARBOR[0]) as session:
        places = session.execute(
            select(ReportPlace.ended_day.is_(None), Referral.is_open).join(
                Referral, Referral.id == ReportPlace.referral_id
            )
        ).all()
    assert len(places) == ASKED
    assert [bool(is_open) for is_open, _ in places] == [bool(is_open) for _, is_open in places]
    assert sum(bool(is_open) for is_open, _ in places) == 1


def test_a_line_of_a_bulk_assignment_asks_little(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, THERE)
    desk.set_capacity(HERE, 1)
    desk.set_capacity(THERE, 9)
    ids = desk.many_records(4)
    desk(
        bulk.start_bulk_assignment,
        contact_record_ids=ids,
        queue_id=queue_id,
        program_ids=[desk.resource[HERE], desk.resource[THERE]],
    )
    with statements(desk) as sent:
        work.work(desk.service.runtime)
    lines = sum(each.startswith("INSERT INTO referrals ") for each in sent)
    assert lines == 4
    # Each is a transaction of its own; picking the lines up and closing the job are a few more.
    assert len(sent) <= 4 * 24 + 30, "\n".join(sent)


def test_open_and_waiting_referrals_are_found_by_their_partial_indexes(desk_on_both: Desk) -> None:
    desk = desk_on_both
    is_open = select(Referral.id).where(Referral.queue_id == "2" * 32, Referral.is_open)
    waiting = select(Referral.id).where(Referral.program_id == "3" * 32, Referral.is_waiting)
    wanted = {
        "ix_referrals_idle": is_open.order_by(Referral.updated_at),
        "ix_referrals_waiting": waiting.order_by(Referral.waitlisted_at),
    }
    with desk.service.database.reading(None) as session:
        if not desk.service.database.is_sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))
        for index, statement in wanted.items():
            spelled = statement.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            explain = "EXPLAIN QUERY PLAN" if desk.service.database.is_sqlite else "EXPLAIN"
            plan = session.execute(text(f"{explain} {spelled}")).all()
            assert index in str(plan)


@pytest.mark.parametrize(
    ("table", "index"),
    [
        ("referral_status_changes", "(referral_id=?)"),
        ("queue_programs", "(queue_id=?"),
    ],
)
def test_sqlite_looks_for_a_few_rows_by_their_ids_and_not_through_the_whole_organisation(
    desk: Desk, table: str, index: str
) -> None:
    queue_id = desk.a_queue(HERE, THERE)
    referral = desk.assign(queue_id, HERE)
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    engine = desk.service.database.engine
    event.listen(engine, "before_cursor_execute", note)
    desk(assignments.list_referral_notes, referral_id=referral["id"])
    desk(queues.get_queue, queue_id=queue_id)
    event.remove(engine, "before_cursor_execute", note)
    plans = [_plan(desk, *each) for each in asked if each[0].startswith("SELECT")]
    found = [line for plan in plans for line in plan if line.startswith(f"SEARCH {table} ")]
    assert found
    assert all(index in line for line in found), found


def _plan(desk: Desk, statement: str, parameters: Any) -> list[str]:
    with desk.service.database.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    return [row[3] for row in rows]
