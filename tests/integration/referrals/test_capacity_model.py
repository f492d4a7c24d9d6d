"""Capacity against a plain model: after any sequence of steps, both count the same.

The model has no rows, statements or settling: it remembers the terms and the referrals that hold a place, and counts.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
import time_machine
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.referrals.capacity import handlers, queries
from services.referrals.capacity.claims import claim, release
from services.referrals.capacity.due_lines import settle_due
from services.referrals.capacity.models import Line, Term
from services.referrals.directory.models import Resource
from tests.integration.referrals.builders import STAFF
from tests.support.in_process import HARBOR, InProcess

T = TypeVar("T")
START = datetime.datetime(2026, 3, 4, 12, tzinfo=datetime.UTC)  # a Wednesday
MINUTE, DAY = datetime.timedelta(minutes=1), datetime.timedelta(days=1)
MODES = {"beds": ("occupancy", None), "a day": ("period", "day"), "a week": ("period", "week")}
SAID = {"unit": "places", "note": None, "time_zone": "UTC", "has_waitlist": False, "needs_assessment": False}


@dataclass
class Saying:
    """A term: an amount of one kind during a time. `taken` are the times of its claims."""

    kind: str
    total: int
    starts_at: datetime.datetime
    ends_at: datetime.datetime | None = None
    valid_until: datetime.datetime | None = None
    schedule_id: str | None = None
    taken: list[datetime.datetime] = field(default_factory=list)


class Model:
    """The capacity as a person would count it."""

    def __init__(self) -> None:
        self.sayings: list[Saying] = []
        self.held = 0

    def in_effect(self, now: datetime.datetime) -> Saying | None:
        running = [
            each
            for each in self.sayings
            if each.starts_at <= now and (each.ends_at is None or now < each.ends_at)
        ]
        return max(running, key=lambda each: each.starts_at, default=None)

    def used(self, saying: Saying, now: datetime.datetime) -> int:
        if saying.kind == "beds":
            return self.held
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        begun = midnight if saying.kind == "a day" else midnight - now.weekday() * DAY
        return len([at for at in saying.taken if at >= begun])

    def numbers(self, now: datetime.datetime) -> tuple[int, int]:
        """(total, used); the total exceeds the term's while more places are taken."""
        saying = self.in_effect(now)
        if saying is None:
            return 0, 0
        used = self.used(saying, now)
        return max(saying.total, used), used

    def is_unknown(self, now: datetime.datetime) -> bool:
        saying = self.in_effect(now)
        return saying is None or (saying.valid_until is not None and saying.valid_until <= now)


