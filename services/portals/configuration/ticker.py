"""The ticker's markup: `**bold**`, `*italic*` and `[text](https://…)` only (S2-59). Pure.

The text is stored as it was written, and its HTML is made at every read. So a stricter rule applies to old messages, too.
"""

from __future__ import annotations

import html
import re
from urllib.parse import urlsplit

SCHEMES = ("http", "https", "mailto")
# A label has no brackets, so links do not nest. An address has no character that could end an attribute.
_MARKUP = re.compile(
    r"\*\*(?P<bold>.+?)\*\*(?!\*)"
    r"|\*(?P<italic>[^*]+)\*"
    r"|\[(?P<label>[^\[\]]+)\]\((?P<address>[^()\s<>\"'`\\\x00-\x1f\x7f]+)\)",
    re.DOTALL,
)


def to_html(text: str) -> str:
    """The message as HTML with `<strong>`, `<em>` and `<a>` only; everything else is escaped and shows as it was written."""
    pieces: list[str] = []
    end = 0
    for match in _MARKUP.finditer(text):
        pieces += [html.escape(text[end : match.start()]), _element(match)]
        end = match.end()
    return "".join([*pieces, html.escape(text[end:])])


def is_safe_address(address: str) -> bool:
    """Whether a link may have this address: `http` or `https` with a host and without a user name, or `mailto`."""
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
    return bool(host) and "@" not in parts.netloc


def _element(match: re.Match[str]) -> str:
    if match["bold"] is not None:
        return f"<strong>{to_html(match['bold'])}</strong>"
    if match["italic"] is not None:
        return f"<em>{to_html(match['italic'])}</em>"
    if not is_safe_address(match["address"]):
        return html.escape(match[0])
    return (
        f'<a href="{html.escape(match["address"])}" rel="noopener noreferrer">{to_html(match["label"])}</a>'
    )
