"""What a portal says and offers: its members with their defaults, and what is wrong with them as a whole. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from services.portals.configuration import modules, rules
from services.portals.configuration.terms import MARKUP

START = "start"  # the start page, which is no module


def whole(document: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The configuration of a portal: what was changed, and the default for all else (S2-44)."""
    return {**rules.default_document(kind), "modules": modules.usual(kind), **document}


def problems(content: Mapping[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    """All that is wrong with a portal's configuration as a whole: pairs of the member's path and a sentence."""
    yield from modules.problems(kind, content["modules"])
    yield from _term_problems(content["terms"])
    for at, panel in enumerate(content["resources"]):
        for place, link in enumerate(panel.get("links") or ()):
            yield from _link_problems(link, f"resources.{at}.links.{place}")
    for code in content["help"]:
        if code != START and code not in modules.possible(kind):
            known = ", ".join((START, *modules.possible(kind)))
            yield f"help.{code}", f"A portal of this kind has no such page. Possible: {known}."
    for place, message in enumerate(content["ticker"]):
        begins, ends = message.get("from_at"), message.get("until_at")
        if begins and ends and ends <= begins:
            yield f"ticker.{place}.until_at", "The message would never be shown. Let it end after it begins."
    if content["is_single_function"] and content["has_message_center"]:
        yield (
            "is_single_function",
            "A single-function portal has no message centre. Switch the message centre off first.",
        )
    if content["is_single_function"] and not content["modules"]:
        yield "is_single_function", "A single-function portal goes on to its first module. Choose one."


def _link_problems(link: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    address, questionnaire_id = link.get("url"), link.get("questionnaire_id")
    if link.get("kind") != "questionnaire":
        if questionnaire_id:
            rule = "This link leads to an address. Let its kind be questionnaire, or choose none."
            yield f"{path}.questionnaire_id", rule
        if not address:
            yield f"{path}.url", "An address that begins with https:// or http:// is expected."
    elif bool(address) == bool(questionnaire_id):
        yield f"{path}.questionnaire_id", "Choose a questionnaire or give the address of one, and not both."


def _term_problems(terms: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for usual, term in terms.items():
        for number, word in (term or {}).items():
            words = word.values() if isinstance(word, Mapping) else [word or ""]
            if any(MARKUP.search(each) for each in words):
                rule = "A word has no brackets, no asterisks and no underscores. Leave them out."
                yield f"terms.{usual}.{number}", rule
