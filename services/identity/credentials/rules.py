"""Pure rules of credentials."""

from __future__ import annotations

# The purpose of a link that sets the first password.
INVITATION = "invitation"

# The purpose of a link that verifies an address and sets no password.
VERIFY_EMAIL = "verify_email"

# The purposes of links that set another password: its owner asked, or somebody has tried too many wrong ones.
RESET, RESET_AFTER_TRIES = "reset", "reset_after_tries"
