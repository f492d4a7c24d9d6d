"""A portal's configuration as people read it: in their language, with the organisation's words, as safe HTML."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from services.contracts.portals.local_text import read_in
from services.portals.configuration import modules, rules, ticker
from services.portals.configuration.terms import replacer

_PARTS_OF_NOTICES = {
    "no_portal": ("heading", "text"),
    "no_permission": ("heading", "text"),
    "confirmation": ("title", "heading", "text"),
}


class Words:
    """Gives each text of a configuration as one reader reads it."""

    def __init__(self, whole: Mapping[str, Any], languages: Sequence[str]) -> None:
        self._languages = languages
        self.product = self.plain(whole["product_name"]) or rules.DEFAULT_PRODUCT_NAME
        self._replaced = replacer(whole["terms"], languages, self.product)

    def own(self, text: Any) -> str | None:
        """The text in the reader's language, with the organisation's words."""
        found = read_in(text, self._languages)
        return found and self._replaced(found)

    def plain(self, text: Any) -> str | None:
        """The text in the reader's language, as it was written."""
        return read_in(text, self._languages)


def look(whole: Mapping[str, Any], languages: Sequence[str], now: datetime.datetime) -> dict[str, Any]:
    """Name, colour and the messages of this time."""
    words = Words(whole, languages)
    return {"name": words.own(whole["name"]), "colour": whole["colour"], "ticker": _ticker(whole, words, now)}


def images(
    whole: Mapping[str, Any], languages: Sequence[str], known: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The logo and the welcome image with their words. `known` are the address and the size of each image."""
    words = Words(whole, languages)
    found: dict[str, Any] = {}
    for name in ("logo", "welcome_image"):
        chosen = whole[name]
        is_there = chosen and chosen["image_id"] in known
        found[name] = is_there and {
            **known[chosen["image_id"]],
            "alternative_text": words.own(chosen["alternative_text"]),
        }
    return {name: image or None for name, image in found.items()}


def notices(whole: Mapping[str, Any], languages: Sequence[str]) -> dict[str, dict[str, str | None]]:
    """The organisation's own words of pages outside the usual way."""
    words = Words(whole, languages)
    return {
        page: {part: words.own((whole["notices"].get(page) or {}).get(part)) for part in parts}
        for page, parts in _PARTS_OF_NOTICES.items()
    }


def sign_in(whole: Mapping[str, Any], languages: Sequence[str]) -> dict[str, Any]:
    """The organisation's own words of the sign-in page."""
    words, own = Words(whole, languages), whole["sign_in"]
    return {
        "instructions": _marked_up(words.own(own.get("instructions"))),
        "links": _owned(own.get("links") or {}, words),
    }


def home(
    definition: Any, whole: Mapping[str, Any], languages: Sequence[str], now: datetime.datetime
) -> dict[str, Any]:
    """All that the start page of a portal shows, but for its images."""
    words = Words(whole, languages)
    shown = [
        _module(module, definition.kind, words)
        for module in whole["modules"]
        # Without a message centre nobody writes or reads messages (S2-49).
        if whole["has_message_center"] or module["code"] != "send_message"
    ]
    return {
        "portal": definition.portal,
        "kind": definition.kind,
        **look(whole, languages, now),
        "product_name": words.product,
        "description": words.own(whole["description"]),
        "welcome": _marked_up(words.own(whole["description"])),
        "columns": whole["columns"],
        "modules": shown,
        "goes_on_to": shown[0]["code"] if _is_single_function(whole) and shown else None,
        "has_message_center": whole["has_message_center"],
        "labels": _owned(whole["labels"], words),
        "notices": notices(whole, languages),
        "sign_in": sign_in(whole, languages),
        "help": {
            code: _marked_up(words.own(text)) for code, text in whole["help"].items() if words.own(text)
        },
        "editable_sections": whole["editable_sections"],
        "resources": [_panel(panel, words) for panel in whole["resources"]],
        "support": whole["support"],
    }


def _is_single_function(whole: Mapping[str, Any]) -> bool:
    """Both are needed: the message centre is off, and single function is on (S2-48)."""
    return bool(whole["is_single_function"]) and not whole["has_message_center"]


def _module(module: Mapping[str, Any], kind: str, words: Words) -> dict[str, Any]:
    code = module["code"]
    return {
        "code": code,
        "name": words.own(module.get("name") or modules.possible(kind).get(code, code)),
        "tab_colour": module.get("tab_colour"),
        "header": words.own(module.get("header")),
        "instructions": words.own(module.get("instructions")),
        "reports": modules.reports_of(module) if code == "reports" else [],
        "questionnaire_id": module.get("questionnaire_id"),
    }


def _owned(texts: Mapping[str, Any], words: Words) -> dict[str, str | None]:
    return {key: words.own(text) for key, text in texts.items()}


def _marked_up(text: str | None) -> dict[str, str] | None:
    """A text in the ticker's markup: as written, as safe HTML, and its words alone."""
    if not text:
        return None
    return {"text": text, "html": ticker.to_html(text), "plain": ticker.to_plain(text)}


def _ticker(whole: Mapping[str, Any], words: Words, now: datetime.datetime) -> list[dict[str, Any]]:
    texts = [words.own(each["text"]) or "" for each in ticker.current(whole["ticker"], now.isoformat())]
    return [shown for text in texts if (shown := _marked_up(text))]


def _panel(panel: Mapping[str, Any], words: Words) -> dict[str, Any]:
    links = [
        {
            "kind": link.get("kind", "link"),
            "title": words.own(link["title"]),
            "url": link.get("url"),
            "questionnaire_id": link.get("questionnaire_id"),
        }
        for link in panel["links"]
    ]
    return {"title": words.own(panel["title"]), "summary": words.own(panel["summary"]), "links": links}
