"""Rules of ReferralQs.

They cover a queue's ordered list of statuses (S0-12, S0-13) and its settings (S0-53, S0-54). What an editor enters is
checked in `settings.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

from services.contracts.errors import Refused

MAX_STATUSES = 40
MAX_LABEL_LENGTH = 40
MAX_QUEUE_NAME_LENGTH = 120

# FHIR R4 value set task-status, http://hl7.org/fhir/R4/valueset-task-status.html
FHIR_OPEN = frozenset({"draft", "requested", "received", "accepted", "ready", "in-progress", "on-hold"})
FHIR_TERMINAL = frozenset({"rejected", "cancelled", "failed", "completed", "entered-in-error"})
FHIR_TASK_STATUSES = FHIR_OPEN | FHIR_TERMINAL
# The Gravity SDOH guide demands Task.statusReason for these.
FHIR_NEEDS_REASON = frozenset({"rejected", "cancelled", "on-hold", "failed"})

# How far a referral has come. At each stage a provider sees only what it needs there (S0-25).
STAGES = ("offered", "accepted", "enrolled")
_STAGE_OF_FHIR: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("draft", "requested", "received"), "offered"),
        **dict.fromkeys(("accepted", "ready"), "accepted"),
        **dict.fromkeys(("in-progress", "on-hold", "completed"), "enrolled"),
        # A referral that failed shows again what an offer shows: after a decline the provider needs no more.
        **dict.fromkeys(("rejected", "cancelled", "failed", "entered-in-error"), "offered"),
    }
)
# A referral may be on hold at any stage, so this code alone does not tell it, and no code tells nothing.
SAY_NO_STAGE = frozenset({None, "on-hold"})
# The code of an open status of which an editor names only the stage.
USUAL_FHIR: Mapping[str, str] = MappingProxyType(
    {"offered": "received", "accepted": "accepted", "enrolled": "in-progress"}
)
WHEN_FULL = ("block", "warn", "waitlist")
PROVIDER, CLIENT = "provider", "client"

_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Status:
    """One status of a queue. `position` counts from 0; every referral starts at position 0.

    `key` is unique in its queue and never changes. `label` is what people read and may be renamed. A terminal status ends
    the referral and frees its place. `fhir_status` is one of the twelve codes of FHIR R4 Task. `category` is the stage
    that an editor chose, None where the stage follows from the FHIR status. `colour` is "#rrggbb" or None.
    """

    key: str
    label: str
    position: int
    is_terminal: bool
    fhir_status: str
    outcome_required: bool = False
    reason_required: bool = False
    category: str | None = None
    colour: str | None = None

    @property
    def stage(self) -> str:
        """The stage of a referral at this status: "offered", "accepted" or "enrolled"."""
        return self.category or _STAGE_OF_FHIR[self.fhir_status]


# The example flow of the documentation (S0-13), with the two ends that it describes in words.
DEFAULT_STATUSES = (
    Status("referred", "Referred", 0, False, "requested"),
    Status("attempting_contact", "Attempting Contact", 1, False, "accepted"),
    Status("enrolled", "Enrolled", 2, False, "in-progress"),
    Status("completed", "Completed", 3, True, "completed"),
    Status("declined", "Declined", 4, True, "rejected", reason_required=True),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a referral, chosen at a terminal status (S0-53). `is_met`: the help-seeker's need was met."""

    code: str
    label: str
    is_met: bool = False


@dataclass(frozen=True, slots=True)
class DeclineReason:
    """Why a referral was declined, and by whom: "provider" or "client"."""

    code: str
    label: str
    by: str = PROVIDER


