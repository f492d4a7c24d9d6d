"""Tells open pages which of what they show is no longer what it was. The pages then read it again through the API."""
