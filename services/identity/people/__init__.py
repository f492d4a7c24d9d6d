"""Registering and editing people, and what they see and edit of it themselves."""
