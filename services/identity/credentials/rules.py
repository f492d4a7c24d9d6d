"""Pure rules of credentials."""

from __future__ import annotations

# The purpose of a link that verifies an address and sets no password.
VERIFY_EMAIL = "verify_email"
