"""Hr feed."""
