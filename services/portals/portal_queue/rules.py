"""Pure rules of the queue: settings, and what may be done with an item in which state."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from services.contracts.errors import Refused
from services.contracts.spelling import words_of_text

OPEN, LEFT_OPEN, COMPLETED = "open", "left_open", "completed"
# Of a change of a record: it is made. The section of what identity keeps of a person.
ACCEPTED, DETAILS = "accepted", "details"
# Who is told, one after another, of what nobody has answered in its time.
HOLDER, SURROGATE, SUPERVISOR = LEVELS = ("holder", "surrogate", "supervisor")
DEFAULT_VERSION = 1
DEFAULT_SETTINGS: Mapping[str, Any] = {
    "usual_outcome": LEFT_OPEN,
    "confirms_dismissal": False,
    "reply_within_days": 3,
    "before_writing": None,
    "most_characters": 2_000,
    "most_a_day": 10,
    "most_a_week": 30,
    "result_hosts": [],
    "working_days": [1, 2, 3, 4, 5],
    "time_zone": "UTC",
    "holidays": None,
    "closed_on": [],
    "escalation_hours": 4,
    "lists_begun_applications": False,
}
_MOST_WORDS = 2_000


def is_overdue(is_open: bool, due: datetime.datetime, now: datetime.datetime) -> bool:
    """Whether an item is open past its time."""
    return is_open and due < now


def require_open(item: Any) -> None:
    """Raise Refused(item_archived) for an item that was dismissed."""
    if not item.is_open:
        raise Refused(
            "item_archived", "This item is in the archive. Bring it back into the queue first.", "item_id"
        )


def require_archived(item: Any) -> None:
    """Raise Refused(item_open) for an item that is in the queue."""
    if item.is_open:
        raise Refused("item_open", "This item is in the queue already.", "item_id")


def is_to_be_made(change: Any) -> bool:
    """Whether an item asks for a change of details that is not in the record. `change` is None where it asks for none.

    An entry of another section may also have come into the record from the system that publishes it.
    """
    return change is not None and change.section == DETAILS and change.accepted_at is None


def require_made(change: Any, outcome: str) -> None:
    """Raise Refused(conflict) for an item that is to be completed though the change that it asks for was not made (S2-130)."""
    if outcome == COMPLETED and is_to_be_made(change):
        raise Refused(
            "conflict",
            "The record does not have this change yet. Accept it, which completes the request; or dismiss the request as one "
            "that will not be completed.",
            "outcome",
        )


def usual_outcome(usual: str, change: Any) -> str:
    """What becomes of an answered item, as the organisation has set it. One whose change is to be made stays open."""
    return LEFT_OPEN if usual == COMPLETED and is_to_be_made(change) else usual


def outcome_of_change(accepted_at: datetime.datetime | None, state: str) -> str:
    """What became of the change that a dismissed item asked for: `accepted`, or the item's own state."""
    return ACCEPTED if accepted_at is not None else state


def require_person(person_id: str | None) -> None:
    """Raise Refused(no_portal_account) for an application that is not sent: there is nobody yet who could be written to."""
    if person_id is None:
        raise Refused(
            "no_portal_account",
            "The applicant has not sent the application yet. There is a person to write to once it is sent.",
            "item_id",
        )


def require_confirmed(is_confirmed: bool, question: str) -> None:
    """Raise Refused(confirmation_required) with this question unless it was confirmed."""
    if not is_confirmed:
        raise Refused("confirmation_required", question, "confirm")


def require_free(assigned_to: str | None, account_id: str) -> None:
    """Raise Refused(conflict) where somebody else has the item."""
    if assigned_to not in (None, account_id):
        raise Refused("conflict", "Somebody else has taken this item meanwhile.", "item_id")


def require_allowed_host(link: str, hosts: Iterable[str]) -> None:
    """Raise Refused(result_link_refused) unless a link leads to one of these hosts."""
    parts = urlsplit(link)
    if parts.hostname not in set(hosts) or parts.username is not None:
        raise Refused(
            "result_link_refused",
            "The organisation does not allow links to this host. Add the host to the settings of the queue first.",
            "result_link",
        )


def filled_in(text: str, person_name: str, type_name: str) -> str:
    """A saved reply with the first name of the person, who is named as in "Vega, Ana", and the type of the item."""
    last, _, first = person_name.partition(", ")
    return text.replace("{name}", first or last).replace("{type}", type_name)


def with_reply(text: str, reply: str, most: int) -> str:
    """What was begun, with a saved reply at its end. Raises Refused(invalid_request) where that is too long."""
    whole = "\n\n".join(filter(None, (text, reply)))
    if len(whole) > most:
        raise Refused(
            "invalid_request",
            f"text: with this reply it has {len(whole)} characters, at most {most} are sent.",
            "text",
        )
    return whole


def words_of(*texts: str) -> str:
    """The words of an item's name, type and texts as they are compared, each once."""
    return " ".join(words_of_text("\n".join(texts))[:_MOST_WORDS])


def with_words(words: str, text: str) -> str:
    """These words and those of one more text."""
    known = words.split()
    there = set(known)
    more = [each for each in words_of_text(text) if each not in there]
    return " ".join((known + more)[:_MOST_WORDS])


def chain(
    assigned_to: str | None,
    members: Iterable[str],
    supervisor_id: str | None,
    stand_in: Callable[[str], str | None],
) -> list[tuple[str, list[str]]]:
    """Who is told one after another that an item waits past its time: pairs of the level and the accounts.

    First who has the item, and without anybody the members of its group who are there; then who stands in for the one who has it; then
    the supervisor, or who stands in. Nobody is told twice, and a level without anybody is left out.
    """
    levels: list[tuple[str, list[str | None]]] = [
        (HOLDER, [assigned_to] if assigned_to else [stand_in(each) for each in members]),
        (SURROGATE, [stand_in(assigned_to)] if assigned_to else []),
        (SUPERVISOR, [stand_in(supervisor_id) or supervisor_id] if supervisor_id else []),
    ]
    told: set[str | None] = {None}
    found = []
    for level, accounts in levels:
        fresh = [each for each in dict.fromkeys(accounts) if each is not None and each not in told]
        told.update(fresh)
        if fresh:
            found.append((level, fresh))
    return found


def following(chain: list[tuple[str, list[str]]], last: str | None) -> list[tuple[str, list[str]]]:
    """What is left of a chain behind the level that was told last; None: nobody was told."""
    done = 0 if last is None else LEVELS.index(last) + 1
    return [each for each in chain if LEVELS.index(each[0]) >= done]
