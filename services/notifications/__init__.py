"""Messages to people, and what became of each."""
