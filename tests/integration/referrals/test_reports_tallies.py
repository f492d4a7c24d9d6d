"""Statistics are the same from tallies, from single moves and from both; and rebuilding repairs damaged reports."""

from __future__ import annotations

import datetime
import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import time_machine
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from services.contracts.referrals import reports
from services.referrals.reports import rebuild as rebuilding
from services.referrals.reports import tallying
from services.referrals.reports.models import (
    ReportCount,
    ReportDay,
    ReportMove,
    ReportPlace,
    ReportProgress,
    ReportWeek,
)
from services.referrals.reports.rebuild import rebuild
from services.referrals.reports.rules import days_of_week
from services.referrals.reports.tallying import tally_all
from tests.integration.referrals.builders import STAFF, Desk
from tests.integration.referrals.histories import (
    Past,
    Place,
    as_counted,
    counted,
    some_pasts,
    write_pasts,
)
from tests.integration.referrals.test_reports_statistics import a_random_step, everything
from tests.support.in_process import HARBOR

FIRST = datetime.datetime(2026, 1, 9, 5, 0, tzinfo=datetime.UTC)
DAYS = 40
NOW = FIRST + datetime.timedelta(days=DAYS + 15)
TODAY = (NOW.date() - datetime.date(1970, 1, 1)).days
ZONE = "Asia/Kolkata"
GROUPINGS = (None, *reports.GROUPS)
PROGRAMS = ("Night Shelter", "Family Housing First", "St. Mary's Café & Pantry")
AGENCIES = {
    "Night Shelter": "Harbor Shelter Alliance",
    "Family Housing First": "Harbor Shelter Alliance",
    "St. Mary's Café & Pantry": "Bayside Food Network",
}


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def furnished(desk: Desk, count: int, seed: int = 3) -> list[Past]:
    """Two ReferralQs with so many referrals of the past, not counted anywhere yet."""
    queues = [desk.a_queue(*PROGRAMS, name=name) for name in ("Housing", "Food")]
    desk(reports.set_report_settings, time_zone=ZONE)
    places = [
        Place(queue_id, desk.resource[program], desk.resource[AGENCIES[program]])
        for queue_id in queues
        for program in PROGRAMS
    ]
    pasts = some_pasts(random.Random(seed), places, count, FIRST, DAYS)
    records = desk.many_records(count)
    desk.service.database.write(HARBOR[0], lambda session: write_pasts(session, pasts, records))
    return pasts


def forget_tallies(session: Session) -> None:
    """Delete all tallies, as after the migration."""
    for table in (ReportWeek, ReportDay):
        session.execute(delete(table))
    session.execute(update(ReportProgress).values(tallied_week=None))


def assert_counted(answer: Any, expected: dict[Any, dict[str, Any]], question: object) -> None:
    found = as_counted(answer)
    assert found.keys() == expected.keys(), question
    for key, part in expected.items():
        assert found[key]["counts"] == part["counts"], (question, key)
        assert found[key]["times"].keys() == part["times"].keys()
        for status, exact in part["times"].items():
            for seen, seconds in zip(found[key]["times"][status], exact, strict=True):
                assert abs(seen - seconds) <= max(1, 0.011 * seconds), (question, key, status)


def ask_at_random(desk: Desk, pasts: Sequence[Past], seed: int, times: int) -> None:
    """Random questions, each answered as it is counted one by one."""
    chance = random.Random(seed)
    queues = sorted({past.place.queue_id for past in pasts})
    for number in range(times):
        group_by = GROUPINGS[number % len(GROUPINGS)]
        first = FIRST.date() + datetime.timedelta(days=chance.randrange(-10, DAYS + 10))
        last = first + datetime.timedelta(days=chance.choice((0, 3, 6, 7, 20, 70)))
        narrow = chance.choice(("", "", "queue_id", "program_id", "agency_id", "provider"))
        program = chance.choice(PROGRAMS)
        wanted = {
            "queue_id": queues[0],
            "program_id": desk.resource[program],
            "agency_id": desk.resource[AGENCIES[program]],
        }
        caller = desk.provider(program) if narrow == "provider" else STAFF
        part = "program_id" if narrow == "provider" else narrow
        own = [past for past in pasts if not part or getattr(past.place, part) == wanted[part]]
        question = {"from_on": str(first), "to_on": str(last), "group_by": group_by, "limit": 200}
        if narrow in wanted:
            question[narrow] = wanted[narrow]
        answer = desk(reports.get_statistics, caller, **question)
        assert_counted(answer, counted(own, ZONE, first, last, group_by), (question, narrow))


