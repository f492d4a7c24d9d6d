"""Rules of what others than staff learn of a referral."""

from __future__ import annotations

SENDER = "sender"


# S0-46. The same for what was reassigned, withdrawn, never theirs or never there: it must tell nothing.
UNAVAILABLE = "This record is not available. It may have been reassigned by your partner; contact your partner for details."
