"""The entrypoint of start pages."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import start_page
from services.portals.start_page import queries
from services.portals.supervision.entrypoints import note_team


class StartPageEntrypoints:
    """The entrypoint of start pages."""

    @serves(start_page.get_portal_start)
    def get_portal_start(self, call: Call) -> Any:
        """All that the start page of a portal shows to the caller."""
        answer = call.read(queries.get_portal_start)
        if answer["team"] is not None and call.caller is not None:
            profiles = call.caller.scope.get("profiles") or ()
            note_team(call, [each for each in profiles if each["role"] == "supervisor"], report="start_page")
        return answer