@pytest.mark.seed("S0-51")
@pytest.mark.seed("S0-53")
def test_statistics_are_what_is_counted_one_by_one_with_tallies_without_them_and_with_some(
    desk_on_both: Desk, clock: Any
) -> None:
    desk = desk_on_both
    pasts = furnished(desk, 120)
    database = desk.service.database

    rebuild(database, NOW)

    ask_at_random(desk, pasts, 1, 8)
    database.write(None, forget_tallies)
    ask_at_random(desk, pasts, 2, 8)
    assert tally_all(database, FIRST + datetime.timedelta(days=24)) > 2
    ask_at_random(desk, pasts, 3, 32)
    assert tally_all(database, NOW) > 2
    ask_at_random(desk, pasts, 4, 16)


def test_what_people_do_is_the_same_in_numbers_before_and_after_it_is_tallied(desk: Desk, clock: Any) -> None:
    chance = random.Random(11)
    queue_id = desk.a_queue("Night Shelter", "Family Housing First")
    opened = [desk.assign(queue_id, "Night Shelter")["id"] for _ in range(6)]
    for step in range(40):
        clock.move_to(NOW + datetime.timedelta(hours=step * 13))
        a_random_step(desk, chance, chance.choice(opened), queue_id)
    question = {"from_on": str(NOW.date()), "to_on": str(NOW.date() + datetime.timedelta(days=30))}

    def answers() -> list[Any]:
        return [desk(reports.get_statistics, **question, group_by=each) for each in GROUPINGS]

    before = answers()
    assert before[0]["total"]["statuses"]
    assert tally_all(desk.service.database, NOW + datetime.timedelta(days=60)) >= 3
    assert answers() == before
    # Everything is in the tallies now: the single moves are no longer read.
    desk.service.database.write(None, lambda session: session.execute(delete(ReportMove)))
    assert answers() == before


def test_a_week_is_tallied_once_nobody_adds_to_it_wherever_he_is(desk: Desk, clock: Any) -> None:
    queue_id = desk.a_queue("Night Shelter")
    desk.move(desk.assign(queue_id, "Night Shelter"), "enrolled")
    database = desk.service.database
    with database.reading(None) as session:
        week = (session.scalars(select(ReportMove.day)).one() + 3) // 7
    sunday = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(
        days=days_of_week(week)[1]
    )

    assert tally_all(database, sunday + datetime.timedelta(days=2, hours=23)) == 0
    assert tally_all(database, sunday + datetime.timedelta(days=3)) == 1
    assert tally_all(database, sunday + datetime.timedelta(days=3)) == 0


