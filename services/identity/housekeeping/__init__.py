"""Housekeeping: deleting rows that are no longer needed, and the planner's statistics."""
