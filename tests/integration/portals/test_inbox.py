"""What people of portals write and are written: conversations, limits, receipts, and who sees what."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.contracts.portals import configuration, definitions, inbox, messages, portal_queue
from tests.support.at_once import at_once
from tests.support.in_process import BAYSIDE, a_caller
from tests.support.portal_desk import ANA, BEN, EVE, PortalDesk, a_person

HOUR = datetime.timedelta(hours=1)
MANAGER = a_caller("portal.configure")


def threads(desk: PortalDesk, caller: Any, **request: Any) -> list[Any]:
    return list(desk(inbox.list_my_threads, caller, **request)["items"])


def a_relative(*about: str, permissions: tuple[str, ...] = ("profile.send_messages",)) -> Any:
    profiles = [{"person_id": each, "role": "family", "permissions": list(permissions)} for each in about]
    return a_person(EVE, realm="family", id="9" * 32, scope={"profiles": profiles})


@pytest.mark.seed("S2-20")
def test_a_conversation_has_its_state_in_plain_words_and_goes_on(portal_desk: PortalDesk) -> None:
    desk, ana = portal_desk, a_person()
    item = desk.send(ana)
    (thread,) = threads(desk, ana)
    assert (thread["state"], thread["unread"], thread["type_name"]) == ("received", 0, "Refill Request")
    item = desk.change(portal_queue.claim_queue_item, item)
    assert threads(desk, ana)[0]["state"] == "in_work"
    desk.answer(item)
    page = desk(inbox.list_my_threads, ana)
    assert (page["unread"], page["items"][0]["unread"], page["items"][0]["state"]) == (1, 1, "answered")
    whole = desk(inbox.get_my_thread, ana, thread_id=thread["id"])
    assert [(each["text"], each["is_mine"]) for each in whole["messages"]] == [
        ("I need more of it.", True),
        ("It is ready.", False),
    ]
    again = desk(inbox.reply_in_my_thread, ana, thread_id=thread["id"], text="Thank you")
    assert again["state"] == "in_work"
    shown = desk.item(item)
    assert (shown["is_waiting"], [each["text"] for each in shown["messages"]][-1]) == (True, "Thank you")
    desk.dismiss(shown)
    assert threads(desk, ana)[0]["state"] == "completed"
    # What is written after the end is a new item, and the archived one stays as it was.
    desk(inbox.reply_in_my_thread, ana, thread_id=thread["id"], text="One more thing")
    (new,) = desk(portal_queue.list_queue)["items"]
    assert (new["kind"], new["id"] == item["id"], new["type"]) == ("message", False, "refill_request")
    assert len(desk.item(new)["messages"]) == 4
    assert desk.item(item)["state"] == "completed"


def test_conversations_are_only_for_who_writes_them(portal_desk: PortalDesk) -> None:
    desk, ana, ben = portal_desk, a_person(), a_person(BEN)
    desk.answer(desk.send(ana))
    desk(messages.start_message, person_id=ANA, text="Hello")
    ids = [each["id"] for each in threads(desk, ana)]
    assert (len(ids), threads(desk, ben)) == (2, [])
    stranger = a_person(ANA, organisation=BAYSIDE)
    relative = a_relative(ANA)
    for thread_id in ids:
        for caller in (ben, stranger, relative):
            for operation, more in ((inbox.get_my_thread, {}), (inbox.reply_in_my_thread, {"text": "x"})):
                refused = desk.refused(
                    lambda o=operation, c=caller, t=thread_id, m=more: desk(o, c, thread_id=t, **m)
                )
                assert refused == ("not_found", "thread_id")
    assert threads(desk, ana)[0]["unread"] + threads(desk, ana)[1]["unread"] == 2


def test_a_relative_writes_about_whom_the_role_allows_and_loses_it_with_the_role(
    portal_desk: PortalDesk,
) -> None:
    desk, relative = portal_desk, a_relative(ANA, BEN)
    request = {"portal": "family", "type": "ask_a_clinical_question", "text": "How is she?"}
    rules = desk(inbox.get_writing_rules, relative, portal="family")
    assert rules["person_ids"] == [ANA, BEN]
    desk(inbox.send_my_message, relative, person_id=ANA, **request)
    desk(inbox.send_my_message, relative, person_id=BEN, **request)
    assert [each["person_id"] for each in threads(desk, relative, person_id=BEN)] == [BEN]
    assert len(threads(desk, relative)) == 2
    without = a_relative(ANA, permissions=("profile.view_demographics",))
    sent = desk.refused(lambda: desk(inbox.send_my_message, without, person_id=ANA, **request))
    assert sent == ("not_found", "person_id")
    left = a_relative(BEN)
    assert [each["person_id"] for each in threads(desk, left)] == [BEN]
    assert desk.refused(lambda: threads(desk, left, person_id=ANA)) == ("not_found", "person_id")
    nobody = a_relative()
    assert desk(inbox.get_writing_rules, nobody, portal="family")["person_ids"] == []


def test_messages_have_limits_that_the_organisation_sets(portal_desk: PortalDesk) -> None:
    desk, ana = portal_desk, a_person()
    limits = {"most_characters": 20, "most_a_day": 2, "most_a_week": 3, "before_writing": "Call 911."}
    desk(portal_queue.change_queue_settings, MANAGER, version=1, reply_within_days=2, **limits)
    rules = desk(inbox.get_writing_rules, ana, portal="patient")
    assert {name: rules[name] for name in ("reply_within_days", "before_writing", "left")} == {
        "reply_within_days": 2,
        "before_writing": "Call 911.",
        "left": 2,
    }
    assert desk.refused(lambda: desk.send(ana, "x" * 21)) == ("invalid_request", "text")
    item = desk.send(ana, "x" * 20)
    thread_id = desk.item(item)["messages"][0]["thread_id"]
    desk(inbox.reply_in_my_thread, ana, thread_id=thread_id, text="And")
    for write in (
        lambda: desk.send(ana),
        lambda: desk(inbox.reply_in_my_thread, ana, thread_id=thread_id, text="And"),
    ):
        assert desk.refused(write) == ("too_many_requests", "text")
    assert desk.send(a_person(BEN), "Not his limit")
    desk.clock.shift(25 * HOUR)
    desk.send(ana, "Third")
    assert desk.refused(lambda: desk.send(ana, "Fourth"))[0] == "too_many_requests"
    desk.clock.shift(8 * 24 * HOUR)
    assert desk.send(ana, "Fourth")


def test_conversations_are_paged_the_latest_first(portal_desk: PortalDesk) -> None:
    desk, ana = portal_desk, a_person()
    for number in range(3):
        desk.send(ana, f"Number {number}")
        desk.clock.shift(HOUR)
    first = desk(inbox.list_my_threads, ana, limit=2)
    second = desk(inbox.list_my_threads, ana, limit=2, after=first["next"])
    times = [each["last_at"] for each in first["items"] + second["items"]]
    assert (times, second["next"]) == (sorted(times, reverse=True), None)
    assert len(set(times)) == 3


@pytest.mark.seed("S2-133")
def test_a_portal_of_a_network_takes_no_message_from_elsewhere(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    configures = a_caller("portal.configure")
    now = desk(definitions.describe_portal, configures, portal="patient")["version"]
    desk(definitions.change_portal, configures, portal="patient", networks=["192.0.2.0/24"], version=now)

    def write(address: str) -> Any:
        request = {"portal": "patient", "type": "refill_request", "text": "More, please."}
        return desk(inbox.send_my_message, a_person(), client_address=address, **request)

    assert desk.refused(lambda: write("198.51.100.1")) == ("not_found", "portal")
    assert desk.queue() == []
    write("192.0.2.9")
    assert len(desk.queue()) == 1
    for origin in ({"client_address": "198.51.100.1"}, {}):
        assert desk.refused(lambda origin=origin: desk(inbox.list_my_threads, a_person(), **origin)) == (
            "not_found",
            None,
        )
    (thread,) = desk(inbox.list_my_threads, a_person(), client_address="192.0.2.9")["items"]
    reply = {"thread_id": thread["id"], "text": "And more."}
    for operation, request in (
        (inbox.get_my_thread, {"thread_id": thread["id"]}),
        (inbox.reply_in_my_thread, reply),
    ):
        refused = desk.refused(
            lambda operation=operation, request=request: desk(
                operation, a_person(), client_address="198.51.100.1", **request
            )
        )
        assert refused[0] == "not_found"
    desk(inbox.reply_in_my_thread, a_person(), client_address="192.0.2.9", **reply)


@pytest.mark.seed("S2-49")
def test_without_the_message_centre_nothing_is_written(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    configures = a_caller("portal.configure")
    now = desk(configuration.get_portal_content, configures, portal="patient")["version"]
    change = {"portal": "patient", "version": now, "has_message_center": False}
    desk(configuration.change_portal_content, configures, **change)
    assert desk(inbox.get_writing_rules, a_person(), portal="patient")["types"] == []
    assert desk.refused(desk.send) == ("message_type_not_offered", "type")
    assert desk.queue() == []


def test_who_may_not_write_about_themselves_does_not(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    profile = {"person_id": ANA, "role": "patient", "permissions": ["profile.view_documents"]}
    reader = a_person(scope={"profiles": [profile]})
    assert desk.refused(lambda: desk.send(reader)) == ("not_found", "person_id")
    assert desk(inbox.list_my_threads, reader)["items"] == []


def test_who_writes_many_times_at_once_sends_no_more_than_the_limit(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    desk(portal_queue.change_queue_settings, MANAGER, version=1, most_a_day=2)
    request = {"portal": "patient", "type": "refill_request", "text": "More, please."}
    told = at_once(*[lambda: desk(inbox.send_my_message, a_person(), **request)["state"]] * 6)
    assert sorted(told) == ["received"] * 2 + ["too_many_requests"] * 4
    assert len(desk.queue()) == 2
