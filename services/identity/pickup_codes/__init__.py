"""Pickup codes."""
