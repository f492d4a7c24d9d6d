"""Partners: systems of others that read the organisation's events at the broker."""
