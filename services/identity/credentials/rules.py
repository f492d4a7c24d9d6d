"""Words of credentials."""

from __future__ import annotations

# Purpose of a link that confirms an address and sets no password.
VERIFY_EMAIL = "verify_email"
