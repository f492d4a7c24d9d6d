"""Merging two records of one person, and undoing a merge."""
