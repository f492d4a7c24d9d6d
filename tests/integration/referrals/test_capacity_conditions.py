"""Conditions of capacity, each where it alone decides: what counts a place, what is found, what is refused."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine
from sqlalchemy import select, update

from services.chassis.transactions import transact_as
from services.contracts.errors import Refused
from services.contracts.referrals import capacity
from services.referrals.capacity import claims, queries
from services.referrals.capacity.models import Line, Term
from tests.integration.referrals.builders import STAFF, Desk, refusal
from tests.support.in_process import HARBOR

NOON = datetime.datetime(2026, 3, 4, 12, tzinfo=datetime.UTC)
DAY, TICK = datetime.timedelta(days=1), datetime.timedelta(microseconds=1)
SHELTER, OTHER = "Night Shelter", "Family Housing First"


def at(instant: datetime.datetime) -> Any:
    return time_machine.travel(instant, tick=False)


def transact(desk: Desk, step: Any) -> Any:
    return transact_as(desk.service.runtime, STAFF, step)


def write(desk: Desk, **values: Any) -> None:
    """Change the only line past all rules."""
    desk.service.database.write(HARBOR[0], lambda session: session.execute(update(Line).values(**values)))


def is_exhausted(desk: Desk, line_id: str | None = None) -> bool:
    with desk.service.database.reading(HARBOR[0]) as session:
        return queries.is_exhausted(session, desk.resource[SHELTER], line_id)


def a_line(desk: Desk, name: str, total: int = 1, program: str = SHELTER) -> str:
    line = {"program_id": desk.resource[program], "name": name, "total": total, "unit": "slots"}
    return str(desk(capacity.add_capacity_line, **line)["line_id"])


def schedule(desk: Desk, starts_at: datetime.datetime, **more: Any) -> Any:
    request = {"program_id": desk.resource[SHELTER], "total": 5, "starts_at": starts_at.isoformat()}
    return desk(capacity.schedule_capacity, **{**request, **more})


@pytest.mark.parametrize(
    "obstacle",
    [
        {"removed_at": NOON},
        {"term_id": None, "total": 9},
        {"used": 2, "held": 2},
        {"settles_at": NOON},
    ],
)
def test_a_place_is_counted_only_where_nothing_stands_against_it(
    desk: Desk, obstacle: dict[str, Any]
) -> None:
    """Each obstacle may arise after a claim has read the line, so the statement that counts the place looks again."""
    with at(NOON):
        line_id = desk.set_capacity(SHELTER, 2)["line_id"]
        assert transact(desk, lambda unit: claims._take(unit, line_id))
        assert not transact(desk, lambda unit: claims._take(unit, "0" * 32))
        write(desk, **obstacle)
        assert not transact(desk, lambda unit: claims._take(unit, line_id))


def test_a_line_that_will_be_due_a_moment_later_counts_now(desk: Desk) -> None:
    with at(NOON):
        line_id = desk.set_capacity(SHELTER, 2)["line_id"]
        write(desk, settles_at=NOON + TICK)
        assert transact(desk, lambda unit: claims._take(unit, line_id))


def test_no_place_is_given_back_where_none_is_taken(desk: Desk) -> None:
    line_id = desk.set_capacity(SHELTER, 2)["line_id"]
    assert (
        refusal(lambda: transact(desk, lambda unit: claims.release(unit, line_id))) == "capacity_not_claimed"
    )
    transact(desk, lambda unit: claims.claim(unit, desk.resource[SHELTER]))
    transact(desk, lambda unit: claims.release(unit, line_id))
    assert desk.numbers(SHELTER) == (2, 0, 2)
    assert (
        refusal(lambda: transact(desk, lambda unit: claims.release(unit, "0" * 32))) == "capacity_not_claimed"
    )


def test_a_program_is_full_when_every_line_in_question_is(desk: Desk) -> None:
    with at(NOON):
        assert not is_exhausted(desk)
        beds = desk.set_capacity(SHELTER, 0)["line_id"]
        assert is_exhausted(desk)
        slots = a_line(desk, "Slots")
        assert not is_exhausted(desk)
        assert is_exhausted(desk, beds)
        assert not is_exhausted(desk, slots)
        assert not is_exhausted(desk, "0" * 32)
        desk(capacity.remove_capacity_line, line_id=slots)
        assert is_exhausted(desk)
        # What is due may have places once it is settled.
        schedule(desk, NOON + DAY, total=3)
        assert is_exhausted(desk)
    with at(NOON + DAY):
        assert not is_exhausted(desk)
    with at(NOON):
        desk(capacity.set_capacity_settings, is_on=False)
        assert not is_exhausted(desk)


def test_only_what_is_scheduled_and_still_open_is_edited_or_cancelled(desk: Desk) -> None:
    with at(NOON):
        line_id = desk.set_capacity(SHELTER, 2)["line_id"]
        with desk.service.database.reading(HARBOR[0]) as session:
            base = session.scalars(select(Term.id).where(Term.line_id == line_id)).one()
        cancelled = schedule(desk, NOON + DAY)
        desk(capacity.cancel_scheduled_capacity, schedule_id=cancelled["id"], version=cancelled["version"])
        of_removed = schedule(desk, NOON + 2 * DAY)
        begun = schedule(desk, NOON + 3 * DAY)

        def both(schedule_id: str, version: int = 1) -> set[str]:
            one = {"schedule_id": schedule_id, "version": version}
            return {
                refusal(lambda: desk(capacity.edit_scheduled_capacity, **one, total=1)),
                refusal(lambda: desk(capacity.cancel_scheduled_capacity, **one)),
            }

        assert both(base) == both(cancelled["id"]) == both("0" * 32) == {"not_found"}
        assert both(begun["id"], version=2) == {"version_conflict"}
    with at(NOON + 3 * DAY):
        edit = {"schedule_id": begun["id"], "version": 1, "total": 1}
        assert refusal(lambda: desk(capacity.edit_scheduled_capacity, **edit)) == "conflict"
    with at(NOON):
        desk(capacity.remove_capacity_line, line_id=line_id)
        assert both(of_removed["id"]) == {"not_found"}


def test_a_line_shares_its_name_with_no_other_line_of_its_program(desk: Desk) -> None:
    slots = a_line(desk, "Slots")
    assert refusal(lambda: a_line(desk, "sLOTS")) == "conflict"
    a_line(desk, "Slots", program=OTHER)
    desk(capacity.edit_capacity_line, line_id=slots, name="SLOTS")
    desk(capacity.remove_capacity_line, line_id=slots)
    a_line(desk, "Slots")


def test_nothing_is_confirmed_where_nothing_is_in_effect(desk: Desk) -> None:
    with at(NOON):
        line_id = schedule(desk, NOON + DAY)["line_id"]
        with pytest.raises(Refused) as refused:
            desk(capacity.confirm_capacity, line_id=line_id)
        assert (refused.value.code, refused.value.field) == ("invalid_capacity", "line_id")
    with at(NOON + DAY):
        assert desk(capacity.confirm_capacity, line_id=line_id)["total"] == 5


def test_a_confirmation_without_an_end_holds_as_long_as_before(desk: Desk) -> None:
    def end_after(caller_says: datetime.datetime | None = None) -> str | None:
        request = {"valid_until": caller_says.isoformat()} if caller_says else {}
        end: str | None = desk(capacity.confirm_capacity, line_id=line_id, **request)["valid_until"]
        return end

    with at(NOON):
        line_id = desk.set_capacity(SHELTER, 2)["line_id"]
        assert end_after() is None
        assert end_after(NOON + 2 * DAY) == (NOON + 2 * DAY).isoformat()
        assert refusal(lambda: end_after(NOON)) == "invalid_capacity"
    with at(NOON + DAY):
        assert end_after() == (NOON + 3 * DAY).isoformat()
        desk(capacity.set_capacity_settings, confirm_after_days=10)
        assert end_after() == (NOON + 11 * DAY).isoformat()


def test_capacity_is_foretold_for_two_years_at_most(desk: Desk) -> None:
    program = {"program_id": desk.resource[SHELTER]}
    with at(NOON):
        desk.set_capacity(SHELTER, 2)
        furthest = NOON + queries.FURTHEST
        assert desk(capacity.get_capacity, **program, as_of=furthest.isoformat())["total"] == 2
        too_far = (furthest + TICK).isoformat()
        assert refusal(lambda: desk(capacity.get_capacity, **program, as_of=too_far)) == "invalid_request"
