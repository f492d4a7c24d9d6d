"""Referrals that nobody answers end by themselves where their queue says so."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.contracts.referrals import assignments, status_changes
from services.referrals.status_changes.expiry import expire
from tests.integration.referrals.builders import Desk

HERE = "Night Shelter"
OLD = datetime.timedelta(days=8)


def an_old_referral(desk: Desk, **settings: Any) -> Any:
    queue_id = desk.a_queue(HERE, settings={"expire_after_days": 7, **settings})
    desk.set_capacity(HERE, 2)
    referral = desk.assign(queue_id, HERE)
    desk.shift(referral["id"], OLD)
    return referral


def test_an_unanswered_referral_expires_once_and_frees_its_bed(desk_on_both: Desk) -> None:
    desk = desk_on_both
    referral = an_old_referral(desk)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: expire(desk.service.runtime), range(4)))
    now = desk.read(referral)
    assert (now["progress"]["is_terminal"], now["progress"]["reason_code"]) == (True, "expired")
    assert now["version"] == 2
    assert desk.numbers(HERE) == (2, 0, 2)
    lines = desk(assignments.list_referral_history, referral_id=referral["id"])["items"]
    assert [(line["kind"], line["actor"]["side"]) for line in lines] == [
        ("assigned", "partner"),
        ("expired", "system"),
    ]
    (event,) = desk.service.events(status_changes.referral_expired)
    assert (event["subject"], event["organisationkey"]) == (referral["id"], "harbor")
    assert desk.service.events(status_changes.referral_declined) == []


def test_an_expired_referral_goes_back_to_be_offered(desk: Desk) -> None:
    referral = an_old_referral(desk)
    expire(desk.service.runtime)
    again = desk.move(desk.read(referral), "referred")
    assert (again["progress"]["is_terminal"], again["progress"]["reason_code"]) == (False, None)
    assert desk.numbers(HERE) == (2, 1, 1)


@pytest.mark.parametrize("days", [None, 30])
def test_a_queue_that_says_nothing_or_later_ends_nothing_yet(desk: Desk, days: int | None) -> None:
    referral = an_old_referral(desk, expire_after_days=days)
    expire(desk.service.runtime)
    assert desk.read(referral)["version"] == 1


def test_a_queue_ends_no_referral_of_another_one(desk: Desk) -> None:
    an_old_referral(desk)
    other = desk.assign(desk.a_queue(HERE, name="Patient"), HERE)
    desk.shift(other["id"], OLD)
    expire(desk.service.runtime)
    assert desk.read(other)["version"] == 1


def test_what_has_ended_does_not_end_again(desk: Desk) -> None:
    referral = desk.move(an_old_referral(desk), "declined", note="No bed.")
    desk.shift(referral["id"], OLD)
    expire(desk.service.runtime)
    assert desk.read(referral)["version"] == referral["version"]


def test_what_somebody_works_on_does_not_expire(desk: Desk) -> None:
    noted, enrolled = an_old_referral(desk), None
    queue_id = noted["progress"]["queue_id"]
    enrolled = desk.move(desk.assign(queue_id, HERE), "enrolled")
    desk.shift(enrolled["id"], OLD)
    desk(assignments.add_referral_note, referral_id=noted["id"], note="Still trying.")
    expire(desk.service.runtime)
    assert [desk.read(each)["progress"]["is_terminal"] for each in (noted, enrolled)] == [False, False]


def test_who_waits_for_a_place_does_not_expire(desk: Desk) -> None:
    queue_id = desk.a_queue(HERE, settings={"expire_after_days": 7, "when_full": "waitlist"})
    desk.set_capacity(HERE, 0)
    referral = desk.assign(queue_id, HERE)
    desk.shift(referral["id"], OLD)
    expire(desk.service.runtime)
    assert desk.read(referral)["progress"]["is_waitlisted"]
