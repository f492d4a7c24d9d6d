"""Statistics: volumes, time in status, outcomes, reasons and capacity use of a period; rebuilding."""

from __future__ import annotations

import csv
import datetime
import io
import random
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.referrals import assignments, reports, status_changes
from services.referrals.reports.export import csv_of
from services.referrals.reports.folding import fold_all, sample_capacity
from services.referrals.reports.models import ReportCell, ReportCount, ReportDelta, ReportMove, ReportPlace
from services.referrals.reports.rebuild import rebuild
from tests.integration.referrals.builders import OTHER_STAFF, STAFF, Desk, refusal
from tests.support.in_process import HARBOR

MONDAY = datetime.datetime(2026, 3, 2, 9, 0, tzinfo=datetime.UTC)
MARCH = {"from_on": "2026-03-01", "to_on": "2026-03-31"}


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


def statuses(part: Any) -> dict[str, tuple[Any, ...]]:
    return {
        each["status"]: (each["entered"], each["left"], each["median_s"], each["p90_s"])
        for each in part["statuses"]
    }


def counts(part: Any, what: str) -> dict[Any, Any]:
    return {each["code"]: each["count"] for each in part[what]}


def a_months_work(desk: Desk, clock: Any) -> str:
    """Ten referrals to the Night Shelter that stay 1 to 10 hours at Referred; four of them end, two elsewhere."""
    queue_id = desk.a_queue("Night Shelter", "Family Housing First")
    referrals = [desk.assign(queue_id, "Night Shelter") for _ in range(10)]
    for hours, referral in enumerate(referrals, 1):
        clock.move_to(MONDAY + datetime.timedelta(hours=hours))
        referrals[hours - 1] = desk.move(referral, "enrolled")
    clock.move_to(MONDAY + datetime.timedelta(days=9))
    for number, outcome in enumerate(("service_received", "service_received", "lost_contact")):
        referrals[number] = desk.move(referrals[number], "completed", outcome_code=outcome)
    declined = desk.assign(queue_id, "Family Housing First")
    desk(
        status_changes.decline_referral,
        desk.provider("Family Housing First"),
        referral_id=declined["id"],
        reason_code="no_capacity",
        version=1,
    )
    clock.move_to(MONDAY + datetime.timedelta(days=40))
    desk.assign(queue_id, "Family Housing First")
    return queue_id


@pytest.mark.seed("S0-51")
@pytest.mark.seed("S0-53")
def test_a_period_has_volumes_times_outcomes_and_reasons(desk_on_both: Desk, clock: Any) -> None:
    desk = desk_on_both
    queue_id = a_months_work(desk, clock)

    march = desk(reports.get_statistics, **MARCH)

    total = march["total"]
    assert (total["assigned"], total["ended"]) == (11, 4)
    times = statuses(total)
    # Of 1 to 10 hours the fifth is the median and the ninth the 90th percentile; and one that left at once.
    assert times["referred"][:2] == (0, 11)
    assert times["referred"][2] == pytest.approx(5 * 3600, rel=0.01)
    assert times["referred"][3] == pytest.approx(9 * 3600, rel=0.01)
    assert times["enrolled"][:2] == (10, 3)
    assert counts(total, "outcomes") == {"service_received": 2, "lost_contact": 1, None: 1}
    assert total["reasons"] == [{"code": "no_capacity", "ended_by": "provider", "count": 1}]
    assert desk(reports.get_statistics, **MARCH, queue_id=queue_id)["total"]["assigned"] == 11
    april = desk(reports.get_statistics, from_on="2026-04-01", to_on="2026-04-30")["total"]
    assert (april["assigned"], april["ended"], april["statuses"]) == (1, 0, [])


@pytest.mark.seed("S0-51")
def test_a_period_that_is_not_given_is_the_last_30_days(desk: Desk, clock: Any) -> None:
    a_months_work(desk, clock)
    desk(
        reports.set_report_settings, time_zone="Pacific/Kiritimati"
    )  # 14 hours ahead, so it is the next day there
    clock.move_to(datetime.datetime(2026, 3, 31, 20, tzinfo=datetime.UTC))
    found = desk(reports.get_statistics)
    assert (found["from_on"], found["to_on"]) == ("2026-03-03", "2026-04-01")
    found = desk(reports.get_statistics, to_on="2026-03-31")
    assert (found["from_on"], found["to_on"], found["total"]["assigned"]) == ("2026-03-02", "2026-03-31", 11)
    assert desk(reports.get_statistics, to_on="0001-01-02")["from_on"] == "0001-01-01"
    exported = desk(reports.export_statistics, from_on="2026-03-30")
    assert exported["file_name"] == "statistics-2026-03-30-2026-04-01.csv"


