"""Checks of what an editor sets on a ReferralQ: its settings, its linked contact forms, a changed list of statuses.

It imports the standard library only. Every refusal names the field and says how to correct it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from services.contracts.errors import Refused
from services.referrals.queues.rules import (
    FHIR_NEEDS_REASON,
    SAY_NO_STAGE,
    STAGES,
    USUAL_FHIR,
    Status,
    check_replacement,
    first_status,
    status_key,
)

# The names allowed in `stage_fields`, beside single sections ("section:<title>").
NAMEABLE_FIELDS = (
    "referralq_name",
    "assigned_resource",
    "contact_record_number",
    "status",
    "note",
    "contact_name",
    "contact_date",
    "postal_code",
    "phone",
    "email",
    "sections",
)
_SECTION = "section:"
_MAX_NAMES = 60

Settings = Mapping[str, Any]


def merged_settings(current: Settings, given: Settings, statuses: Sequence[Status]) -> dict[str, Any]:
    """The current settings, changed by the given ones. A member that is None goes back to its default.

    `given` has passed the contract's QueueSettingsInput. Raises Refused `invalid_queue` with the field's dotted path for
    a status that the queue does not have, for moves by which no referral can end, and for a stage without fields.
    """
    merged = {name: value for name, value in {**current, **given}.items() if value is not None}
    _check_status_hours(merged.get("status_due_hours", {}), statuses)
    if "allowed_moves" in merged:
        _check_moves(merged["allowed_moves"], statuses)
    if "stage_fields" in merged:
        _check_stage_fields(merged["stage_fields"])
    for member in ("outcomes", "decline_reasons"):
        _check_once([entry["code"] for entry in merged.get(member, ())], f"settings.{member}", "code")
    return merged


def check_forms(forms: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The linked contact forms. Raises Refused `invalid_queue` if two share a code or a form names a section twice."""
    _check_once([form["code"] for form in forms], "forms", "code")
    for position, form in enumerate(forms):
        _check_once([title.casefold() for title in form["sections"]], f"forms.{position}.sections", None)
    return [dict(form) for form in forms]


def statuses_from(
    given: Sequence[Mapping[str, Any]], known: Sequence[Status] = (), *, where: str = "statuses"
) -> list[Status]:
    """The statuses that an editor gave, in order.

    An entry with a key is the status of `known` with that key, even under a new label; without a stage it keeps the one it
    had. An entry without a key is a new status and gets a key made from its label. An entry without a FHIR code keeps the
    code it had, or gets the usual one of its stage. The stage decides what a provider sees, so it is never guessed.
    Raises Refused `invalid_status_list` for an unknown key, and for a status with neither stage nor FHIR code.
    """
    kept = {status.key: status for status in known}
    statuses: list[Status] = []
    for position, entry in enumerate(given):
        key = entry.get("key")
        if key is not None and key not in kept:
            detail = f"The queue has no status {key}; leave the key out for a new status."
            raise Refused("invalid_status_list", detail, f"{where}.{position}.key")
        # A new status never reuses an existing key: old history lines would seem to be about the new status.
        taken = [*kept, *(status.key for status in statuses)]
        before = kept.get(key or "")
        fhir, stage = _fhir_and_stage(entry, position, before, f"{where}.{position}")
        reason_required = entry.get("reason_required")
        statuses.append(
            Status(
                key or status_key(entry["label"], taken),
                entry["label"],
                position,
                entry["is_terminal"],
                fhir,
                entry.get("outcome_required", False),
                fhir in FHIR_NEEDS_REASON if reason_required is None else reason_required,
                stage,
                entry.get("colour"),
            )
        )
    return statuses


def check_new_list(
    old: Sequence[Status], new: Sequence[Status], keys_in_use: Collection[str]
) -> tuple[Status, ...]:
    """The list that replaces `old`, in order.

    Raises Refused `invalid_status_list`. Raises Refused `status_in_use` if a status at which referrals stand (open or
    ended) is dropped, or changes between open and terminal: their places were counted under the old kind.
    """
    cleaned = check_replacement(new, keys_in_use)
    was_terminal = {status.key: status.is_terminal for status in old}
    for status in cleaned:
        if status.key in keys_in_use and was_terminal.get(status.key) != status.is_terminal:
            detail = f"Referrals stand at {status.label}; it cannot become or cease to be an end."
            raise Refused("status_in_use", detail, f"statuses.{status.position}.is_terminal")
    return cleaned


