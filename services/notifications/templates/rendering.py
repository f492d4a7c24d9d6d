"""What a message's template is and how it is filled in: a subject, a text and an optional HTML body with `{{ placeholders }}`.

There is no template language: a placeholder is a plain name, replaced once, and the values are not searched
for placeholders. So nothing in a template or in a value can be evaluated.
"""

from __future__ import annotations

import functools
import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit

from services.contracts.errors import Refused

SUBJECT_LIMIT = 200
TEXT_LIMIT = 10_000
SHORT_LIMIT = 300  # two parts, as mobile networks send them, are about as long
HTML_LIMIT = 50_000
VALUE_LIMIT = 2_000
PLACEHOLDER = re.compile(r"\{\{ *([a-z][a-z0-9_]{0,40}) *\}\}")
LEFTOVER = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")
ONE_PLACEHOLDER = re.compile(r"\{\{ *[a-z][a-z0-9_]{0,40}_link *\}\}")
TAGS = frozenset(
    {
        *(
            "a",
            "b",
            "br",
            "div",
            "em",
            "h1",
            "h2",
            "h3",
            "hr",
            "i",
            "li",
            "ol",
            "p",
            "span",
            "strong",
            "u",
            "ul",
        ),
        *("table", "tbody", "td", "th", "thead", "tr"),
    }
)
# Fields of records of people, by the words in their names.
PERSONAL = re.compile(
    r"(^|_)(birth|dob|born|age|sex|gender|ssn|mrn|address|street|zip|postal|phone|telephone|mobile|fax|e?mail|diagnosis|"
    r"condition|medication|note|notes|reason)(_|$)"
    r"|(^|_)(first|last|full|middle|maiden|given|family|sur|patient|client|person|employee|supervisor|provider|doctor|staff|"
    r"contact|caller)_?name$|^name$"
)
JOINERS = "\u200c\u200d"  # needed to write Persian and several Indic scripts


@dataclass(frozen=True)
class Template:
    """The words of a message. Without `html` only the text is sent."""

    subject: str
    text: str
    html: str | None = None


@dataclass(frozen=True)
class Rendered:
    """A message ready to be built. The subject is one line without control characters."""

    subject: str
    text: str
    html: str | None


@dataclass(frozen=True)
class Kind:
    """A kind of message: what its templates may mention and what it says by default."""

    name: str
    placeholders: frozenset[str]
    default: Template
    # A text message, or a sentence within mails: it has no HTML, and its subject is not sent.
    is_short: bool = False


def check(kind: Kind, template: Template) -> None:
    """Check a template before it is saved. A refusal names the field.

    Raises Refused `template_placeholder_unknown` (detail lists the allowed ones) or
    `template_invalid` (empty, too long, a control character in the subject, unbalanced braces, unsafe HTML).
    """
    allowed = kind.placeholders
    _check_part(template.subject, "subject", SUBJECT_LIMIT, allowed)
    if _has_control(template.subject):
        raise Refused("template_invalid", "The subject is one line without control characters.", "subject")
    _check_part(template.text, "text", SHORT_LIMIT if kind.is_short else TEXT_LIMIT, allowed)
    if kind.is_short and template.html is not None:
        raise Refused("template_invalid", "This message has no HTML.", "html")
    if template.html is not None:
        _check_part(template.html, "html", HTML_LIMIT, allowed)
        _check_html(template.html)


@functools.lru_cache(256)
def _checked_before(kind: Kind, template: Template) -> None:
    """As `check`. Words are checked once and not for each message: parsing their HTML takes longer than filling them in."""
    check(kind, template)


def render(
    kind: Kind,
    template: Template,
    values: Mapping[str, str | int],
    telephone: str | None = None,
    action: tuple[str, str] | None = None,
) -> Rendered:
    """The message with the values put in. It ends with the organisation's telephone number, if there is one.

    `action` is a sentence and a link with which the reader acts without signing in; it stands before the telephone number.

    Values become one line without control characters; values named `…_link` must be http(s) addresses. Raises
    Refused `template_value_missing` when the template mentions a value that is not given,
    `template_invalid` for a value that cannot be used, and what `check` raises.
    """
    _checked_before(kind, template)
    clean = {name: _clean(name, value) for name, value in values.items()}
    text = _filled(template.text, clean, str)
    body = None if template.html is None else _filled(template.html, clean, html.escape)
    if action:
        sentence, link = action
        text = f"{text.rstrip()}\n\n{sentence}\n{link}\n"
        marked_up = f'<p>{html.escape(sentence)}<br><a href="{html.escape(link)}">{html.escape(link)}</a></p>'
        body = None if body is None else f"{body.rstrip()}\n{marked_up}\n"
    if telephone:
        line = f"Telephone: {_clean('telephone', telephone)}"
        text = f"{text.rstrip()}\n\n{line}\n"
        body = None if body is None else f"{body.rstrip()}\n<p>{html.escape(line)}</p>\n"
    return Rendered(_cut(_filled(template.subject, clean, str), SUBJECT_LIMIT), text, body)


