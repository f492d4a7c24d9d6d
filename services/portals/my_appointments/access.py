"""For whom somebody may see and book appointments, and by which portal's settings."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals.local_text import read_in
from services.contracts.portals.message_types import APPOINTMENT
from services.portals.configuration import queries as configuration
from services.portals.definitions import queries as definitions
from services.portals.message_types import queries as message_types
from services.portals.my_appointments.rules import Options
from services.portals.published_items.queries import profile_of

SEE, BOOK = "profile.view_schedule", "profile.send_messages"


def person_seen(caller: Caller, person_id: str | None) -> str:
    """The person whose schedule the caller may see, by default the caller. Raises Refused `not_found`."""
    return _person(caller, person_id, SEE)


def person_booked_for(caller: Caller, person_id: str | None) -> str:
    """The person for whom the caller may book or ask. Raises Refused `not_found`."""
    return _person(caller, person_id, SEE, BOOK)


def may_book_for(caller: Caller, person_id: str) -> bool:
    """Whether the caller may book or ask for this person, whose schedule they see."""
    return BOOK in profile_of(caller, person_id)["permissions"]


def options_of(
    session: Session, caller: Caller, portal: str | None, languages: Sequence[str] = ()
) -> tuple[str, Options]:
    """A portal that admits the caller and has the module, with its options: by default the first one.

    Raises Refused `not_found`, `scheduling_not_offered`.
    """
    if portal is not None:
        suffixes = [definitions.admitted(session, caller, portal).portal]
    else:
        suffixes = definitions.admitting(session, caller)
    for suffix in suffixes:
        given = configuration.appointment_options(session, caller.organisation_id, suffix)
        if given is not None:
            texts = {
                name: read_in(given[name], languages)
                for name in ("alert_text", "past_due_warning", "stop_text")
            }
            return suffix, Options(**(given | texts))
    raise Refused("scheduling_not_offered", "Appointments are not offered in your portal. Call us.")


def may_be_asked(session: Session, caller: Caller, portal: str) -> bool:
    """Whether people of a portal may send the type of message that asks for an appointment (S2-68)."""
    definition = definitions.admitted(session, caller, portal)
    return message_types.is_offered(session, definition, APPOINTMENT)


def _person(caller: Caller, person_id: str | None, *permissions: str) -> str:
    profile = profile_of(caller, person_id)
    if not set(permissions) <= set(profile["permissions"]):
        raise Refused(
            "not_found", "There is no such person, or their appointments are not open to you.", "person_id"
        )
    return str(profile["person_id"])
