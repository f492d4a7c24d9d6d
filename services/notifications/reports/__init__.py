"""Reports about messages that were handed over."""
