"""Notices to three audiences, and reminders of appointments."""
