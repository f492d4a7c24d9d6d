"""Rules of bulk jobs: which requests are valid, and how results are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from services.contracts.errors import Refused

ASSIGNMENT, STATUS_CHANGE, REASSIGNMENT = "assignment", "status_change", "reassignment"
WAITING, DONE, FAILED, CANCELLED = "waiting", "done", "failed", "cancelled"
# The order in which lines are listed: those that need attention come first.
LINE_STATES = (FAILED, WAITING, DONE, CANCELLED)
# The permission to start a kind of job is also the permission to stop it. A job continues while its starter has it.
PERMISSION_OF = {
    ASSIGNMENT: "referral.assign",
    STATUS_CHANGE: "referral.change_status",
    REASSIGNMENT: "referral.assign",
}
STARTER_NOT_ALLOWED = "starter_not_allowed"
MOST_LINES = 5000
# Where a job names several programs, a refusal with one of these codes leads on to the next program.
TRIES_THE_NEXT = frozenset(
    {"capacity_exhausted", "program_not_in_queue", "resource_inactive", "resource_not_referable"}
)

# A refusal with one of these codes is mended by one more member of the request, whatever the referral.
LACKS_A_MEMBER = frozenset({"reason_required", "outcome_required"})


def check_one_of(**members: object) -> None:
    """Raise Refused `invalid_request` unless exactly one of these two members of a request is given."""
    if sum(value is not None for value in members.values()) != 1:
        first, second = members
        raise Refused("invalid_request", f"Give either `{first}` or `{second}`.", first)


def check_narrowed(selection: Mapping[str, Any], field: str) -> None:
    """Raise Refused `invalid_request` for a selection without any member: it would select everything."""
    if all(value is None for value in selection.values()):
        raise Refused("invalid_request", "Say which records: give at least one member.", field)


def check_size(found: int) -> None:
    """Raise Refused `selection_too_large` where there are more than `MOST_LINES`."""
    if found > MOST_LINES:
        detail = f"These are more than {MOST_LINES}; narrow it down, and start several jobs."
        raise Refused("selection_too_large", detail, limit=MOST_LINES)


def without_a_place(wanted: int, free: int | None) -> int:
    """How many of the `wanted` referrals find no free place. `free` is None where there is no limit."""
    return 0 if free is None else max(0, wanted - free)


def forecast(total: int, reasons: Counter[str]) -> dict[str, Any]:
    """The counts of a dry run, in the same shape as a job's."""
    refused = {code: count for code, count in reasons.items() if count}
    failed = sum(refused.values())
    return counts({DONE: total - failed, FAILED: failed}, refused)


def counts(by_state: Mapping[str, int], reasons: Mapping[str, int]) -> dict[str, Any]:
    """The counts of a job by state, and the reasons of its failed lines, the most frequent first."""
    ordered = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    return {
        **{state: by_state.get(state, 0) for state in LINE_STATES},
        "total": sum(by_state.values()),
        "reasons": [{"reason": code, "count": count} for code, count in ordered],
    }
