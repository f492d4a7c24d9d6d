"""Runs the system: the local stack, and what real installations need."""
