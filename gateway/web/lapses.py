"""What was typed into a form whose session has ended by then: kept, sealed, until its owner has signed in again.

It lies in the sign-in page and nowhere else. Only the account whose page the form was on can open it, and it is shown, never
sent, by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.web.protection import Protection

# Longer than any session. A form of a session that ended before is older than its page.
_LASTS_S = 168 * 3600
_PURPOSE = "owner of a form"
# A sealed form beyond this is not kept. The largest form of the pages has some 10,000 characters.
MOST = 200_000
RESUME = "resume"


def owner(protection: Protection, me: Mapping[str, Any]) -> str:
    """Whose page a form is on, and where that account signs in, sealed."""
    known = {"account": me["id"], "organisation": me["organisation_key"], "realm": me["realm"]}
    return protection.sealed(known, _PURPOSE, _LASTS_S)


def owner_of(protection: Protection, sealed: str) -> Mapping[str, str] | None:
    """Whose page a posted form was on; None if it says nothing that we have sealed."""
    found: Mapping[str, str] | None = protection.opened(sealed, _PURPOSE)
    return found


@dataclass(frozen=True)
class Typed:
    """A form as it was typed: the page's address in the table, the members of the path, names and texts."""

    page: str
    path: Mapping[str, str]
    form: list[tuple[str, str]]

    def sealed(self, protection: Protection, account_id: str) -> str | None:
        """Unreadable but for this account. None if it is too long to be kept."""
        text = protection.sealed(vars(self), _typed_by(account_id), _LASTS_S)
        return text if len(text) <= MOST else None


def opened(protection: Protection, sealed: str, account_id: str) -> Typed | None:
    """What this account has typed; None if it was another one."""
    kept = protection.opened(sealed, _typed_by(account_id))
    return Typed(**kept) if kept else None


def _typed_by(account_id: str) -> str:
    return f"form typed by {account_id}"
