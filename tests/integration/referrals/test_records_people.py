"""The person of a contact record: one whom identity knows, also after a merge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from services.chassis import migrate
from services.contracts.errors import Refused
from services.contracts.referrals import intakes, records
from services.contracts.referrals.audit import trail
from services.referrals.records.models import ContactRecord
from tests.integration.referrals.builders import STAFF, Desk
from tests.support.in_process import HARBOR, InProcess, a_caller, a_service
from tests.support.merged_people import MERGE, MergedPeople, tell_merged, tell_unmerged

KEPT, MERGED, UNKNOWN = "7" * 32, "8" * 32, "9" * 32
NOBODY = ("person_id", "not_found")


@pytest.fixture
def known(desk: Desk) -> Desk:
    """A desk with an identity that knows two people."""
    desk.people = MergedPeople({KEPT, MERGED})
    desk.service.answers["identity.describe_person"] = desk.people.describe
    return desk


def person_of(desk: Desk, record_id: str) -> str | None:
    with desk.service.database.reading(None) as session:
        return session.get(ContactRecord, record_id).person_id


def refused(desk: Desk, operation, **request) -> tuple[str | None, str]:
    with pytest.raises(Refused) as error:
        desk(operation, **request)
    return error.value.field, error.value.code


def test_a_person_whom_identity_does_not_know_is_refused_wherever_one_is_named(known: Desk) -> None:
    queue_id = known.a_queue("Night Shelter")
    intake = {"queue_id": queue_id, "program_id": known.resource["Night Shelter"], "last_name": "Vega"}
    assert refused(known, records.create_contact_record, last_name="Vega", person_id=UNKNOWN) == NOBODY
    assert refused(known, intakes.create_intake, **intake, person_id=UNKNOWN) == NOBODY
    record_id = known.a_record(person_id=KEPT)
    edit = {"contact_record_id": record_id, "version": 1}
    assert refused(known, records.edit_contact_record, **edit, person_id=UNKNOWN) == NOBODY
    assert person_of(known, record_id) == KEPT
    assert len(known.service.audit("contact_record.created")) == 1


def test_the_surviving_person_is_stored_for_one_that_was_merged(known: Desk) -> None:
    known.people.merge(KEPT, MERGED)
    entered = known.a_record(person_id=MERGED)
    edited = known.a_record()
    known(records.edit_contact_record, contact_record_id=edited, version=1, person_id=MERGED)
    for record_id in (entered, edited):
        assert known(records.get_contact_record, contact_record_id=record_id)["person_id"] == KEPT
    same = known(records.edit_contact_record, contact_record_id=edited, version=2, person_id=KEPT)
    assert same["version"] == 2  # the person it was about already
    known(records.edit_contact_record, contact_record_id=edited, version=2, person_id=None)
    assert person_of(known, edited) is None
    known.people.undo(MERGED)
    tell_unmerged(known.service, KEPT, MERGED)
    assert (person_of(known, entered), person_of(known, edited)) == (MERGED, None)


def test_nobody_is_asked_about_where_nobody_is_named_or_the_answer_is_known(known: Desk) -> None:
    known.a_record()
    assert known.service.asked == []
    wanted = {"first_name": "Ana", "last_name": "Vega", "person_id": KEPT, "key": "once"}
    first = known(records.create_contact_record, **wanted)
    del known.service.answers["identity.describe_person"]
    assert known(records.create_contact_record, **wanted) == first
    assert len(known.service.asked) == 2  # before, and once more when the record was there


@pytest.mark.parametrize("happens", ["merge", "undo"])
def test_a_merge_that_is_told_while_a_record_is_entered_reaches_it(desk_on_both: Desk, happens: str) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter")
    intake = {"queue_id": queue_id, "program_id": desk.resource["Night Shelter"], "last_name": "Vega"}
    old = desk.a_record()
    commands = (
        lambda: desk(records.create_contact_record, last_name="Vega", person_id=MERGED),
        lambda: desk(intakes.create_intake, **intake, person_id=MERGED)["contact_record"],
        lambda: desk(records.edit_contact_record, contact_record_id=old, version=1, person_id=MERGED),
    )
    for command in commands:
        # Identity's next answer is outdated when it is used, and the event has been handled by then.
        desk.people = MergedPeople({KEPT, MERGED})
        if happens == "undo":
            desk.people.merge(KEPT, MERGED)
        desk.service.answers["identity.describe_person"] = lambda request: then(desk, happens, request)
        answer = command()
        survivor = KEPT if happens == "merge" else MERGED
        shown = desk(records.get_contact_record, contact_record_id=answer["id"])
        assert (answer["person_id"], answer["version"]) == (survivor, shown["version"])
        assert shown["person_id"] == survivor


def then(desk: Desk, happens: str, request: Any) -> Any:
    """Identity's answer, after which the two records are merged or unmerged."""
    answer = desk.people.describe(request)
    desk.service.answers["identity.describe_person"] = desk.people.describe
    if happens == "merge":
        desk.people.merge(KEPT, MERGED)
        tell_merged(desk.service, KEPT, MERGED)
    else:
        desk.people.undo(MERGED)
        tell_unmerged(desk.service, KEPT, MERGED)
    return answer


