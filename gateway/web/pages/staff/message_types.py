"""Message types of the organisation, and which of them a portal sends and receives (S2-50, S2-78, S2-79, S2-94, S2-134)."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from services.contracts.portals import definitions, message_types, staff_groups

_TYPE = {"item_kind": "request", "helper_action": "none", "sent_from": ["employee"]}
_GROUPS = {"groups": Read(staff_groups.list_staff_groups)}

PAGES = (
    Page(
        "/staff/message-types",
        "staff/message_types/list.html",
        reads={"types": Read(message_types.list_message_types)},
        sample={message_types.list_message_types: {"items": _TYPE}},
    ),
    Page(
        "/staff/message-types/new",
        "staff/message_types/new.html",
        reads=_GROUPS,
        actions=(
            Action(
                "create_message_type",
                message_types.create_message_type,
                "The message type is there. Portals offer it once you choose it for them.",
                then="/staff/message-types/{code}",
            ),
        ),
    ),
    Page(
        "/staff/message-types/{code}",
        "staff/message_types/type.html",
        reads={"type": Read(message_types.get_message_type), **_GROUPS},
        actions=(
            Action("change_message_type", message_types.change_message_type, "The message type is saved."),
        ),
        sample={message_types.get_message_type: _TYPE},
    ),
    Page(
        "/staff/portals/{portal}/message-types",
        "staff/message_types/portal.html",
        reads={
            "portal": Read(definitions.describe_portal),
            "choice": Read(message_types.get_portal_message_types),
        },
        actions=(
            Action(
                "choose_portal_message_types",
                message_types.choose_portal_message_types,
                "The message types of this portal are saved. They hold at once.",
            ),
        ),
    ),
)
