"""What stays of a person who is erased."""
