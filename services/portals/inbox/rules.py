"""Pure rules of the inbox: about whom somebody may write, how much, and what became of a request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.contracts.errors import Refused

SEND = "profile.send_messages"
# Whose portals are about themselves, whatever profiles they reach.
_SELF = ("employee", "applicant")


def may_write_about(
    realm: str | None, own_id: str | None, profiles: Iterable[Mapping[str, Any]]
) -> list[str]:
    """The ids of the people about whom somebody may write, the own one first."""
    found = [each["person_id"] for each in profiles if SEND in each["permissions"]]
    if realm in _SELF:
        found = [each for each in found if each == own_id]
        if own_id is not None and not found:
            found = [own_id]
    return sorted(found, key=lambda each: (each != own_id, each))


def left_to_send(today: int, this_week: int, settings: Mapping[str, Any]) -> int:
    """How many messages somebody may still send who has sent so many in 24 hours and in seven days."""
    left: int = min(settings["most_a_day"] - today, settings["most_a_week"] - this_week)
    return max(0, left)


def require_within_limits(left: int, text: str, most_characters: int) -> None:
    """Raise Refused(too_many_requests) or Refused(invalid_request) for one message too many or too long."""
    if len(text) > most_characters:
        raise Refused(
            "invalid_request",
            f"text: at most {most_characters} characters, and there are {len(text)}.",
            "text",
        )
    if left < 1:
        raise Refused(
            "too_many_requests",
            "You have sent as many messages as can be answered now. Please call, or write again tomorrow.",
            "text",
        )


def note_of(text: str, change: Any) -> str | None:
    """What somebody has added to the request for a change: the lines behind one for what is added and one for what is taken away.

    A change of details has a line for each of them and no note.
    """
    if change.section == "details":
        return None
    told = (change.values is not None) + (change.replaces_id is not None)
    return "\n".join(text.split("\n")[told:]) or None


def state_of(item: Any, change: Any = None) -> str:
    """What became of a request, for the person who sent it; `item` is None where there is no request.

    `change` is what the request asks to change in the person's record: made, or not accepted.
    """
    if item is None:
        return "none"
    if not item.is_open:
        if change is not None and change.accepted_at is not None:
            return "change_accepted"
        return "change_refused" if change is not None and item.state == "not_completed" else str(item.state)
    if not item.is_waiting:
        return "answered"
    return "in_work" if item.assigned_to else "received"
