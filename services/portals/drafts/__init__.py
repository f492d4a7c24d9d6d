"""Drafts of portals."""
