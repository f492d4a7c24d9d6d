"""Relationships set from either side, and the grants that hold by the clock alone."""

from __future__ import annotations

import datetime
import threading
from typing import Any

import pytest
import time_machine
from sqlalchemy import event, select

from services.contracts.errors import Refused
from services.contracts.identity import (
    family,
    relationships,
)
from services.identity.models import Grant
from services.identity.relationships import expiry
from tests.integration.identity.conftest import Identity
from tests.integration.identity.family import Desk

START = datetime.datetime(2030, 1, 1, 9, tzinfo=datetime.UTC)

DAY = datetime.timedelta(days=1)

SECOND = datetime.timedelta(seconds=1)


@pytest.fixture
def desk(identity: Identity) -> Desk:
    return Desk(identity)


def iso(moment: datetime.datetime) -> str:
    return moment.isoformat()


def test_a_relationship_set_from_either_side_is_the_same(desk: Desk) -> None:
    person = desk.a_person("employee")
    account = desk.identity.an_account(password=None)
    pair = {"account_id": account["id"], "person_id": person["id"]}
    made = desk.call(relationships.set_account_relationship, kind="supervisor", **pair)
    assert (
        desk.refused(relationships.set_person_relationship, kind="supervisor", **pair)
        == "relationship_exists"
    )
    by_account = desk.call(relationships.list_relationships, account_id=account["id"])["items"]
    by_person = desk.call(relationships.list_relationships, person_id=person["id"])["items"]
    assert by_account == by_person
    (line,) = by_person
    assert line.items() >= made.items()
    assert line["person_name"].endswith(person["last_name"])
    assert line["account_name"]
    assert line["is_over"] is False
    assert desk.refused(relationships.list_relationships) == "invalid_request"
    ended = desk.call(relationships.end_relationship, relationship_id=made["id"])
    assert ended["ends_at"] is not None
    (line,) = desk.call(relationships.list_relationships, person_id=person["id"])["items"]
    assert line["is_over"] is True
    again = desk.call(relationships.set_person_relationship, kind="supervisor", **pair)
    assert again["id"] != made["id"]
    past = {"ends_at": iso(START - 9000 * DAY)}
    assert (
        desk.refused(relationships.set_person_relationship, kind="contact", **pair, **past)
        == "invalid_request"
    )


def test_a_relationship_holds_until_its_end_and_is_of_one_kind_of_one_pair(desk: Desk) -> None:
    one, other = desk.a_person("employee"), desk.a_person("employee")
    account, second = (desk.identity.an_account(password=None) for _ in range(2))

    def relate(account: Any, person: Any, kind: str = "contact", **more: Any) -> Any:
        ids = {"account_id": account["id"], "person_id": person["id"]}
        return desk.call(relationships.set_account_relationship, kind=kind, **ids, **more)

    with time_machine.travel(START, tick=False) as clock:
        first = relate(account, one, ends_at=iso(START + DAY))
        assert first["starts_at"] == iso(START)
        for pair in ((account, other), (second, one)):
            assert relate(*pair)["ends_at"] is None
        relate(account, one, "supervisor")
        with pytest.raises(Refused, match="relationship_exists"):
            relate(account, one)
        clock.shift(DAY)
        again = relate(account, one, starts_at=iso(START + 3 * DAY))

        def end(relationship: Any) -> Any:
            return desk.call(relationships.end_relationship, relationship_id=relationship["id"])["ends_at"]

        assert end(first) == iso(START + DAY)
        assert desk.identity.audit("relationship.ended") == []
        assert end(again) == iso(START + 3 * DAY), "never before its beginning"
        assert desk.refused(relationships.end_relationship, relationship_id=account["id"]) == "not_found"
    listed = desk.call(relationships.list_relationships, account_id=account["id"], person_id=one["id"])
    assert [each["kind"] for each in listed["items"]] == ["contact", "supervisor", "contact"]


def test_a_change_of_access_that_changes_nothing_writes_nothing(desk: Desk) -> None:
    client = desk.a_client()
    access = desk.grant(client, ends_at=iso(START + 900 * DAY))
    request = {"client_id": client["id"], "person_id": client["id"]}
    same = desk.call(family.change_family_access, version=access["version"], **request)
    same = desk.call(
        family.change_family_access,
        version=access["version"],
        role=access["role"],
        ends_at=access["ends_at"],
        **request,
    )
    assert same == access
    assert desk.identity.audit("grant.changed") == []
    later = desk.call(
        family.change_family_access, version=access["version"], ends_at=iso(START + 901 * DAY), **request
    )
    assert later["version"] == access["version"] + 1
    (row,) = desk.identity.audit("grant.changed")
    assert (row.facts["role"], row.facts["ends_at"]) == ("family", iso(START + 901 * DAY))
    assert desk.identity.events(relationships.access_role_changed) == []
    over = {"version": later["version"], "ends_at": iso(START - 9000 * DAY)}
    assert desk.refused(family.change_family_access, **over, **request) == "invalid_request"


