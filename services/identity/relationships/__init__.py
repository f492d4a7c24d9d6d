"""Relationships and grants between accounts and people."""
