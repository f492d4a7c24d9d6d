"""Pure rules of relationships and grants."""

from __future__ import annotations

import datetime

RELATIONSHIP_KINDS = ("self", "portal_user", "supervisor", "contact")


# A week before access ends its holder is told, unless it was given for no longer than twice that.
NOTICE_BEFORE = datetime.timedelta(days=7)


def is_worth_a_notice(starts_at: datetime.datetime, ends_at: datetime.datetime) -> bool:
    """Whether the end of a grant is told before: who was given a few days knows it."""
    return ends_at - starts_at > 2 * NOTICE_BEFORE
