"""Saved replies and drafts of answers, in process on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.portals import configuration, messages, portal_queue
from services.contracts.portals import saved_replies as contract
from services.portals.saved_replies import handlers
from tests.support.in_process import BAYSIDE, a_caller
from tests.support.portal_desk import OTHER_STAFF, STAFF, PortalDesk

MANAGER = a_caller("portal.configure", messages.WORK)


def saved(desk: PortalDesk, name: str = "Ready", text: str = "It is ready.", **more: Any) -> Any:
    return desk(contract.create_saved_reply, MANAGER, name=name, text=text, **more)


def names(desk: PortalDesk, **page: Any) -> list[str]:
    return [each["name"] for each in desk(contract.list_saved_replies, **page)["items"]]


def draft(desk: PortalDesk, item: Any, caller: Any = STAFF, **request: Any) -> Any:
    return desk(portal_queue.save_reply_draft, caller, item_id=item["id"], **request)["draft"]


def test_replies_are_saved_changed_and_taken_away_under_names_of_their_own(
    portal_desk: PortalDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = portal_desk
    ready, other = saved(desk), saved(desk, "Call us")
    assert names(desk) == ["Call us", "Ready"]
    page = desk(contract.list_saved_replies, limit=1)
    assert names(desk, after=page["next"]) == ["Ready"]
    assert desk.refused(lambda: saved(desk, "READY")) == ("saved_reply_taken", "name")
    change = {"saved_reply_id": ready["id"], "version": 1, "text": "Come."}
    taken = desk.refused(lambda: desk(contract.change_saved_reply, MANAGER, name="call us", **change))
    assert taken == ("saved_reply_taken", "name")
    assert desk(contract.change_saved_reply, MANAGER, name="Ready!", **change)["text"] == "Come."
    assert desk(contract.get_saved_reply, saved_reply_id=ready["id"])["version"] == 2
    others = {"name": "Mine", "text": "x"}
    assert desk.refused(lambda: desk(contract.create_saved_reply, STAFF, **others))[0] == "forbidden"
    stranger = a_caller(messages.WORK, organisation=BAYSIDE)
    assert desk(contract.list_saved_replies, stranger)["items"] == []
    assert desk.refused(lambda: desk(contract.get_saved_reply, stranger, saved_reply_id=ready["id"])) == (
        "not_found",
        "saved_reply_id",
    )
    desk(contract.delete_saved_reply, MANAGER, saved_reply_id=other["id"], version=1)
    assert names(desk) == ["Ready!"]
    monkeypatch.setattr(handlers, "MOST_REPLIES", 1)
    assert desk.refused(lambda: saved(desk, "More")) == ("conflict", "name")


def test_a_draft_is_kept_for_its_author_until_the_answer_is_sent(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    item = desk.send()
    assert desk.item(item)["draft"] is None
    assert draft(desk, item, text="It will be") == "It will be"
    assert (desk.item(item)["draft"], desk.item(item, OTHER_STAFF)["draft"]) == ("It will be", None)
    draft(desk, item, OTHER_STAFF, text="Mine")
    # What others do with the item meanwhile takes nothing from it.
    answered = desk.answer(desk.item(item), caller=OTHER_STAFF)
    assert (desk.item(item)["draft"], desk.item(item, OTHER_STAFF)["draft"]) == ("It will be", None)
    desk.answer(answered, "It will be there.")
    assert desk.item(item)["draft"] is None
    draft(desk, item, text="More")
    assert draft(desk, item, text="") is None
    assert desk.item(item)["draft"] is None
    assert desk.refused(lambda: draft(desk, {"id": "0" * 32}, text="x")) == ("not_found", "item_id")


def test_a_saved_reply_is_added_in_the_words_of_the_portal(portal_desk: PortalDesk) -> None:
    desk = portal_desk
    now = desk(configuration.get_portal_content, MANAGER, portal="patient")["version"]
    words = {"patient": {"singular": "client", "plural": None}}
    desk(configuration.change_portal_content, MANAGER, portal="patient", version=now, terms=words)
    reply = saved(desk, text="Dear {name}, your {type} is there. Every patient signs.")
    item = desk.send()
    assert draft(desk, item, text="Hello", saved_reply_id=reply["id"]) == (
        "Hello\n\nDear Ana, your Refill Request is there. Every client signs."
    )
    entered = desk(
        portal_queue.enter_request, person_id=item["person_id"], type="refill_request", text="By telephone."
    )
    assert draft(desk, entered, saved_reply_id=reply["id"]).endswith("Every patient signs.")
    full = "x" * (messages.MOST_TEXT - 5)
    refused = desk.refused(lambda: draft(desk, item, text=full, saved_reply_id=reply["id"]))
    assert refused == ("invalid_request", "text")
    gone = desk.refused(lambda: draft(desk, item, saved_reply_id="0" * 32))
    assert gone == ("not_found", "saved_reply_id")
