"""The kinds of message and what each says unless an organisation has words of its own.

Each kind lists the placeholders it may use. None of them is an address or a note, so none of these can be mailed by mistake.
The only name is `whose`: the recipient's own first name, where several people have one address.
"""

from __future__ import annotations

from services.contracts.errors import Refused
from services.notifications.templates import (
    words_of_accounts,
    words_of_documents,
    words_of_portals,
    words_of_referrals,
)
from services.notifications.templates.rendering import Kind

# The version of the product's words. Raise it when one of them changes its meaning: each delivery records what it used.
VERSION = 1
KINDS: dict[str, Kind] = {
    kind.name: kind
    for subject in (words_of_referrals, words_of_accounts, words_of_documents, words_of_portals)
    for kind in subject.KINDS
}


def kind_of(name: str) -> Kind:
    """A kind of message. Raises Refused `template_kind_unknown`."""
    try:
        return KINDS[name]
    except KeyError:
        known = ", ".join(sorted(KINDS))
        raise Refused("template_kind_unknown", f"Known kinds of message: {known}.", "kind") from None
