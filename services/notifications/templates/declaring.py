"""How the product declares a kind of message with its default words."""

from __future__ import annotations

import html

from services.notifications.templates.rendering import ONE_PLACEHOLDER, Kind, Template

SIGNATURE = "{{ organisation_name }} · {{ portal_name }}"


def short(name: str, placeholders: str, subject: str, text: str) -> Kind:
    """A text message, or a sentence that stands within mails. Its subject, which is not sent, is its name in lists."""
    placeholders = f"{placeholders} organisation_name portal_name"
    return Kind(name, frozenset(placeholders.split()), Template(subject, text, None), is_short=True)


def declared(name: str, placeholders: str, subject: str, *paragraphs: str) -> Kind:
    """A kind whose default text and HTML say the same. A paragraph `{{ …_link }}` becomes a link.

    Every message ends with the organisation and the portal that it is from, whatever it says before.
    """
    paragraphs = (*paragraphs, SIGNATURE)
    blocks = (
        f'<p><a href="{each}">{each}</a></p>'
        if ONE_PLACEHOLDER.fullmatch(each)
        else f"<p>{html.escape(each)}</p>"
        for each in paragraphs
    )
    body = "\n".join(blocks)
    default = Template(subject, "\n\n".join(paragraphs) + "\n", f"{body}\n")
    return Kind(name, frozenset((*placeholders.split(), "organisation_name", "portal_name")), default)
