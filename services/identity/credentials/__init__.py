"""Invitations, links and temporary passwords, setting and changing a password, changing a log-in."""
