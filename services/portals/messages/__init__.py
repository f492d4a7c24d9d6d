"""Secure messages between staff and the people of portals."""
