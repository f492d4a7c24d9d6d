"""The ticker's markup: bold, italic and links of Markdown, and nothing else of it (S2-59). Pure but for its parser.

The text is stored as it was written, and its HTML is made at every read. So a stricter rule applies to old messages, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

# A page of the portals themselves, such as /portal/employee/appointments.
_OWN_PAGE = re.compile(r"/(portal|patient|family|account|help)(/[a-z0-9_/-]*)?(\?[a-z0-9_=&-]*)?")
SCHEMES = ("http", "https", "mailto")


def to_html(text: str) -> str:
    """The message as HTML with `<strong>`, `<em>` and `<a>` only; everything else is escaped and shows as it was written."""
    return str(_parser.renderInline(text))


def to_plain(text: str) -> str:
    """The words of the message, without markup and addresses."""
    [inline] = _parser.parseInline(text)
    words = ("\n" if token.type == "softbreak" else token.content for token in inline.children or ())
    return "".join(words)


def is_safe_address(address: str) -> bool:
    """Whether a link may have this address: a page of the portals, `mailto`, `http` or `https` with a host and without a user name."""
    if _OWN_PAGE.fullmatch(address):
        return True
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    if parts.scheme not in SCHEMES:
        return False
    if parts.scheme == "mailto":
        return not parts.netloc and "@" in parts.path
    # A user name makes one host look like another: https://hospital.example@elsewhere.example
    return bool(host) and "%" not in parts.netloc and "@" not in parts.netloc


class _Renderer(RendererHTML):
    """Renders the elements of the ticker. A link has its address, and tells the page behind it nothing."""

    def link_open(self, tokens: Sequence[Token], at: int, _options: Any, _env: Any) -> str:
        tokens[at].attrs = {"href": tokens[at].attrs["href"], "rel": "noopener noreferrer"}
        return self.renderToken(tokens, at, _options, _env)


def _leave_out_unsafe_links(state: StateCore) -> None:
    """Of a link without an address that is safe, only the words are shown."""
    for block in state.tokens:
        is_left_out, kept = False, []
        for token in block.children or ():
            if token.type == "link_open":
                is_left_out = not is_safe_address(str(token.attrs["href"]))
            if not (is_left_out and token.type in ("link_open", "link_close")):
                kept.append(token)
        block.children = kept


def _made() -> MarkdownIt:
    made = MarkdownIt("zero", renderer_cls=_Renderer).enable(["emphasis", "link"])
    made.core.ruler.push("safe_links", _leave_out_unsafe_links)
    made.validateLink = is_safe_address  # type: ignore[method-assign,assignment]  # the library's own way to say it
    return made


_parser = _made()


def current(messages: Sequence[Mapping[str, Any]], now: str) -> list[Mapping[str, Any]]:
    """The messages that are shown at a time (ISO 8601 in UTC), in their order: those that have begun and have not ended."""
    return [
        each
        for each in messages
        if (each.get("from_at") or now) <= now and (each.get("until_at") is None or now < each["until_at"])
    ]
