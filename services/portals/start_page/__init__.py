"""The start page of a portal for one person."""
