"""A provider answers a referral or confirms capacity by the link of a mail: what it shows, whose name it leaves, what ends it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.chassis.passports import Caller, Link
from services.contracts.identity.passports import MAIL_ACTIONS
from services.contracts.referrals import assignments, capacity, status_changes
from tests.integration.referrals.builders import OTHER_STAFF, STAFF, Desk, refusal
from tests.support.at_once import at_once
from tests.support.in_process import BAYSIDE, a_service

SHELTER = "Night Shelter"
NOTIFICATIONS = a_service("notifications")


def by_link(caller: Caller, purpose: str, object_id: str, state: str) -> Caller:
    """The caller, as a passport says that identity has made of a link."""
    action = MAIL_ACTIONS[purpose]
    link = Link(frozenset(action.operations), action.member, object_id, state)
    return replace(caller, link=link, permissions=caller.permissions & set(action.permissions))


def answering(desk: Desk, referral: Any) -> Caller:
    """The provider of the shelter, by the link of the mail about this referral."""
    state = desk(status_changes.describe_answer, NOTIFICATIONS, referral_id=referral["id"])["state"]
    return by_link(desk.provider(SHELTER), "answer_referral", referral["id"], state)


def a_referral(desk: Desk, **more: Any) -> Any:
    return desk.assign(desk.a_queue(SHELTER, name="Housing tonight"), SHELTER, **more)


def test_the_page_of_a_link_shows_number_and_queue_only(desk: Desk) -> None:
    referral = a_referral(desk, note="Ana sleeps in her car")
    form = desk(status_changes.get_answer_form, answering(desk, referral), referral_id=referral["id"])
    assert form == {
        "referral_id": referral["id"],
        "version": referral["version"],
        "contact_record_number": referral["limited"]["contact_record_number"],
        "queue_name": "Housing tonight",
        "can_accept": True,
        "can_decline": True,
        "decline_reasons": form["decline_reasons"],
    }
    assert {"code": "no_capacity", "label": "No capacity"} in form["decline_reasons"]


def test_who_accepts_by_a_link_is_named_so_and_learns_nothing_of_the_person(desk_on_both: Desk) -> None:
    desk = desk_on_both
    referral = a_referral(desk, note="Ana sleeps in her car")
    holder = answering(desk, referral)
    answer = desk(
        status_changes.accept_referral, holder, referral_id=referral["id"], version=referral["version"]
    )
    shown = answer["limited"]
    assert (shown["contact_name"], shown["postal_code"], shown["note"]) == (None, None, None)
    assert answer["details"] is None
    assert desk.read(referral)["progress"]["status_key"] == "attempting_contact"
    history = desk(assignments.list_referral_history, STAFF, referral_id=referral["id"])["items"]
    by = {line["kind"]: (line["actor"]["id"], line["actor"]["by_link"]) for line in history}
    assert by == {"assigned": (STAFF.id, False), "accepted": (holder.id, True)}
    audit = desk.service.runtime.tables.Audit
    with desk.service.database.reading(None) as session:
        rows = session.query(audit).filter_by(action="referral.status_changed").all()
    assert [(row.actor_kind, row.actor_id) for row in rows] == [("link", holder.id)]


def test_a_decline_by_a_link_needs_its_reason(desk: Desk) -> None:
    referral = a_referral(desk)
    holder, told = answering(desk, referral), {"referral_id": referral["id"], "version": referral["version"]}
    assert refusal(lambda: desk(status_changes.decline_referral, holder, **told)) == "invalid_request"
    wrong = {"reason_code": "bad_weather", **told}
    assert refusal(lambda: desk(status_changes.decline_referral, holder, **wrong)) == "reason_not_in_queue"
    desk(status_changes.decline_referral, holder, reason_code="no_capacity", **told)
    progress = desk.read(referral)["progress"]
    assert (progress["status_key"], progress["reason_code"]) == ("declined", "no_capacity")


def test_of_two_uses_at_once_one_wins(desk_on_both: Desk) -> None:
    desk = desk_on_both
    referral = a_referral(desk)
    holder, told = answering(desk, referral), {"referral_id": referral["id"], "version": referral["version"]}

    def accept() -> str:
        desk(status_changes.accept_referral, holder, **told)
        return "done"

    def decline() -> str:
        desk(status_changes.decline_referral, holder, reason_code="no_capacity", **told)
        return "done"

    outcomes = sorted(at_once(accept, decline, accept))
    assert outcomes == ["done", "link_refused", "link_refused"]


def test_a_link_ends_with_the_status_and_a_note_leaves_it(desk: Desk) -> None:
    referral = a_referral(desk)
    holder = answering(desk, referral)
    desk(assignments.add_referral_note, STAFF, referral_id=referral["id"], note="Bring a blanket.")
    assert desk(status_changes.get_answer_form, holder, referral_id=referral["id"])["can_accept"]
    moved = desk.move(desk.read(referral), "attempting_contact")
    back = desk.move(moved, "referred")
    for operation, more in (
        (status_changes.get_answer_form, {}),
        (status_changes.accept_referral, {"version": back["version"]}),
        (status_changes.decline_referral, {"version": back["version"], "reason_code": "no_capacity"}),
    ):
        request = {"referral_id": referral["id"], **more}
        assert refusal(lambda o=operation, r=request: desk(o, holder, **r)) == "link_refused"


def test_a_link_does_nothing_else_and_to_no_other_referral(desk: Desk) -> None:
    queue = desk.a_queue(SHELTER)
    referral, other = desk.assign(queue, SHELTER), desk.assign(queue, SHELTER)
    holder = answering(desk, referral)
    for call in (
        lambda: desk(assignments.get_referral, holder, referral_id=referral["id"]),
        lambda: desk(assignments.list_referral_history, holder, referral_id=referral["id"]),
        lambda: desk.move(referral, "enrolled", holder),
        lambda: desk(
            status_changes.accept_referral, holder, referral_id=other["id"], version=other["version"]
        ),
    ):
        assert refusal(call) == "forbidden"


def test_a_referral_that_is_not_the_programs_any_more_is_not_there(desk: Desk) -> None:
    referral = a_referral(desk)
    holder = answering(desk, referral)
    elsewhere = replace(holder, scope={"resources": [], "details": False})
    told = {"referral_id": referral["id"]}
    assert refusal(lambda: desk(status_changes.get_answer_form, elsewhere, **told)) == "not_found"


def test_what_waits_for_no_answer_has_no_link(desk: Desk) -> None:
    referral = a_referral(desk)

    def state(referral_id: str = referral["id"], service: Caller = NOTIFICATIONS) -> Any:
        return desk(status_changes.describe_answer, service, referral_id=referral_id)["state"]

    assert state() is not None
    assert state("0" * 32) is None
    assert state(service=a_service("notifications", BAYSIDE)) is None
    accepted = desk.move(referral, "attempting_contact")
    assert state() is None
    desk.move(accepted, "referred")
    assert state() is not None
    desk.move(desk.read(referral), "declined", note="full")
    assert state() is None


def confirming(desk: Desk, line_id: str) -> Caller:
    """The provider of the shelter, by the link of the mail that asks whether its numbers are still right."""
    state = desk(capacity.describe_capacity_line, NOTIFICATIONS, line_id=line_id)["state"]
    return by_link(desk.provider(SHELTER), "confirm_capacity", line_id, state)


def a_line(desk: Desk) -> Any:
    desk.a_queue(SHELTER)
    return desk.set_capacity(SHELTER, 8, unit="beds")


@pytest.mark.parametrize("ends", ["confirm", "set"])
def test_capacity_is_confirmed_or_set_once_by_a_link(desk: Desk, ends: str) -> None:
    line = a_line(desk)
    holder, told = confirming(desk, line["line_id"]), {"line_id": line["line_id"]}
    assert desk(capacity.get_capacity_line, holder, **told)["total"] == 8
    wanted = (
        (capacity.confirm_capacity, told)
        if ends == "confirm"
        else (capacity.edit_capacity_line, told | {"total": 5})
    )
    desk(wanted[0], holder, **wanted[1])
    assert desk.numbers(SHELTER)[0] == (8 if ends == "confirm" else 5)
    changes = desk(capacity.list_capacity_history, STAFF, program_id=desk.resource[SHELTER])["items"]
    assert [(each["actor"]["id"], each["actor"]["by_link"]) for each in changes] == [
        (holder.id, True),
        (STAFF.id, False),
    ]
    for operation, more in (
        (capacity.get_capacity_line, {}),
        (capacity.confirm_capacity, {}),
        (capacity.edit_capacity_line, {"total": 3}),
    ):
        assert refusal(lambda o=operation, m=more: desk(o, holder, **told, **m)) == "link_refused"


def test_a_place_that_is_taken_leaves_the_link_of_its_line(desk: Desk) -> None:
    queue = desk.a_queue(SHELTER)
    line = desk.set_capacity(SHELTER, 8, unit="beds")
    holder = confirming(desk, line["line_id"])
    desk.assign(queue, SHELTER)
    seen = desk(capacity.get_capacity_line, holder, line_id=line["line_id"])
    assert (seen["free"], seen["total"]) == (7, 8)
    desk(capacity.confirm_capacity, holder, line_id=line["line_id"], version=seen["version"])


def test_a_line_out_of_reach_is_not_there(desk: Desk) -> None:
    line = a_line(desk)
    told = {"line_id": line["line_id"]}
    assert refusal(lambda: desk(capacity.get_capacity_line, OTHER_STAFF, **told)) == "not_found"
    elsewhere = desk.provider("Family Housing First")
    assert refusal(lambda: desk(capacity.get_capacity_line, elsewhere, **told)) == "not_found"
    assert desk(capacity.get_capacity_line, desk.provider(SHELTER), **told)["unit"] == "beds"
    foreign = a_service("notifications", BAYSIDE)
    assert desk(capacity.describe_capacity_line, foreign, **told)["state"] is None
    desk(capacity.remove_capacity_line, STAFF, **told)
    assert refusal(lambda: desk(capacity.get_capacity_line, STAFF, **told)) == "not_found"
    assert desk(capacity.describe_capacity_line, NOTIFICATIONS, **told)["state"] is None
