"""The audit trail of referrals, offers, ReferralQs and capacity: each step leaves its row, with what it says, and no other."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

import time_machine

from services.contracts.referrals import assignments, capacity, offers, queues, status_changes
from services.referrals.capacity.due_lines import settle_due
from services.referrals.offers.expiry import expire as expire_offers
from tests.integration.referrals.builders import STAFF_MAY, Desk
from tests.support.in_process import a_caller

HERE, THERE = "Night Shelter", "Family Housing First"
NOON = datetime.datetime(2030, 3, 4, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
MANAGER = a_caller(*STAFF_MAY, "organisation.manage", id="5" * 32)


class Trail:
    """What the trail says of a step. Ids are told by the names that a test gives them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._names = {desk.resource[HERE]: "here", desk.resource[THERE]: "there"}
        self._seen = {row.id for row in desk.service.audit()}

    def name(self, **ids: str) -> None:
        """Give names to ids."""
        self._names |= {value: name for name, value in ids.items()}

    def of(self, step: Callable[[], Any]) -> list[str]:
        """Take a step. Returns its rows as `action object fact=value …`."""
        step()
        return self.rows()

    def rows(self) -> list[str]:
        """The rows since the last look."""
        rows = [row for row in self._desk.service.audit() if row.id not in self._seen]
        self._seen |= {row.id for row in rows}
        return sorted(" ".join([row.action, self._named(row.object_id), *self._facts(row)]) for row in rows)

    def _facts(self, row: Any) -> list[str]:
        facts: Mapping[str, Any] = row.facts
        return [f"{name}={self._named(facts[name])}" for name in sorted(facts)]

    def _named(self, value: Any) -> str:
        return self._names.get(value, str(value)) if isinstance(value, str) else str(value)


def test_the_steps_of_a_referral(desk: Desk) -> None:
    trail = Trail(desk)
    settings = {"when_full": "waitlist"}
    queue_id = desk(queues.create_queue, name="Housing", settings=settings)["id"]
    trail.name(queue=queue_id)
    assert trail.rows() == ["queue.created queue statuses=5"]
    link = {"queue_id": queue_id, "program_id": desk.resource[HERE]}
    assert trail.of(lambda: desk(queues.add_program_to_queue, **link)) == [
        "queue.program_added queue program_id=here version=2"
    ]
    assert trail.of(lambda: desk(queues.add_program_to_queue, **link)) == []
    desk(queues.add_program_to_queue, queue_id=queue_id, program_id=desk.resource[THERE])
    desk.set_capacity(HERE, 1)
    records = [desk.a_record() for _ in range(2)]
    trail.rows()

    first = desk.assign(queue_id, HERE, records[0])
    trail.name(first=first["id"])
    assert trail.rows() == ["referral.assigned first program_id=here queue_id=queue"]
    waits = desk.assign(queue_id, HERE, records[1])
    trail.name(second=waits["id"])
    assert trail.rows() == ["referral.waitlisted second program_id=here queue_id=queue"]
    urgent = {"referral_id": waits["id"], "version": waits["version"], "priority": "stat"}
    assert trail.of(lambda: desk(assignments.change_priority, **urgent)) == [
        "referral.priority_changed second after=stat before=routine"
    ]
    urgent["version"] += 1
    assert trail.of(lambda: desk(assignments.change_priority, **urgent)) == []
    note = {"referral_id": first["id"], "note": "Bring papers.", "is_internal": True}
    assert trail.of(lambda: desk(assignments.add_referral_note, **note)) == [
        "referral.note_added first is_internal=True side=partner"
    ]
    now = desk.read(first)
    trail.rows()
    assert trail.of(lambda: desk.move(now, "completed")) == [
        "referral.status_changed first from_status=referred kind=status to_status=completed"
    ]
    assert trail.of(desk.deliver_own) == ["referral.promoted second program_id=here"]
    taken_back = {"referral_id": waits["id"], "reason_code": "client_withdrew"}
    version = desk.read(waits)["version"]
    trail.rows()
    assert trail.of(
        lambda: desk(status_changes.withdraw_referral, version=version, note=None, **taken_back)
    ) == ["referral.withdrawn second reason_code=client_withdrew"]
    third = desk.assign(queue_id, HERE)
    trail.name(third=third["id"])
    trail.rows()
    moved = desk(
        status_changes.reassign_referral,
        referral_id=third["id"],
        version=third["version"],
        program_id=desk.resource[THERE],
    )
    trail.name(fourth=moved["id"])
    assert trail.rows() == [
        "referral.assigned fourth program_id=there queue_id=queue",
        "referral.reassigned third program_id=there queue_id=queue replaced_by_id=fourth",
    ]


