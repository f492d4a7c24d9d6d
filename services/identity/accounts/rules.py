"""Pure rules of accounts."""

from __future__ import annotations

from services.contracts.spelling import initial_of

ASSIGNABLE_LEVELS = frozenset({"agency", "program"})


def possible_actions(
    state: str, *, is_workforce: bool, is_own: bool, is_disabled_for: str | None
) -> list[str]:
    """What somebody who manages accounts may do with one in this state.

    The level of the caller's own account is changed by others. An account that is disabled for something else is enabled when
    that ends.
    """
    corrections = ["edit", *([] if is_own else ["set_level"])] if is_workforce else []
    if state == "disabled":
        return corrections if is_disabled_for else [*corrections, "enable"]
    if state == "invited":
        return [*corrections, "invite", "disable"]
    return [*corrections, "disable", "end_sessions", "reset_second_factor"]


def author_name(first_name: str | None, last_name: str | None) -> str | None:
    """A name as the other side reads it: "Sam F.". Without a last name it is the first name; without a first name, None."""
    first = " ".join((first_name or "").split())
    initial = initial_of(last_name or "")
    return f"{first} {initial}." if first and initial else first or None
