"""Pure rules of changes that people ask for."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from services.contracts.errors import Refused

# What the pages call them in English: `gateway/web/templates/own_changes/parts.html`, which also has them in other languages.
SECTIONS = {"immunizations": "Immunizations", "allergies": "Allergies", "medications": "Medications"}
MEMBERS = {
    "substance": "What you are allergic to",
    "reaction": "What happens",
    "severity": "How bad it is",
    "name": "Name",
    "dose": "Dose",
    "from_on": "From",
    "until_on": "Until",
    "vaccine": "Vaccine",
    "given_on": "Given on",
    "next_due_on": "Due again on",
}
LABELS = {
    "email": "E-mail address",
    "home_phone": "Home phone",
    "mobile_phone": "Mobile phone",
    "security_question": "Security question",
    "preferred_language": "Preferred language",
    "preferred_time_zone": "Preferred time zone",
    "preferred_pharmacy": "Preferred pharmacy",
}


def require_editable(section: str, editable: Collection[str]) -> None:
    """Raise Refused(field_not_editable) for a section that the portal only shows (S2-129)."""
    if section not in editable:
        raise Refused(
            "field_not_editable",
            "This part of your record can only be seen here. Write a message instead.",
            "section",
        )


def require_something(values: Mapping[str, Any] | None, replaces_id: str | None) -> None:
    """Raise Refused(invalid_request) for a change of nothing."""
    if values is None and replaces_id is None:
        raise Refused("invalid_request", "values: say what is to be added, or what is wrong.", "values")


def require_not_waiting(is_waiting: bool) -> None:
    """Raise Refused(conflict) for an entry that an open request asks to take away already."""
    if is_waiting:
        raise Refused(
            "conflict",
            "You have asked for a change of this entry already. Wait for the answer, or write a message.",
            "replaces_id",
        )


def require_not_accepted(accepted_at: datetime.datetime | None) -> None:
    """Raise Refused(conflict) for a change that is in the record, also where its request came back from the archive."""
    if accepted_at is not None:
        raise Refused(
            "conflict", "This change is in the record already. Complete the request without it.", "item_id"
        )


def require_latest(values: Collection[str], asked_since: Iterable[Collection[str]]) -> None:
    """Raise Refused(conflict) where a later request, which waits or was accepted, asks for another value of the same detail."""
    if any(not set(values).isdisjoint(later) for later in asked_since):
        raise Refused(
            "conflict",
            "The person has asked for another change of this since. Dismiss this request, and look at the later one.",
            "item_id",
        )


def require_still_there(entry: Any) -> None:
    """Raise Refused(conflict) where the entry that a change replaces is not in the person's record any more."""
    if entry is None:
        raise Refused(
            "conflict",
            "The entry that this replaces is not in the person's record any more. Dismiss the request, or ask the person.",
            "item_id",
        )


def in_words(
    section: str, values: Mapping[str, Any] | None, replaced: Mapping[str, Any] | None, note: str | None
) -> str:
    """The change as the text of its request, in the words of the page: a line for what goes, one for what comes, then the note."""
    lines = []
    for verb, told in (("Take away", replaced), ("Add", values)):
        if told is not None:
            shown = "; ".join(f"{MEMBERS.get(name, name)}: {_line(it)}" for name, it in told.items() if it)
            lines.append(f"{verb}: {SECTIONS[section]}: {shown}")
    return "\n".join([*lines, *([note] if note else [])])


def changed_details(realm: str | None, now: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody wants otherwise than it is now, of what may be asked for (S2-130).

    Raises Refused `field_not_editable`, `invalid_request`.
    """
    if not now["changes_are_requests"]:
        raise Refused("field_not_editable", "This needs no request. Change it among your details.")
    changed = {name: value for name, value in wanted.items() if value != now[name]}
    for name in sorted(changed):
        if name not in now["editable_fields"]:
            raise Refused(
                "field_not_editable", "This is not changed here. Tell the people who keep your record.", name
            )
    if not changed:
        raise Refused("invalid_request", "Nothing differs from what is kept now. Change something first.")
    if realm == "patient" and changed.get("email", "") is None:
        raise Refused(
            "invalid_request", "email: links to the portal go there; enter another one instead.", "email"
        )
    return changed


def details_in_words(changed: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The change as the text of its request, in the words of the page: a line for each detail."""
    shown = {name: (now[name] or "nothing", value or "nothing") for name, value in changed.items()}
    return "\n".join(
        f"{LABELS[name]}: {_line(new)} (now: {_line(old)})" for name, (old, new) in shown.items()
    )


def _line(value: Any) -> str:
    return " ".join(str(value).split())