def test_a_record_is_entered_though_identity_does_not_answer_a_second_time(known: Desk) -> None:
    def once(request: Any) -> Any:
        del known.service.answers["identity.describe_person"]
        return known.people.describe(request)

    known.service.answers["identity.describe_person"] = once
    assert person_of(known, known.a_record(person_id=MERGED)) == MERGED


def test_who_may_not_enter_records_learns_nothing_of_people(known: Desk) -> None:
    assigner = a_caller("referral.assign")
    intake = {"queue_id": "1" * 32, "program_id": "2" * 32, "last_name": "Vega"}
    for person_id in (KEPT, UNKNOWN):
        with pytest.raises(Refused) as error:
            known(intakes.create_intake, assigner, **intake, person_id=person_id)
        assert error.value.code == "forbidden"


def test_contact_records_follow_a_merge_and_its_undoing(desk_on_both: Desk) -> None:
    desk = desk_on_both
    theirs, own, nobodys = desk.a_record(person_id=MERGED), desk.a_record(person_id=KEPT), desk.a_record()
    desk.people.merge(KEPT, MERGED)
    for _ in range(2):
        tell_merged(desk.service, KEPT, MERGED, event_id="a" * 32)
    assert [person_of(desk, each) for each in (theirs, own, nobodys)] == [KEPT, KEPT, None]
    described = desk(records.describe_contact_record, a_service("signing"), contact_record_id=theirs)
    assert (described["person_id"], described["named_person_id"]) == (KEPT, MERGED)
    desk.people.undo(MERGED)
    tell_unmerged(desk.service, KEPT, MERGED)
    assert [person_of(desk, each) for each in (theirs, own, nobodys)] == [MERGED, KEPT, None]

    rows = desk.service.audit("contact_record.edited")
    assert [(row.object_id, row.person_id, row.facts["before"], row.facts["merge_id"]) for row in rows] == [
        (theirs, KEPT, MERGED, MERGE),
        (theirs, MERGED, KEPT, MERGE),
    ]
    told = [event["data"] for event in desk.service.events(records.contact_record_changed)]
    assert [(each["contact_record_id"], each["version"]) for each in told] == [(theirs, 2), (theirs, 3)]
    changes = desk(records.list_contact_record_changes, STAFF, contact_record_id=theirs)["items"]
    assert [(each["actor_id"], each["fields_changed"]) for each in changes] == [
        ("referrals", ["person_id"])
    ] * 2


def test_who_read_a_record_before_a_merge_is_shown_to_the_person_that_lives_on(desk: Desk) -> None:
    theirs = desk.a_record(person_id=MERGED)
    desk(records.get_contact_record, contact_record_id=theirs)
    desk.people.merge(KEPT, MERGED)
    tell_merged(desk.service, KEPT, MERGED)
    me = a_caller(realm="patient", id="6" * 32, scope={"person_id": KEPT})
    [opening] = desk(trail.openings, me)["items"]
    assert (opening["object_id"], opening["action"]) == (theirs, "contact_record.read")


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_records_from_before_follow_a_merge_as_well(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    file = f"sqlite:///{tmp_path / 'referrals.db'}"
    url = file if database == "sqlite" else request.getfixturevalue("postgres_database")
    migrate.upgrade("referrals", url, "0010")
    old, nobodys = "1" * 32, "2" * 32
    columns = "id, number, sections, person_id, submitted_at, version, created_at, organisation_id"
    engine = create_engine(url)
    with engine.begin() as connection:
        for record_id, person in ((old, f"'{MERGED}'"), (nobodys, "NULL")):
            connection.execute(
                text(
                    f"INSERT INTO contact_records ({columns}) VALUES ('{record_id}', 'CR-{record_id[:8]}', '[]', "
                    f"{person}, '2026-01-01 00:00:00', 1, '2026-01-01 00:00:00', '{HARBOR[0]}')"
                )
            )
    engine.dispose()
    service = InProcess("referrals", url, tmp_path)
    people = MergedPeople()
    people.merge(KEPT, MERGED)
    service.answers["identity.describe_person"] = people.describe
    tell_merged(service, KEPT, MERGED)
    with service.database.reading(None) as session:
        assert [session.get(ContactRecord, each).person_id for each in (old, nobodys)] == [KEPT, None]
    service.close()
