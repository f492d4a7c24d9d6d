"""What people of a portal write and are written: conversations, one of them, and a new message (S2-20, S2-77, S2-94)."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from gateway.web.states import State
from services.contracts.identity import people
from services.contracts.portals import configuration, inbox, message_files

_MESSAGES = "/portal/{portal}/messages"
_TOLD = ("account:{me}",)  # a message to the caller
# The name is the one by which the frame of all pages finds the portal's name and colour.
_READS = {
    "portal": Read(configuration.get_portal_home),
    "profiles": Read(people.list_my_profiles, without=("service_unavailable",)),
}

PAGES = (
    Page(
        _MESSAGES,
        "inbox/list.html",
        reads={
            **_READS,
            "threads": Read(inbox.list_my_threads, given={"limit": 20}, query=("box", "person_id", "after")),
        },
        watches=_TOLD,
    ),
    Page(
        f"{_MESSAGES}/new",
        "inbox/new.html",
        reads={**_READS, "rules": Read(inbox.get_writing_rules)},
        actions=(
            Action(
                "send_my_message",
                inbox.send_my_message,
                "Your message is sent. What became of it shows here.",
                then=f"{_MESSAGES}/{{id}}",
            ),
        ),
        states=(
            State(
                "limit reached",
                replies={inbox.get_writing_rules: {"left": 0, "before_writing": "In an emergency call 911."}},
            ),
            State("nobody to write about", replies={inbox.get_writing_rules: {"person_ids": [], "left": 3}}),
        ),
        sample={inbox.get_writing_rules: {"left": 3, "most_characters": 2000, "before_writing": None}},
    ),
    Page(
        f"{_MESSAGES}/{{thread_id}}",
        "inbox/thread.html",
        reads={**_READS, "thread": Read(inbox.get_my_thread)},
        actions=(
            Action("reply_in_my_thread", inbox.reply_in_my_thread, "Your answer is sent."),
            Action("send_my_file", message_files.send_my_file, "Your file is sent."),
        ),
        watches=_TOLD,
        states=(
            State("limit reached", replies={inbox.get_my_thread: {"rules": {"left": 0}}}),
            State(
                "a file", replies={inbox.get_my_thread: {"messages": {"file": {"media_type": "image/png"}}}}
            ),
        ),
        sample={
            inbox.get_my_thread: {
                "state": "answered",
                "rules": {"left": 3, "most_characters": 2000, "before_writing": None},
            }
        },
    ),
)
