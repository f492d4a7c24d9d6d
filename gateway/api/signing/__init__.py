"""Routes of signing."""