def _fhir_and_stage(
    entry: Mapping[str, Any], position: int, before: Status | None, where: str
) -> tuple[str, str | None]:
    """The FHIR code of a status, and the stage that was chosen for it, None where the stage follows from the code."""
    stage = entry.get("category") or (before.category if before is not None else None)
    fhir: str | None = entry["fhir_status"]
    if (
        before is not None
        and fhir in (None, before.fhir_status)
        and before.is_terminal == entry["is_terminal"]
    ):
        return before.fhir_status, stage
    if fhir is None and position == 0 and not entry["is_terminal"]:
        return "requested", stage
    if stage is None and fhir in SAY_NO_STAGE:
        detail = f"Say how far a referral has come at this status: {', '.join(STAGES)}. It decides what providers see."
        raise Refused("invalid_status_list", detail, f"{where}.category")
    return fhir or ("completed" if entry["is_terminal"] else USUAL_FHIR[stage or ""]), stage


def _check_status_hours(hours: Mapping[str, int], statuses: Sequence[Status]) -> None:
    ended = {status.key for status in statuses if status.is_terminal}
    _check_keys(hours, statuses, "settings.status_due_hours")
    for key in hours:
        if key in ended:
            raise _invalid("A referral that has ended is never due.", f"settings.status_due_hours.{key}")


def _check_moves(moves: Mapping[str, Sequence[str]], statuses: Sequence[Status]) -> None:
    where = "settings.allowed_moves"
    _check_keys(moves, statuses, where)
    for origin, targets in moves.items():
        _check_keys(targets, statuses, f"{where}.{origin}")
        if origin in targets:
            raise _invalid("A status cannot be left for itself.", f"{where}.{origin}")
    reached, ahead = set(), [first_status(statuses).key]
    while ahead:
        key = ahead.pop()
        if key not in reached:
            reached.add(key)
            ahead.extend(moves.get(key, ()))
    if not any(status.is_terminal for status in statuses if status.key in reached):
        raise _invalid("By these moves no referral reaches an end; allow one to a terminal status.", where)


def _check_stage_fields(stages: Mapping[str, Sequence[str]]) -> None:
    where = "settings.stage_fields"
    if set(stages) != set(STAGES):
        raise _invalid(f"Name the fields of each stage: {', '.join(STAGES)}.", where)
    for stage, names in stages.items():
        _check_once(list(names), f"{where}.{stage}", None)
        if len(names) > _MAX_NAMES:
            raise _invalid(f"At most {_MAX_NAMES} names.", f"{where}.{stage}")
        for position, name in enumerate(names):
            if name not in NAMEABLE_FIELDS and not (
                name.startswith(_SECTION) and name.removeprefix(_SECTION).strip()
            ):
                detail = f"Use {', '.join(NAMEABLE_FIELDS)} or {_SECTION}<title>."
                raise _invalid(detail, f"{where}.{stage}.{position}")
    for earlier, later in pairwise(STAGES):
        all_sections = "sections" in stages[later]
        lost = [
            name
            for name in stages[earlier]
            if name not in stages[later] and not (all_sections and name.startswith(_SECTION))
        ]
        if lost:
            detail = f"What is seen at {earlier} is seen at {later} too; add {lost[0]}."
            raise _invalid(detail, f"{where}.{later}")


def _check_keys(keys: Iterable[str], statuses: Sequence[Status], where: str) -> None:
    known = [status.key for status in statuses]
    for key in keys:
        if key not in known:
            raise _invalid(f"The queue has no status {key}; it has {', '.join(known)}.", f"{where}.{key}")


def _check_once(values: Sequence[str], where: str, member: str | None) -> None:
    for position, value in enumerate(values):
        if value in values[:position]:
            field = f"{where}.{position}" + (f".{member}" if member else "")
            raise _invalid("The same stands there twice.", field)


def _invalid(detail: str, field: str) -> Refused:
    return Refused("invalid_queue", detail, field)