def test_nobody_is_told_of_the_end_of_access_for_two_weeks(desk: Desk) -> None:
    with time_machine.travel(START, tick=False) as clock:
        short, longer = desk.a_client(), desk.a_client()
        desk.grant(short, ends_at=iso(START + 14 * DAY))
        desk.grant(longer, ends_at=iso(START + 14 * DAY + SECOND))
        clock.shift(7 * DAY)
        expiry.tell(desk.identity.runtime)
        assert desk.identity.events(relationships.grant_expiring) == []
        clock.shift(SECOND)
        expiry.tell(desk.identity.runtime)
        (told,) = desk.identity.events(relationships.grant_expiring)
        assert told["data"]["person_id"] == longer["id"]


def test_who_tells_of_ends_passes_over_a_grant_that_another_has_locked(desk: Desk) -> None:
    """Read from the statement: on SQLite nobody waits for a row."""
    locked: list[Any] = []

    def note(_connection: Any, statement: Any, *_: Any) -> None:
        if (lock := getattr(statement, "_for_update_arg", None)) is not None:
            locked.append(([str(each) for each in lock.of], lock.skip_locked))

    with time_machine.travel(START, tick=False) as clock:
        desk.grant(desk.a_client(), ends_at=iso(START + 30 * DAY))
        clock.shift(31 * DAY)
        event.listen(desk.identity.database.engine, "before_execute", note)
        expiry.tell(desk.identity.runtime)
    assert (["grants"], True) in locked


def test_a_grant_holds_from_its_beginning_until_its_end_by_the_clock_alone(desk: Desk) -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = desk.a_client()
        login = desk.grant(client, starts_at=iso(START + DAY), ends_at=iso(START + 2 * DAY))["login"]
        desk.first_sign_in(login)
        reached = []
        for step in (DAY - SECOND, SECOND, DAY - SECOND, SECOND):
            clock.shift(step)
            reached.append(len(desk.identity.caller(desk.sign_in(login)["token"]).scope["profiles"]))
        assert reached == [0, 1, 1, 0]
        assert desk.grant(client)["role"] == "family"  # what is over is no obstacle


def test_the_end_of_a_grant_is_told_a_week_before_and_when_it_has_come(desk: Desk) -> None:
    with time_machine.travel(START, tick=False) as clock:
        client, visitor = desk.a_client(), desk.a_client()
        account_id = desk.grant(client, ends_at=iso(START + 30 * DAY))["account_id"]
        desk.grant(visitor, ends_at=iso(START + 3 * DAY))
        told: list[tuple[int, int]] = []
        for days in (0, 4, 23, 24, 30, 31):
            clock.move_to(START + days * DAY)
            assert expiry.tell(desk.identity.runtime)
            events = desk.identity.events
            told.append(
                (len(events(relationships.grant_expiring)), len(events(relationships.access_revoked)))
            )
        assert told == [(0, 0), (0, 1), (1, 1), (1, 1), (1, 2), (1, 2)]
        (warning,) = desk.identity.events(relationships.grant_expiring)
        assert (warning["data"]["account_id"], warning["data"]["person_id"]) == (account_id, client["id"])
        revoked = desk.identity.events(relationships.access_revoked)[-1]["data"]
        assert (revoked["account_id"], revoked["resource_id"]) == (account_id, client["id"])
        assert {row.facts["reason"] for row in desk.identity.audit("grant.revoked")} == {"expired"}
        with desk.identity.database.reading(None) as session:
            assert set(session.scalars(select(Grant.version))) == {2}


def test_a_grant_that_is_extended_is_warned_of_again(desk: Desk) -> None:
    with time_machine.travel(START, tick=False) as clock:
        client = desk.a_client()
        desk.grant(client, ends_at=iso(START + 30 * DAY))
        clock.shift(25 * DAY)
        expiry.tell(desk.identity.runtime)
        request = {"client_id": client["id"], "person_id": client["id"]}
        version = desk.manage(client)["version"]
        desk.call(family.change_family_access, version=version, ends_at=iso(START + 60 * DAY), **request)
        clock.move_to(START + 55 * DAY)
        expiry.tell(desk.identity.runtime)
        assert len(desk.identity.events(relationships.grant_expiring)) == 2
        version = desk.manage(client)["version"]
        desk.call(family.change_family_access, version=version, ends_at=None, **request)
        clock.move_to(START + 900 * DAY)
        expiry.tell(desk.identity.runtime)
        assert desk.manage(client)["ends_at"] is None


def test_of_many_who_add_the_same_access_at_once_one_does(either: Identity) -> None:
    desk = Desk(either)
    client = desk.a_client()
    contact = desk.a_contact(client)
    at_once, outcomes = threading.Barrier(4), []

    def add() -> None:
        at_once.wait()
        try:
            outcomes.append(desk.grant(client, contact)["role"])
        except Refused as refusal:
            outcomes.append(refusal.code)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["access_exists"] * 3 + ["family"]
    assert len(desk.invitations()) == 1
