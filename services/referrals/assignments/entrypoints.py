"""Entrypoints of assigned referrals: assigning, reading, notes, the waitlist."""

from __future__ import annotations

from typing import Any

from services.chassis.events import IncomingEvent, listens
from services.chassis.operations import Call, serves
from services.contracts.referrals import assignments
from services.contracts.referrals.capacity import capacity_changed
from services.referrals.assignments import new_referrals, notes, queries, waitlist
from services.referrals.authors.names import with_names
from services.referrals.records.handlers import note_reading


class AssignmentEntrypoints:
    """What `Service` offers about referrals, and the events of its own by which the waitlist moves."""

    @serves(assignments.assign_referral)
    def assign_referral(self, call: Call) -> Any:
        # A crowd for one program waits here, each in turn, and not for the row of its capacity.
        with call.runtime.keyed_lock.hold(call.request["program_id"], call.context.remaining_s()):
            with call.runtime.database.reading(call.organisation_id) as session:
                new_referrals.refuse_when_full(session, call.caller, call.request, call.is_repeated)
            return call.commit(new_referrals.assign_referral)

    @serves(assignments.list_referrals)
    def list_referrals(self, call: Call) -> Any:
        return call.read(queries.list_referrals)

    @serves(assignments.get_referral)
    def get_referral(self, call: Call) -> Any:
        answer = call.read(queries.get_referral)
        if answer["details"] is not None:
            _audit_reading(call, answer)
        return answer

    @serves(assignments.list_referral_history)
    def list_referral_history(self, call: Call) -> Any:
        return with_names(call, call.read(queries.list_referral_history))

    @serves(assignments.list_referral_notes)
    def list_referral_notes(self, call: Call) -> Any:
        return with_names(call, call.read(queries.list_referral_notes), "author")

    @serves(assignments.add_referral_note)
    def add_referral_note(self, call: Call) -> Any:
        return call.commit(notes.add_referral_note)

    @serves(assignments.change_priority)
    def change_priority(self, call: Call) -> Any:
        return call.commit(notes.change_priority)

    @listens(capacity_changed)
    def on_capacity_changed(self, incoming: IncomingEvent) -> None:
        """Places may be free for those who wait."""
        with incoming.runtime.database.reading(incoming.context.organisation_id) as session:
            is_wanted = waitlist.somebody_waits(session, incoming.data["program_id"])
        if incoming.data["free"] and is_wanted:
            incoming.apply(waitlist.on_capacity_changed)

    @listens(assignments.referral_waitlisted)
    def on_referral_waitlisted(self, incoming: IncomingEvent) -> None:
        """A place may have become free meanwhile."""
        incoming.apply(waitlist.on_referral_waitlisted)


def _audit_reading(call: Call, answer: Any) -> None:
    """Note a reading of a whole record before it is handed out: what cannot be noted is not shown."""
    record_id = answer["details"]["id"]
    note_reading(
        call, "referral.details_read", "referral", answer["id"], record_id, contact_record_id=record_id
    )