def mentioned(part: str) -> frozenset[str]:
    """The placeholders in a part of a template."""
    return frozenset(PLACEHOLDER.findall(part))


def _check_part(part: str, field: str, limit: int, allowed: frozenset[str]) -> None:
    if not part.strip() or len(part) > limit:
        raise Refused("template_invalid", f"The {field} has between 1 and {limit} characters.", field)
    unknown = mentioned(part) - allowed
    if any(PERSONAL.search(name) for name in unknown):
        told = ", ".join(sorted(name for name in unknown if PERSONAL.search(name)))
        raise Refused(
            "template_placeholder_unknown",
            f"Never in a message: {told}. Messages hold no personal data; the page that they lead to shows it. "
            f"Allowed: {', '.join(sorted(allowed))}.",
            field,
        )
    if unknown:
        raise Refused(
            "template_placeholder_unknown",
            f"Unknown: {', '.join(sorted(unknown))}. Allowed: {', '.join(sorted(allowed))}.",
            field,
        )
    if LEFTOVER.search(PLACEHOLDER.sub("", part)):
        raise Refused(
            "template_invalid",
            "A placeholder is two braces, a name and two braces: {{ record_number }}.",
            field,
        )


def _check_html(body: str) -> None:
    checker = _HtmlChecker()
    checker.feed(body)
    checker.close()
    if checker.problem:
        raise Refused("template_invalid", checker.problem, "html")


class _HtmlChecker(HTMLParser):
    """Accepts text markup only: no script, style, form, image, comment or event attribute."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.problem: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Refuse other tags and attributes."""
        if tag not in TAGS:
            self.problem = f"Allowed tags: {', '.join(sorted(TAGS))}."
        for name, value in attrs:
            if (tag, name) != ("a", "href"):
                self.problem = "The only attribute allowed is href on a link."
            elif not (ONE_PLACEHOLDER.fullmatch(value or "") or _is_web_address(value or "")):
                self.problem = "A link goes to one {{ …_link }} placeholder or to a web address."

    def handle_comment(self, data: str) -> None:
        """Refuse comments: some mail programs read conditional content in them."""
        del data
        self.problem = "Comments and declarations are not allowed."

    def handle_decl(self, decl: str) -> None:
        """As for comments."""
        self.handle_comment(decl)

    def unknown_decl(self, data: str) -> None:
        """As for comments."""
        self.handle_comment(data)

    def handle_pi(self, data: str) -> None:
        """As for comments."""
        self.handle_comment(data)


def _filled(part: str, values: Mapping[str, str], escape: Callable[[str], str]) -> str:
    def value_of(match: re.Match[str]) -> str:
        try:
            return escape(values[match[1]])
        except KeyError:
            raise Refused("template_value_missing", f"The value {match[1]} is missing.", match[1]) from None

    return PLACEHOLDER.sub(value_of, part)


def _clean(name: str, value: str | int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Refused("template_invalid", f"The value {name} is not a text or a number.", name)
    text = " ".join("".join(_without_controls(each) for each in str(value)).split())
    if len(text) > VALUE_LIMIT:
        raise Refused("template_invalid", f"The value {name} is too long.", name)
    if name.endswith("_link") and not _is_web_address(text):
        raise Refused("template_invalid", f"The value {name} is not a web address.", name)
    return text


def _without_controls(character: str) -> str:
    # Cc: line breaks and escapes. Cf: marks that reorder text, by which one address can look like another.
    category = unicodedata.category(character)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "" if category in ("Cf", "Cs") and character not in JOINERS else character


def _has_control(text: str) -> bool:
    return any(unicodedata.category(each) in ("Cc", "Zl", "Zp", "Cs") for each in text)


def _is_web_address(text: str) -> bool:
    if re.search(r"[\s<>\"'{}\\]", text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
