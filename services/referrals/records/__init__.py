"""Contact records: what was taken down about a help-seeker."""