@pytest.mark.seed("S0-51")
def test_groups_add_up_to_the_total_whatever_they_are_made_by(desk_on_both: Desk, clock: Any) -> None:
    desk = desk_on_both
    a_months_work(desk, clock)
    whole = {"from_on": "2026-03-01", "to_on": "2026-04-30"}
    labels = {}
    for group_by in ("queue", "program", "agency", "status", "month", "week", "day"):
        seen = desk(reports.get_statistics, **whole, group_by=group_by)
        labels[group_by] = [group["label"] for group in seen["groups"]]
        for measure in ("assigned", "ended"):
            assert sum(group[measure] for group in seen["groups"]) == seen["total"][measure], group_by
        left = sum(each[1] for group in seen["groups"] for each in statuses(group).values())
        assert left == sum(each[1] for each in statuses(seen["total"]).values())
    assert labels["queue"] == ["Housing"]
    assert labels["program"] == ["Family Housing First", "Night Shelter"]
    assert labels["agency"] == ["Harbor Shelter Alliance"]
    assert labels["status"] == ["completed", "declined", "enrolled", "referred"]
    assert labels["month"] == ["2026-03", "2026-04"]
    assert labels["week"] == ["2026-W10", "2026-W11", "2026-W15"]
    assert labels["day"] == ["2026-03-02", "2026-03-11", "2026-04-11"]


def test_groups_come_page_by_page(desk: Desk, clock: Any) -> None:
    a_months_work(desk, clock)
    question = {"from_on": "2026-03-01", "to_on": "2026-04-30", "group_by": "day"}

    first = desk(reports.get_statistics, **question, limit=2)
    second = desk(reports.get_statistics, **question, limit=2, after=first["next"])

    assert [group["label"] for group in (*first["groups"], *second["groups"])] == [
        "2026-03-02",
        "2026-03-11",
        "2026-04-11",
    ]
    assert second["next"] is None


@pytest.mark.seed("S0-1")
@pytest.mark.seed("S0-51")
def test_a_provider_gets_the_numbers_of_the_own_programs_only(desk: Desk, clock: Any) -> None:
    a_months_work(desk, clock)

    def assigned(caller: Caller, **more: Any) -> int:
        return int(desk(reports.get_statistics, caller, **MARCH, **more)["total"]["assigned"])

    shelter, agency = desk.provider("Night Shelter"), desk.provider("Harbor Shelter Alliance")
    assert (assigned(shelter), assigned(agency), assigned(STAFF), assigned(OTHER_STAFF)) == (10, 11, 11, 0)
    foreign = desk.resource["Family Housing First"]
    assert assigned(shelter, program_id=foreign) == 0
    assert assigned(STAFF, program_id=foreign) == 1
    assert assigned(STAFF, agency_id=desk.resource["Bayside Food Network"]) == 0
    assert assigned(STAFF, agency_id=desk.resource["Harbor Shelter Alliance"]) == 11


@pytest.mark.seed("S0-51")
def test_the_csv_file_has_the_same_numbers(desk: Desk, clock: Any) -> None:
    a_months_work(desk, clock)
    question = {**MARCH, "group_by": "program"}
    seen = desk(reports.get_statistics, **question)

    file = desk(reports.export_statistics, **question)

    assert (file["media_type"], file["file_name"]) == ("text/csv", "statistics-2026-03-01-2026-03-31.csv")
    text = desk.service.runtime.blobs.find(HARBOR[0], file["sha256"]).read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    found = {(row["group_label"], row["measure"], row["code"]): row["value"] for row in rows}
    assert found["", "assigned", ""] == "11"
    for group in seen["groups"]:
        assert found[group["label"], "ended", ""] == str(group["ended"])
        for status in group["statuses"]:
            assert found[group["label"], "left", status["status"]] == str(status["left"])
            if status["left"]:
                assert found[group["label"], "median_s", status["status"]] == str(status["median_s"])
        for outcome in group["outcomes"]:
            assert found[group["label"], "outcome", outcome["code"] or ""] == str(outcome["count"])


def test_a_name_that_begins_like_a_formula_is_no_formula_in_the_csv_file(desk: Desk) -> None:
    empty = {"assigned": 1, "ended": 0, "statuses": [], "outcomes": [], "reasons": [], "capacity_use": None}
    content = csv_of(
        {
            **MARCH,
            "time_zone": "UTC",
            "group_by": "program",
            "total": empty,
            "groups": [{"key": "x", "label": '=HYPERLINK("http://x")', **empty}],
        }
    )

    assert {row[5] for row in csv.reader(io.StringIO(content.decode()))} == {
        "group_label",
        "",
        '\'=HYPERLINK("http://x")',
    }