class CapacityMachine(RuleBasedStateMachine):
    """All users of one program's capacity, and the clock."""

    service: InProcess

    @initialize()
    def a_program(self) -> None:
        self.model = Model()
        self.now = START
        self.clock = time_machine.travel(START, tick=False)
        self.traveller = self.clock.start()
        self.program_id = wire.new_id()
        self.act(self.add_program)

    def add_program(self, unit: UnitOfWork) -> None:
        own = {"id": self.program_id, "number": self.program_id[:20]}
        names = {"name": "Night Shelter", "search_key": "night shelter", "fingerprint": "0" * 64}
        times = {"created_at": unit.now, "updated_at": unit.now}
        kind = {"level": "program", "status": "active", "record": {}, "temporary_message": None}
        unit.add(Resource(**own, **names, **times, **kind, version=1))

    def teardown(self) -> None:
        if hasattr(self, "clock"):
            self.clock.stop()

    def act(self, work: Callable[[UnitOfWork], T], version: int | None = None) -> T:
        """Do this in a transaction, as a command does."""
        runtime = self.service.runtime
        context = wire.CallContext(wire.new_id(), correlation_id="model", expected_version=version)
        organisation = {"organisation_id": HARBOR[0], "organisation_key": HARBOR[1]}

        def run(session: Any) -> T:
            unit = UnitOfWork(
                session, runtime.tables, "referrals", caller=STAFF, context=context, **organisation
            )
            return work(unit)

        return self.service.database.write(HARBOR[0], run)

    def claim(self) -> str:
        """The outcome of one claim."""
        try:
            line_id = self.act(lambda unit: claim(unit, self.program_id))
        except Refused as refused:
            return refused.code
        return "counted" if line_id else "not limited"

    @rule(minutes=st.sampled_from([1, 59, 60, 11 * 60, 24 * 60, 5 * 24 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.go_to(self.now + minutes * MINUTE)

    @rule(is_there=st.booleans())
    def time_passes_to_where_something_changes(self, is_there: bool) -> None:
        midnight = self.now.replace(hour=0, minute=0) + DAY
        ahead = [midnight, *(each.starts_at for each in self.model.sayings)]
        ahead += [each.ends_at for each in self.model.sayings if each.ends_at]
        ahead += [each.valid_until for each in self.model.sayings if each.valid_until]
        boundary = min(each for each in ahead if each > self.now)
        before = boundary - datetime.timedelta(microseconds=1)
        self.go_to(boundary if is_there or before <= self.now else before)

    def go_to(self, instant: datetime.datetime) -> None:
        self.now = instant
        self.traveller.move_to(instant)

    @rule(count=st.sampled_from([1, 1, 2]))
    def claims_come_one_after_the_other(self, count: int) -> None:
        for _ in range(count):
            assert self.claim() == self.expected_of_claims(1)[0]

    @rule(count=st.integers(2, 5))
    def claims_come_at_once(self, count: int) -> None:
        expected = self.expected_of_claims(count)
        with ThreadPoolExecutor(count) as pool:
            assert sorted(pool.map(lambda _: self.claim(), range(count))) == sorted(expected)

    def expected_of_claims(self, count: int) -> list[str]:
        saying = self.model.in_effect(self.now)
        if saying is None:
            return ["not limited"] * count
        total, used = self.model.numbers(self.now)
        accepted = min(count, total - used)
        self.model.held += accepted
        saying.taken += [self.now] * accepted
        return ["counted"] * accepted + ["capacity_exhausted"] * (count - accepted)

    @precondition(lambda self: self.model.sayings)
    @rule()
    def a_place_is_given_back(self) -> None:
        if self.model.held:
            self.act(lambda unit: release(unit, self.program_id))
            self.model.held -= 1
        else:
            with pytest.raises(Refused, match="capacity_not_claimed"):
                self.act(lambda unit: release(unit, self.program_id))

    @rule(
        total=st.integers(0, 6),
        kind=st.sampled_from(sorted(MODES)),
        valid_minutes=st.sampled_from([None, None, 30, 2000]),
    )
    def somebody_says_how_much_there_is(self, total: int, kind: str, valid_minutes: int | None) -> None:
        valid_until = self.now + valid_minutes * MINUTE if valid_minutes else None
        saying = self.model.in_effect(self.now)
        is_same = saying is not None and saying.kind == kind
        used = self.model.held if kind == "beds" else self.model.numbers(self.now)[1] if is_same else 0
        mode, period = MODES[kind]
        request = {
            **SAID,
            "program_id": self.program_id,
            "total": total,
            "mode": mode,
            "period": period,
            "valid_until": valid_until,
        }
        if total < used:
            with pytest.raises(Refused, match="capacity_below_use"):
                self.act(lambda unit: handlers.set_capacity(unit, **request))
            return
        self.act(lambda unit: handlers.set_capacity(unit, **request))
        if saying is None:
            saying = Saying(kind, total, datetime.datetime.min.replace(tzinfo=datetime.UTC))
            self.model.sayings.append(saying)
        if not is_same:
            saying.taken = []
        saying.kind, saying.total, saying.valid_until = kind, total, valid_until

    @rule(
        total=st.integers(0, 6),
        kind=st.sampled_from(sorted(MODES)),
        minutes=st.sampled_from([1, 60, 720, 3000]),
        lasts=st.sampled_from([None, 1, 60, 2000]),
    )
    def somebody_schedules(self, total: int, kind: str, minutes: int, lasts: int | None) -> None:
        starts_at = self.now + minutes * MINUTE
        ends_at = starts_at + lasts * MINUTE if lasts else None
        mode, period = MODES[kind]
        asked = {"program_id": self.program_id, "line_id": None, "starts_at": starts_at, "ends_at": ends_at}
        request = {**SAID, **asked, "total": total, "mode": mode, "period": period, "valid_until": None}
        if any(each.starts_at == starts_at for each in self.model.sayings):
            with pytest.raises(Refused, match="capacity_schedule_clash"):
                self.act(lambda unit: handlers.schedule_capacity(unit, **request))
            return
        answer = self.act(lambda unit: handlers.schedule_capacity(unit, **request))
        self.model.sayings.append(Saying(kind, total, starts_at, ends_at, schedule_id=answer["id"]))

    @precondition(lambda self: any(self.cancellable()))
    @rule(data=st.data())
    def somebody_cancels(self, data: st.DataObject) -> None:
        saying = data.draw(st.sampled_from(list(self.cancellable())))

        request = {"schedule_id": saying.schedule_id}
        with self.service.database.reading(HARBOR[0]) as session:
            version = session.get_one(Term, saying.schedule_id).version
        self.act(lambda unit: handlers.cancel_scheduled_capacity(unit, **request), version)
        self.model.sayings.remove(saying)

    def cancellable(self) -> Iterator[Saying]:
        for each in self.model.sayings:
            if each.schedule_id and (each.ends_at is None or each.ends_at > self.now):
                yield each

    @precondition(lambda self: self.model.in_effect(self.now))
    @rule()
    def somebody_confirms(self) -> None:
        saying = self.model.in_effect(self.now)
        assert saying is not None
        valid_until = self.now + DAY
        request = {"line_id": self.program_id, "valid_until": valid_until}
        self.act(lambda unit: handlers.confirm_capacity(unit, **request))
        saying.valid_until = valid_until

    @rule()
    def the_loop_comes_by(self) -> None:
        settle_due(self.service.runtime)

    @invariant()
    def it_reads_as_the_model_counts(self) -> None:
        if not hasattr(self, "model") or not self.model.sayings:
            return
        with self.service.database.reading(HARBOR[0]) as session:
            view = queries.one_view(session, self.program_id, self.now)
            is_full = queries.is_exhausted(session, self.program_id)
            row = session.get_one(Line, self.program_id)
        total, used = self.model.numbers(self.now)
        assert (view["total"], view["used"], view["free"]) == (total, used, total - used)
        assert (view["capacity_status"] == "unknown") == self.model.is_unknown(self.now)
        assert row.held == self.model.held
        # The early check may leave the decision to the claim, but must not refuse what the claim would accept.
        assert not is_full or (self.model.in_effect(self.now) is not None and used >= total)


def run(service: InProcess, examples: int) -> None:
    """Play so many games with a capacity."""
    machine = type("CapacityMachineHere", (CapacityMachine,), {"service": service})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=14,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def service(tmp_path: Path) -> Iterator[InProcess]:
    service = InProcess("referrals", f"sqlite:///{tmp_path / 'referrals.db'}", tmp_path)
    yield service
    service.close()


@pytest.mark.seed("S0-8", "S0-9")
def test_capacity_counts_as_a_plain_model_does(service: InProcess) -> None:
    run(service, 30)


def test_capacity_counts_as_a_plain_model_does_on_postgresql(new_postgres_url: str, tmp_path: Path) -> None:
    service = InProcess("referrals", new_postgres_url, tmp_path)
    run(service, 10)
    service.close()


@pytest.mark.full
@pytest.mark.timeout(900)
def test_capacity_counts_as_a_plain_model_does_in_five_hundred_lives(service: InProcess) -> None:
    run(service, 500)
