"""Credentials: invitations, links, temporary passwords, setting and changing a password, changing a log-in."""
