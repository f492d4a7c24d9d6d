"""Consent to share a contact record: its days, the flags of open referrals, and ReferralQs that ask for it."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from sqlalchemy import select, text

from services.contracts.errors import Refused
from services.contracts.referrals import (
    assignments,
    bulk,
    intakes,
    offers,
    queues,
    records,
    reports,
    status_changes,
)
from services.referrals import models
from services.referrals.bulk import work
from services.referrals.models import Referral
from services.referrals.records import consent as consent_module
from services.referrals.records.pdf import layout, renderer
from services.referrals.records.pdf.content import PrintedRecord
from tests.integration.referrals.builders import STAFF, STAFF_MAY, Desk, refusal
from tests.support.in_process import HARBOR, a_caller

HERE, THERE, ELSEWHERE = "Night Shelter", "Family Housing First", "St. Mary's Café & Pantry"
FLAGS = ("is_overdue", "is_urgent", "is_consent_expired")
LONG_AGO = {"consent_given_on": "2020-01-01", "consent_until": "2020-12-31"}
FOR_LONG = {"consent_given_on": "2020-01-01", "consent_until": "2199-12-31"}
WITHOUT_END = {"consent_given_on": "2020-01-01"}


def edit(desk: Desk, record_id: str, **members: Any) -> Any:
    version = desk(records.get_contact_record, contact_record_id=record_id)["version"]
    return desk(records.edit_contact_record, contact_record_id=record_id, version=version, **members)


def flags(referral: Any) -> tuple[bool, ...]:
    return tuple(referral["progress"][name] for name in FLAGS)


def listed(desk: Desk, caller: Any = STAFF, **more: Any) -> set[str]:
    return {item["id"] for item in desk(assignments.list_referrals, caller, **more)["items"]}


def refused(call: Any) -> Refused:
    with pytest.raises(Refused) as refusal:
        call()
    return refusal.value


def test_a_record_is_entered_with_a_consent_and_edited(desk: Desk) -> None:
    record_id = desk.a_record(**FOR_LONG)
    record = desk(records.get_contact_record, contact_record_id=record_id)
    assert {name: record[name] for name in FOR_LONG} == FOR_LONG
    assert record["is_consent_expired"] is False
    edited = edit(desk, record_id, consent_until="2020-12-31")
    assert (edited["consent_until"], edited["is_consent_expired"]) == ("2020-12-31", True)
    (row,) = desk.service.audit("contact_record.edited")
    assert row.facts["fields"] == ["consent_until"]
    without = edit(desk, record_id, consent_given_on=None, consent_until=None)
    assert (without["consent_given_on"], without["is_consent_expired"]) == (None, False)
    assert "2020-12-31" not in str(desk.service.events()) + str([row.facts for row in desk.service.audit()])


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"consent_until": "2030-01-01"}, "consent_given_on"),
        ({"consent_given_on": "2021-01-02", "consent_until": "2021-01-01"}, "consent_until"),
        ({"consent_given_on": "2190-01-01"}, "consent_given_on"),
        ({"consent_given_on": "0020-01-01"}, "consent_given_on"),
        ({"consent_given_on": "2020-01-01", "consent_until": "9999-12-31"}, "consent_until"),
    ],
)
def test_days_that_cannot_be_are_refused_with_the_field(
    desk: Desk, members: dict[str, str], field: str
) -> None:
    entered = refused(lambda: desk.a_record(**members))
    assert (entered.code, entered.field) == ("invalid_contact_record", field)
    record_id = desk.a_record()
    edited = refused(lambda: edit(desk, record_id, **members))
    assert (edited.code, edited.field) == ("invalid_contact_record", field)


def test_what_an_edit_leaves_of_a_consent_must_fit_together(desk: Desk) -> None:
    record_id = desk.a_record(**FOR_LONG)
    assert refused(lambda: edit(desk, record_id, consent_given_on=None)).field == "consent_given_on"
    assert refused(lambda: edit(desk, record_id, consent_until="2019-12-31")).field == "consent_until"
    assert refused(lambda: desk.a_record(consent_given_on="yesterday")).code == "invalid_request"


def test_the_flags_are_told_filtered_by_and_counted(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(HERE, THERE, settings={"due_hours": 2})
    plain = desk.assign(queue_id, HERE)["id"]
    urgent = desk.assign(queue_id, HERE, priority="asap")["id"]
    expired = desk.assign(queue_id, HERE, desk.a_record(**LONG_AGO))["id"]
    desk.assign(queue_id, HERE, desk.a_record(**FOR_LONG))
    desk.assign(queue_id, HERE, desk.a_record(**WITHOUT_END))
    elsewhere = desk.assign(queue_id, THERE, desk.a_record(**LONG_AGO))["id"]
    overdue = desk.assign(queue_id, HERE)["id"]
    desk.shift(overdue, datetime.timedelta(hours=3))
    provider = desk.provider(HERE)

    assert flags(desk.read({"id": plain})) == (False, False, False)
    assert flags(desk.read({"id": urgent})) == (False, True, False)
    assert flags(desk.read({"id": expired}, provider)) == (False, False, True)
    for name, own, theirs in (
        ("is_overdue", {overdue}, {overdue}),
        ("is_urgent", {urgent}, {urgent}),
        ("is_consent_expired", {expired, elsewhere}, {expired}),
    ):
        assert listed(desk, **{name: True}) == own
        assert listed(desk, provider, **{name: True}) == theirs
        assert listed(desk, **{name: False}) == listed(desk) - own
        shown = desk(assignments.list_referrals)["items"]
        assert {item["id"] for item in shown if item["progress"][name]} == own

    seen = desk(reports.get_dashboard)
    names = ("open", "urgent", "overdue", "consent_expired")
    assert [seen["totals"][name] for name in names] == [7, 1, 1, 2]
    assert seen["is_consent_expired_capped"] is False
    assert desk(reports.get_dashboard, provider)["totals"]["consent_expired"] == 1
    demand = desk(reports.list_program_demand)["items"]
    assert {item["program_name"]: item["consent_expired"] for item in demand} == {HERE: 1, THERE: 1}


def test_a_referral_that_has_ended_has_no_flag(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE)
    referral = desk.assign(queue_id, HERE, desk.a_record(**LONG_AGO), priority="stat")
    assert flags(referral) == (False, True, True)
    ended = desk.move(referral, "completed")
    assert flags(ended) == (False, False, False)
    assert listed(desk, is_consent_expired=True) == listed(desk, is_urgent=True) == set()
    assert desk(reports.get_dashboard)["totals"]["consent_expired"] == 0
    assert flags(desk.move(ended, "enrolled")) == (False, True, True)


def test_a_new_consent_reaches_every_referral_of_the_record_and_changes_no_version(desk: Desk) -> None:
    record_id, other = desk.a_record(**LONG_AGO), desk.a_record(**LONG_AGO)
    queue_id = desk.a_queue(HERE, THERE)
    first, second = (desk.assign(queue_id, program, record_id) for program in (HERE, THERE))
    desk.move(second, "completed")
    untouched = desk.assign(queue_id, HERE, other)
    edit(desk, record_id, **FOR_LONG)
    assert flags(desk.read(first)) == (False, False, False)
    assert desk.read(first)["version"] == first["version"]
    reopened = desk.move(desk.read(second), "enrolled")
    assert flags(reopened) == (False, False, False)
    assert listed(desk, is_consent_expired=True) == {untouched["id"]}


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def test_a_consent_holds_through_its_last_day_where_the_organisation_is(desk: Desk, zone: str) -> None:
    hours = {"UTC": 0, "Pacific/Auckland": 12, "America/Los_Angeles": -7}[zone]
    midnight = datetime.datetime(2026, 6, 11, tzinfo=datetime.UTC) - datetime.timedelta(hours=hours)
    admin = a_caller(*STAFF_MAY, "organisation.manage", "report.manage", id=STAFF.id)
    desk(reports.set_report_settings, admin, time_zone=zone)
    with time_machine.travel(midnight - datetime.timedelta(seconds=2), tick=False):
        consent = {"consent_given_on": "2026-06-10", "consent_until": "2026-06-10"}
        queue_id = desk.a_queue(HERE, THERE, settings={"consent_required": True})
        referral = desk.assign(queue_id, HERE, desk.a_record(**consent))
        assert flags(desk.read(referral)) == (False, False, False)
        assert refusal(lambda: desk.a_record(consent_given_on="2026-06-11")) == "invalid_contact_record"
    with time_machine.travel(midnight, tick=False):
        assert flags(desk.read(referral)) == (False, False, True)
        record_id = desk.read(referral)["progress"]["contact_record_id"]
        assert refusal(lambda: desk.assign(queue_id, THERE, record_id)) == "consent_required"


@pytest.mark.parametrize(("zone", "hours"), [("Pacific/Kiritimati", 14), ("Etc/GMT+12", -12)])
def test_consents_that_are_there_end_by_the_new_clock_once_the_time_zone_changes(
    desk_on_both: Desk, zone: str, hours: int
) -> None:
    desk = desk_on_both
    admin = a_caller(*STAFF_MAY, "organisation.manage", "report.manage", id=STAFF.id)
    # Days are written in a time zone as far as possible from the new one.
    desk(reports.set_report_settings, admin, time_zone="Etc/GMT+12" if hours > 0 else "Pacific/Kiritimati")
    midnight = datetime.datetime(2026, 6, 11, tzinfo=datetime.UTC) - datetime.timedelta(hours=hours)
    with time_machine.travel("2026-06-09T12:00:00Z", tick=False):
        queue_id = desk.a_queue(HERE, THERE, settings={"consent_required": True})
        without_end = desk.assign(queue_id, HERE, desk.a_record(consent_given_on="2026-06-01"))
        record_id = desk.a_record(consent_given_on="2026-06-01", consent_until="2026-06-10")
        referral = desk.assign(queue_id, HERE, record_id)
    desk(reports.set_report_settings, admin, time_zone=zone)
    more = {"queue_id": queue_id, "contact_record_ids": [record_id], "program_ids": [desk.resource[THERE]]}
    for at, is_over in ((midnight - datetime.timedelta(seconds=1), False), (midnight, True)):
        with time_machine.travel(at, tick=False):
            expired = {referral["id"]} if is_over else set()
            assert listed(desk, is_consent_expired=True) == expired
            assert listed(desk, is_consent_expired=False) == {referral["id"], without_end["id"]} - expired
            assert flags(desk.read(referral)) == (False, False, is_over)
            shown = desk(records.get_contact_record, contact_record_id=record_id)
            assert shown["is_consent_expired"] is is_over
            assert desk(reports.get_dashboard)["totals"]["consent_expired"] == len(expired)
            assert desk(bulk.start_bulk_assignment, **more, dry_run=True)["failed"] == len(expired)
    with time_machine.travel(midnight, tick=False):
        assert refusal(lambda: desk.assign(queue_id, THERE, record_id)) == "consent_required"
    with time_machine.travel(midnight - datetime.timedelta(seconds=1), tick=False):
        desk.assign(queue_id, THERE, record_id)


def test_a_queue_that_asks_for_consent_refuses_records_without_one(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, THERE, settings={"consent_required": True})
    desk.set_capacity(HERE, 1)
    record_id = desk.a_record()
    missing = refused(lambda: desk.assign(queue_id, HERE, record_id))
    assert (missing.code, missing.field) == ("consent_required", "consent_given_on")
    assert "contact record" in missing.detail
    edit(desk, record_id, **LONG_AGO)
    over = refused(lambda: desk.assign(queue_id, HERE, record_id))
    assert (over.code, over.field) == ("consent_required", "consent_until")
    assert desk.numbers(HERE) == (1, 0, 1)
    edit(desk, record_id, consent_until=None)
    desk.assign(queue_id, HERE, record_id)
    assert desk.numbers(HERE) == (1, 1, 0)


def test_a_queue_asks_for_no_consent_unless_it_is_told_to(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, settings={"consent_required": True})
    edited = desk(queues.edit_queue, queue_id=queue_id, version=2, settings={"consent_required": None})
    assert edited["settings"]["consent_required"] is False
    desk.assign(queue_id, HERE, desk.a_record(**LONG_AGO))


def test_an_intake_an_offer_and_a_reassignment_need_the_consent_too(desk: Desk) -> None:
    asks = desk.a_queue(HERE, THERE, name="Asks", settings={"consent_required": True})
    does_not = desk.a_queue(HERE, name="Does not")
    one = {"queue_id": asks, "program_id": desk.resource[HERE], "last_name": "Vega"}
    assert refused(lambda: desk(intakes.create_intake, **one)).code == "consent_required"
    assert desk(records.search_contact_records)["items"] == []
    entered = desk(intakes.create_intake, **one, **FOR_LONG)
    assert entered["contact_record"]["consent_until"] == "2199-12-31"

    record_id = desk.a_record(**LONG_AGO)
    many = {"queue_id": asks, "program_ids": [desk.resource[HERE], desk.resource[THERE]]}
    offered = refused(lambda: desk(offers.create_offer, contact_record_id=record_id, **many))
    assert (offered.code, offered.field) == ("consent_required", "consent_until")
    assert desk(offers.list_offers)["items"] == []

    referral = desk.assign(does_not, HERE, record_id)
    wish = {"referral_id": referral["id"], "version": 1, "queue_id": asks, "program_id": desk.resource[HERE]}
    assert refused(lambda: desk(status_changes.reassign_referral, **wish)).code == "consent_required"
    assert desk.read(referral)["progress"]["is_terminal"] is False
    edit(desk, record_id, **FOR_LONG)
    desk(status_changes.reassign_referral, **wish)
    (again,) = desk(offers.create_offer, contact_record_id=desk.a_record(**FOR_LONG), **many)["programs"][:1]
    assert again["answer"] == "none"


def test_lines_of_a_job_say_that_consent_is_missing_and_a_dry_run_foresees_it(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(HERE, settings={"consent_required": True})
    desk.set_capacity(HERE, 2)
    there = desk.a_record(**FOR_LONG)
    desk.assign(queue_id, HERE, there)
    edit(desk, there, **LONG_AGO)
    ids = [there, desk.a_record(), desk.a_record(**LONG_AGO), desk.a_record(**FOR_LONG)]
    wish = {"queue_id": queue_id, "program_ids": [desk.resource[HERE]], "contact_record_ids": ids}
    reasons = [
        {"reason": "consent_required", "count": 2},
        {"reason": "already_assigned", "count": 1},
    ]
    assert desk(bulk.start_bulk_assignment, **wish, dry_run=True)["reasons"] == reasons
    job = desk(bulk.start_bulk_assignment, **wish)
    work.work(desk.service.runtime)
    done = desk(bulk.get_bulk_job, bulk_job_id=job["id"])
    assert (done["done"], done["failed"], done["reasons"]) == (1, 3, reasons)
    lines = desk(bulk.list_bulk_job_lines, bulk_job_id=job["id"])["items"]
    assert [(line["reason"], line["field"]) for line in lines][1:3] == [
        ("consent_required", "consent_given_on"),
        ("consent_required", "consent_until"),
    ]


def test_a_bulk_reassignment_into_a_queue_that_asks_foresees_it(desk: Desk) -> None:
    old = desk.a_queue(HERE, name="Old")
    asks = desk.a_queue(THERE, name="Asks", settings={"consent_required": True})
    for consent in (LONG_AGO, FOR_LONG, {}):
        desk.assign(old, HERE, desk.a_record(**consent))
    wish = {
        "from_program_id": desk.resource[HERE],
        "to_program_id": desk.resource[THERE],
        "to_queue_id": asks,
    }
    foreseen = desk(bulk.start_bulk_reassignment, **wish, dry_run=True)
    job = desk(bulk.start_bulk_reassignment, **wish)
    work.work(desk.service.runtime)
    done = desk(bulk.get_bulk_job, bulk_job_id=job["id"])
    assert foreseen["reasons"] == done["reasons"] == [{"reason": "consent_required", "count": 2}]
    assert (foreseen["done"], done["done"]) == (1, 1)


def test_referrals_without_consent_can_be_worked_on_as_a_selection(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE)
    expired = desk.assign(queue_id, HERE, desk.a_record(**LONG_AGO))
    kept = desk.assign(queue_id, HERE)
    desk(
        bulk.start_bulk_status_change,
        referrals={"queue_id": queue_id, "is_consent_expired": True},
        status="attempting_contact",
    )
    work.work(desk.service.runtime)
    assert desk.read(expired)["progress"]["status_key"] == "attempting_contact"
    assert desk.read(kept)["progress"]["status_key"] == "referred"


def test_a_consent_and_a_reassignment_at_once_both_come_through(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue(HERE, THERE)
    referrals = [desk.assign(queue_id, HERE, desk.a_record(**LONG_AGO)) for _ in range(4)]

    def reassign(referral: Any) -> Any:
        wish = {"program_id": desk.resource[THERE], "version": 1}
        return desk(status_changes.reassign_referral, referral_id=referral["id"], **wish)

    with ThreadPoolExecutor(8) as pool:
        edits = [
            pool.submit(edit, desk, each["progress"]["contact_record_id"], **FOR_LONG) for each in referrals
        ]
        moves = [pool.submit(reassign, each) for each in referrals]
        moved = [each.result() for each in moves]
        assert all(each.result()["consent_until"] == "2199-12-31" for each in edits)
    # In either order, the new referral has the new end.
    assert [flags(desk.read(each)) for each in moved] == [(False, False, False)] * 4


def test_expired_and_urgent_ones_are_found_by_their_indexes(desk_on_both: Desk) -> None:
    desk = desk_on_both
    own = Referral.organisation_id == HARBOR[0]
    now = datetime.datetime.now(datetime.UTC)
    of_program = select(Referral.id).where(
        Referral.program_id == "3" * 32, consent_module.is_consent_expired(now, now.date())
    )
    newest = (Referral.assigned_at.desc(), Referral.id.desc())
    wanted = {
        "ix_referrals_consent": select(Referral.id).where(
            own, consent_module.is_consent_expired(now, now.date())
        ),
        "ix_referrals_consent_of_program": of_program,
        "ix_referrals_urgent": select(Referral.id).where(own, models.is_urgent()).order_by(*newest),
    }
    is_sqlite = desk.service.database.is_sqlite
    with desk.service.database.reading(None) as session:
        if not is_sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))
        for index, statement in wanted.items():
            spelled = statement.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            plan = session.execute(
                text(f"{'EXPLAIN QUERY PLAN' if is_sqlite else 'EXPLAIN'} {spelled}")
            ).all()
            assert f"{index} " in str(plan).replace("\\n", " "), plan


def test_the_dashboard_says_where_it_stops_counting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.referrals.reports.dashboard.MOST_FLAGGED", 2)
    queue_id = desk.a_queue(HERE)
    for _ in range(3):
        desk.assign(queue_id, HERE, desk.a_record(**LONG_AGO))
    seen = desk(reports.get_dashboard)
    assert (seen["is_consent_expired_capped"], seen["is_overdue_capped"]) == (True, False)


def test_the_paper_shows_the_consent_to_who_may_see_the_record(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[PrintedRecord] = []
    monkeypatch.setattr(renderer, "draw", lambda record: (drawn.append(record), (b"%PDF-", 1))[1])
    desk.service.answers["identity.describe_account"] = lambda _: {"organisation_name": "Harbor"}
    referral = desk.assign(desk.a_queue(HERE), HERE, desk.a_record(**FOR_LONG))
    provider = desk.provider(HERE, details=True)
    desk(records.create_referral_pdf, provider, referral_id=referral["id"])
    desk(records.create_contact_record_pdf, contact_record_id=desk.a_record())
    with_consent, without = (
        " ".join(words.text for page in layout.layout(record) for words in page.words) for record in drawn
    )
    assert "given on 1 January 2020, until 31 December 2199" in with_consent
    assert "Consent to share —" in without
    assert desk.read(referral, provider)["details"]["consent_until"] == "2199-12-31"
    # Without the details switch there are the eight fields and the flag, and no day.
    assert "2199" not in str(desk.read(referral, desk.provider(HERE)))


def test_nobody_is_asked_to_confirm_a_full_program_for_a_record_that_may_not_be_shared(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, settings={"consent_required": True, "when_full": "warn"})
    desk.set_capacity(HERE, 0)
    assert refusal(lambda: desk.assign(queue_id, HERE)) == "consent_required"
    agreed = desk.a_record(**FOR_LONG)
    assert refused(lambda: desk.assign(queue_id, HERE, agreed)).more == {"may_confirm": True}
    desk.assign(queue_id, HERE, agreed, confirm=True)
