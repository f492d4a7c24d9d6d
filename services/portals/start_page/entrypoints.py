"""The entrypoint of start pages."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.chassis.passports import Caller
from services.contracts.portals import start_page
from services.portals.start_page import queries
from services.portals.supervision.entrypoints import note_team


class StartPageEntrypoints:
    """The entrypoint of start pages."""

    @serves(start_page.get_portal_start)
    def get_portal_start(self, call: Call) -> Any:
        """All that the start page of a portal shows to the caller."""
        caller: Caller = call.caller  # type: ignore[assignment]  # the operation is for accounts
        with call.reading(call.organisation_id) as session:
            # What `homes` keeps is plain already: a page of a thousand panels is not dumped at every read.
            answer = queries.get_portal_start(session, caller, **call.request)
        if answer["team"] is not None:
            profiles = caller.scope.get("profiles") or ()
            note_team(call, [each for each in profiles if each["role"] == "supervisor"], report="start_page")
        return answer
