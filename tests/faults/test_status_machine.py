"""F18: after any sequence of operations, the state, history and events of referrals agree with a plain model.

The model follows the rules as people know them and not the code: which status may follow which, which referral holds a
bed, which waits for one, and which was taken back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.referrals import assignments, queues, status_changes
from services.contracts.referrals.capacity import capacity_changed, set_capacity
from services.referrals.directory.models import Resource
from services.referrals.directory.rules import Level
from services.referrals.models import QueueProgram, Referral, StatusChange
from services.referrals.records.models import ContactRecord
from tests.integration.referrals.builders import STAFF_MAY
from tests.support.in_process import HARBOR, InProcess, a_caller

STAFF = a_caller(*STAFF_MAY)
NEWS = {
    each.type: each
    for each in (
        assignments.referral_assigned,
        status_changes.referral_status_changed,
        status_changes.referral_accepted,
        status_changes.referral_declined,
        assignments.referral_withdrawn,
        status_changes.referral_reassigned,
        assignments.referral_waitlisted,
        assignments.referral_promoted,
        assignments.referral_note_added,
    )
}
# On a busy machine a write may be refused with a request to try again; nothing has changed then.
BUSY_TRIES = 10
# Drawn independently of the state: the winner of a race is random, and the game continues the same way.
WHICH, PLACES = st.integers(0, 23), st.integers(0, 1)


class Stop(NamedTuple):
    """A status of the queue in the model."""

    fhir: str
    stage: str
    ends: bool = False
    asks_why: bool = False


STOPS = {
    "sent": Stop("requested", "offered"),
    "called": Stop("accepted", "accepted"),
    "served": Stop("in-progress", "enrolled"),
    "paused": Stop("on-hold", "enrolled", asks_why=True),
    "done": Stop("completed", "enrolled", ends=True),
    "refused": Stop("rejected", "offered", ends=True, asks_why=True),
    "cancelled": Stop("cancelled", "offered", ends=True, asks_why=True),
}
ALLOWED = {
    "sent": ["called", "refused", "done"],
    "called": ["sent", "served", "refused", "done"],
    "served": ["paused", "done"],
    "paused": ["served", "done"],
    "done": ["served", "called"],
    "refused": ["sent"],
    "cancelled": ["sent"],
}


@dataclass
class Model:
    """A referral as it should be."""

    id: str
    record: str
    program: str
    status: str = "sent"
    version: int = 1
    has_ended: bool = False
    is_taken_back: bool = False
    holds: bool = False
    waits: bool = False
    accepted: bool = False
    lines: list[tuple[str, str | None, str]] = field(default_factory=list)
    news: list[str] = field(default_factory=list)


class Referrals(RuleBasedStateMachine):
    """People at two programs' referrals. `desk` is set by the test."""

    desk: InProcess

    def __init__(self) -> None:
        super().__init__()
        self.models: list[Model] = []
        self.total: dict[str, int | None] = {}
        self.heard: list[tuple[str, str]] = []
        self.begin()

    @initialize(
        waits=st.booleans(),
        is_strict=st.booleans(),
        may_reopen=st.booleans(),
        beds=st.sampled_from([1, 2, 0, None]),
    )
    def set_up(self, waits: bool, is_strict: bool, may_reopen: bool, beds: int | None) -> None:
        self.waits, self.may_reopen = waits, may_reopen
        self.allowed = ALLOWED if is_strict else None
        queue = self._do(
            queues.create_queue,
            name=wire.new_id(),
            statuses=[
                {
                    "label": key,
                    "fhir_status": stop.fhir,
                    "category": stop.stage,
                    "is_terminal": stop.ends,
                    "reason_required": stop.asks_why,
                }
                for key, stop in STOPS.items()
            ],
            settings={
                "when_full": "waitlist" if waits else "block",
                "may_reopen": may_reopen,
                "allowed_moves": self.allowed,
            },
        )
        self.queue = queue["id"]
        self.programs = self._two_programs()
        for program in self.programs:
            self.total[program] = beds
            if beds is not None:
                self._do(set_capacity, program_id=program, total=beds)
        # Enough at one program that beds are short from the start.
        for _ in range(3):
            self._assign(self.programs[0], None)

    # Steps of people. Each rule computes the expected outcome before it acts.

    @rule(which=WHICH, place=PLACES, again=st.booleans())
    def assign(self, which: int, place: int, again: bool) -> None:
        record = self._one(which).record if again and self.models else None
        self._assign(self.programs[place], record)

    @precondition(lambda self: self.models)
    @rule(
        which=WHICH,
        key=st.sampled_from([*STOPS, "nowhere"]),
        says_why=st.booleans(),
        is_late=st.booleans(),
    )
    def change_status(self, which: int, key: str, says_why: bool, is_late: bool) -> None:
        model = self._one(which)
        expected = "version_conflict" if is_late else self._fate(model, key, says_why)
        answer = self._expect(
            expected, lambda: self._move(model, key, says_why, model.version + (1 if is_late else 0))
        )
        if answer is not None:
            self._moved(model, key)

    @precondition(lambda self: self.models)
    @rule(which=WHICH, keys=st.tuples(*[st.sampled_from(list(STOPS))] * 2))
    def two_change_the_status_at_once(self, which: int, keys: tuple[str, str]) -> None:
        model = self._one(which)
        fates = [self._fate(model, key, True) for key in keys]
        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(lambda key: outcome(lambda: self._move(model, key, True)), keys))
        winners = [key for key, came in zip(keys, outcomes, strict=True) if came == "ok"]
        assert len(winners) == min(1, fates.count("ok")), (keys, fates, outcomes)
        for fate, came in zip(fates, outcomes, strict=True):
            assert came in {fate, "version_conflict"} if winners else came == fate, (keys, fates, outcomes)
        if winners:
            self._moved(model, winners[0])

    @precondition(lambda self: self.models)
    @rule(which=WHICH, answer=st.sampled_from(["accept", "unaccept", "decline"]))
    def answer(self, which: int, answer: str) -> None:
        model = self._one(which)
        operation, key, more = {
            "accept": (status_changes.accept_referral, "called", {}),
            "unaccept": (status_changes.unaccept_referral, "sent", {}),
            "decline": (status_changes.decline_referral, "refused", {"reason_code": "other"}),
        }[answer]
        expected = self._fate(model, key, answer == "decline")
        if answer == "unaccept" and (model.has_ended or not model.accepted):
            expected = "move_not_allowed"
        call = lambda: self._do(operation, referral_id=model.id, version=model.version, **more)  # noqa: E731
        if self._expect(expected, call) is not None:
            self._moved(model, key)

    @precondition(lambda self: self.models)
    @rule(which=WHICH)
    def withdraw(self, which: int) -> None:
        model = self._one(which)
        expected = "move_not_allowed" if model.is_taken_back else "ok"
        call = lambda: self._do(  # noqa: E731
            status_changes.withdraw_referral, referral_id=model.id, version=model.version, reason_code="other"
        )
        if self._expect(expected, call) is not None:
            self._taken_back(model, "withdrawn")

    @precondition(lambda self: self.models)
    @rule(which=WHICH, place=PLACES)
    def reassign(self, which: int, place: int) -> None:
        model, program = self._one(which), self.programs[place]
        call = lambda: self._do(  # noqa: E731
            status_changes.reassign_referral,
            referral_id=model.id,
            version=model.version,
            program_id=program,
            carries_notes=False,
        )
        if model.is_taken_back:
            expected = "move_not_allowed"
        elif program == model.program or self._is_open(model.record, program):
            expected = "already_assigned"
        else:
            expected = self._place_at(program)
        answer = self._expect(expected, call)
        if answer is not None:
            self._taken_back(model, "reassigned")
            self._opened(answer["id"], model.record, program, waits=expected == "waits")

    @precondition(lambda self: self.models)
    @rule(which=WHICH)
    def write_a_note(self, which: int) -> None:
        model = self._one(which)
        self._do(assignments.add_referral_note, referral_id=model.id, note="Called.")
        model.version += 1
        model.lines.append(("note", model.status, model.status))
        model.news.append("referral_note_added")

    @precondition(lambda self: any(total is not None for total in self.total.values()))
    @rule(place=PLACES, more=st.integers(0, 2))
    def say_how_many_beds(self, place: int, more: int) -> None:
        program = self.programs[place]
        total = len(self._holders(program)) + more
        self._do(set_capacity, program_id=program, total=total)
        self.total[program] = total
        self._settle()

    # Invariants.

    @invariant()
    def state_history_and_events_agree_with_the_model(self) -> None:
        if self.models:
            self.look()

    def look(self) -> None:
        """Compare the state, and the events since the last comparison, with the model."""
        self.heard += self.news()
        ids = [model.id for model in self.models]
        with self.desk.database.reading(HARBOR[0]) as session:
            rows = {row.id: row for row in session.scalars(select(Referral).where(Referral.id.in_(ids)))}
            lines = session.scalars(
                select(StatusChange).where(StatusChange.referral_id.in_(ids)).order_by(StatusChange.position)
            ).all()
        for model in self.models:
            row = rows[model.id]
            is_so = (row.status, row.version, row.is_terminal, row.holds_capacity, row.is_waitlisted)
            should_be = (model.status, model.version, model.has_ended, model.holds, model.waits)
            assert is_so == should_be, (is_so, should_be)
            assert (row.ended_by == "sender", row.accepted_at is not None) == (
                model.is_taken_back,
                model.accepted,
            )
            own = [line for line in lines if line.referral_id == model.id]
            assert [(line.kind, line.from_key, line.to_key) for line in own] == model.lines
            assert [line.position for line in own] == list(range(1, model.version + 1))
        told: dict[str, list[str]] = {model.id: [] for model in self.models}
        for referral_id, name in self.heard:
            told[referral_id].append(name)
        assert told == {model.id: model.news for model in self.models}
        self.heard.clear()
        for model in self.models:
            model.news.clear()

    def _assign(self, program: str, record: str | None) -> None:
        expected = "already_assigned" if self._is_open(record, program) else self._place_at(program)
        record = record or self._a_record()
        call = lambda: self._do(  # noqa: E731
            assignments.assign_referral, contact_record_id=record, queue_id=self.queue, program_id=program
        )
        answer = self._expect(expected, call)
        if answer is not None:
            self._opened(answer["id"], record, program, waits=expected == "waits")

    def _fate(self, model: Model, key: str, says_why: bool) -> str:
        """The expected outcome of moving a referral to a status: the first condition that holds decides."""
        stop = STOPS.get(key, STOPS["sent"])
        reopens = model.has_ended and not stop.ends
        is_barred = self.allowed is not None and key not in self.allowed[model.status]
        needs_bed = reopens or (model.waits and not stop.ends and stop.stage != "offered")
        obstacles = {
            "status_not_in_queue": key not in STOPS,
            "move_not_allowed": model.is_taken_back,
            "status_unchanged": key == model.status,
            # The same code as two lines above: neither the queue's moves nor an ended referral allow this status.
            "move_not_allowed ": is_barred or (reopens and not self.may_reopen),
            "reason_required": stop.asks_why and not says_why,
            "already_assigned": reopens and self._is_open(model.record, model.program),
            "capacity_exhausted": needs_bed and self._is_full(model.program),
        }
        return next((code.strip() for code, is_so in obstacles.items() if is_so), "ok")

    def _place_at(self, program: str) -> str:
        if not self._is_full(program):
            return "ok"
        return "waits" if self.waits else "capacity_exhausted"

    def _is_full(self, program: str) -> bool:
        total = self.total[program]
        return total is not None and len(self._holders(program)) >= total

    def _holders(self, program: str) -> list[Model]:
        return [model for model in self.models if model.program == program and model.holds]

    def _is_open(self, record: str | None, program: str) -> bool:
        return any((m.record, m.program) == (record, program) and not m.has_ended for m in self.models)

    def _opened(self, referral_id: str, record: str, program: str, *, waits: bool) -> None:
        model = Model(referral_id, record, program, waits=waits)
        model.holds = not waits and self.total[program] is not None
        model.lines.append(("waitlisted" if waits else "assigned", None, "sent"))
        model.news += ["referral_assigned", *(["referral_waitlisted"] if waits else [])]
        self.models.append(model)
        self._settle()

    def _moved(self, model: Model, key: str) -> None:
        origin, stop = model.status, STOPS[key]
        reopens = model.has_ended and not stop.ends
        kind, also = "status", None
        if stop.fhir == "rejected":
            kind, also = "declined", "referral_declined"
        elif reopens:
            kind = "reopened"
        elif STOPS[origin].stage == "offered" and stop.fhir == "accepted":
            kind, also = "accepted", "referral_accepted"
        if stop.ends:
            model.holds = model.waits = False
        elif reopens or (model.waits and stop.stage != "offered"):
            model.holds, model.waits = self.total[model.program] is not None, False
        if stop.stage != "offered":
            model.accepted = True
        elif not stop.ends:
            model.accepted = False
        model.status, model.has_ended = key, stop.ends
        model.version += 1
        model.lines.append((kind, origin, key))
        model.news += ["referral_status_changed", *([also] if also else [])]
        self._settle()

    def _taken_back(self, model: Model, kind: str) -> None:
        origin = model.status
        model.status = origin if model.has_ended else "cancelled"
        model.has_ended = model.is_taken_back = True
        model.holds = model.waits = False
        model.version += 1
        model.lines.append((kind, origin, model.status))
        model.news.append(f"referral_{kind}")
        if kind == "withdrawn":
            self._settle()

    def _settle(self) -> None:
        """Give a free bed to the referral that has waited longest."""
        for model in self.models:
            if model.waits and not self._is_full(model.program):
                model.waits, model.holds = False, True
                model.version += 1
                model.lines.append(("promoted", model.status, model.status))
                model.news.append("referral_promoted")

    # Access to the service.

    def _one(self, which: int) -> Model:
        return self.models[which % len(self.models)]

    def _do(self, operation: Any, **arguments: Any) -> Any:
        for _ in range(BUSY_TRIES):
            try:
                return self.desk.call(operation, STAFF, **arguments)
            except Refused as refused:
                if refused.code != "service_unavailable":
                    raise
        raise AssertionError("the database stayed busy")

    def _move(self, model: Model, key: str, says_why: bool, version: int | None = None) -> Any:
        note = "Because." if says_why else None
        return self._do(
            status_changes.change_status,
            referral_id=model.id,
            status=key,
            note=note,
            version=version or model.version,
        )

    def _expect(self, expected: str, call: Callable[[], Any]) -> Any:
        if expected in ("ok", "waits"):
            return call()
        assert outcome(call) == expected
        return None

    def begin(self) -> None:
        """Forget the events before this game."""
        outbox = self.desk.runtime.tables.Outbox
        with self.desk.database.reading(None) as session:
            self.seen = session.scalars(select(outbox.seq).order_by(outbox.seq.desc()).limit(1)).first() or 0

    def news(self) -> list[tuple[str, str]]:
        """Events about referrals since the last time, after the waitlist was served."""
        told = []
        while fresh := self._fresh():
            for envelope in fresh:
                told += told_of_referrals(envelope)
                for own in (capacity_changed, assignments.referral_waitlisted):
                    if envelope["type"] == own.type:
                        self.desk.deliver(own, envelope["data"], event_id=envelope["id"])
        return told

    def _fresh(self) -> list[dict[str, Any]]:
        outbox = self.desk.runtime.tables.Outbox
        with self.desk.database.reading(None) as session:
            rows = session.scalars(select(outbox).where(outbox.seq > self.seen).order_by(outbox.seq)).all()
        self.seen = rows[-1].seq if rows else self.seen
        return [wire.decode(row.body, {"content_type": wire.CLOUDEVENTS_JSON}) for row in rows]

    def _two_programs(self) -> list[str]:
        agency, *programs = (wire.new_id() for _ in range(3))

        def write(session: Session) -> None:
            for resource in (agency, *programs):
                session.add(a_resource(resource, None if resource == agency else agency))
                session.flush()
            now = utc_now()
            session.add_all(
                QueueProgram(queue_id=self.queue, program_id=each, added_at=now) for each in programs
            )

        self.desk.database.write(HARBOR[0], write)
        return programs

    def _a_record(self) -> str:
        record_id, now = wire.new_id(), utc_now()
        record = ContactRecord(
            id=record_id,
            number=f"CR-{int(record_id[:9], 16):012d}",
            sections=[],
            submitted_at=now,
            created_at=now,
            version=1,
        )
        self.desk.database.write(HARBOR[0], lambda session: session.add(record))
        return record_id


