"""Feeds of appointments for calendar programs."""
