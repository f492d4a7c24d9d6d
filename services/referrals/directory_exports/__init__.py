"""Exports of the resource directory: each is one file that is kept for a day."""
