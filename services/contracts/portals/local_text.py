"""A text in one or several languages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import ValidationError, fields

from services.contracts.fields import Text

OWN_LANGUAGE = "en"  # of a text that names no language
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


class LocalText(fields.Field[dict[str, str]]):
    """A mapping of BCP 47 language tag to text. A plain text means the organisation's language."""

    def __init__(self, *, most: int = 255, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most = most
        self.metadata = {"description": f"Text by language tag, each at most {most} characters."} | dict(
            self.metadata
        )

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> dict[str, str]:
        value = super()._deserialize(value, attr, data, **kwargs)
        problem = problem_of(value, self.most)
        if problem:
            raise ValidationError(problem)
        return local_text(value)


class AnyText(fields.Field[str | dict[str, str]]):
    """A text, or texts by language. It stays as it is written; a plain text holds for every language without one of its own."""

    def __init__(self, *, most: int = 255, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.most = most
        self.metadata = {
            "description": f"A text, or texts by language tag, each of at most {most} characters."
        } | dict(self.metadata)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str | dict[str, str]:
        value = super()._deserialize(value, attr, data, **kwargs)
        plain = Text(most=self.most)
        if not isinstance(value, Mapping):
            return str(plain.deserialize(value, attr, data))
        problem = problem_of(value, self.most)
        if problem:
            raise ValidationError(problem)
        return {tag: str(plain.deserialize(text, attr, data)) for tag, text in value.items()}


def read_in(text: str | Mapping[str, str] | None, languages: Iterable[str]) -> str | None:
    """A text as somebody reads it who prefers these languages (see `text_in`); None stays None."""
    return text if text is None or isinstance(text, str) else text_in(text, languages)


def problem_of(value: Any, most: int) -> str | None:
    """What is wrong with a text in languages, None if nothing is."""
    texts = {OWN_LANGUAGE: value} if isinstance(value, str) else value
    if not isinstance(texts, Mapping) or not texts:
        return 'A text, or texts by language such as {"en": "Name", "es": "Nombre"}, is expected.'
    for tag, text in texts.items():
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            return "A language is named by its tag, such as en or pt-BR."
        if not isinstance(text, str) or not text.strip():
            return "A text in each language that is named is expected."
        if len(text) > most:
            return f"At most {most} characters, and there are {len(text)}."
    return None


def local_text(value: Any) -> dict[str, str]:
    """A text in languages from a plain text or a mapping."""
    return {OWN_LANGUAGE: value} if isinstance(value, str) else dict(value)


def text_in(local: Mapping[str, str] | None, languages: Iterable[str]) -> str:
    """The text in the first of these languages that it has: the same tag, the same language; then English, then any."""
    if not local:
        return ""
    by_tag = {tag.lower(): text for tag, text in local.items()}
    for language in (*languages, OWN_LANGUAGE):
        wanted = language.lower()
        primary = wanted.partition("-")[0]
        for tag in (wanted, primary, *(each for each in by_tag if each.partition("-")[0] == primary)):
            if tag in by_tag:
                return by_tag[tag]
    return next(iter(local.values()))
