"""Replies that staff have saved to answer with, each under a name."""

from __future__ import annotations

from services.contracts.declare import STAFF, Reply, page_of, permission
from services.contracts.fields import Count, Id, Text
from services.contracts.identity.paging import PAGE
from services.contracts.portals import contract
from services.contracts.portals.messages import MOST_TEXT, WORK

MOST_REPLIES = 200
_CONFIGURE = permission("portal.configure", realms=STAFF)


class SavedReply(Reply):
    """A saved reply. In its text `{name}` stands for the person's first name and `{type}` for what was asked."""

    id = Id(required=True)
    version = Count(required=True)
    name = Text(required=True)
    text = Text(required=True, most=MOST_TEXT)


_MEMBERS = {"name": Text(required=True, most=60), "text": Text(required=True, most=5_000)}
_ONE = {"saved_reply_id": Id(required=True)}

list_saved_replies = contract.query(
    "list_saved_replies",
    "The saved replies, by name.",
    request={**PAGE},
    reply=page_of(SavedReply),
    access=permission(WORK, realms=STAFF),
)
get_saved_reply = contract.query(
    "get_saved_reply",
    "One saved reply.",
    request=_ONE,
    reply=SavedReply,
    access=permission(WORK, realms=STAFF),
    errors=("not_found",),
)
create_saved_reply = contract.command(
    "create_saved_reply",
    "Save a reply that is written often. At most 200 are kept.",
    request=_MEMBERS,
    reply=SavedReply,
    access=_CONFIGURE,
    errors=("saved_reply_taken", "conflict"),
    status=201,
)
change_saved_reply = contract.command(
    "change_saved_reply",
    "Change the name and the text of a saved reply. What was sent stays as it is.",
    request={**_ONE, **_MEMBERS},
    reply=SavedReply,
    access=_CONFIGURE,
    errors=("not_found", "saved_reply_taken"),
    expects_version=True,
)
delete_saved_reply = contract.command(
    "delete_saved_reply",
    "Take a saved reply away. What was sent stays as it is.",
    request=_ONE,
    reply={"saved_reply_id": Id(required=True)},
    access=_CONFIGURE,
    errors=("not_found",),
    expects_version=True,
)
