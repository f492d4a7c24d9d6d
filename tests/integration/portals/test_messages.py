"""Messages that staff begin, and what they see of them."""

from __future__ import annotations

import datetime
from typing import Any

from services.contracts.portals import inbox, message_types, messages, portal_queue
from tests.support.in_process import a_caller
from tests.support.portal_desk import ACCOUNTS, ANA, EVE, OTHER_STAFF, PortalDesk, a_person

HOUR = datetime.timedelta(hours=1)
MANAGER = a_caller("portal.configure", "portal.manage_chart_tabs", "portal.view_preliminary_documents")


def threads(desk: PortalDesk, caller: Any, **request: Any) -> list[Any]:
    return list(desk(inbox.list_my_threads, caller, **request)["items"])


def test_the_organisation_sees_when_its_message_was_opened(portal_desk: PortalDesk) -> None:
    desk, ana = portal_desk, a_person()
    desk(messages.start_message, person_id=ANA, text="Please call us")
    (written,) = desk(messages.list_correspondence, person_id=ANA)["items"]
    assert (written["read_at"], written["item_id"], written["account_id"]) == (None, None, None)
    (thread,) = threads(desk, ana, box="inbox")
    assert (thread["state"], threads(desk, ana, box="sent")) == ("none", [])
    desk.clock.shift(HOUR)
    desk(inbox.get_my_thread, ana, thread_id=thread["id"])
    desk.clock.shift(HOUR)
    desk(inbox.get_my_thread, ana, thread_id=thread["id"])
    (read,) = desk(messages.list_correspondence, person_id=ANA)["items"]
    sent, opened = (datetime.datetime.fromisoformat(read[name]) for name in ("sent_at", "read_at"))
    assert opened - sent == HOUR
    assert desk(inbox.list_my_threads, ana)["unread"] == 0
    (read,) = desk.events(messages.message_read)
    assert (read["messages"], read["account_id"]) == (1, a_person().id)
    assert len(desk.portals.audit("thread.read")) == 2
    # The person's answer begins work for staff.
    desk(inbox.reply_in_my_thread, ana, thread_id=thread["id"], text="I will")
    assert [each["type"] for each in desk(portal_queue.list_queue)["items"]] == ["general_message"]
    assert len(threads(desk, ana, box="sent")) == 1


def test_who_has_no_portal_cannot_be_written_to(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    request = {"text": "Hello"}
    assert desk.refused(lambda: desk(messages.start_message, person_id=EVE, **request)) == (
        "no_portal_account",
        "person_id",
    )
    assert desk.refused(lambda: desk(messages.start_message, person_id="9" * 32, **request))[0] == "not_found"
    assert desk.events(messages.message_sent) == []
    desk(messages.start_message, OTHER_STAFF, person_id=ANA, notify=False, **request)
    (told,) = desk.events(messages.message_sent)
    assert (told["account_ids"], told["is_notified"]) == ([ACCOUNTS[ANA]], False)


def test_what_staff_write_is_read_in_the_realms_whose_portals_receive_it(portal_desk: PortalDesk) -> None:
    desk, patient = portal_desk, a_person()
    worker = a_person(ANA, realm="employee", id="f" * 32)
    only_patients(desk, "general_message")
    message = desk(messages.start_message, person_id=ANA, text="Your result is there")
    assert len(threads(desk, patient)) == 1
    assert threads(desk, worker) == []
    one = {"thread_id": message["thread_id"]}
    assert desk.refused(lambda: desk(inbox.get_my_thread, worker, **one)) == ("not_found", "thread_id")
    assert desk(inbox.list_my_threads, worker)["unread"] == 0
    desk(inbox.get_my_thread, patient, **one)


def test_an_answer_to_what_staff_have_entered_is_read_where_such_requests_are_sent_from(
    portal_desk: PortalDesk,
) -> None:
    desk, patient = portal_desk, a_person()
    worker = a_person(ANA, realm="employee", id="f" * 32)
    entered = {"person_id": ANA, "type": "refill_request", "text": "She called."}
    for associate in (True, False):
        item = desk(portal_queue.enter_request, **entered)
        desk.answer(item, associate=associate)
    assert (len(threads(desk, patient)), threads(desk, worker)) == (2, [])
    # A type that no portal sends or receives is answered like a general message.
    order = desk(portal_queue.enter_request, person_id=ANA, type="employee_order", text="By telephone.")
    desk.answer(order)
    assert (len(threads(desk, patient)), len(threads(desk, worker))) == (3, 1)


def test_who_has_an_account_of_other_realms_only_is_not_answered(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    desk.realm = "employee"
    item = desk(portal_queue.enter_request, person_id=ANA, type="refill_request", text="She called.")
    assert desk.refused(lambda: desk.answer(item)) == ("no_portal_account", "person_id")


def only_patients(desk: PortalDesk, code: str) -> None:
    """Only the Patient Portal receives this type."""
    for portal in ("employee", "family", "supervisor", "one-time-code"):
        now = desk(message_types.get_portal_message_types, MANAGER, portal=portal)
        kept = {
            name: [each["code"] for each in now[name] if each["code"] != code]
            for name in ("sending", "receiving")
        }
        request = {"portal": portal, "version": now["version"], **kept}
        desk(message_types.choose_portal_message_types, MANAGER, **request)
