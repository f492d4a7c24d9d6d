"""What people see of allergies, medications and immunizations in their own record, and the changes they ask for (S2-129)."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from services.contracts.portals import configuration, own_changes

_RECORD = "/portal/{portal}/my-record"
# The name is the one by which the frame of all pages finds the portal's name and colour.
_READS = {
    "portal": Read(configuration.get_portal_home),
    "sections": Read(own_changes.get_my_sections, without=("not_found",)),
}
_SECTIONS = {"section": "allergies", "can_edit": True, "entries": {"values": {"substance": "Nuts"}}}

PAGES = (
    Page(
        _RECORD,
        "own_changes/sections.html",
        reads=_READS,
        sample={own_changes.get_my_sections: {"items": _SECTIONS}},
    ),
    Page(
        f"{_RECORD}/{{section}}",
        "own_changes/change.html",
        reads=_READS,
        actions=(
            Action(
                "request_my_change",
                own_changes.request_my_change,
                "You have asked for the change. What became of it shows here.",
                then="/portal/{portal}/messages/{thread_id}",
            ),
        ),
        sample={own_changes.get_my_sections: {"items": _SECTIONS}},
    ),
)
