"""People: their records, their kinds, and their own accounts and settings."""
