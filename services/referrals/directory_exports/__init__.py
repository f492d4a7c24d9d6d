"""Exports of the resource directory: written as one file, kept for a day."""