def test_the_steps_of_an_offer(desk: Desk) -> None:
    trail = Trail(desk)
    queue_id = desk.a_queue(HERE, THERE)
    trail.name(queue=queue_id)

    def offer(name: str, **more: Any) -> Any:
        program_ids = [desk.resource[each] for each in (HERE, THERE)]
        record_id = desk.a_record()
        trail.rows()
        made = desk(
            offers.create_offer,
            contact_record_id=record_id,
            queue_id=queue_id,
            program_ids=program_ids,
            **more,
        )
        ids = {each["program_id"]: each["referral_id"] for each in made["programs"]}
        trail.name(**{name: made["id"]}, **{f"{name}_{at}": one for at, one in enumerate(ids.values())})
        return made

    def rows_of(*actions: str) -> list[str]:
        return [row for row in trail.rows() if row.split()[0] in actions]

    def answer(made: Any, at: int, operation: Any, **more: Any) -> None:
        one = desk.read({"id": made["programs"][at]["referral_id"]})
        desk(operation, referral_id=one["id"], version=one["version"], **more)

    made = offer("first")
    assert rows_of("offer.created") == ["offer.created first programs=2 queue_id=queue"]
    for at in (0, 1):
        answer(made, at, status_changes.decline_referral, reason_code="not_eligible")
    assert rows_of("offer.exhausted") == ["offer.exhausted first"]
    answer(made, 0, status_changes.change_status, status="referred")
    assert rows_of("offer.reopened") == ["offer.reopened first"]
    answer(made, 0, status_changes.accept_referral)
    assert rows_of("offer.accepted") == ["offer.accepted first referral_id=first_0 withdrawn=0"]

    made = offer("second")
    withdraw = {"offer_id": made["id"], "version": made["version"], "reason_code": "client_withdrew"}
    desk(offers.withdraw_offer, **withdraw)
    assert rows_of("offer.withdrawn") == ["offer.withdrawn second reason_code=client_withdrew withdrawn=2"]

    with time_machine.travel(NOON, tick=False) as clock:
        offer("third", expires_at=(NOON + HOUR).isoformat())
        trail.rows()
        expire_offers(desk.service.runtime)
        assert trail.rows() == []
        clock.shift(HOUR)
        expire_offers(desk.service.runtime)
        assert rows_of("offer.expired") == ["offer.expired third withdrawn=2"]


def test_the_steps_of_capacity(desk: Desk) -> None:
    trail = Trail(desk)
    with time_machine.travel(NOON, tick=False) as clock:
        line = desk.set_capacity(HERE, 2, valid_until=(NOON + 40 * HOUR).isoformat())
        assert line["line_id"] == desk.resource[HERE]  # the first line of a program bears its id
        assert trail.rows() == ["capacity.set here line_id=here total=2 used=0"]
        scheduled = desk(
            capacity.schedule_capacity,
            program_id=desk.resource[HERE],
            starts_at=(NOON + 90 * HOUR).isoformat(),
            total=3,
        )
        trail.name(schedule=scheduled["id"])
        assert trail.rows() == ["capacity.scheduled here line_id=here schedule_id=schedule"]
        its = {"schedule_id": scheduled["id"]}
        edited = desk(capacity.edit_scheduled_capacity, version=scheduled["version"], total=4, **its)
        assert trail.rows() == ["capacity.schedule_edited here schedule_id=schedule"]
        desk(capacity.cancel_scheduled_capacity, version=edited["version"], **its)
        assert trail.rows() == ["capacity.schedule_cancelled here schedule_id=schedule"]
        clock.shift(39 * HOUR)
        settle_due(desk.service.runtime)
        assert trail.rows() == ["capacity.confirmation_asked here line_id=here"]
        settle_due(desk.service.runtime)
        assert trail.rows() == []
        desk(capacity.confirm_capacity, line_id=line["line_id"])
        assert trail.rows() == ["capacity.confirmed here line_id=here"]
        desk(capacity.remove_capacity_line, line_id=line["line_id"])
        assert trail.rows() == ["capacity.line_removed here held=0 line_id=here"]
        trail.name(organisation=str(MANAGER.organisation_id))
        for is_on in (False, False, True):
            desk(capacity.set_capacity_settings, MANAGER, is_on=is_on)
            assert trail.rows() == [f"capacity.settings_changed organisation is_on={is_on}"]


def test_the_steps_of_a_queue(desk: Desk) -> None:
    trail = Trail(desk)
    queue_id = desk.a_queue(HERE)
    trail.name(queue=queue_id)
    trail.rows()
    link = {"queue_id": queue_id, "program_id": desk.resource[HERE]}
    # Without open referrals nothing is to be confirmed.
    assert trail.of(lambda: desk(queues.deactivate_queue, queue_id=queue_id)) == [
        "queue.deactivated queue open_referrals=0 version=3"
    ]
    assert trail.of(lambda: desk(queues.reactivate_queue, queue_id=queue_id)) == [
        "queue.reactivated queue version=4"
    ]
    assert trail.of(lambda: desk(queues.reactivate_queue, queue_id=queue_id)) == []
    assert trail.of(lambda: desk(queues.remove_program_from_queue, **link)) == [
        "queue.program_removed queue open_referrals=0 program_id=here version=5"
    ]
