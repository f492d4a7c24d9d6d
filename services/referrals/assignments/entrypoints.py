"""Entrypoints of assigned referrals: assigning, reading, notes, the waitlist."""

from __future__ import annotations

from typing import Any

from services.chassis.events import IncomingEvent, listens
from services.chassis.operations import Call, carry_out, serves
from services.contracts.referrals import assignments
from services.contracts.referrals.capacity import UNKNOWN, capacity_changed
from services.referrals.assignments import new_referrals, notes, queries, waitlist
from services.referrals.authors.names import with_names
from services.referrals.records.handlers import note_reading


class AssignmentEntrypoints:
    """What `Service` offers about referrals, and the two events of referrals that move the waitlist."""

    @serves(assignments.assign_referral)
    def assign_referral(self, call: Call) -> Any:
        # Callers who want places of one program take turns here, before the database locks the row of its capacity.
        with call.runtime.keyed_lock.hold(call.request["program_id"], call.context.remaining_s()):
            with call.runtime.database.reading(call.organisation_id) as session:
                carry_out(new_referrals.refuse_when_full, (session,), call.request, (call.is_repeated,))
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

    @serves(assignments.describe_referral)
    def describe_referral(self, call: Call) -> Any:
        return call.read(queries.describe_referral)

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
        """Give places that are free now to referrals on the waitlist. A line that says nothing any more limits nobody."""
        may_be_free = incoming.data["free"] or incoming.data.get("status") == UNKNOWN
        with incoming.runtime.database.reading(incoming.context.organisation_id) as session:
            is_wanted = waitlist.has_waiting_referral(session, incoming.data["program_id"])
        if may_be_free and is_wanted:
            incoming.apply(waitlist.on_capacity_changed)

    @listens(assignments.referral_waitlisted)
    def on_referral_waitlisted(self, incoming: IncomingEvent) -> None:
        """Look for a place that became free while the referral was put on the waitlist."""
        incoming.apply(waitlist.on_referral_waitlisted)


def _audit_reading(call: Call, answer: Any) -> None:
    """Write the audit row of a reading before the whole record is handed out: no reading goes unrecorded."""
    record_id = answer["details"]["id"]
    note_reading(
        call, "referral.details_read", "referral", answer["id"], record_id, contact_record_id=record_id
    )