DEFAULT_OUTCOMES = (
    Outcome("service_received", "Service received", is_met=True),
    Outcome("partly_received", "Service partly received", is_met=True),
    Outcome("found_elsewhere", "Help found elsewhere"),
    Outcome("no_longer_needed", "No longer needed"),
    Outcome("not_eligible", "Not eligible"),
    Outcome("lost_contact", "Contact was lost"),
    Outcome("other", "Other"),
)
DEFAULT_DECLINE_REASONS = (
    DeclineReason("no_capacity", "No capacity"),
    DeclineReason("not_eligible", "Not eligible"),
    DeclineReason("out_of_area", "Out of our area"),
    DeclineReason("missing_documentation", "Documents are missing"),
    DeclineReason("lack_of_resources", "Lack of resources"),
    DeclineReason("client_declined", "Declined by the client", CLIENT),
    DeclineReason("client_unreachable", "The client could not be reached", CLIENT),
    DeclineReason("other", "Other"),
)


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """The settings of a ReferralQ (S0-54).

    `when_full` says what an assignment to a full program does: "block" refuses it, "warn" lets a confirmed one go on,
    "waitlist" puts it on the waitlist. A new referral should be answered within `due_hours`; it should stay at a status
    no longer than `status_due_hours` (by key). After `expire_after_days` without an answer a referral ends.
    `allowed_moves` None allows every move. `stage_fields` None shows everything at every stage. Statistics do not show
    counts below `statistics_small_cells`. With `consent_required`, only records with a valid consent to share are
    assigned or offered.
    """

    when_full: str = "block"
    due_hours: int | None = None
    status_due_hours: Mapping[str, int] = field(default_factory=dict)
    expire_after_days: int | None = None
    assignment_email_text: str | None = None
    may_reopen: bool = True
    allowed_moves: Mapping[str, Sequence[str]] | None = None
    stage_fields: Mapping[str, Sequence[str]] | None = None
    statistics_small_cells: int | None = None
    consent_required: bool = False
    outcomes: Sequence[Outcome] = DEFAULT_OUTCOMES
    decline_reasons: Sequence[DeclineReason] = DEFAULT_DECLINE_REASONS


class HasSettings(Protocol):
    """The part of a queue that holds its settings: what an editor has set, by name. All other settings are default."""

    settings: Any


def settings_of(queue: HasSettings) -> QueueSettings:
    """The settings of a queue: what an editor has set, otherwise the defaults."""
    given = dict(queue.settings or {})
    if "outcomes" in given:
        given["outcomes"] = tuple(Outcome(**outcome) for outcome in given["outcomes"])
    if "decline_reasons" in given:
        given["decline_reasons"] = tuple(DeclineReason(**reason) for reason in given["decline_reasons"])
    return QueueSettings(**given)


def outcomes_of(queue: HasSettings) -> dict[str, Outcome]:
    """The outcomes that an ended referral of this queue may have, by code."""
    return {outcome.code: outcome for outcome in settings_of(queue).outcomes}


def decline_reasons_of(queue: HasSettings) -> dict[str, DeclineReason]:
    """The reasons for which a referral of this queue may be declined, by code."""
    return {reason.code: reason for reason in settings_of(queue).decline_reasons}


def check_queue_name(name: str) -> str:
    """The name with single spaces.

    Raises Refused `invalid_queue` if it is empty or longer than 120 characters.
    """
    cleaned = " ".join(name.split())
    if not 1 <= len(cleaned) <= MAX_QUEUE_NAME_LENGTH:
        raise Refused(
            "invalid_queue", f"A queue needs a name of 1 to {MAX_QUEUE_NAME_LENGTH} characters.", "name"
        )
    return cleaned


def status_key(label: str, taken: Collection[str] = ()) -> str:
    """A key for a new status: "Attempting Contact" gives "attempting_contact".

    Where that key is taken, a number is added.
    """
    ascii_label = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode("ascii").casefold()
    stem = re.sub(r"[^a-z0-9]+", "_", ascii_label).strip("_")[:32].rstrip("_")
    # A key travels in events as a code, and a code begins with a letter.
    if not stem or stem[0].isdigit():
        stem = f"status_{stem}"[:32].rstrip("_")
    key, count = stem, 1
    while key in taken:
        count += 1
        key = f"{stem}_{count}"
    return key


