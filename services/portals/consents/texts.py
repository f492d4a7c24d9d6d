"""The texts of consents: the hash of what is shown, and the language in which it is shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping

from services.contracts.portals.local_text import text_in


def text_hash(title: str, text: str) -> str:
    """SHA-256 of a title and a text: of the JSON list of both, in UTF-8 without escapes or blanks."""
    shown = json.dumps([title, text], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(shown.encode()).hexdigest()


def text_hashes(title: Mapping[str, str], text: Mapping[str, str]) -> dict[str, str]:
    """The hash of each language that the text has. A title that is missing in a language is taken from another."""
    return {tag: text_hash(text_in(title, [tag]), text[tag]) for tag in text}


def shown_language(text: Mapping[str, str], languages: Iterable[str]) -> str:
    """The language of the text that is shown to somebody who reads these languages."""
    shown = text_in(text, languages)
    return next(tag for tag, each in text.items() if each == shown)
