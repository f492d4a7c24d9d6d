"""Channels by which messages are sent."""