def told_of_referrals(envelope: dict[str, Any]) -> list[tuple[str, str]]:
    """The (id, name of the event) if the event is about a referral and in the model."""
    return [(envelope["subject"], NEWS[envelope["type"]].name)] if envelope["type"] in NEWS else []


def a_resource(resource_id: str, agency_id: str | None) -> Resource:
    now = utc_now()
    return Resource(
        id=resource_id,
        number=resource_id[:20],
        level=(Level.PROGRAM if agency_id else Level.AGENCY).value,
        name=resource_id,
        search_key=resource_id,
        status="active",
        agency_id=agency_id,
        fingerprint="0" * 64,
        temporary_message=None,
        record={},
        created_at=now,
        updated_at=now,
        version=1,
    )


def outcome(call: Callable[[], Any]) -> str:
    try:
        call()
    except Refused as refused:
        return refused.code
    return "ok"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[type[Referrals]]:
    """The model beside a service on SQLite; commits do not wait for the disk."""
    service = InProcess("referrals", f"sqlite:///{tmp_path / 'referrals.db'}", tmp_path)
    service.database.close()

    @event.listens_for(service.database.engine, "connect")
    def _quick(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    yield type("OwnReferrals", (Referrals,), {"desk": service})
    service.close()


def run(machine: type[Referrals], examples: int, steps: int) -> None:
    """Play so many games of so many steps. The same games each time in a short run, others in each long one."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=examples < 100,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.fault("F18")
def test_referrals_behave_as_their_model_in_short_games(machine: type[Referrals]) -> None:
    run(machine, examples=25, steps=20)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.fault("F18")
def test_referrals_behave_as_their_model_in_long_games(machine: type[Referrals]) -> None:
    examples = int(os.environ.get("EXAMPLES", "500"))
    run(machine, examples, steps=50)
    print(f"F18: {examples} games of 50 steps agree with the model")
