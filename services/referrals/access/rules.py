"""Rules of what callers other than staff learn about a referral."""

from __future__ import annotations

SENDER = "sender"


# S0-46. A referral that was reassigned, withdrawn or never theirs reads like one that does not exist.
UNAVAILABLE = "This record is not available. It may have been reassigned by your partner; contact your partner for details."
