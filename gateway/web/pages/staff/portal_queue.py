"""The queue of requests and secure messages, its archive, and what staff write to people (S3-1 to S3-19)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.web.page import Action, Of, Page, Read
from gateway.web.states import State
from services.contracts.identity import accounts, people
from services.contracts.portals import (
    absences,
    appointment_requests,
    message_files,
    messages,
    own_changes,
    portal_queue,
    saved_replies,
)

_ITEM = "/staff/queue/{item_id}"
_PERSON = {"person": Read(people.get_person)}
WORKERS = {
    "workers": Read(
        accounts.list_accounts,
        given={"realm": "staff", "limit": 100},
        needs="account.read",
        without=("service_unavailable",),
    )
}
# The queue in short, on pages where staff begin their day (S3-2).
IN_SHORT = {
    "queue": Read(
        portal_queue.list_queue,
        given={"limit": 5, "order": "due"},
        needs="portal_queue.work",
        without=("service_unavailable",),
    ),
    "counts": Read(portal_queue.count_queue, needs="portal_queue.work", without=("service_unavailable",)),
}
_CLAIM = Action("claim_queue_item", portal_queue.claim_queue_item, "You have taken it.")
_ASSIGN = Action("assign_queue_item", portal_queue.assign_queue_item, "That is noted: who has it.")
_DISMISS = Action(
    "dismiss_queue_item",
    portal_queue.dismiss_queue_item,
    "It is in the archive now, where it can be brought back.",
)
_SAMPLE = {
    "kind": "request",
    "priority": "routine",
    "helper_action": "prescription_note",
    "action_state": "none",
    "state": "open",
    "dismissed_at": None,
    "result_link": None,
    "usual_outcome": "left_open",
    "steps": {"step": "claimed"},
    "escalated_to": "supervisor",
    "escalations": {"level": "supervisor"},
}
_ENDED = {"state": "completed", "dismissed_at": "2026-11-20T09:30:00+00:00"}


def _next(read: Mapping[str, Any], _path: Mapping[str, str]) -> str | None:
    """The item that has waited longest for an answer and is nobody's or the reader's own."""
    mine = (None, read["me"]["id"])
    found = (each for each in read["waiting"]["items"] if each["assigned_to"] in mine)
    return next((f"/staff/queue/{each['id']}" for each in found), None)


PAGES = (
    Page(
        "/staff/queue/next",
        "staff/portal_queue/next.html",
        reads={"waiting": Read(portal_queue.list_queue, given={"is_waiting": True, "limit": 100})},
        goes_on=_next,
        sample={portal_queue.list_queue: {"items": {"assigned_to": "f" * 32}}},
    ),
    Page(
        "/staff/queue",
        "staff/portal_queue/list.html",
        reads={
            "queue": Read(
                portal_queue.list_queue,
                given={"limit": 25},
                query=(
                    "department",
                    "type",
                    "kind",
                    "assigned",
                    "priority",
                    "is_overdue",
                    "is_waiting",
                    "is_escalated",
                    "order",
                    "after",
                ),
            ),
            "counts": Read(portal_queue.count_queue, without=("service_unavailable",)),
        },
        actions=(_CLAIM, _DISMISS),
        sample={portal_queue.list_queue: {"items": _SAMPLE}},
        watches=("item:*",),
        remembers=("order",),
    ),
    Page(
        "/staff/queue/archive",
        "staff/portal_queue/archive.html",
        reads={
            "archive": Read(
                portal_queue.search_archive,
                given={"limit": 25},
                query=("after",),
                sealed=("words", "outcome", "from_on", "until_on"),
                is_list=True,
            ),
        },
        actions=(
            Action(
                "unarchive_queue_item",
                portal_queue.unarchive_queue_item,
                "It is back in the queue, with its history.",
                then="/staff/queue/{id}",
                given={"confirm": True},
            ),
        ),
        sample={portal_queue.search_archive: {"items": {**_SAMPLE, **_ENDED}}},
    ),
    Page(
        "/staff/queue/replies",
        "staff/portal_queue/replies.html",
        reads={"replies": Read(saved_replies.list_saved_replies, given={"limit": 50}, query=("after",))},
        actions=(
            Action("create_saved_reply", saved_replies.create_saved_reply, "The reply is saved."),
            Action("delete_saved_reply", saved_replies.delete_saved_reply, "The reply is taken away."),
        ),
    ),
    Page(
        "/staff/queue/replies/{saved_reply_id}",
        "staff/portal_queue/reply.html",
        reads={"reply": Read(saved_replies.get_saved_reply)},
        actions=(
            Action(
                "change_saved_reply",
                saved_replies.change_saved_reply,
                "The reply is saved.",
                then="/staff/queue/replies",
            ),
        ),
    ),
    Page(
        "/staff/queue/absence",
        "staff/portal_queue/absence.html",
        reads={"absence": Read(absences.get_my_absence), **WORKERS},
        actions=(
            Action("set_my_absence", absences.set_my_absence, "It is noted when you are away."),
            Action("end_my_absence", absences.end_my_absence, "You are there again."),
        ),
        states=(State("there", replies={absences.get_my_absence: {"from_on": None, "until_on": None}}),),
        sample={absences.get_my_absence: {"from_on": "2026-12-21", "until_on": "2027-01-02"}},
    ),
    Page(
        "/staff/queue/settings",
        "staff/portal_queue/settings.html",
        reads={"settings": Read(portal_queue.get_queue_settings)},
        actions=(
            Action("change_queue_settings", portal_queue.change_queue_settings, "The settings are saved."),
        ),
    ),
    Page(
        _ITEM,
        "staff/portal_queue/item.html",
        reads={
            "item": Read(portal_queue.get_queue_item),
            "change": Read(own_changes.get_own_change, without=("not_found", "service_unavailable")),
            "wished": Read(
                appointment_requests.get_appointment_request,
                given={"request_id": Of("item.reference_id")},
                needs="appointment.manage",
                without=("not_found",),
            ),
            "replies": Read(
                saved_replies.list_saved_replies, given={"limit": 200}, without=("service_unavailable",)
            ),
            "waiting": Read(
                portal_queue.list_queue,
                given={"is_waiting": True, "limit": 10},
                without=("service_unavailable",),
            ),
            **WORKERS,
        },
        actions=(
            _CLAIM,
            _ASSIGN,
            _DISMISS,
            Action("change_queue_item", portal_queue.change_queue_item, "That is changed."),
            Action(
                "answer_queue_item",
                portal_queue.answer_queue_item,
                "Your message is sent.",
                ways={"stay": "", "next": "/staff/queue/next", "list": "/staff/queue"},
            ),
            Action("send_file_to_person", message_files.send_file_to_person, "Your file is sent."),
            Action(
                "unarchive_queue_item",
                portal_queue.unarchive_queue_item,
                "It is back in the queue, with its history.",
                then="/staff/queue/{id}",
                given={"confirm": True},
            ),
            Action(
                "save_reply_draft",
                portal_queue.save_reply_draft,
                "What you have written is kept. Nobody else sees it, and it is not sent yet.",
            ),
            Action(
                "accept_own_change",
                own_changes.accept_own_change,
                "The record is changed, and the request is completed.",
            ),
            Action(
                "accept_own_details",
                own_changes.accept_own_details,
                "The record is changed, and the request is completed.",
            ),
            Action(
                "start_helper_action",
                portal_queue.start_helper_action,
                "It is started. The result shows here once it is there.",
            ),
        ),
        states=(
            State(
                "changed details",
                replies={
                    own_changes.get_own_change: {
                        "section": "details",
                        "values": {"home_phone": "555 0100"},
                        "replaces": {"home_phone": None},
                    }
                },
            ),
            State(
                "a file",
                replies={portal_queue.get_queue_item: {"messages": {"file": {"media_type": "image/png"}}}},
            ),
            State(
                "an application that is not sent", replies={portal_queue.get_queue_item: {"person_id": None}}
            ),
            State("archived", replies={portal_queue.get_queue_item: {**_SAMPLE, **_ENDED}}),
            State(
                "result",
                replies={
                    portal_queue.get_queue_item: {
                        **_SAMPLE,
                        "action_state": "finished",
                        "result_link": "https://records.example.org/7",
                    }
                },
            ),
        ),
        sample={portal_queue.get_queue_item: _SAMPLE},
        watches=("item:{item_id}",),
    ),
    Page(
        "/staff/people/{person_id}/messages",
        "staff/portal_queue/correspondence.html",
        reads={
            **_PERSON,
            "correspondence": Read(messages.list_correspondence, given={"limit": 25}, query=("after",)),
        },
        actions=(Action("start_message", messages.start_message, "Your message is sent."),),
        watches=("person:{person_id}",),
    ),
    Page(
        "/staff/people/{person_id}/messages/request",
        "staff/portal_queue/enter.html",
        reads={**_PERSON, "choices": Read(portal_queue.list_request_types)},
        actions=(
            Action(
                "enter_request",
                portal_queue.enter_request,
                "The request is in the queue.",
                then="/staff/queue/{id}",
            ),
        ),
    ),
)
