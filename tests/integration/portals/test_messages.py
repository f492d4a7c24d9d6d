"""Messages that staff begin, and what they see of them."""

from __future__ import annotations

import datetime
from typing import Any

from services.contracts.portals import inbox, messages, portal_queue
from tests.support.in_process import a_caller
from tests.support.portal_desk import ACCOUNTS, ANA, EVE, OTHER_STAFF, PortalDesk, a_person

HOUR = datetime.timedelta(hours=1)
MANAGER = a_caller("portal.configure")


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
    assert [each["messages"] for each in desk.events(messages.message_read)] == [1]
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
