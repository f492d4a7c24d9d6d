"""How a draft differs from what is published, and what to look at in it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

MOST_DIFFERENCES = 500
_MOST_CHARACTERS = 300
_READABLE = 4.5  # WCAG 2.2, 1.4.3
_WHITE = "#ffffff"
_LEADS_THERE = "Another module Questionnaire leads there already. Choose a questionnaire for each of them."
_NOT_OFFERED = "This questionnaire is not among those that the portal asks. Add it to the portal's questionnaires, or choose another."
_HARD_TO_READ = (
    "On white this colour has {ratio:.1f} to 1; {needed} to 1 is needed to be read easily. A darker one of its kind is used for "
    "words and buttons."
)


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, str | None, str | None]]:
    """The places at which two configurations differ: path, what was there, what will be there."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}, key=str):
            yield from differences(before.get(name), after.get(name), f"{path}.{name}".lstrip("."))
    elif isinstance(before, list) and isinstance(after, list):
        for place in range(max(len(before), len(after))):
            old, new = (each[place] if place < len(each) else None for each in (before, after))
            yield from differences(old, new, f"{path}.{place}")
    elif isinstance(before, Mapping | list) or isinstance(after, Mapping | list):
        yield from differences(_as(before, after), _as(after, before), path)
    elif before != after:
        yield path, _told(before), _told(after)


def _as(value: Any, other: Any) -> Any:
    """The value in a shape that can be compared with the other: nothing is empty, and a plain text is one in a language."""
    if isinstance(value, Mapping | list):
        return value
    if isinstance(other, list):
        return []
    return {} if value is None else {"": value}


def _told(value: Any) -> str | None:
    return None if value is None else str(value)[:_MOST_CHARACTERS]


def warnings(whole: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What to look at before publishing: colours that are hard to read. Pairs of the member's path and a sentence."""
    colours = {"colour": whole["colour"]}
    colours |= {
        f"modules.{place}.tab_colour": module.get("tab_colour")
        for place, module in enumerate(whole["modules"])
    }
    for path, colour in colours.items():
        ratio = contrast(colour, _WHITE) if colour else _READABLE
        if ratio < _READABLE:
            yield path, _HARD_TO_READ.format(ratio=ratio, needed=_READABLE)


def lost_questionnaires(whole: Mapping[str, Any], offered: Collection[str]) -> Iterator[tuple[str, str]]:
    """Modules and links that lead to a questionnaire nobody is asked, or to where another module leads (S2-64, S2-81)."""
    led_to: list[str | None] = []
    for place, module in enumerate(whole["modules"]):
        if module["code"] != "questionnaire":
            continue
        chosen = module.get("questionnaire_id")
        if chosen in led_to:
            yield f"modules.{place}.questionnaire_id", _LEADS_THERE
        led_to.append(chosen)
    chosen_at = [
        (f"modules.{place}", module.get("questionnaire_id")) for place, module in enumerate(whole["modules"])
    ]
    chosen_at += [
        (f"resources.{at}.links.{place}", link.get("questionnaire_id"))
        for at, panel in enumerate(whole["resources"])
        for place, link in enumerate(panel["links"])
    ]
    for path, questionnaire_id in chosen_at:
        if questionnaire_id is not None and questionnaire_id not in offered:
            yield f"{path}.questionnaire_id", _NOT_OFFERED


def contrast(one: str, other: str) -> float:
    """The ratio of the luminance of two colours, 1 to 21 (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def may_publish(*, needs_approval: bool, publisher: str, editors: list[str]) -> bool:
    """Whether somebody may publish a draft: where it needs a second person, who has not changed it."""
    return not needs_approval or publisher not in editors
