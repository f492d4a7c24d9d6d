"""Messages that are files."""