@pytest.mark.seed("S0-51")
def test_small_cells_are_blank_and_cannot_be_computed(desk: Desk, clock: Any) -> None:
    a_months_work(desk, clock)

    seen = desk(reports.get_statistics, **MARCH, group_by="program", suppress_below=3)

    assert seen["suppress_below"] == 3
    family, shelter = seen["groups"]
    # One of eleven is small. It could be computed from the ten and the total, so the ten are blank as well.
    assert (seen["total"]["assigned"], family["assigned"], shelter["assigned"]) == (11, None, None)
    assert (seen["total"]["ended"], family["ended"], shelter["ended"]) == (4, None, None)
    assert statuses(family)["referred"] == (0, None, None, None)
    assert statuses(shelter)["enrolled"][:2] == (10, 3)
    assert set(counts(seen["total"], "outcomes").values()) == {None}
    exported = desk(reports.export_statistics, **MARCH, group_by="program", suppress_below=3)
    text = desk.service.runtime.blobs.find(HARBOR[0], exported["sha256"]).read_text()
    rows = [row for row in csv.DictReader(io.StringIO(text)) if row["measure"] == "assigned"]
    assert [(row["value"], row["is_blank"]) for row in rows] == [("11", "0"), ("", "1"), ("", "1")]


def test_a_queue_that_hides_small_cells_hides_them_from_everybody(desk: Desk, clock: Any) -> None:
    queue_id = desk.a_queue("Night Shelter", settings={"statistics_small_cells": 5})
    desk.assign(queue_id, "Night Shelter")

    seen = desk(reports.get_statistics, **MARCH, suppress_below=2)

    assert (seen["suppress_below"], seen["total"]["assigned"]) == (5, None)


def test_a_day_is_a_day_of_the_organisations_time_zone(desk: Desk, clock: Any) -> None:
    assert desk(reports.get_report_settings) == {"time_zone": "UTC"}
    assert refusal(lambda: desk(reports.set_report_settings, time_zone="Mars/Olympus")) == "invalid_request"
    desk(reports.set_report_settings, time_zone="America/New_York")
    clock.move_to(datetime.datetime(2026, 3, 3, 3, 0, tzinfo=datetime.UTC))
    desk.assign(desk.a_queue("Night Shelter"), "Night Shelter")

    seen = desk(reports.get_statistics, **MARCH, group_by="day")

    assert (seen["time_zone"], [group["label"] for group in seen["groups"]]) == (
        "America/New_York",
        ["2026-03-02"],
    )
    assert [row.facts for row in desk.service.audit("report_settings.set")] == [
        {"time_zone": "America/New_York"}
    ]
    provider = desk.provider("Night Shelter", may=("queue.manage",))
    assert refusal(lambda: desk(reports.get_report_settings, provider)) == "forbidden"


@pytest.mark.seed("S0-51")
def test_capacity_use_is_the_mean_share_of_places_in_use(desk: Desk, clock: Any) -> None:
    queue_id = desk.a_queue("Night Shelter", "Family Housing First")
    desk.set_capacity("Night Shelter", 4)
    desk.set_capacity("Family Housing First", 4)

    def sample() -> None:
        now = datetime.datetime.now(datetime.UTC)
        desk.service.database.write(None, lambda session: sample_capacity(session, now))

    sample()
    desk.assign(queue_id, "Night Shelter")
    desk.assign(queue_id, "Night Shelter")
    sample()
    clock.move_to(MONDAY + datetime.timedelta(days=1))
    sample()

    by_program = desk(reports.get_statistics, **MARCH, group_by="program")
    shares = {group["label"]: group["capacity_use"] for group in by_program["groups"]}
    assert shares == {"Night Shelter": pytest.approx(1 / 3, abs=0.001), "Family Housing First": 0}
    by_day = desk(reports.get_statistics, **MARCH, group_by="day")
    assert [group["capacity_use"] for group in by_day["groups"]] == [0.125, 0.25]
    assert desk(reports.get_statistics, **MARCH, queue_id=queue_id)["total"]["capacity_use"] is None