def test_of_two_that_tally_at_once_one_counts(
    desk_on_both: Desk, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_on_both
    database = desk.service.database
    furnished(desk, 20)
    rebuild(database, NOW)
    with database.reading(None) as session:
        kept = rows_of_tallies(session)
    database.write(None, forget_tallies)
    execute = tallying.eventlet.tpool.execute

    def while_another_tallies_too(work: Any, *arguments: Any) -> Any:
        monkeypatch.setattr(tallying.eventlet.tpool, "execute", execute)
        tally_all(database, NOW)
        return work(*arguments)

    monkeypatch.setattr(tallying.eventlet.tpool, "execute", while_another_tallies_too)

    assert tally_all(database, NOW) == 0

    with database.reading(None) as session:
        assert rows_of_tallies(session) == kept


def rows_of_tallies(session: Session) -> tuple[Any, ...]:
    weeks = select(ReportWeek.__table__).order_by(ReportWeek.week, ReportWeek.cell_id)
    days = select(ReportDay.__table__).order_by(ReportDay.day, ReportDay.status)
    return session.execute(weeks).all(), session.execute(days).all(), tallied_week(session)


def tallied_week(session: Session) -> int | None:
    return session.get_one(ReportProgress, 1).tallied_week


def test_a_rebuild_puts_right_whatever_is_wrong(desk_on_both: Desk, clock: Any) -> None:
    desk = desk_on_both
    pasts = furnished(desk, 60)
    database = desk.service.database
    rebuild(database, NOW)
    right = everything(desk)
    database.write(None, lambda session: spoil(session, [past.id for past in pasts]))
    assert everything(desk) != right

    rebuild(database, NOW)

    assert everything(desk) == right
    ask_at_random(desk, pasts, 5, 8)


def spoil(session: Session, ids: Sequence[str]) -> None:
    """Damage the reports: missing, wrong and superfluous places, wrong counts, invented moves."""
    cell_id = session.scalars(select(ReportPlace.cell_id).limit(1)).one()
    session.execute(delete(ReportPlace).where(ReportPlace.referral_id == ids[0]))
    session.execute(update(ReportPlace).where(ReportPlace.referral_id.in_(ids[1:4])).values(cell_id=cell_id))
    session.execute(update(ReportPlace).where(ReportPlace.referral_id.in_(ids[4:8])).values(ended_day=20_500))
    nobody = {"referral_id": "f" * 32, "cell_id": cell_id, "since": NOW, "assigned_day": 20_500}
    session.add(ReportPlace(**nobody, is_waiting=False, is_urgent=True))
    session.execute(update(ReportCount).values(open=ReportCount.open + 3))
    session.execute(delete(ReportMove).where(ReportMove.id % 3 == 0))
    session.add(ReportMove(left_cell_id=cell_id, entered_cell_id=cell_id, day=20_400, duration_class=7))
    session.add(ReportMove(left_cell_id=cell_id, entered_cell_id=cell_id, day=20_990, duration_class=7))
    session.execute(update(ReportWeek).values(entered=ReportWeek.entered + 1))


class Interrupted(Exception):
    """The rebuilding process ends."""


@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_rebuild_that_was_interrupted_goes_on_where_it_stood(
    after: int, desk: Desk, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "_REFERRALS", 20)
    furnished(desk, 60)
    database, told = desk.service.database, list[str]()

    def tell(line: str) -> None:
        told.append(line)
        if len(told) == after:
            raise Interrupted

    with pytest.raises(Interrupted):
        rebuild(database, NOW, tell)
    first = told.copy()
    rebuild(database, NOW, tell)

    assert told[:after] == first
    assert len(told) == len(set(told)), "a piece was done twice"
    kept = everything(desk)
    rebuild(database, NOW)
    assert everything(desk) == kept


def test_people_go_on_working_while_the_reports_are_rebuilt(
    desk_on_both: Desk, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_on_both
    monkeypatch.setattr(rebuilding, "_REFERRALS", 10)
    chance = random.Random(5)
    pasts = furnished(desk, 25)
    database = desk.service.database
    rebuild(database, NOW)
    database.write(None, lambda session: spoil(session, [past.id for past in pasts]))
    opened = [past.id for past in pasts if past.status not in ("completed", "declined")]
    told = list[str]()

    def work(line: str) -> None:
        told.append(line)
        a_random_step(desk, chance, chance.choice(opened), pasts[0].place.queue_id)
        tally_all(database, NOW)  # the loop of another replica, which has to wait until it is over
        if len(told) == 7:
            with database.reading(None) as session:
                assert tallied_week(session) is None

    rebuild(database, NOW, work)

    assert len(told) > 10
    kept = everything(desk)
    assert any(move["day"] >= TODAY for move in kept["moves"]), "nobody has done anything"
    rebuild(database, NOW)
    assert everything(desk) == kept


@pytest.mark.parametrize("desk_on_both", ["postgresql"], indirect=True)
def test_a_change_in_the_middle_of_a_piece_is_counted_once(
    desk_on_both: Desk, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_on_both
    pasts = furnished(desk, 20)
    rebuild(desk.service.database, NOW)
    queue_id, new = pasts[0].place.queue_id, []
    statuses = itertools.cycle(("enrolled", "referred"))
    since, moves = rebuilding._since, rebuilding._moves

    def while_one_is_assigned(*arguments: Any) -> Any:
        new.extend(desk.assign(queue_id, "Night Shelter") for _ in range(2))
        return since(*arguments)

    def while_one_moves(*arguments: Any) -> Any:
        new.append(desk.move(new[-1], next(statuses)))
        return moves(*arguments)

    monkeypatch.setattr(rebuilding, "_since", while_one_is_assigned)
    monkeypatch.setattr(rebuilding, "_moves", while_one_moves)

    rebuild(desk.service.database, NOW)

    assert len(new) > 5
    kept = everything(desk)
    monkeypatch.undo()
    rebuild(desk.service.database, NOW)
    assert everything(desk) == kept


def test_a_rebuild_brings_the_days_of_a_new_time_zone(desk: Desk, clock: Any) -> None:
    pasts = furnished(desk, 60)
    database = desk.service.database
    rebuild(database, NOW)
    desk(reports.set_report_settings, time_zone="America/Los_Angeles")

    rebuild(database, NOW)

    first, last = FIRST.date() - datetime.timedelta(days=2), NOW.date()
    question = {"from_on": str(first), "to_on": str(last), "group_by": "day", "limit": 200}
    answer = desk(reports.get_statistics, **question)
    assert_counted(answer, counted(pasts, "America/Los_Angeles", first, last, "day"), question)
    assert counted(pasts, ZONE, first, last, "day") != counted(
        pasts, "America/Los_Angeles", first, last, "day"
    )


def test_one_referralq_that_is_all_there_is_is_read_from_tallies_too(desk: Desk, clock: Any) -> None:
    queue_id = desk.a_queue("Night Shelter")
    desk.move(desk.assign(queue_id, "Night Shelter"), "enrolled")
    assert tally_all(desk.service.database, NOW + datetime.timedelta(days=20)) > 0
    desk.service.database.write(None, lambda session: session.execute(delete(ReportMove)))
    question = {"from_on": str(NOW.date()), "to_on": str(NOW.date()), "group_by": "day"}

    def left(**more: Any) -> list[int]:
        total = desk(reports.get_statistics, **question, **more)["total"]
        return [each["left"] for each in total["statuses"] if each["status"] == "referred"]

    assert left() == left(queue_id=queue_id) == [1]
    other_id = desk.a_queue("Night Shelter", name="Other")
    desk.assign(other_id, "Night Shelter")
    assert left(queue_id=other_id) == []


def test_a_referral_that_is_opened_again_has_not_ended(desk: Desk, clock: Any) -> None:
    queue_id = desk.a_queue("Night Shelter")
    referral = desk.move(desk.assign(queue_id, "Night Shelter"), "completed", outcome_code="other")
    later = NOW + datetime.timedelta(days=20)
    assert tally_all(desk.service.database, later) > 0
    question = {"from_on": str(NOW.date()), "to_on": str(later.date())}
    assert desk(reports.get_statistics, **question)["total"]["ended"] == 1
    clock.move_to(later)

    desk.move(referral, "referred", note="Back again.")

    total = desk(reports.get_statistics, **question)["total"]
    assert (total["assigned"], total["ended"], total["outcomes"]) == (1, 0, [])
    assert {each["status"]: each["left"] for each in total["statuses"]} == {"referred": 1, "completed": 1}