def check_statuses(statuses: Sequence[Status]) -> tuple[Status, ...]:
    """The list in order, with clean labels. Raises Refused `invalid_status_list`, which names the offending field.

    A list has 2 to 40 statuses at positions 0, 1, 2 and so on. The first is open, and at least one is terminal. Keys and
    labels are unique (labels without regard to case). A terminal status maps to a terminal FHIR R4 Task status, an open
    one to an open one.
    """
    if not 2 <= len(statuses) <= MAX_STATUSES:
        raise _invalid(f"A queue has 2 to {MAX_STATUSES} statuses.", "statuses")
    ordered = sorted(statuses, key=lambda status: status.position)
    if [status.position for status in ordered] != list(range(len(ordered))):
        raise _invalid("Positions must be 0, 1, 2 and so on, each once.", "statuses")
    cleaned = tuple(replace(status, label=" ".join(status.label.split())) for status in ordered)
    for status in cleaned:
        _check_status(status)
    _check_unique([status.key for status in cleaned], "key")
    _check_unique([status.label.casefold() for status in cleaned], "label")
    if cleaned[0].is_terminal:
        raise _invalid(
            "The first status must be open: every referral starts there.", "statuses.0.is_terminal"
        )
    if not any(status.is_terminal for status in cleaned):
        raise _invalid("At least one status must be terminal, or no referral ever ends.", "statuses")
    return cleaned


def _check_status(status: Status) -> None:
    where = f"statuses.{status.position}"
    if not _KEY.fullmatch(status.key):
        raise _invalid("A key is 1 to 40 of a-z, 0-9 and _, and starts with a letter.", f"{where}.key")
    if not 1 <= len(status.label) <= MAX_LABEL_LENGTH:
        raise _invalid(f"A label has 1 to {MAX_LABEL_LENGTH} characters.", f"{where}.label")
    if status.fhir_status not in FHIR_TASK_STATUSES:
        raise _invalid(f"Use one of {', '.join(sorted(FHIR_TASK_STATUSES))}.", f"{where}.fhir_status")
    if status.is_terminal != (status.fhir_status in FHIR_TERMINAL):
        allowed = FHIR_TERMINAL if status.is_terminal else FHIR_OPEN
        kind = "A terminal" if status.is_terminal else "An open"
        raise _invalid(f"{kind} status maps to one of {', '.join(sorted(allowed))}.", f"{where}.fhir_status")
    if status.fhir_status in FHIR_NEEDS_REASON and not status.reason_required:
        raise _invalid(f"FHIR status {status.fhir_status} needs a reason.", f"{where}.reason_required")
    if status.outcome_required and not status.is_terminal:
        raise _invalid("Only a terminal status can ask for an outcome.", f"{where}.outcome_required")
    if status.category is not None and status.category not in STAGES:
        raise _invalid(f"Use one of {', '.join(STAGES)}.", f"{where}.category")
    if status.fhir_status == "rejected" and status.stage != "offered":
        raise _invalid("After a decline a provider sees what an offer shows.", f"{where}.category")
    if status.colour is not None and not _COLOUR.fullmatch(status.colour):
        raise _invalid("A colour is written #rrggbb with 0-9 and a-f.", f"{where}.colour")


def _check_unique(values: Sequence[str], member: str) -> None:
    for position, value in enumerate(values):
        if value in values[:position]:
            raise _invalid(f"Two statuses have the same {member}.", f"statuses.{position}.{member}")


def check_replacement(new: Sequence[Status], keys_in_use: Collection[str]) -> tuple[Status, ...]:
    """Check a new list for a queue that has referrals.

    Raises Refused `status_in_use` if it drops a status at which referrals stand.
    """
    cleaned = check_statuses(new)
    lost = sorted(set(keys_in_use) - {status.key for status in cleaned})
    if lost:
        raise Refused("status_in_use", f"Referrals stand at {', '.join(lost)}; move them first.", "statuses")
    return cleaned


def first_status(statuses: Sequence[Status]) -> Status:
    """The status at which a new referral starts."""
    return min(statuses, key=lambda status: status.position)


def find_status(statuses: Sequence[Status], key: str) -> Status | None:
    """The status of this queue with that key, or None."""
    return next((status for status in statuses if status.key == key), None)


def get_status(statuses: Sequence[Status], key: str) -> Status:
    """The status of this queue with that key. Raises Refused `status_not_in_queue`, which names its statuses (S0-12)."""
    status = find_status(statuses, key)
    if status is None:
        ordered = sorted(statuses, key=lambda known: known.position)
        keys = ", ".join(f"{known.key} ({known.label})" for known in ordered)
        raise Refused("status_not_in_queue", f"Use one of the queue's statuses: {keys}.", "status")
    return status


def _invalid(detail: str, field: str) -> Refused:
    return Refused("invalid_status_list", detail, field)