def test_capacity_use_adds_no_beds_to_pickups_and_no_day_drives_out_another(desk: Desk, clock: Any) -> None:
    queue_id = desk.a_queue("Night Shelter", "St. Mary's Café & Pantry")
    desk.set_capacity("Night Shelter", 100, unit="beds")
    desk.set_capacity("St. Mary's Café & Pantry", 1, unit="pickups")
    desk.assign(queue_id, "St. Mary's Café & Pantry")

    def sample() -> None:
        now = datetime.datetime.now(datetime.UTC)
        desk.service.database.write(None, lambda session: sample_capacity(session, now))

    sample()
    assert desk(reports.get_statistics, **MARCH)["total"]["capacity_use"] == 0.5  # all pickups, no bed
    desk.set_capacity("St. Mary's Café & Pantry", 3)
    clock.move_to(MONDAY + datetime.timedelta(days=1))
    sample()
    by_week = desk(reports.get_statistics, **MARCH, group_by="week")["groups"]
    assert [group["capacity_use"] for group in by_week] == [0.25]  # of pickups 1 of 1, then 1 of 3


def test_a_wrong_question_is_refused_with_its_field(desk: Desk) -> None:
    for question, field in (
        ({"from_on": "2026-03-02", "to_on": "2026-03-01"}, "to_on"),
        ({"from_on": "yesterday", "to_on": "2026-03-01"}, "from_on"),
        ({**MARCH, "group_by": "colour"}, "group_by"),
        ({**MARCH, "suppress_below": 1}, "suppress_below"),
    ):
        with pytest.raises(Refused) as refused:
            desk(reports.get_statistics, **question)
        assert (refused.value.code, refused.value.field) == ("invalid_request", field)


STEPS = ("referred", "attempting_contact", "enrolled", "completed", "declined")


def test_what_is_rebuilt_from_the_history_is_what_was_kept(desk_on_both: Desk, clock: Any) -> None:
    desk = desk_on_both
    chance = random.Random(7)
    queue_id = desk.a_queue("Night Shelter", "Family Housing First", settings={"when_full": "waitlist"})
    desk.set_capacity("Night Shelter", 3)
    desk(reports.set_report_settings, time_zone="Asia/Kolkata")
    opened = []
    for step in range(60):
        clock.move_to(MONDAY + datetime.timedelta(hours=step * 7))
        if len(opened) < 8 or step % 5 == 0:
            program = chance.choice(("Night Shelter", "Family Housing First"))
            opened.append(desk.assign(queue_id, program, priority=chance.choice(("routine", "urgent")))["id"])
        a_random_step(desk, chance, chance.choice(opened), queue_id)
        if step % 20 == 19:
            desk.deliver_own()
            fold_all(desk.service.database)
    kept = everything(desk)
    assert len(kept["moves"]) > 15

    rebuild(desk.service.database, utc_now())

    assert everything(desk) == kept


def a_random_step(desk: Desk, chance: random.Random, referral_id: str, queue_id: str) -> None:
    """One of the things that people do to a referral; a step that is not allowed now is refused, which is expected."""
    known = {"referral_id": referral_id, "version": desk.read({"id": referral_id})["version"]}
    does = chance.choice(("move", "move", "move", "decline", "withdraw", "reassign", "urgent", "note"))
    try:
        if does == "move":
            desk(
                status_changes.change_status,
                **known,
                status=chance.choice(STEPS),
                note="Said why.",
                reason_code="no_capacity",
                outcome_code="other",
            )
        elif does == "decline":
            desk(status_changes.decline_referral, **known, reason_code="out_of_area")
        elif does == "withdraw":
            desk(status_changes.withdraw_referral, **known, reason_code="other")
        elif does == "reassign":
            program = desk.resource["Family Housing First"]
            desk(status_changes.reassign_referral, **known, queue_id=queue_id, program_id=program)
        elif does == "urgent":
            desk(assignments.change_priority, **known, priority=chance.choice(("routine", "stat")))
        else:
            desk(assignments.add_referral_note, referral_id=referral_id, note="A word.")
    except Refused as refused:
        if refused.code == "invalid_request":
            raise


def everything(desk: Desk) -> dict[str, Any]:
    """All rows of the reports, with counts added up."""
    fold_all(desk.service.database)
    with desk.service.database.reading(None) as session:
        assert session.scalars(select(ReportDelta)).all() == []
        cells = {
            row.id: (row.queue_id, row.program_id, row.status) for row in session.scalars(select(ReportCell))
        }
        places = [plain(row) for row in session.scalars(select(ReportPlace))]
        moves = [plain(row) for row in session.scalars(select(ReportMove))]
        rows = [plain(row) for row in session.scalars(select(ReportCount)) if row.total or row.open]
    for move in moves:
        del move["id"]
    return {
        "cells": cells,
        "places": sorted(places, key=lambda row: str(row["referral_id"])),
        "moves": sorted(moves, key=lambda row: sorted(row.items())),
        "counts": sorted(rows, key=lambda row: int(row["cell_id"])),
    }


def plain(row: Any) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}
