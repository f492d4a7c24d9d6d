"""Pure rules of relationships and grants."""

from __future__ import annotations

import datetime

RELATIONSHIP_KINDS = ("self", "portal_user", "supervisor", "contact")


# The holder of access is told a week before it ends, if it was given for more than twice that time.
NOTICE_BEFORE = datetime.timedelta(days=7)


def is_worth_a_notice(starts_at: datetime.datetime, ends_at: datetime.datetime) -> bool:
    """Whether the holder is told before a grant ends: somebody with access for a few days knows it."""
    return ends_at - starts_at > 2 * NOTICE_BEFORE
