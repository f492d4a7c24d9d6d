"""Realms: their settings, roles and ways to sign in."""
